"""Fundamental frequency: level, range and flatness of a voice in semitones.

SwiftF0 (Nieradzik 2025) tracks it: a small network that finds the pitch of telephone speech too,
whose band has lost the fundamental itself. It hears samples of the talk, so that it stays cheap.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qc_speech.measures.frames import Floats
from qc_speech.model import Span, Utterance
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

_LOW_HZ, _HIGH_HZ = 65.0, 500.0
_VOICED = 0.5  # the tracker's own threshold
_LEAST_MS = 500
_PIECE_MS = 1000
_BUDGET = 0.12  # of the call, per party
_BUDGET_MS = (6_000, 45_000)
_LEAST_FRAMES = 100  # 1.6 s of voice


@functools.lru_cache(maxsize=1)
def _tracker() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)


def contour(samples: Samples) -> Floats:
    """Hz of the voiced frames (16 ms each) of a 1-D signal; empty when there are none."""
    if samples.size < SAMPLE_RATE_HZ // 10:
        return np.zeros(0)
    found = _tracker().detect(samples, SAMPLE_RATE_HZ, _LOW_HZ, _HIGH_HZ)
    return np.asarray(found.pitch_hz[found.confidence >= _VOICED], dtype=np.float64)


def sampled(utterances: Sequence[Utterance], duration_ms: int) -> Mapping[int, Span]:
    """Stretches to listen to, by utterance: the middle of each, of every n-th in a long call."""
    long_enough = [u for u in utterances if u.span.duration_ms >= _LEAST_MS]
    budget = min(max(round(duration_ms * _BUDGET), _BUDGET_MS[0]), _BUDGET_MS[1])
    most = max(1, budget // _LEAST_MS)
    chosen = long_enough[:: -(-len(long_enough) // most)] if long_enough else []
    piece = min(_PIECE_MS, budget // max(1, len(chosen)))
    found = {}
    for utterance in chosen:
        middle = (utterance.span.start_ms + utterance.span.end_ms) // 2
        half = min(piece, utterance.span.duration_ms) // 2
        found[utterance.index] = Span(middle - half, middle + half)
    return found


def level_hz(voices: Sequence[Floats]) -> float | None:
    """Median pitch; None when too little voice was heard."""
    hertz = _joined(voices)
    return round(float(np.median(hertz)), 1) if hertz.size >= _LEAST_FRAMES else None


def spread_semitones(voices: Sequence[Floats]) -> float | None:
    """How much the pitch moves: half the distance of its 16th and 84th percentile (one standard
    deviation of a normal voice). A flat voice stays near 0."""
    return _between(voices, 16, 84, 0.5)


def range_semitones(voices: Sequence[Floats]) -> float | None:
    """From the 5th to the 95th percentile of the pitch."""
    return _between(voices, 5, 95, 1.0)


def semitones_above(hertz: float, reference_hz: float) -> float:
    return float(12 * np.log2(hertz / reference_hz))


def _between(voices: Sequence[Floats], low: float, high: float, scale: float) -> float | None:
    hertz = _joined(voices)
    if hertz.size < _LEAST_FRAMES:
        return None
    below, above = np.percentile(hertz, (low, high))
    return round(scale * semitones_above(float(above), float(below)), 2)


def _joined(voices: Sequence[Floats]) -> Floats:
    return np.concatenate(voices) if voices else np.zeros(0)
