"""Which rows of a recording carry different speech, and what one channel leaks into the other.

Cross-talk is another party's speech, weaker and a little late. Its path is estimated where the
other party clearly talks alone (Wiener filter from averaged cross-spectra, Welch 1967; the way
acoustic echo cancellers learn, Haensler & Schmidt 2004, ch. 6) and taken off before anybody
listens, so that turns, words and loudness of a channel are its own party's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qc_speech.ports import SAMPLE_RATE_HZ, Samples

Spectrum = npt.NDArray[np.complexfloating]
Floats = npt.NDArray[np.floating]

_BLOCK = 16_384  # samples, 1 s
_MOST_EARLY, _MOST_LATE = 128, 8_000  # samples: 8 ms before, 0.5 s after
_REACH = 384  # samples of the path on each side of its strongest tap (24 ms)
_SAME = 0.97  # correlation of channels that carry one sound; line noise of each: 20 dB below
_EMPTY_DBFS = -65.0
_STEADY_DB = 6.0  # a channel whose level varies less holds line noise, no speech
_ALONE_DB = 6.0  # the other party talks alone: so much louder than this channel,
_OVER_FLOOR_DB = 15.0  # and so far over its own pauses
_LEAST_BLOCKS = 3
_EXPLAINED = 0.5  # share of the channel's power, while the other talks, that the path explains
_LEAST_LEAK_DB = -30.0  # weaker cross-talk is not heard
_PIECE = 600 * SAMPLE_RATE_HZ  # samples filtered at once: memory stays flat in long recordings


@dataclass(frozen=True)
class _Leak:
    """Power spectra of source and target and their cross-spectrum, while the source talks alone."""

    source: Floats
    target: Floats
    cross: Spectrum


def parties(samples: Samples, wanted: str | None) -> tuple[Samples, list[str]]:
    """Rows that carry different speech, one (mono) or two (stereo), and notes for people.

    samples (channels of the file, n) at 16 kHz, changed in place; wanted: mono, stereo or None
    (as the sound shows).
    """
    for row in samples:
        row -= row.mean(dtype=np.float64)  # DC offset
    if samples.shape[0] > 2:
        return _mean(samples), ["many_channels"]
    if samples.shape[0] == 1:
        return samples, ["not_stereo"] if wanted == "stereo" else []
    alike = _likeness(samples)
    if wanted == "mono":
        return _mixed(samples, alike), ["not_mono"]
    if abs(alike) > _SAME:
        return _louder(samples), ["same_channels"]
    if sum(_is_empty(row) for row in samples) == 1:
        return _louder(samples), ["one_channel"]
    return samples, ["cross_talk"] if _take_off_cross_talk(samples) else []


def _mixed(samples: Samples, alike: float) -> Samples:
    """Both channels in one. Where one carries the other upside down, a sum would be silence."""
    if abs(alike) > _SAME:
        return _louder(samples)
    return _mean(samples)


def _mean(samples: Samples) -> Samples:
    return np.asarray(samples.mean(axis=0, keepdims=True, dtype=np.float32))


def _louder(samples: Samples) -> Samples:
    powers = [float(np.dot(row, row)) for row in samples]
    row = int(np.argmax(powers))
    return samples[row : row + 1]


def _is_empty(row: Samples) -> bool:
    """Nothing but line noise: silent, or of one level from begin to end."""
    count = len(row) // 320
    frames = row[: count * 320].reshape(count, 320)
    if not count or max(float(row.max()), -float(row.min())) < 10 ** (_EMPTY_DBFS / 20):
        return True
    levels = 10 * np.log10(np.einsum("ij,ij->i", frames, frames) / 320 + 1e-12)
    quiet, loud = np.percentile(levels, [10, 99])
    return bool(loud - quiet < _STEADY_DB)


def _likeness(samples: Samples) -> float:
    """Correlation of two channels at the delay (up to 0.1 s) where it is greatest in size;
    negative: upside down."""
    cross = np.zeros(_BLOCK // 2 + 1, np.complex128)
    power = np.zeros(2)
    for left, right in _blocks(samples):
        one, other = np.fft.rfft(left), np.fft.rfft(right)
        cross += one * other.conj()
        power += np.dot(left, left), np.dot(right, right)
    if power.min() <= 0:
        return 0.0
    sequence = np.fft.irfft(cross, _BLOCK)
    reach = SAMPLE_RATE_HZ // 10
    lags = np.arange(-reach, reach + 1)
    found = sequence[lags] / (1 - np.abs(lags) / _BLOCK)  # a block's ends do not meet
    return float(found[np.argmax(np.abs(found))] / np.sqrt(power.prod()))


def _blocks(samples: Samples) -> list[tuple[Samples, Samples]]:
    """Whole blocks of both channels (views); a recording shorter than one is filled with zeros."""
    length = samples.shape[1]
    if length < _BLOCK:
        padded = np.pad(samples, ((0, 0), (0, _BLOCK - length)))
        return [(padded[0], padded[1])]
    starts = range(0, length - _BLOCK + 1, _BLOCK)
    return [(samples[0, s : s + _BLOCK], samples[1, s : s + _BLOCK]) for s in starts]


def _take_off_cross_talk(samples: Samples) -> bool:
    """Subtract from each channel what comes from the other; False: there is nothing to hear."""
    paths = [_path(*_leaks(samples, target)) for target in (0, 1)]
    if all(path is None for path in paths):
        return False
    from scipy.signal import oaconvolve

    reach = max(_MOST_EARLY, _MOST_LATE) + _REACH
    end = samples.shape[1]
    kept = np.zeros((2, 0), np.float32)  # the sound before a piece, as it was
    for start in range(0, end, _PIECE):
        stop = min(end, start + _PIECE)
        before = kept.shape[1]
        ahead = np.concatenate([kept, samples[:, start : min(end, stop + reach)]], axis=1)
        kept = ahead[:, : before + stop - start][:, -reach:].copy()
        for target, path in enumerate(paths):
            if path is None:
                continue
            first, taps = path
            heard = oaconvolve(ahead[1 - target], taps)
            begin = before - first
            part = heard[max(0, begin) : begin + stop - start]
            at = start + max(0, -begin)
            samples[target, at : at + len(part)] -= part
    return True


def _leaks(samples: Samples, target: int) -> tuple[_Leak, int]:
    """What is heard on `target` while the other party talks alone, and in how many blocks."""
    blocks = [pair if target == 1 else pair[::-1] for pair in _blocks(samples)]
    levels = 10 * np.log10([[np.dot(x, x) / _BLOCK + 1e-12 for x in pair] for pair in blocks])
    floor = np.percentile(levels[:, 0], 10)
    alone = (levels[:, 0] > levels[:, 1] + _ALONE_DB) & (
        levels[:, 0] > min(floor + _OVER_FLOOR_DB, float(np.median(levels[:, 0])))
    )
    size = _BLOCK // 2 + 1
    power, own, cross = np.zeros(size), np.zeros(size), np.zeros(size, np.complex128)
    window = np.hanning(_BLOCK)
    for number in np.flatnonzero(alone):
        source, here = (np.fft.rfft(x * window) for x in blocks[number])
        power += np.abs(source) ** 2
        own += np.abs(here) ** 2
        cross += here * source.conj()
    return _Leak(power, own, cross), int(alone.sum())


def _path(leak: _Leak, count: int) -> tuple[int, Floats] | None:
    """(first sample, taps) of the way from the other channel, or None where nothing leaks."""
    if count < _LEAST_BLOCKS:
        return None
    even = leak.source + 1e-3 * leak.source.mean()
    whole = np.fft.irfft(leak.cross / even, _BLOCK)
    lags = np.arange(-_MOST_EARLY, _MOST_LATE)
    peak = int(lags[np.argmax(np.abs(whole[lags]))])
    near = np.arange(peak - _REACH, peak + _REACH + 1)
    taps = whole[near] * np.hanning(len(near) + 2)[1:-1] ** 0.25
    response = np.fft.rfft(taps, _BLOCK) * np.exp(
        -2j * np.pi * np.arange(_BLOCK // 2 + 1) * near[0] / _BLOCK
    )
    left = leak.target - 2 * (leak.cross * response.conj()).real + np.abs(response) ** 2 * even
    explained = 1 - float(left.sum() / max(leak.target.sum(), 1e-12))
    level = 10 * np.log10(float((np.abs(response) ** 2 * leak.source).sum() / leak.source.sum()))
    if explained < _EXPLAINED or level < _LEAST_LEAK_DB:
        return None
    return int(near[0]), taps
