"""Where one channel holds speech: Silero VAD, and what is too steady to be a voice.

Silero VAD (inside faster-whisper) has a memory: after some seconds of music or tones it is deaf to
a voice for up to 8 s. So what sounds and is no speech to it is judged again without that memory,
3 s at a time.

It is hardly ever deceived by tones and noise, but now and then by a note of music, for a moment and
without being sure. Such a moment, away from sure speech, counts
only if its sound moves as a voice does: in music the strongest spectral peaks keep their frequency
from one tenth of a second to the next (Seyerlehner et al. 2007, Automatic music detection in
television productions, DAFx-07), in speech the harmonics glide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qc_speech.engines.options import SpeechOptions
from qc_speech.engines.timeline import Bools, hysteresis, runs, talk
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

Floats = npt.NDArray[np.floating]

FRAME_MS = 10
PER_FRAME = SAMPLE_RATE_HZ * FRAME_MS // 1000
_CHUNK = 512  # samples: what Silero judges at once (32 ms)
_BLOCK = 18_750  # chunks (10 minutes) judged in one go: memory stays flat in long recordings
_LEAD = 250  # chunks (8 s) before a block, so that its memory is filled
_LOUD_DBFS = -30.0  # a channel whose speech is quieter is raised to this before it is judged
_MOST_GAIN_DB = 40.0
_FRESH, _FRESH_LEAD = 94, 31  # chunks (3 s) judged without memory, after 1 s of lead
_SOUNDS_DB = 10.0  # over the channel's quietest tenth: something sounds
_SOUND_GAP, _LEAST_SOUND = 15, 16  # chunks: shorter gaps are bridged, shorter sounds let be
_LEAST_FRESH = 6  # chunks of sure speech (0.2 s) to believe the second judgement
_WINDOW, _HOP, _LAG = 1024, 256, 5  # samples, samples, hops: 64 ms windows compared 80 ms apart
_BAND_HZ = (200, 3600)
_PEAKS = 8
_DRIFT = 0.006  # a peak that moves less than this (a tenth of a semitone) stands still
_DRIFT_BINS = 0.12


def stretches(channel: Samples, options: SpeechOptions) -> tuple[tuple[int, int], ...]:
    """[start, stop) of speech in 10 ms frames of one channel (1-D, 16 kHz), in order of time."""
    if not len(channel):
        return ()
    probable = _second_hearing(channel, probabilities(channel), options)
    gap = options.gap_ms * SAMPLE_RATE_HZ // 1000 // _CHUNK
    found: list[tuple[int, int]] = []
    for start, stop in runs(hysteresis(probable, options.threshold, options.release)):
        if found and start - found[-1][1] <= gap:
            start = found.pop()[0]
        found.append((start, stop))
    kept = _believed(channel, probable, found, options)
    last = -(-len(channel) // PER_FRAME)
    return tuple(
        (start * _CHUNK // PER_FRAME, min(last, -(-stop * _CHUNK // PER_FRAME)))
        for start, stop in kept
    )


def near(spans: tuple[tuple[int, int], ...], count: int, reach: int) -> Bools:
    """Of `count` frames those in or within `reach` frames of a span."""
    mark = np.zeros(count, bool)
    for start, stop in spans:
        mark[max(0, start - reach) : stop + reach] = True
    return mark


def probabilities(channel: Samples) -> Floats:
    """Silero's probability of speech per 32 ms. A quiet recording is judged as if it were loud."""
    from faster_whisper.vad import get_vad_model

    model = get_vad_model()
    gain = _gain(channel)
    found = []
    for start in range(0, -(-len(channel) // _CHUNK), _BLOCK):
        lead = min(start, _LEAD)
        part = channel[(start - lead) * _CHUNK : (start + _BLOCK) * _CHUNK] * gain
        whole = np.pad(part, (0, -len(part) % _CHUNK)).astype(np.float32)
        found.append(np.asarray(model(whole)).reshape(-1)[lead:])
    return np.concatenate(found)


def _second_hearing(channel: Samples, probable: Floats, options: SpeechOptions) -> Floats:
    """Probabilities, also of voices that come after or over something else that sounds."""
    from faster_whisper.vad import get_vad_model

    model, gain = get_vad_model(), _gain(channel)
    better = probable.copy()
    for start, stop in _unheard(channel, probable, options):
        for begin in range(start, stop, _FRESH):
            end = min(begin + _FRESH, stop)
            lead = min(begin, _FRESH_LEAD)
            part = channel[(begin - lead) * _CHUNK : end * _CHUNK] * gain
            whole = np.pad(part, (0, -len(part) % _CHUNK)).astype(np.float32)
            fresh = np.asarray(model(whole)).reshape(-1)[lead:]
            for first, last in runs(hysteresis(fresh, options.sure, options.threshold)):
                sound = channel[(begin + first) * _CHUNK : (begin + last) * _CHUNK]
                if last - first >= _LEAST_FRESH and steadiness(sound) < options.steady:
                    here = slice(begin + first, begin + last)
                    better[here] = np.maximum(better[here], fresh[first:last])
    return np.asarray(better)


def _unheard(channel: Samples, probable: Floats, options: SpeechOptions) -> list[tuple[int, int]]:
    """[start, stop) in chunks of what sounds for half a second or more and is no speech so far."""
    count = len(channel) // _CHUNK
    if count < _LEAST_SOUND:
        return []
    frames = channel[: count * _CHUNK].reshape(count, _CHUNK)
    levels = 10 * np.log10(np.einsum("ij,ij->i", frames, frames) / _CHUNK + 1e-12)
    loud = levels > np.percentile(levels, 10) + _SOUNDS_DB
    silent = probable[:count] < options.threshold
    return talk(loud & silent, ~silent, _SOUND_GAP, 0, _LEAST_SOUND)


def _gain(channel: Samples) -> float:
    """1, or more where even the loudest hundredth of the channel is quiet."""
    count = len(channel) // PER_FRAME
    if not count:
        return 1.0
    frames = channel[: count * PER_FRAME].reshape(count, PER_FRAME)
    powers = np.einsum("ij,ij->i", frames, frames) / PER_FRAME
    loud = 10 * np.log10(max(float(np.percentile(powers, 99)), 1e-12))
    return float(10 ** (min(max(_LOUD_DBFS - loud, 0.0), _MOST_GAIN_DB) / 20))


def _believed(
    channel: Samples, probable: Floats, found: list[tuple[int, int]], options: SpeechOptions
) -> list[tuple[int, int]]:
    """All but the weak, lonely and steady ones."""
    sure = [probable[start:stop].max() >= options.sure for start, stop in found]
    alone = options.alone_ms * SAMPLE_RATE_HZ // 1000 // _CHUNK
    strong = near(tuple(s for s, is_sure in zip(found, sure) if is_sure), len(probable), alone)
    return [
        (start, stop)
        for (start, stop), is_sure in zip(found, sure)
        if is_sure
        or strong[start:stop].any()
        or (
            stop - start >= options.least_weak_ms * SAMPLE_RATE_HZ // 1000 // _CHUNK
            and steadiness(channel[max(0, start - 8) * _CHUNK : (stop + 8) * _CHUNK])
            < options.steady
        )
    ]


def steadiness(sound: Samples) -> float:
    """Share of the power (200-3600 Hz) that lies in spectral peaks whose frequency stays where it
    is for 80 ms, 0..1: below 0.2 in speech, 0.3 to 1 in tones and music."""
    count = (len(sound) - _WINDOW) // _HOP + 1
    if count <= _LAG:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    low, high = (hertz * _WINDOW // SAMPLE_RATE_HZ for hertz in _BAND_HZ)
    places = [_peaks(row, low, high) for row in power]
    steady = 0.0
    for number, (bins, exact) in enumerate(places[:-_LAG]):
        later = places[number + _LAG][1]
        if not len(bins) or not len(later):
            continue
        moved = np.abs(exact[:, None] - later).min(axis=1)
        still = bins[moved < np.maximum(_DRIFT * exact, _DRIFT_BINS)]
        steady += float(power[number][still[:, None] + [-1, 0, 1]].sum())
    return steady / max(float(power[:-_LAG, low:high].sum()), 1e-12)


def _peaks(power: Floats, low: int, high: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """The strongest peaks of a spectrum: their bins, and where they exactly are (parabola)."""
    inner = power[1:-1]
    bins = np.flatnonzero((inner > power[:-2]) & (inner >= power[2:])) + 1
    bins = bins[(bins >= low) & (bins < high)]
    bins = bins[np.argsort(-power[bins])[:_PEAKS]]
    left, middle, right = (np.log(power[bins + step] + 1e-12) for step in (-1, 0, 1))
    bend = np.minimum(left - 2 * middle + right, -1e-9)
    return bins, bins + 0.5 * (left - right) / bend
