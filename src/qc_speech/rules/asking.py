"""What is asked of the audio itself, and what its answers weigh.

`rules/doubts` says which words may have been said where the text leaves it open. Here each doubt
becomes a question: a stretch of one speaker's sound, what was heard in it, and the same with the
words in doubt put in. A recognizer that can (`ports.Listener`) says how probable each text is as
what is said in the stretch; the logarithm of the ratio, calibrated, is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from qc_speech.model import Asked, Call, Span, Utterance
from qc_speech.rules.doubts import Doubt, doubts
from qc_speech.rules.kind import Context
from qc_speech.rules.rulebook import Rulebook
from qc_speech.text.normalize import normalize

_LONGEST_MS = 20_000  # a longer turn is narrowed to what lies round the words in doubt
_AROUND_MS = 6_000
_TELLING = 0.004  # from this likeness by text on a no counts
_UNHEARD_MS = 2_500  # where words may lie of which nothing was heard
_AIR_MS = 200  # beside the stretch, so that no sound at its edges is cut


@dataclass(frozen=True)
class Weights:
    """From log-likelihood ratios of the recognizer to calibrated ones (benchmarks/asking.py)."""

    slope: float
    offset: float

    def ratio(self, raw: float) -> float:
        return self.slope * (raw + self.offset)


FITTED = Weights(0.7, 7.0)
ASK_VERSION = "asked/1"  # a part of what stored answers depend on


@dataclass(frozen=True)
class Question:
    """What may have been said in `span` of this speaker: `heard`, what was recognized and the
    recognizer's other readings of the part in doubt; `wordings`, the same with the words of the
    doubt in that part. Normalized characters, no punctuation."""

    speaker: str
    span: Span
    heard: tuple[str, ...]
    wordings: tuple[str, ...]


@dataclass(frozen=True)
class Stretch:
    """A stretch of one speaker's sound with all texts that are compared on it."""

    speaker: str
    span: Span
    texts: tuple[str, ...]


class Interview:
    """All questions of one call; `answers` turns what the recognizer says into evidence."""

    def __init__(self, ctx: Context, book: Rulebook) -> None:
        self._doubts = doubts(ctx, book)
        self._questions = tuple(question(ctx.call, doubt) for doubt in self._doubts)
        texts: dict[tuple[str, Span], dict[str, None]] = {}
        for one in self._questions:
            known = texts.setdefault((one.speaker, one.span), {})
            known.update(dict.fromkeys((*one.heard, *one.wordings)))
        self.stretches = tuple(Stretch(*place, tuple(known)) for place, known in texts.items())

    def answers(
        self, likelihoods: Sequence[Sequence[float]], weights: Weights = FITTED
    ) -> tuple[Asked, ...]:
        """One for each doubt and wording. `likelihoods`: for each of `stretches` the natural
        logarithm of the probability of each of its texts."""
        scores = {
            (one.speaker, one.span): dict(zip(one.texts, values))
            for one, values in zip(self.stretches, likelihoods)
        }
        found: list[Asked] = []
        for doubt, asked in zip(self._doubts, self._questions):
            of = scores[asked.speaker, asked.span]
            heard = max(of[text] for text in asked.heard)
            for words, text in zip(doubt.wordings, asked.wordings):
                ratio = round(weights.ratio(of[text] - heard), 3)
                if ratio <= 0 and doubt.heard and doubt.probability < _TELLING:
                    continue  # it was hardly alike: that it is not there says nothing
                found.append(Asked(doubt.check, doubt.part, doubt.span, words, ratio))
        return tuple(found)


def question(call: Call, doubt: Doubt) -> Question:
    """The question of a doubt of this call."""
    utterance = next(one for one in call.utterances if one.index == doubt.utterance)
    span, before, after = utterance.span, doubt.before, doubt.after
    if span.duration_ms > _LONGEST_MS:
        span, before, after = _narrowed(utterance, doubt)
    length = call.recording.duration_ms
    lead, tail = _AIR_MS, _AIR_MS
    if not doubt.heard:  # dropped: its sound lies before or after what was heard
        lead, tail = (_AIR_MS, _UNHEARD_MS) if doubt.before else (_UNHEARD_MS, _AIR_MS)
    sound = Span(max(0, span.start_ms - lead), min(length, span.end_ms + tail))
    parts = dict.fromkeys((doubt.heard, *_other_readings(utterance, doubt)))
    return Question(
        utterance.speaker,
        sound,
        tuple(before + part + after for part in parts),
        tuple(before + words + after for words in doubt.wordings),
    )


def _other_readings(utterance: Utterance, doubt: Doubt) -> Iterator[str]:
    """What the recognizer's other readings have in place of what was heard."""
    text = doubt.before + doubt.heard + doubt.after
    begin, end = len(doubt.before), len(doubt.before) + len(doubt.heard)
    for alternative in utterance.alternatives:
        other = normalize(alternative.text)
        low = high = len(other)
        for kind, first, last, left, right in SequenceMatcher(
            None, text, other, autojunk=False
        ).get_opcodes():
            if first <= begin < last:
                low = left + (begin - first if kind == "equal" else 0)
            if first < end <= last:
                high = left + (end - first) if kind == "equal" else right
        yield other[low : max(low, high)]


def _narrowed(utterance: Utterance, doubt: Doubt) -> tuple[Span, str, str]:
    """What lies near the words in doubt, cut between words."""
    begin, end = len(doubt.before), len(doubt.before) + len(doubt.heard)
    place: list[tuple[int, int, Span]] = []  # first and last character of each word, its time
    for word in utterance.words:
        first = place[-1][1] if place else 0
        place.append((first, first + len(normalize(word.text)), word.span))
    inside = [span for first, last, span in place if last > begin and first < max(end, begin + 1)]
    around = inside or [place[-1][2]]
    low, high = around[0].start_ms - _AROUND_MS, around[-1].end_ms + _AROUND_MS
    kept = [one for one in place if one[2].end_ms > low and one[2].start_ms < high]
    span = Span(kept[0][2].start_ms, max(one[2].end_ms for one in kept))
    before = doubt.before[min(begin, kept[0][0]) :]
    after = doubt.after[: max(0, kept[-1][1] - end)]
    return span, before, after
