"""How loud each utterance is, and how much louder than the speaker's own normal voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qc_speech.measures.frames import BLOCK_MS, Sound, active_db, speech_mask
from qc_speech.model import Role, Turn, Utterance

_NORMAL_LEAST = 3  # utterances that say what is normal
_NORMAL_MS = 800


def utterance_db(utterance: Utterance, turns: Sequence[Turn], sound: Sound) -> float | None:
    """Level of one utterance in dBFS over its active blocks, other speakers' stretches left out."""
    row = sound.row(utterance.speaker)
    others = [turn for turn in turns if turn.speaker != utterance.speaker]
    clear = ~speech_mask(others, sound.power.shape[1], margin_ms=80)
    start = utterance.span.start_ms // BLOCK_MS
    end = -(-utterance.span.end_ms // BLOCK_MS)
    level = active_db(sound.power[row, start:end][clear[start:end]], sound.floor_db[row])
    return None if level is None else round(level, 1)


def normal_db(utterances: Sequence[Utterance], levels: Mapping[int, float | None]) -> float | None:
    """A party's own normal level: the median, held down to near the lower quartile so that a
    party that shouts half the time is not its own excuse. None with too few utterances."""
    known = [
        level
        for utterance in utterances
        if utterance.span.duration_ms >= _NORMAL_MS
        and (level := levels.get(utterance.index)) is not None
    ]
    if len(known) < _NORMAL_LEAST:
        return None
    lower, middle = np.percentile(known, (25, 50))
    return float(min(middle, lower + 1.0))


def party_db(
    role: Role, utterances: Sequence[Utterance], levels: Mapping[int, float | None]
) -> float | None:
    """Median level of a party's utterances in dBFS."""
    known = [
        level
        for utterance in utterances
        if utterance.role is role and (level := levels.get(utterance.index)) is not None
    ]
    return round(float(np.median(known)), 1) if known else None
