"""Ways of saying a phrase that recur in stored calls and that no rulebook knows yet. Pure.

They come from phrases that passed by ear, by the sound itself or by a person's verdict, and from
what people added to or took off the forbidden words. Personal data and long numbers are left out
(`…`), and what is not said in several calls is not told at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from qc_speech.model import CallResult, Outcome, Review, Role, Span, Utterance
from qc_speech.privacy.detect import Personal, personal
from qc_speech.reviews import CALIBRATION
from qc_speech.rules.banned_lexicon import LISTS
from qc_speech.rules.kind import Context
from qc_speech.rules.lexicons import Lexicons
from qc_speech.rules.phrases import Found, Part, Phrase
from qc_speech.rules.required import PhraseParams
from qc_speech.rules.rulebook import Rulebook
from qc_speech.text.expression import search
from qc_speech.text.likeness import spelled
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import GAP, syllables

_KNOWN_SOUND = 0.93  # as sure as this only the characters differ from a known wording
_LEAST, _MOST = 3, 20  # characters of a phrasing
_PAUSE_MS = 300  # between words: another clause
_BORDER = re.compile("[,.!?;:，。！？；：、]$")
_DIGITS = re.compile("[0-9零一二三四五六七八九十百千两点]{3,}")
_ALIKE = 80.0  # syllables of two phrasings of one group (rapidfuzz ratio)
_EXAMPLES = 5


@dataclass(frozen=True)
class Place:
    """Where something was heard: a call and milliseconds from its start."""

    call_id: str
    at_ms: int


@dataclass(frozen=True)
class Occurrence:
    """Words of an agent that count as `part` of a check. how: ear | audio | person; for a
    forbidden word: added | innocent (a person took it off)."""

    check: str
    part: str
    words: str
    how: str
    place: Place


@dataclass(frozen=True)
class Suggestion:
    """A phrasing with the number of calls it was heard in, how, and some of the places."""

    check: str
    part: str
    words: str
    calls: int
    how: tuple[tuple[str, int], ...]
    examples: tuple[Place, ...]


def occurrences(
    result: CallResult, reviews: Sequence[Review], book: Rulebook, lexicons: Lexicons
) -> Iterator[Occurrence]:
    """What one call has to suggest. `reviews`: those of this call."""
    ctx = Context(result.call, result.measures, result.scenario, lexicons)
    hidden = personal(result.call)
    counted = [one for one in reviews if not one.withdrawn and one.purpose != CALIBRATION]
    for check in book.checks:
        name = check.kind.name
        if isinstance(check.params, PhraseParams) and name in lexicons.phrases:
            said = _said(result, check.check, counted)
            for span, person in said:
                yield from _of_phrase(ctx, lexicons.phrases[name], span, person, hidden)
    for review in counted:
        if review.check in LISTS and review.span is not None:
            yield from _of_words(result, review, hidden)


def grouped(found: Iterable[Occurrence], least: int) -> tuple[Suggestion, ...]:
    """Phrasings that sound alike taken together, those of at least so many calls, most calls
    first; of the ways to write one the commonest."""
    groups: dict[tuple[str, str], list[tuple[str, list[Occurrence]]]] = {}
    for one in found:
        sounds = " ".join(syllables(one.words))
        known = groups.setdefault((one.check, one.part), [])
        for other, members in known:
            if fuzz.ratio(sounds, other) >= _ALIKE:
                members.append(one)
                break
        else:
            known.append((sounds, [one]))
    suggestions = (
        _suggestion(check, part, members)
        for (check, part), known in groups.items()
        for _, members in known
    )
    kept = [one for one in suggestions if one.calls >= least]
    return tuple(sorted(kept, key=lambda one: (one.check, one.part, -one.calls, one.words)))


def _suggestion(check: str, part: str, members: Sequence[Occurrence]) -> Suggestion:
    writings = Counter(one.words for one in members)
    words = min(writings, key=lambda text: (-writings[text], len(text), text))
    places = {one.place.call_id: one.place for one in reversed(members)}
    ways = Counter(way for _, way in {(one.place.call_id, one.how) for one in members})
    first = sorted(places.values(), key=lambda place: place.call_id)[:_EXAMPLES]
    return Suggestion(check, part, words, len(places), tuple(sorted(ways.items())), tuple(first))


def _said(result: CallResult, check: str, reviews: Sequence[Review]) -> Iterator[tuple[Span, bool]]:
    """Where the agent said what the check asks for, and whether a person says so."""
    verdicts = [one for one in reviews if one.check == check]
    last = max(verdicts, key=lambda one: one.at, default=None)
    if last is not None:
        if last.outcome is Outcome.PASS and last.machine is not Outcome.PASS and last.span:
            yield last.span, True
        return
    for finding in result.findings:
        place = finding.evidence
        passed = finding.check == check and finding.outcome is Outcome.PASS
        if passed and place and place.speaker is Role.AGENT:
            yield place.span, False


def _of_phrase(
    ctx: Context, phrase: Phrase, span: Span, person: bool, hidden: Sequence[Personal]
) -> Iterator[Occurrence]:
    turns = ctx.matcher.turns
    for part in phrase.parts:
        table = ctx.matcher.part(phrase.check, part)
        heard = [found for turn, found in zip(turns, table) if turn.span.overlap_ms(span)]
        found = max(heard, key=lambda one: one.probability, default=Found(0.0))
        if found.probability >= _KNOWN_SOUND and not person:
            continue
        asked = any(
            (one.check, one.part) == (phrase.check, part.name)
            and one.ratio > 0
            and one.span.overlap_ms(span)
            for one in ctx.call.asked
        )
        place = found.span if found.span and found.span.overlap_ms(span) else span
        words = _clause(ctx.call.utterances, place, hidden)
        if words and not _known(part, words):
            how = "person" if person else "audio" if asked else "ear"
            at = Place(ctx.call.recording.metadata.call_id, place.start_ms)
            yield Occurrence(phrase.check, part.name, words, how, at)


def _of_words(
    result: CallResult, review: Review, hidden: Sequence[Personal]
) -> Iterator[Occurrence]:
    """A forbidden word that a person added, or words that a person found innocent."""
    assert review.span is not None
    added = review.machine in (None, Outcome.PASS) and review.outcome is Outcome.VIOLATION
    innocent = review.machine is Outcome.VIOLATION and review.outcome is Outcome.PASS
    words = _clause(result.call.utterances, review.span, hidden) if added or innocent else ""
    if words:
        place = Place(result.call_id, review.span.start_ms)
        yield Occurrence(review.check, "", words, "added" if added else "innocent", place)


def _known(part: Part, words: str) -> bool:
    text = words.replace(GAP, "")
    return any(spelled(wording).search(text) for wording in part.any) or any(
        search(expression, text) for expression in part.regex
    )


def _clause(utterances: Sequence[Utterance], span: Span, hidden: Sequence[Personal]) -> str:
    """The agent's words in a stretch, with the rest of their clause where it is short, without
    personal data; empty when too little or too much is left."""
    owner = max(
        (one for one in utterances if one.role is Role.AGENT),
        key=lambda one: one.span.overlap_ms(span),
        default=None,
    )
    if owner is None or not owner.span.overlap_ms(span):
        return ""
    chosen = [n for n, word in enumerate(owner.words) if word.span.overlap_ms(span)]
    if not chosen:
        return ""
    first, last = _widened(owner, chosen[0], chosen[-1])
    text = _covered(owner, first, last, hidden)
    size = len(text.replace(GAP, ""))
    return text if size >= _LEAST and len(text) <= _MOST else ""


def _widened(owner: Utterance, first: int, last: int) -> tuple[int, int]:
    """Words [first, last] out to the borders of their clause, if it does not get too long."""
    low, high = first, last
    while low > 0 and not _parted(owner, low - 1):
        low -= 1
    while high + 1 < len(owner.words) and not _parted(owner, high):
        high += 1
    size = sum(len(word.text) for word in owner.words[low : high + 1])
    return (low, high) if size <= _MOST else (first, last)


def _parted(owner: Utterance, at: int) -> bool:
    """Whether a clause ends after this word."""
    word, after = owner.words[at], owner.words[at + 1]
    pause = after.span.start_ms - word.span.end_ms >= _PAUSE_MS
    return pause or bool(_BORDER.search(word.text.strip()))


def _covered(owner: Utterance, first: int, last: int, hidden: Sequence[Personal]) -> str:
    """The words [first, last], normalized, `…` for personal data and long numbers."""
    start = sum(len(word.text) for word in owner.words[:first])
    text = "".join(word.text for word in owner.words[first : last + 1])
    covered = {
        at - start
        for one in hidden
        if one.utterance == owner.index
        for at in range(one.start, one.end)
    }
    open_text = "".join(GAP if at in covered else char for at, char in enumerate(text))
    pieces = [_DIGITS.sub(GAP, normalize(piece)) for piece in open_text.split(GAP)]
    return re.sub(f"{GAP}+", GAP, GAP.join(pieces)).strip(GAP)
