"""Speaking rates: from the text, cross-checked by syllable nuclei of the sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qc_speech.measures.frames import Sound
from qc_speech.measures.syllables import characters, nuclei
from qc_speech.model import Utterance

_PAUSE_MS = 300  # left out of the articulation rate
_LONG_PAUSE_MS = 1000  # left out of the speaking rate too: waiting, not pace
_LEAST_MS = 1000
_LEAST_CHARACTERS = 4
_AGREE = 0.30


@dataclass(frozen=True)
class Pace:
    """Rates of one utterance per minute; None where too short, or text and sound disagree."""

    characters: int
    speaking: float | None
    articulation: float | None
    nuclei: float | None
    speech_ms: int


def pace(utterance: Utterance, sound: Sound | None) -> Pace:
    """Rates of one utterance."""
    count = characters(utterance.text)
    pauses = _pauses(utterance)
    duration = utterance.span.duration_ms
    speech_ms = max(1, duration - sum(p for p in pauses if p > _LONG_PAUSE_MS))
    sounding_ms = max(1, duration - sum(p for p in pauses if p > _PAUSE_MS))
    heard = _heard(utterance, sound, speech_ms)
    if speech_ms < _LEAST_MS or count < _LEAST_CHARACTERS:
        return Pace(count, None, None, heard, speech_ms)
    speaking = 60_000 * count / speech_ms
    if heard is not None and not agree(speaking, heard):
        return Pace(count, None, None, heard, speech_ms)
    articulation = 60_000 * count / sounding_ms
    return Pace(count, round(speaking, 1), round(articulation, 1), heard, speech_ms)


def agree(speaking: float, heard: float) -> bool:
    """Whether the rate by text is within 30 % of the rate by sound.

    Nuclei are too few in fast speech (neighbours melt into one peak) and too many in slow speech
    (drawn-out syllables waver), so the plain and the stretched count bound what is compared.
    """
    stretched = heard * (0.55 + heard / 500)
    low, high = min(heard, stretched), max(heard, stretched)
    apart = max(low - speaking, speaking - high, 0.0)
    return apart <= _AGREE * max(speaking, low)


def party_rates(paces: Sequence[Pace]) -> tuple[float | None, float | None]:
    """(speaking, articulation) rate over all utterances that have one."""
    known = [p for p in paces if p.speaking and p.articulation]
    total = sum(p.characters for p in known)
    if total < _LEAST_CHARACTERS * 2:
        return None, None
    speaking_ms = sum(60_000 * p.characters / (p.speaking or 1) for p in known)
    sounding_ms = sum(60_000 * p.characters / (p.articulation or 1) for p in known)
    return round(60_000 * total / speaking_ms, 1), round(60_000 * total / sounding_ms, 1)


def _pauses(utterance: Utterance) -> list[int]:
    """Gaps between words, and before the first and after the last, in ms."""
    reached, gaps = utterance.span.start_ms, []
    for word in utterance.words:
        gaps.append(max(0, word.span.start_ms - reached))
        reached = max(reached, word.span.end_ms)
    return [*gaps, max(0, utterance.span.end_ms - reached)] if utterance.words else []


def _heard(utterance: Utterance, sound: Sound | None, speech_ms: int) -> float | None:
    if sound is None or utterance.span.duration_ms < _LEAST_MS:
        return None
    count = nuclei(sound.cut(utterance.span, sound.row(utterance.speaker)))
    return round(60_000 * count / speech_ms, 1)
