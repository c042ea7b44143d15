"""Names of people: announced, asked for, with a title, and said again later in the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qc_speech.model import Metadata
from qc_speech.privacy.lexicon import Words
from qc_speech.privacy.view import MARK, View
from qc_speech.text.expression import linear
from qc_speech.text.phonetic import distance, syllables

_ECHO_DISTANCE = 0.15  # mean difference of two hearings of one name
_EXPLAINED = 0.3  # 周，周到的周: both may be misheard
_SHORT_REPLY = 9
_HAN = r"\p{Han}"
_FILLERS = "嗯啊呃哦哎诶喂我是叫姓的好对那个就"


@dataclass(frozen=True)
class Name:
    """Characters [start, end) of a view."""

    view: int
    start: int
    end: int
    confidence: float


def names(views: Sequence[View], metadata: Metadata, words: Words) -> tuple[Name, ...]:
    """All names of a call, in order; none overlaps another."""
    found: list[Name] = []
    for at, one in enumerate(views):
        found += _in_view(at, one.text, words)
        found += _answered(views, at, words)
    known = {metadata.agent_name: 0.9} if metadata.agent_name else {}
    for name in found:
        if name.confidence >= 0.6:
            known.setdefault(views[name.view].text[name.start : name.end], name.confidence)
    for said, sure in known.items():
        if len(said) >= 2 and MARK not in said:
            for at, one in enumerate(views):
                found += _echoes(at, one.text, said, sure)
    return _disjoint(found)


def _in_view(at: int, text: str, words: Words) -> Iterator[Name]:
    file, surname = words.file, words.surname
    for match in words.matches(rf"(?:免贵)?姓({_HAN})(?:{MARK}?{_HAN}{{1,3}}的({_HAN}))?", text):
        if match[1] not in "名什啥甚的氏吗吧啊呢呀":
            explained = match[2] and _alike(match[1], match[2]) <= _EXPLAINED
            start, end = match.start(1), match.end(2) if explained else match.end(1)
            yield Name(at, start, end, 0.95 if match[1] in words.surnames else 0.75)
    for match in words.matches(rf"{file.name_is}({_HAN}{{2,4}})", text):
        name = match[match.re.groups]
        if linear(f"^(?:{file.not_name})").match(name):
            continue
        sure = linear(f"^{surname}").match(name)
        start = match.start(match.re.groups)
        yield Name(at, start, start + min(len(name), 3), 0.9 if sure else 0.6)
    for match in words.matches(rf"(?:我是|本人是)({surname}{_HAN}{{1,2}})(?:{MARK}|$)", text):
        if not linear(file.titles).search(match[1]):
            yield Name(at, match.start(1), match.end(1), 0.7)
    yield from _titled(at, text, words)


def _titled(at: int, text: str, words: Words) -> Iterator[Name]:
    file = words.file
    for match in words.matches(file.titles, text):
        before = text[max(0, match.start() - 3) : match.start()].rpartition(MARK)[2]
        full = linear(f"({words.surname}{_HAN}{{1,2}})$").search(before)
        if full and not set(full[1]) & set(file.not_surname):
            yield Name(at, match.start() - len(full[1]), match.start(), 0.7)
        elif before and before[-1] in words.surnames:
            yield Name(at, match.start() - 1, match.start(), 0.9)
        elif (
            before
            and "\u3400" <= before[-1] <= "\u9fff"
            and before[-1] not in file.not_surname
            and linear(file.customer_titles).match(match[0])
        ):
            yield Name(at, match.start() - 1, match.start(), 0.6)  # a surname misheard


def _answered(views: Sequence[View], at: int, words: Words) -> Iterator[Name]:
    """A short reply to a question for the name."""
    text, mine = views[at].text, views[at].utterance.speaker
    asked = next((v.text for v in reversed(views[:at]) if v.utterance.speaker != mine), "")
    if not words.file.says("asks_name", asked[-16:]):
        return
    reply = text.partition(MARK)[0]
    start = len(reply) - len(reply.lstrip(_FILLERS))
    bare = reply[start:].rstrip("啊呢呀吧的")
    if not 1 <= len(bare) <= 4 or len(reply) > _SHORT_REPLY:
        return
    surname = linear(f"^{words.surname}").match(bare)
    if words.file.says("not_name", bare) or not bare.isalpha() or bare.isascii():
        return
    yield Name(at, start, start + len(bare), 0.8 if surname else 0.5)


def _echoes(at: int, text: str, name: str, sure: float) -> Iterator[Name]:
    """Where a name of two characters or more sounds again."""
    for start in range(len(text) - len(name) + 1):
        part = text[start : start + len(name)]
        if MARK in part:
            continue
        if part == name:
            yield Name(at, start, start + len(name), sure)
        elif len(name) >= 3 and _alike(name, part) <= _ECHO_DISTANCE:
            yield Name(at, start, start + len(name), min(0.65, sure))


def _alike(one: str, other: str) -> float:
    """How unlike two texts of as many characters sound, 0..1."""
    heard, wanted = syllables(one), syllables(other)
    if len(heard) != len(wanted):
        return 1.0
    return sum(map(distance, heard, wanted)) / len(heard)


def _disjoint(found: Sequence[Name]) -> tuple[Name, ...]:
    """Overlapping ones are one, as sure as the surest."""
    joined: list[Name] = []
    for name in sorted(found, key=lambda n: (n.view, n.start)):
        last = joined[-1] if joined else None
        if last and last.view == name.view and name.start < last.end:
            end, sure = max(last.end, name.end), max(last.confidence, name.confidence)
            joined[-1] = Name(last.view, last.start, end, sure)
        else:
            joined.append(name)
    return tuple(joined)
