"""Personal data out of a clip: which stretches nobody may hear, and hearing the result again.

What is hidden is found in the whole call's words (privacy/detect), because a number over three
turns is none in one of them. Word times are inexact, so stretches have a margin. Then the clip is
heard again: what a recognizer still makes out of it that is personal, or that sounds like what was
hidden, hides the sentence around it, next time the whole turn. What stays in doubt is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from qc_speech.clips.cutting import sentences
from qc_speech.clips.guard import DOUBT, MARGIN_MS, Secret, own, whole, wide
from qc_speech.clips.values import Hidden, Line, Recipe
from qc_speech.model import (
    Call,
    Chunk,
    Span,
    Turn,
    Utterance,
    Word,
)
from qc_speech.privacy.detect import personal
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import Heard, Pattern, search

ROUNDS = 4  # of hearing; each hides more around what is still heard
_BETWEEN_MS = 1_200  # what lies between two hidden stretches, if it is shorter than this, goes too
_NEW_TURN_MS = 700
_NEAR_MS = 1_500
_DIGITS = frozenset("零一二三四五六七八九")
_LEFT_DIGITS = 3  # so many digits in a row are no house number's rest and no amount
_BY_EAR = 0.22  # mean distance of syllables: nearer is the same word

Ear = Callable[[Sequence[Span]], tuple[Chunk, ...]]


def stretches(hidden: Iterable[Secret], within: Span) -> tuple[Hidden, ...]:
    """Secrets that reach into a stretch of the call, joined where they touch; times of the call."""
    found: list[Hidden] = []
    for one in sorted(hidden, key=lambda one: one.span):
        if not one.span & within:
            continue
        how = "mute" if one.kind == DOUBT else "beep"
        last = found[-1] if found else None
        if last and one.span.start_ms - last.span.end_ms < _BETWEEN_MS:
            span = Span(last.span.start_ms, max(last.span.end_ms, one.span.end_ms))
            why = "+".join(dict.fromkeys((*last.why.split("+"), one.kind)))
            found[-1] = Hidden(span, why, "mute" if "mute" in (how, last.how) else "beep")
        else:
            found.append(Hidden(one.span, one.kind, how))
    return tuple(found)


@dataclass(frozen=True)
class Checked:
    """hidden: all stretches after the last round, times of the call. clean: nothing is left."""

    hidden: tuple[Secret, ...]
    rounds: int
    clean: bool


def check(call: Call, within: Span, hidden: Sequence[Secret], hear: Ear) -> Checked:
    """Hear a stretch of a call again and again until nothing personal is made out in it.

    hear: what a recognizer hears in the stretch when the given spans of the call are silent; the
    times of its chunks are the call's.
    """
    now = tuple(hidden)
    for number in range(1, ROUNDS + 1):
        silent = [one.span for one in stretches(now, within)]
        left = _left(call, within, now, hear(silent))
        if not left:
            return Checked(now, number, True)
        if number < ROUNDS:
            now = (*now, *(Secret(_more(call, span, number), DOUBT, "") for span in left))
    return Checked(now, ROUNDS, False)


def _more(call: Call, span: Span, number: int) -> Span:
    """What is muted for something that is still heard: first the sentences around it, then the
    turns, then the turns and a good margin."""
    margin = wide(span, MARGIN_MS * number)
    touched = [one for one in call.utterances if one.words and whole(one) & margin]
    parts = [part.span for one in touched for part in sentences(one) if part.span & margin]
    around = parts if number == 1 else [whole(one) for one in touched]
    return wide(
        Span(
            min([margin.start_ms, *(s.start_ms for s in around)]),
            max([margin.end_ms, *(s.end_ms for s in around)]),
        ),
        MARGIN_MS,
    )


def _left(
    call: Call, within: Span, hidden: Sequence[Secret], chunks: Sequence[Chunk]
) -> list[Span]:
    """Where the clip, heard again, still holds something personal."""
    again = _as_call(call, chunks)
    by_index = {utterance.index: utterance for utterance in again.utterances}
    left = [one.span for one in personal(again) if not own(one, by_index[one.utterance], again)]
    known = _visible_digits(call, hidden)
    for utterance in again.utterances:
        left += [span for span, digits in _digit_runs(utterance) if digits not in known]
        left += _same_words(utterance, hidden)
    return [span for span in left if span & within]


def _as_call(call: Call, chunks: Sequence[Chunk]) -> Call:
    """What was heard again as a conversation; parties by channel, in a mixed one by time."""
    pieces: list[tuple[int | None, list[Word]]] = []
    for chunk in chunks:
        for word in chunk.words:
            last = pieces[-1] if pieces else None
            near = last and word.span.start_ms - last[1][-1].span.end_ms < _NEW_TURN_MS
            if last and near and last[0] == chunk.channel:
                last[1].append(word)
            else:
                pieces.append((chunk.channel, [word]))
    pieces.sort(key=lambda piece: piece[1][0].span)
    utterances = []
    for index, (channel, words) in enumerate(pieces):
        span = Span(words[0].span.start_ms, max(word.span.end_ms for word in words))
        speaker = _speaker(call, channel, span)
        role = call.roles.of(speaker)
        utterances.append(Utterance(index, span, speaker, role, tuple(words)))
    turns = tuple(Turn(one.span, one.speaker) for one in utterances)
    return Call(call.recording, tuple(utterances), turns, call.roles)


def _speaker(call: Call, channel: int | None, span: Span) -> str:
    if channel is not None and call.recording.channels == 2:
        return f"ch{channel}"
    best = max(call.turns, key=lambda turn: turn.span.overlap_ms(span), default=None)
    return best.speaker if best else "S0"


def _digit_runs(utterance: Utterance) -> list[tuple[Span, str]]:
    """Three spoken digits and more in a row, with their place."""
    runs: list[tuple[Span, str]] = []
    digits, first, last = "", None, None
    for word in utterance.words:
        for char in normalize(word.text):
            if char in _DIGITS:
                digits, first, last = digits + char, first or word, word
                continue
            if first and last and len(digits) >= _LEFT_DIGITS:
                runs.append((Span(first.span.start_ms, last.span.end_ms), digits))
            digits, first, last = "", None, None
    if first and last and len(digits) >= _LEFT_DIGITS:
        runs.append((Span(first.span.start_ms, last.span.end_ms), digits))
    return runs


def _visible_digits(call: Call, hidden: Sequence[Secret]) -> frozenset[str]:
    """Digits that were heard before and are not personal: a job number, a year."""
    return frozenset(
        digits
        for utterance in call.utterances
        for span, digits in _digit_runs(utterance)
        if not any(span & one.span for one in hidden)
    )


def _same_words(utterance: Utterance, hidden: Sequence[Secret]) -> list[Span]:
    """Where hidden words of two characters and more are heard again beside where they were."""
    near = [
        one
        for one in hidden
        if len(normalize(one.words)) >= 2
        and wide(one.span, _NEAR_MS).overlap_ms(utterance.span) > 0
    ]
    if not near:
        return []
    chars = [(char, word.span) for word in utterance.words for char in normalize(word.text)]
    heard = Heard.of("".join(char for char, _ in chars))
    found = []
    for one in near:
        match = search(Pattern.of(one.words), heard)
        if match and match.end > match.start and match.cost <= _BY_EAR * match.length:
            part = chars[match.start : match.end]
            found.append(Span(part[0][1].start_ms, max(span.end_ms for _, span in part)))
    return found


def lines(
    call: Call, span: Span, hidden: Sequence[Hidden], recipe: Recipe, focus: Sequence[Span]
) -> tuple[Line, ...]:
    """What is said in a stretch of a call, sentence by sentence, hidden words as ［kind］; times
    from the start of the stretch."""
    said = []
    for utterance in call.utterances:
        if not recipe.hears(utterance.role):
            continue
        for part in sentences(utterance):
            words = [word for word in part.words if _inside(word, span)]
            if words:
                said.append(_line(utterance, words, span, hidden, focus))
    return tuple(sorted(said, key=lambda line: (line.span, line.role.value)))


def _inside(word: Word, span: Span) -> bool:
    return span.start_ms <= (word.span.start_ms + word.span.end_ms) // 2 < span.end_ms


def _line(
    utterance: Utterance,
    words: Sequence[Word],
    span: Span,
    hidden: Sequence[Hidden],
    focus: Sequence[Span],
) -> Line:
    text, last = "", ""
    for word in words:
        cover = next((one for one in hidden if _covers(one.span, word.span)), None)
        if cover is None:
            text, last = text + word.text, ""
        elif cover.why != last:
            text, last = text + f"［{cover.why}］", cover.why
    start, end = words[0].span.start_ms, max(word.span.end_ms for word in words)
    place = Span(max(0, start - span.start_ms), min(end, span.end_ms) - span.start_ms)
    whole = Span(start, end)
    return Line(
        utterance.role,
        place,
        text,
        any(_covers(one.span, word.span) for word in words for one in hidden),
        any(2 * whole.overlap_ms(one) > min(whole.duration_ms, one.duration_ms) for one in focus),
    )


def _covers(hidden: Span, word: Span) -> bool:
    """A word of which a good part cannot be heard is not written either."""
    return 3 * hidden.overlap_ms(word) > word.duration_ms or hidden.overlap_ms(word) > 120
