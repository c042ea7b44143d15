"""Recordings as a browser can play and draw them: a FLAC copy, and the peaks of the waveform.

Both read the file piece by piece: an hour's sound is never in memory as samples.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qc_speech.errors import AudioError

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

Floats = npt.NDArray[np.float32]

_STEP_MS = 20
_MOST_PEAKS = 30_000  # of a channel: a picture's worth at the highest zoom
PEAKS_KEY = "peaks/1"


@dataclass(frozen=True)
class Peaks:
    """The waveform of each channel of the file, a byte for every `step_ms`: 255 times the square
    root of the largest magnitude (so that quiet lines keep their shape), as base64."""

    step_ms: int
    channels: tuple[str, ...]


def flac_of(source: Path) -> bytes:
    """A FLAC copy with the channels and the rate of the recording. Raises AudioError."""
    import av

    copy = io.BytesIO()
    with av.open(copy, "w", format="flac") as flac:
        stream: Any = None
        for frame in _frames(source):
            if stream is None:
                stream = flac.add_stream("flac", rate=frame.sample_rate)
                stream.layout, stream.format = frame.layout, "s16"
            frame.pts = None
            flac.mux(stream.encode(frame))
        if stream is None:
            raise AudioError(f"{source.name}: holds no sound; copy it again from the recorder")
        flac.mux(stream.encode(None))
    return copy.getvalue()


def peaks_of(path: Path) -> Peaks:
    """The peaks of a recording's file. Raises AudioError."""
    pieces: list[Floats] = []
    rest: Floats | None = None
    size = 1
    for frame in _frames(path):
        data = frame.to_ndarray().astype(np.float32).reshape(-1, frame.layout.nb_channels).T
        rest = data if rest is None else np.concatenate((rest, data), axis=1)
        size = frame.sample_rate * _STEP_MS // 1000
        if rest.shape[1] >= 50 * size:
            whole = rest.shape[1] // size * size
            pieces.append(_tops(rest[:, :whole], size))
            rest = rest[:, whole:]
    if rest is None:
        raise AudioError(f"{path.name}: holds no sound; copy it again from the recorder")
    pieces.append(_tops(rest, size))
    rows: Floats = np.concatenate(pieces, axis=1) / np.float32(32768)
    fold = -(-rows.shape[1] // _MOST_PEAKS)
    coded = np.round(255 * np.sqrt(np.minimum(_tops(rows, fold), 1.0))).astype(np.uint8)
    return Peaks(_STEP_MS * fold, tuple(base64.b64encode(row.tobytes()).decode() for row in coded))


def _tops(rows: Floats, size: int) -> Floats:
    """The largest magnitude of every `size` samples; the last ones may be fewer."""
    whole = np.pad(np.abs(rows), ((0, 0), (0, -rows.shape[1] % size)))
    tops: Floats = whole.reshape(len(rows), -1, size).max(axis=2)
    return tops


def _frames(path: Path) -> Iterator[AudioFrame]:
    """The recording in 16-bit frames of its own rate and channels; what comes after a damaged
    place is left out, as when it was inspected."""
    import av
    from av.audio.resampler import AudioResampler

    try:
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError):
        raise AudioError(
            f"{path.name}: cannot be opened; was it moved, removed or damaged?"
        ) from None
    with container:
        if not container.streams.audio:
            raise AudioError(f"{path.name}: holds no audio track; export the sound alone")
        stream = container.streams.audio[0]
        resampler = AudioResampler(format="s16", layout=stream.layout, rate=stream.rate)
        try:
            for frame in container.decode(stream):
                frame.pts = None
                yield from resampler.resample(frame)
            yield from resampler.resample(None)
        except (av.error.FFmpegError, ValueError):
            return
