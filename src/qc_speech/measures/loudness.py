"""How loud each utterance is, and how much louder than the speaker's own normal voice.

Two scales: dBFS over the active blocks, as read off a level meter, and LUFS after ITU-R BS.1770-4
(K-weighting of pyloudnorm, gating over blocks of 400 ms). What is compared is LUFS: its filter
lifts the band that a raised voice fills, and its gate leaves pauses out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qc_speech.measures.frames import (
    BLOCK_MS,
    SILENT_DB,
    Flags,
    Floats,
    Sound,
    active_db,
    decibels,
    speech_mask,
)
from qc_speech.model import Role, Turn, Utterance

_NORMAL_LEAST = 3  # utterances that say what is normal
_NORMAL_MS = 800
_GATE_BLOCKS, _GATE_STEP = 400 // BLOCK_MS, 100 // BLOCK_MS  # BS.1770-4: 400 ms, overlapping 75 %
_ABSOLUTE_LUFS, _RELATIVE_LU = -70.0, -10.0
_OFFSET = -0.691  # BS.1770-4, equation 2


def clear_of_others(turns: Sequence[Turn], blocks: int) -> dict[str, Flags]:
    """For each speaker, the blocks in which nobody else speaks."""
    return {
        speaker: ~speech_mask((t for t in turns if t.speaker != speaker), blocks, margin_ms=80)
        for speaker in {turn.speaker for turn in turns}
    }


def own_blocks(
    utterance: Utterance, clear: Mapping[str, Flags], sound: Sound
) -> tuple[Floats, Floats]:
    """Power and K-weighted power of an utterance's blocks, other speakers' stretches left out."""
    row = sound.row(utterance.speaker)
    first, last = utterance.span.start_ms // BLOCK_MS, -(-utterance.span.end_ms // BLOCK_MS)
    power, weighted = sound.power[row, first:last], sound.weighted[row, first:last]
    if utterance.speaker not in clear:
        return power, weighted
    mine = clear[utterance.speaker][first:last]
    return power[mine], weighted[mine]


def level_dbfs(power: Floats, floor_db: float) -> float | None:
    """Level over the active blocks in dBFS; None when there are too few."""
    level = active_db(power, floor_db)
    return None if level is None else round(level, 1)


def loudness_lufs(weighted: Floats) -> float | None:
    """Integrated loudness of K-weighted block powers in LUFS (ITU-R BS.1770-4, one channel);
    None where they are shorter than one gating block or silent."""
    if weighted.size < _GATE_BLOCKS:
        return None
    sums = np.concatenate(([0.0], np.cumsum(weighted)))
    starts = np.arange(0, weighted.size - _GATE_BLOCKS + 1, _GATE_STEP)
    windows = (sums[starts + _GATE_BLOCKS] - sums[starts]) / _GATE_BLOCKS
    windows = windows[decibels(windows) + _OFFSET > _ABSOLUTE_LUFS]
    if windows.size == 0:
        return None
    gate = float(decibels(windows.mean())) + _RELATIVE_LU
    kept = windows[decibels(windows) > gate]
    level = float(decibels(kept.mean())) + _OFFSET
    return round(level, 1) if level > SILENT_DB else None


def normal_level(
    utterances: Sequence[Utterance], levels: Mapping[int, float | None]
) -> float | None:
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
    """Median level of a party's utterances."""
    known = [
        level
        for utterance in utterances
        if utterance.role is role and (level := levels.get(utterance.index)) is not None
    ]
    return round(float(np.median(known)), 1) if known else None
