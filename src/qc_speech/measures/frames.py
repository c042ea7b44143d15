"""Power of a recording in short blocks: the one place where samples become levels."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qc_speech.model import Call, Span, Turn
from qc_speech.ports import SAMPLE_RATE_HZ, Audio, Samples

BLOCK_MS = 10
BLOCK = SAMPLE_RATE_HZ * BLOCK_MS // 1000
SILENT_DB = -120.0
_LEAST_SPEECH = 50  # blocks that tell a level
_LEAST_FLOOR_DB = -85.0
_GONE_DB = 15.0
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
    weighted: Floats  # the same after the K-weighting of ITU-R BS.1770-4
    floor_db: tuple[float, ...]  # noise floor of each row

    def row(self, speaker: str) -> int:
        """The row that carries a speaker: the channel for "ch0"/"ch1" (and "ch0.ivr", a machine
        on it), else the only one."""
        label = speaker.partition(".")[0]
        if label.startswith("ch") and label[2:].isdigit():
            return min(int(label[2:]), len(self.power) - 1)
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
            floors.append(float(np.percentile(_carried(decibels(power[row][quiet])), 30)))
    weighted = np.stack([block_power(k_weighted(row)) for row in audio.samples])
    return Sound(audio.samples, power, weighted, tuple(floors))


def k_weighted(samples: Samples) -> Samples:
    """A 1-D signal through the two filters of ITU-R BS.1770-4 (pyloudnorm's)."""
    from scipy.signal import sosfilt  # takes a while to load

    return np.asarray(sosfilt(_k_sections(), samples).astype(np.float32))


@functools.lru_cache(maxsize=1)
def _k_sections() -> Floats:
    from pyloudnorm.iirfilter import IIRfilter

    shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, SAMPLE_RATE_HZ, "high_shelf")
    high_pass = IIRfilter(0.0, 0.5, 38.0, SAMPLE_RATE_HZ, "high_pass")
    return np.stack([np.concatenate((stage.b, stage.a)) for stage in (shelf, high_pass)])


def _carried(levels: Floats) -> Floats:
    """Levels without digital silence (a dead or muted line is not the line's noise), unless that
    is nearly all there is."""
    carried = levels[levels > SILENT_DB + 15]
    return carried if carried.size >= max(30, levels.size // 5) else levels


def speech_mask(turns: Iterable[Turn], blocks: int, margin_ms: int = 0) -> Flags:
    """Which blocks lie in a turn, each turn widened by a margin at both ends."""
    mask = np.zeros(blocks, dtype=np.bool_)
    for turn in turns:
        start = max(0, turn.span.start_ms - margin_ms) // BLOCK_MS
        mask[start : -(-(turn.span.end_ms + margin_ms) // BLOCK_MS)] = True
    return mask


def snr_db(speaker_turns: Iterable[Turn], sound: Sound, row: int) -> float | None:
    """Level of one party's speech over the noise floor of its row in dB; None without speech."""
    spoken = sound.power[row][speech_mask(speaker_turns, sound.power.shape[1])]
    if spoken.size < _LEAST_SPEECH:
        return None
    level = active_db(spoken, sound.floor_db[row])
    return None if level is None else round(level - sound.floor_db[row], 1)


def cut_outs(speaker_turns: Iterable[Turn], sound: Sound, row: int) -> int | None:
    """How often a party's speech drops out: 30 to 400 ms far below the line's own noise, with a
    steep edge on both sides. A stop consonant only falls to the noise. None where the line has no
    noise to fall below (a codec that sends nothing in pauses)."""
    if sound.floor_db[row] < _LEAST_FLOOR_DB:
        return None
    spoken = speech_mask(speaker_turns, sound.power.shape[1])
    gone = spoken & (decibels(sound.power[row]) < sound.floor_db[row] - _GONE_DB)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], gone.astype(np.int8), [0]))))
    lengths = (edges[1::2] - edges[::2]) * BLOCK_MS
    return int(((lengths >= 30) & (lengths <= 400)).sum())


def active_db(power: Floats, floor_db: float, least_ms: int = 300) -> float | None:
    """Mean level of the blocks that hold speech; None when there are too few to say."""
    if power.size == 0:
        return None
    levels = decibels(power)
    active = levels > max(floor_db + 5, float(np.percentile(levels, 95)) - 25)
    if int(active.sum()) * BLOCK_MS < least_ms:
        return None
    return float(decibels(power[active].mean()))


def clipped_share(speaker_turns: Iterable[Turn], sound: Sound, row: int) -> float | None:
    """Share of a party's samples at full scale."""
    spoken = speech_mask(speaker_turns, sound.power.shape[1])
    if not spoken.any():
        return None
    whole = sound.samples[row, : sound.power.shape[1] * BLOCK].reshape(-1, BLOCK)[spoken]
    return round(float((np.abs(whole) >= _CLIPPED).mean()), 6)


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
