"""Tones of the Chinese telephone network: 450 Hz, told apart by their cadence (GB/T 3380).

Ring-back: 1 s on, 4 s off. Busy: 0.35 s on, 0.35 s off. Number unobtainable and congestion differ
in cadence only (0.7/0.7); they too mean that the far end is gone.
"""

from __future__ import annotations

import numpy as np

from qc_speech.measures.frames import Flags
from qc_speech.model import Span
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

_HERTZ = 450
_NEAR_HERTZ = 25  # the standard allows 450 ± 25 Hz
_BLOCK = SAMPLE_RATE_HZ // 20  # 50 ms: 20 Hz resolution
_PURE = 0.6  # share of the power that lies in the band
_FIRST_MS = 8_000  # a recording that holds the ringing starts with it
_HEAD_MS = 90_000  # nobody lets it ring longer
_AUDIBLE = 10 ** (-50 / 10)


def tone_bursts(samples: Samples, span: Span) -> tuple[Span, ...]:
    """Stretches of 450 Hz tone in one channel (1-D, 16 kHz), to 50 ms."""
    scale = SAMPLE_RATE_HZ // 1000
    part = samples[span.start_ms * scale : span.end_ms * scale]
    count = len(part) // _BLOCK
    if count == 0:
        return ()
    blocks = part[: count * _BLOCK].reshape(count, _BLOCK) * np.hanning(_BLOCK)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    hertz = np.fft.rfftfreq(_BLOCK, 1 / SAMPLE_RATE_HZ)
    band = np.abs(hertz - _HERTZ) <= _NEAR_HERTZ + SAMPLE_RATE_HZ / _BLOCK
    total = power.sum(axis=1)
    loud = np.mean(part[: count * _BLOCK].reshape(count, _BLOCK) ** 2, axis=1) > _AUDIBLE
    pure: Flags = loud & (power[:, band].sum(axis=1) > _PURE * np.maximum(total, 1e-12))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], pure, [False]]).astype(np.int8)))
    return tuple(
        Span(span.start_ms + 50 * int(start), span.start_ms + 50 * int(stop))
        for start, stop in edges.reshape(-1, 2)
        if stop - start >= 3
    )


def ring_back(samples: Samples) -> tuple[Span, ...]:
    """The ring-back tones at the head of a recording (any channel), up to the first that breaks
    the cadence; none where the recording starts with the answer."""
    most: tuple[Span, ...] = ()
    for channel in samples:
        if not tone_bursts(channel, Span(0, _FIRST_MS)):
            continue
        rings: list[Span] = []
        for burst in tone_bursts(channel, Span(0, _HEAD_MS)):
            period = burst.start_ms - rings[-1].start_ms if rings else 5000
            if burst.duration_ms > 1400 or not 4000 <= period <= 6000:
                break
            rings.append(burst)
        most = max(most, tuple(rings), key=len)
    return most if any(ring.duration_ms >= 700 for ring in most) else ()


def busy_tone(samples: Samples, span: Span) -> bool:
    """Whether a stretch holds a busy or congestion tone: two or more even bursts."""
    for channel in samples:
        bursts = tone_bursts(channel, span)
        periods = np.diff([burst.start_ms for burst in bursts])
        if len(bursts) >= 2 and all(600 <= period <= 1600 for period in periods):
            return True
    return False
