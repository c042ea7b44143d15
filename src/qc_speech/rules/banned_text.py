"""What an utterance says, character by character and sound by sound, with its words and clauses."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from qc_speech.model import Span, Utterance, Word
from qc_speech.text.normalize import simplify
from qc_speech.text.phonetic import split, syllables

GAP = "…"
_DIGITS = "零一二三四五六七八九"
# The recognizer does not tell these apart by ear, or they are the same word.
_ALIKE = {"幺": "一", "〇": "零", "妳": "你", "您": "你", "她": "他", "它": "他"}
_KEPT = re.compile(r"[0-9a-z\u3400-\u9fff]")
_BORDER = re.compile(r"[,.!?;:，。！？；：、…\"“”‘’「」『』（）()]")
_NASALS = {"ang": "an", "eng": "en", "ing": "in", "iang": "ian", "uang": "uan", "uo": "o"}
_FIRST_SIGN = 0xE000  # the private use area: signs never meet characters
_SIGNS: dict[str, int] = {}
_OPENERS = "哎唉啊嗯哼哦呃呸嘿喂那"
_PARTICLES = "吧啊呀呢了嘛哦啦哈哟"
_PAUSE_MS = 300  # a pause this long between words separates clauses like a comma


def plain(text: str) -> str:
    """Simplified, lower case, digits as they are spoken, no punctuation; 您 as 你, 她, 它 as 他."""
    return "".join(char for _, char in _chars(text) if char)


def _chars(text: str) -> Iterator[tuple[int, str]]:
    """(index in `text`, normalized character); an empty character is a clause border."""
    simple = simplify(text)
    if len(simple) != len(text):  # a phrase rule changed the length: keep positions, lose the rule
        simple = "".join(simplify(char)[:1] or char for char in text)
    for index, raw in enumerate(simple):
        for char in _normalized(raw):
            yield index, char


@functools.lru_cache(maxsize=65536)
def _normalized(raw: str) -> tuple[str, ...]:
    """What one character becomes: mostly one, none, or an empty one for a border."""
    found = []
    for char in unicodedata.normalize("NFKC", raw).lower():
        char = _ALIKE.get(char, char)
        if char.isdecimal() and char.isascii():
            found.append(_DIGITS[int(char)])
        elif _KEPT.match(char):
            found.append(char)
        elif _BORDER.match(raw) or raw == " ":
            found.append("")
    return tuple(found)


@functools.lru_cache(maxsize=65536)
def as_syllables(text: str) -> str:
    """A text as one sign for each toneless syllable."""
    return "".join(_sign(one) for one in syllables(plain(text)))


@functools.lru_cache(maxsize=65536)
def as_sounds(text: str) -> str:
    """The same, but syllables that accents do not keep apart share a sign."""
    return "".join(_sign(_merged(one)) for one in syllables(plain(text)))


@functools.lru_cache(maxsize=4096)
def _merged(syllable: str) -> str:
    initial, final = split(syllable)
    initial = {"zh": "z", "ch": "c", "sh": "s", "l": "n"}.get(initial, initial)
    return initial + "-" + _NASALS.get(final, final)


def _sign(sound: str) -> str:
    return chr(_FIRST_SIGN + _SIGNS.setdefault(sound, len(_SIGNS)))


@dataclass(frozen=True)
class Said:
    """A text to search: `text` without punctuation, the same characters as `written`, the word each
    belongs to, and the places (before a character) where a clause ends."""

    text: str
    written: str
    words: tuple[Word, ...]
    owners: tuple[int, ...]
    borders: frozenset[int]
    marks: frozenset[int]  # the borders that are written as punctuation
    trust: float  # for words whose confidence is unknown

    @classmethod
    def of(cls, *utterances: Utterance) -> Said:
        """Several utterances are read as one text."""
        words = tuple(word for utterance in utterances for word in utterance.words)
        trust = min((utterance.confidence for utterance in utterances), default=0.0)
        return cls._of(words, trust)

    @classmethod
    def of_text(cls, text: str, trust: float = 1.0) -> Said:
        """A text without times, such as another reading of the same audio."""
        return cls._of((Word(Span(0, 0), text),), trust)

    @classmethod
    def _of(cls, words: tuple[Word, ...], trust: float) -> Said:
        whole = "".join(word.text for word in words)
        starts = list(itertools.accumulate((len(word.text) for word in words), initial=0))
        owner_of = [index for index, word in enumerate(words) for _ in word.text]
        pauses = {
            starts[i + 1]
            for i in range(len(words) - 1)
            if words[i + 1].span.start_ms - words[i].span.end_ms >= _PAUSE_MS
        }
        text: list[str] = []
        written: list[str] = []
        owners: list[int] = []
        borders, marks = {0}, set[int]()
        for index, char in _chars(whole):
            if index in pauses or not char:
                borders.add(len(text))
            if not char:
                marks.add(len(text))
            if char:
                text.append(char)
                written.append(whole[index])
                owners.append(owner_of[index])
        borders.add(len(text))
        return cls(
            "".join(text),
            "".join(written),
            words,
            tuple(owners),
            frozenset(borders),
            frozenset(marks),
            trust,
        )

    def opens(self, at: int) -> bool:
        """Whether a clause begins at `at`, but for an interjection."""
        while at > 0 and at not in self.borders and self.text[at - 1] in _OPENERS:
            at -= 1
        return at in self.borders

    def closes(self, at: int) -> bool:
        """Whether a clause ends at `at`, but for a particle."""
        while at < len(self.text) and at not in self.borders and self.text[at] in _PARTICLES:
            at += 1
        return at in self.borders

    def span(self, start: int, end: int) -> Span:
        """The time of characters [start, end)."""
        first, last = self.words[self.owners[start]], self.words[self.owners[end - 1]]
        return Span(first.span.start_ms, max(first.span.start_ms, last.span.end_ms))

    def confidence(self, start: int, end: int) -> float:
        """Mean confidence of the words under characters [start, end)."""
        found = [self.words[owner].confidence for owner in self.owners[start:end]]
        known = [self.trust if value is None else value for value in found]
        return sum(known) / len(known) if known else self.trust

    def quote(self, start: int, end: int, around: int) -> str:
        """The words of [start, end) as written, with about `around` characters on either side."""
        first = self.owners[max(0, start - around)]
        last = self.owners[min(len(self.text), end + around) - 1]
        text = "".join(word.text for word in self.words[first : last + 1]).strip()
        return (GAP if first > 0 else "") + text + (GAP if last + 1 < len(self.words) else "")
