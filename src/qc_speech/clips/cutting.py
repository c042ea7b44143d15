"""Where a clip begins and ends: at borders of sentences, with context by turns, in no word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qc_speech.clips.values import Recipe
from qc_speech.model import Call, Role, Span, Utterance, Word
from qc_speech.ports import SAMPLE_RATE_HZ, Samples
from qc_speech.text.normalize import normalize

_SENTENCE_END = tuple("。？！?!；;….")
_PAUSE_MS = 600  # so long without a word ends a sentence too
_TOKEN = 2  # characters: a turn of no more is a token of listening, not context
_AIR_MS = 250  # of silence kept around what is said
_SEARCH_MS = 450  # word times of a recognizer are off by up to so much
_STEP_MS = 10
_ABOVE_NOISE_DB = 9.0
_QUIET_STEPS = 3  # 30 ms of silence: no syllable is longer silent inside (stops are about 20 ms)


@dataclass(frozen=True)
class Sentence:
    """Consecutive words of one utterance."""

    utterance: int
    span: Span
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Cut:
    """What of a call a clip holds. span: as the words have it, before the sound is looked at.
    room: how far each edge may still move outward without touching another word. sentences: all
    that is heard, in order of time; focus: the indices of those the clip is about."""

    span: Span
    room: Span
    sentences: tuple[Sentence, ...]
    focus: frozenset[int]


def sentences(utterance: Utterance) -> tuple[Sentence, ...]:
    """An utterance split at its final marks and long pauses."""
    found: list[Sentence] = []
    words: list[Word] = []
    for at, word in enumerate(utterance.words):
        words.append(word)
        after = utterance.words[at + 1 : at + 2]
        pause = after[0].span.start_ms - word.span.end_ms if after else 0
        if not after or word.text.rstrip().endswith(_SENTENCE_END) or pause >= _PAUSE_MS:
            span = Span(words[0].span.start_ms, max(w.span.end_ms for w in words))
            found.append(Sentence(utterance.index, span, tuple(words)))
            words = []
    return tuple(found)


def cut(call: Call, focus: Span, role: Role | None, recipe: Recipe) -> Cut:
    """The stretch of a call in which `focus` is heard with whole turns around it.

    role: whose words the focus is about (None: anyone's). Without any word in the focus the stretch
    itself is kept, widened by the context.
    """
    spoken = [part for utterance in call.utterances for part in sentences(utterance)]
    spoken.sort(key=lambda part: (part.span.start_ms, part.span.end_ms))
    by_index = {utterance.index: utterance for utterance in call.utterances}
    about = [
        at
        for at, part in enumerate(spoken)
        if _shares(part, focus) and (role is None or by_index[part.utterance].role is role)
    ] or [at for at, part in enumerate(spoken) if part.span & focus]
    whole = Span(
        min([focus.start_ms, *(spoken[at].span.start_ms for at in about)]),
        max([focus.end_ms, *(spoken[at].span.end_ms for at in about)]),
    )
    blocks = _turns(call.utterances)
    start = _context(blocks, spoken, whole, recipe.before, back=True)
    end = _context(blocks, spoken, whole, recipe.after, back=False)
    heard = [part for part in spoken if recipe.hears(by_index[part.utterance].role)]
    start, end = _out_of_words(heard, Span(start, end))
    inside = [part for part in heard if start <= part.span.start_ms and part.span.end_ms <= end]
    before = [part.span.end_ms for part in heard if part.span.end_ms <= start]
    after = [part.span.start_ms for part in heard if part.span.start_ms >= end]
    room = Span(max(before, default=0), min(after, default=call.recording.duration_ms))
    room = Span(min(room.start_ms, start), max(room.end_ms, end))
    marked = {id(spoken[at]) for at in about}
    return Cut(
        Span(start, end),
        room,
        tuple(inside),
        frozenset(at for at, part in enumerate(inside) if id(part) in marked),
    )


def _shares(part: Sentence, focus: Span) -> bool:
    """A sentence that only touches the focus by its inexact word times is none of it."""
    common = part.span.overlap_ms(focus)
    return common > 0 and (
        common >= 200 or 2 * common >= min(part.span.duration_ms, focus.duration_ms)
    )


def _turns(utterances: Sequence[Utterance]) -> list[Span]:
    """Whole turns: utterances of one party in a row; tokens of listening are part of none."""
    turns: list[Span] = []
    speaker = None
    for utterance in utterances:
        if len(normalize(utterance.text)) <= _TOKEN or not utterance.words:
            continue
        start = min(utterance.span.start_ms, utterance.words[0].span.start_ms)
        span = Span(start, max(utterance.span.end_ms, utterance.words[-1].span.end_ms))
        if utterance.speaker == speaker:
            last = turns[-1]
            turns[-1] = Span(last.start_ms, max(last.end_ms, span.end_ms))
        else:
            turns.append(span)
        speaker = utterance.speaker
    return turns


def _context(
    turns: Sequence[Span], spoken: Sequence[Sentence], whole: Span, count: int, *, back: bool
) -> int:
    """Where the clip starts (back) or ends: `count` whole turns away from what it is about."""
    edge = whole.start_ms if back else whole.end_ms
    if not count:
        return edge
    if back:  # the rest of the turn in which the focus lies comes along, then whole turns
        mine = [t.start_ms for t in turns if t.start_ms < edge < t.end_ms]
        edge = min([edge, *mine])
        before = [t for t in turns if t.end_ms <= edge + _PAUSE_MS and t.start_ms < edge]
        return min([edge, *(t.start_ms for t in before[-count:])])
    mine = [t.end_ms for t in turns if t.start_ms < edge < t.end_ms]
    edge = max([edge, *mine])
    after = [t for t in turns if t.start_ms >= edge - _PAUSE_MS and t.end_ms > edge]
    return max([edge, *(t.end_ms for t in after[:count])])


def _out_of_words(heard: Iterable[Sentence], span: Span) -> tuple[int, int]:
    """Edges moved outward until no sentence that is heard lies across one."""
    start, end = span.start_ms, span.end_ms
    parts = list(heard)
    while True:
        across_start = [p.span.start_ms for p in parts if p.span.start_ms < start < p.span.end_ms]
        across_end = [p.span.end_ms for p in parts if p.span.start_ms < end < p.span.end_ms]
        if not across_start and not across_end:
            return start, end
        start, end = min([start, *across_start]), max([end, *across_end])


def settle(samples: Samples, span: Span, room: Span) -> Span:
    """Edges put where the sound is silent: word times are inexact, the sound is not.

    samples: (rows, n) float32 at 16 kHz, all that will be heard. Each edge keeps up to 250 ms of
    air. Where a word runs on, the edge moves outward, past `room` if it has to: rather a word of
    the neighbour than half a word.
    """
    levels = _levels(samples)
    if not levels.size:
        return span
    floor = float(np.percentile(levels, 10))
    loud = levels > max(floor + _ABOVE_NOISE_DB, -58.0)
    end_of_sound = round(samples.shape[1] * 1000 / SAMPLE_RATE_HZ)
    start = _quiet_edge(loud, span.start_ms, -1, span.start_ms - room.start_ms)
    end = _quiet_edge(loud, span.end_ms, +1, room.end_ms - span.end_ms)
    return Span(max(0, min(start, end)), min(end_of_sound, max(start, end)))


def _levels(samples: Samples) -> Samples:
    """dBFS of each 10 ms, of the louder row."""
    size = SAMPLE_RATE_HZ * _STEP_MS // 1000
    count = samples.shape[1] // size
    frames = samples[:, : count * size].reshape(len(samples), count, size)
    power = np.max(np.einsum("cij,cij->ci", frames, frames) / size, axis=0, initial=0.0)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), np.float32)


def _quiet_edge(loud: npt.NDArray[np.bool_], at_ms: int, way: int, room_ms: int) -> int:
    """The edge near `at_ms`: behind the last (way +1) or before the first (-1) sound that belongs
    to the word there, with air as far as it is silent and there is room."""
    last = len(loud) - 1
    at = min(max(at_ms // _STEP_MS, 0), last)

    def silent(step: int) -> bool:
        steps = [min(max(step + way * k, 0), last) for k in range(_QUIET_STEPS)]
        return not any(loud[s] for s in steps)

    step = at
    furthest = at + way * (_SEARCH_MS // _STEP_MS) * 3
    while not silent(step) and 0 < step < last and (furthest - step) * way > 0:
        step += way
    air = 0
    most = max(_AIR_MS // 2, min(_AIR_MS, max(room_ms, 0) // 2)) // _STEP_MS
    while air < most and 0 < step < last and silent(step + way):
        step, air = step + way, air + 1
    return (step if way < 0 else step + 1) * _STEP_MS
