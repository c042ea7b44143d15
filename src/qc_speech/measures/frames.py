"""Power of a recording in short blocks: the one place where samples become levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qc_speech.model import Call, Span, Turn
from qc_speech.ports import SAMPLE_RATE_HZ, Audio, Samples

BLOCK_MS = 10
BLOCK = SAMPLE_RATE_HZ * BLOCK_MS // 1000
SILENT_DB = -120.0
_CLIPPED = 0.985  # a limiter or 8-bit coding flattens a little below full scale

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def decibels(power: npt.ArrayLike) -> Floats:
    """Power (mean square) as dBFS, not below SILENT_DB."""
    return np.asarray(10 * np.log10(np.maximum(np.asarray(power, np.float64), 1e-12)))


def block_power(samples: Samples) -> Floats:
    """Mean square of each whole block of 10 ms of a 1-D signal."""
    count = len(samples) // BLOCK
    blocks = samples[: count * BLOCK].reshape(count, BLOCK)
    return np.asarray(np.einsum("ij,ij->i", blocks, blocks, dtype=np.float64) / BLOCK)


@dataclass(frozen=True)
class Sound:
    """A recording's samples with their block power and noise floor, one row per party."""

    samples: Samples
    power: Floats  # (parties, blocks), mean square
    floor_db: tuple[float, ...]  # noise floor of each row

    def row(self, speaker: str) -> int:
        """The row that carries a speaker: the channel for "ch0"/"ch1", else the only one."""
        if speaker.startswith("ch") and speaker[2:].isdigit():
            return min(int(speaker[2:]), len(self.power) - 1)
        return 0

    def blocks(self, span: Span, row: int) -> Floats:
        return self.power[row, span.start_ms // BLOCK_MS : -(-span.end_ms // BLOCK_MS)]

    def cut(self, span: Span, row: int) -> Samples:
        scale = SAMPLE_RATE_HZ // 1000
        return self.samples[row, span.start_ms * scale : span.end_ms * scale]


def listen(call: Call, audio: Audio) -> Sound:
    """Levels of a recording; the floor is what is heard where nobody speaks."""
    power = np.stack([block_power(row) for row in audio.samples])
    floors = []
    for row in range(len(power)):
        quiet = ~speech_mask(call.turns, power.shape[1], margin_ms=150)
        if quiet.sum() < 30:  # no pause long enough: the quietest blocks must do
            floors.append(
                float(np.percentile(decibels(power[row]), 5)) if power.size else SILENT_DB
            )
        else:
            # the lower third: music on hold may fill most of what is not speech
            floors.append(float(np.percentile(decibels(power[row][quiet]), 30)))
    return Sound(audio.samples, power, tuple(floors))


def speech_mask(turns: Iterable[Turn], blocks: int, margin_ms: int = 0) -> Flags:
    """Which blocks lie in a turn, each turn widened by a margin at both ends."""
    mask = np.zeros(blocks, dtype=np.bool_)
    for turn in turns:
        start = max(0, turn.span.start_ms - margin_ms) // BLOCK_MS
        mask[start : -(-(turn.span.end_ms + margin_ms) // BLOCK_MS)] = True
    return mask


def snr_db(call: Call, sound: Sound) -> float | None:
    """Speech level over noise floor in dB, of the worse channel; None without speech."""
    values = []
    for row in range(len(sound.power)):
        turns = [turn for turn in call.turns if sound.row(turn.speaker) == row]
        spoken = sound.power[row][speech_mask(turns, sound.power.shape[1])]
        if spoken.size >= 50:
            level = active_db(spoken, sound.floor_db[row])
            if level is not None:
                values.append(level - sound.floor_db[row])
    return round(min(values), 1) if values else None


def active_db(power: Floats, floor_db: float, least_ms: int = 300) -> float | None:
    """Mean level of the blocks that hold speech; None when there are too few to say."""
    if power.size == 0:
        return None
    levels = decibels(power)
    active = levels > max(floor_db + 5, float(np.percentile(levels, 95)) - 25)
    if int(active.sum()) * BLOCK_MS < least_ms:
        return None
    return float(decibels(power[active].mean()))


def clipped_share(sound: Sound) -> float | None:
    """Share of samples at full scale."""
    if sound.samples.size == 0:
        return None
    return round(float((np.abs(sound.samples) >= _CLIPPED).mean()), 6)


def sharpen(call: Call, sound: Sound) -> tuple[Turn, ...]:
    """Turns with ends moved to where the channel's own sound starts and stops (±300 ms).

    Only where a channel is one party: in a mixed channel the neighbour's voice would pull them.
    """
    if len(sound.power) < 2:
        return call.turns
    return tuple(part for turn in call.turns for part in _sharpened(turn, sound))


def _sharpened(turn: Turn, sound: Sound) -> tuple[Turn, ...]:
    """The turn with its ends where the sound is, and in parts where it pauses: an "mm" and the
    sentence after it are two things, even where a turn bridges the pause between them."""
    row, reach = sound.row(turn.speaker), 300 // BLOCK_MS
    first, last = turn.span.start_ms // BLOCK_MS, -(-turn.span.end_ms // BLOCK_MS)
    if last - first < 10:
        return (turn,)
    own = decibels(sound.power[row, first:last])
    threshold = max(sound.floor_db[row] + 8, float(np.percentile(own, 90)) - 30)
    low = max(0, first - reach)
    window = decibels(sound.power[row, low : last + reach]) > threshold
    # what another channel leaks into this one is 25 dB or more below that channel
    others = np.delete(sound.power, row, axis=0).max(axis=0)[low : last + reach]
    window &= decibels(sound.power[row, low : last + reach]) > decibels(others) - 25
    on = np.flatnonzero(window)
    if on.size == 0:
        return (turn,)
    start, end = first - low, last - low
    starts = on[(on <= start + reach)]
    ends = on[(on >= end - reach - 1)]
    new_start = _edge(window, start, int(starts[0])) if starts.size else start
    new_end = end
    if ends.size:
        behind = len(window) - 1 - int(ends[-1])
        new_end = len(window) - _edge(window[::-1], len(window) - end, behind)
    if new_end - new_start < 5:
        return (turn,)
    return tuple(
        Turn(Span((low + begin) * BLOCK_MS, (low + stop) * BLOCK_MS), turn.speaker)
        for begin, stop in _bursts(window, new_start, new_end)
    )


def _bursts(window: Flags, start: int, end: int) -> list[tuple[int, int]]:
    """[start, end) without its pauses of half a second and more."""
    least, found, begin, last = 500 // BLOCK_MS, [], start, start
    for block in (start + int(i) for i in np.flatnonzero(window[start:end])):
        if block - last > least and last > begin:
            found.append((begin, last + 1))
            begin = block
        last = block
    return [*found, (begin, end)]


def _edge(window: Flags, near: int, earliest: int) -> int:
    """The block where sound begins: back from `near` while it goes on (gaps of 150 ms bridged),
    or forward to the first sound."""
    bridge = 150 // BLOCK_MS
    ahead = np.flatnonzero(window[near:])
    position = near + int(ahead[0]) if ahead.size else near
    while position > earliest:
        before = np.flatnonzero(window[max(0, position - bridge) : position])
        if before.size == 0:
            break
        position = max(0, position - bridge) + int(before[0])
    return max(position, earliest)
