"""Stretches of speech as a recognizer wants them: cut where too long, packed into windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qc_speech.model import Span
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

MAX_WINDOW_MS = 29_000
MAX_CHUNK_MS = 28_000
PAUSE_MS = 400


@dataclass(frozen=True)
class Window:
    """Stretches of one channel heard together. Whisper hears a sentence better with its neighbours
    (character error 24.7 % with pauses kept, 21.5 % with pauses shortened, 31 % one by one; see
    docs/quality.md), so pauses are shortened and stretches packed up to the length of a window."""

    pieces: tuple[Span, ...]

    @property
    def duration_ms(self) -> int:
        return sum(piece.duration_ms + PAUSE_MS for piece in self.pieces)

    def sound(self, samples: Samples) -> Samples:
        pause = np.zeros(PAUSE_MS * SAMPLE_RATE_HZ // 1000, dtype=np.float32)
        return np.concatenate(
            [part for piece in self.pieces for part in (cut(samples, piece), pause)]
        )

    def place(self, ms: float) -> tuple[int, int]:
        """Time in the window -> (piece, time in the recording, in ms)."""
        for index, piece in enumerate(self.pieces):
            if ms < piece.duration_ms + PAUSE_MS / 2 or index == len(self.pieces) - 1:
                inside = min(max(0.0, ms), float(piece.duration_ms))
                return index, piece.start_ms + round(inside)
            ms -= piece.duration_ms + PAUSE_MS
        raise AssertionError("a window has at least one piece")


def pack(pieces: Sequence[Span]) -> tuple[Window, ...]:
    """Neighbouring stretches joined into as few windows as hold them, of about equal length: a
    short window left over is heard badly."""
    ordered = sorted(pieces)
    total = sum(piece.duration_ms + PAUSE_MS for piece in ordered)
    count = math.ceil(total / (MAX_WINDOW_MS - 1_500))
    windows: list[list[Span]] = []
    filled = length = 0
    for piece in ordered:
        size = piece.duration_ms + PAUSE_MS
        full = filled + size / 2 > total / count * len(windows)
        if not windows or full or length + size > MAX_WINDOW_MS:
            windows.append([])
            length = 0
        windows[-1].append(piece)
        length += size
        filled += size
    return tuple(Window(tuple(window)) for window in windows)


def halves(window: Window) -> tuple[Window, ...]:
    """The window cut in two at the piece nearest its middle; one piece stays as it is."""
    if len(window.pieces) == 1:
        return (window,)
    best, passed = 1, 0
    for i, piece in enumerate(window.pieces[:-1], start=1):
        passed += piece.duration_ms + PAUSE_MS
        if abs(passed - window.duration_ms / 2) <= abs(
            sum(p.duration_ms + PAUSE_MS for p in window.pieces[:best]) - window.duration_ms / 2
        ):
            best = i
    return Window(window.pieces[:best]), Window(window.pieces[best:])


def cut(samples: Samples, span: Span) -> Samples:
    """The samples of a span, 16 kHz."""
    per_ms = SAMPLE_RATE_HZ // 1000
    return samples[span.start_ms * per_ms : span.end_ms * per_ms]


def split_long(samples: Samples, span: Span, limit_ms: int = MAX_CHUNK_MS) -> tuple[Span, ...]:
    """Cut a span that one window cannot hold at its quietest places."""
    if span.duration_ms <= limit_ms:
        return (span,)
    per_frame = SAMPLE_RATE_HZ // 50
    signal = cut(samples, span)
    frames = signal[: len(signal) // per_frame * per_frame].reshape(-1, per_frame)
    energy = np.convolve((frames**2).mean(axis=1), np.ones(10) / 10, mode="same")
    low, high = limit_ms // 40, limit_ms // 20
    place = span.start_ms + (low + int(np.argmin(energy[low:high]))) * 20
    head = Span(span.start_ms, place)
    return (head, *split_long(samples, Span(place, span.end_ms), limit_ms))
