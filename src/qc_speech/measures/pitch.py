"""Fundamental frequency by autocorrelation, on a sample of the frames (it need only be cheap)."""

from __future__ import annotations

import numpy as np

from qc_speech.measures.frames import Floats, decibels
from qc_speech.measures.syllables import periodicity
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

_WINDOW = 640
_HOP = 480
_MOST_FRAMES = 100  # 3 s of an utterance tell its median
_VOICED = 0.55


def pitches(samples: Samples) -> Floats:
    """Hz of the voiced frames of a 1-D signal (75..400 Hz); empty when there are none."""
    starts = np.arange(0, len(samples) - _WINDOW, _HOP)
    if starts.size == 0:
        return np.zeros(0)
    starts = starts[:: -(-starts.size // _MOST_FRAMES)]
    rows = samples[starts[:, None] + np.arange(_WINDOW)].astype(np.float64)
    levels = decibels((rows**2).mean(axis=1))
    rows = rows[levels > levels.max() - 25]
    strength, lag = periodicity(rows)
    return np.asarray(SAMPLE_RATE_HZ / lag[strength > _VOICED])


def spread_semitones(voices: list[Floats]) -> float | None:
    """How much the pitch moves within an octave: half the distance of its 16th and 84th
    percentile; None when less than about five seconds of voice were heard."""
    hertz = np.concatenate(voices) if voices else np.zeros(0)
    if hertz.size < 150:
        return None
    steps = 12 * np.log2(hertz / np.median(hertz))
    folded = (steps + 6) % 12 - 6  # an octave error of the tracker is no movement of the voice
    low, high = np.percentile(folded, (16, 84))
    return round(float(high - low) / 2, 2)
