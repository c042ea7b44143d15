"""Sound of clips: levels, fades, beeps, slowing down, disguising a voice, files.

All samples are float32 of shape (rows, n) at 16 kHz in [-1, 1].
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from qc_speech.model import Span
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

LOUDNESS_LUFS = -19.0  # of each party's speech; mono programmes for the web are at -16 to -19
_PEAK = 10 ** (-1 / 20)
_MOST_GAIN_DB = 24.0
_BEEP_HZ, _BEEP_DBFS = 1000.0, -27.0
_FADE_MS = 20
_RAMP_MS = 8
_MP3_KBITS = 64

# A voice becomes another one by three changes at once: the pitch and all formants by `_SHIFT` (down
# for high voices, up for low ones), and the formants against each other by McAdams' coefficient
# (Patino et al. 2021, "Speaker anonymisation using the McAdams coefficient", baseline B2 of the
# VoicePrivacy Challenge). It is a disguise and no proof against an expert: docs/clips.md.
_SHIFT = {"low": 1.22, "high": 0.82}
_MCADAMS = 0.84
_LPC_ORDER = 20
_FRAME_MS, _HOP_MS = 20, 10
_HIGH_HZ = 165.0  # above it a voice counts as high


def index(ms: float) -> int:
    return round(ms * SAMPLE_RATE_HZ / 1000)


def levelled(row: Samples, speech: Sequence[Span]) -> Samples:
    """One party's row at the usual loudness, measured over its speech (ITU-R BS.1770-4)."""
    parts = [row[index(s.start_ms) : index(s.end_ms)] for s in speech]
    talk = np.concatenate(parts) if parts else row[:0]
    if len(talk) < SAMPLE_RATE_HZ // 2:  # half a second: too little to measure by the standard
        power = float(np.mean(np.square(talk))) if len(talk) else 0.0
        measured = 10 * math.log10(power) - 0.7 if power > 1e-9 else -math.inf
    else:
        import pyloudnorm

        measured = float(pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(talk))
    if not math.isfinite(measured):
        return row
    gain = min(_MOST_GAIN_DB, LOUDNESS_LUFS - measured)
    return np.asarray(row * 10 ** (gain / 20), np.float32)


def mixed(rows: Samples) -> Samples:
    """All rows as one, (1, n); too loud a sum is turned down as a whole."""
    return within(np.asarray(rows.sum(axis=0, keepdims=True), np.float32))


def within(samples: Samples) -> Samples:
    """Turned down as a whole where a peak is above -1 dBFS."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    out: Samples = np.asarray(samples * min(1.0, _PEAK / max(peak, 1e-9)), np.float32)
    return out


def faded(samples: Samples) -> Samples:
    """With a fade of 20 ms at both ends: no click."""
    size = min(index(_FADE_MS), samples.shape[1] // 2)
    if not size:
        return samples
    ramp = np.sin(np.linspace(0, np.pi / 2, size)) ** 2
    out: Samples = samples.astype(np.float32)
    out[:, :size] *= ramp
    out[:, -size:] *= ramp[::-1]
    return out


def hide(samples: Samples, stretches: Iterable[tuple[Span, str]]) -> Samples:
    """Nothing of the stretches is left in any row; instead a beep, or silence where it says mute.

    A stretch is wiped to its very edges; the beep ramps inside it, so nothing can be heard under
    a ramp.
    """
    out: Samples = samples.copy()
    for span, how in stretches:
        start, end = max(0, index(span.start_ms)), min(out.shape[1], index(span.end_ms))
        if end <= start:
            continue
        out[:, start:end] = 0.0
        if how == "beep":
            out[:, start:end] += _beep(end - start) / len(out)
    return out


def _beep(size: int) -> Samples:
    tone = np.sin(2 * np.pi * _BEEP_HZ * np.arange(size, dtype=np.float32) / SAMPLE_RATE_HZ)
    ramp = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)) / max(1, index(_RAMP_MS))
    level = math.sqrt(2) * 10 ** (_BEEP_DBFS / 20)
    return np.asarray(level * tone * np.minimum(1.0, ramp), np.float32)


def stretched(samples: Samples, speed: float) -> Samples:
    """Slower or faster with the pitch kept (FFmpeg's atempo, a WSOLA)."""
    if abs(speed - 1.0) < 1e-3:
        return samples
    return _filtered(samples, (("atempo", f"{speed:.4f}"),))


def disguised(row: Samples, pitch_hz: float | None) -> Samples:
    """A row whose voice is another one: pitch and formants moved, as long as before to a sample.

    pitch_hz: the speaker's usual pitch, None: unknown, taken for low.
    """
    shift = _SHIFT["high" if (pitch_hz or 0.0) > _HIGH_HZ else "low"]
    moved = _filtered(
        row[None, :],
        (
            ("asetrate", str(round(SAMPLE_RATE_HZ * shift))),
            ("aresample", str(SAMPLE_RATE_HZ)),
            ("atempo", f"{1 / shift:.6f}"),
        ),
    )[0]
    size = len(row)
    moved = np.pad(moved[:size], (0, max(0, size - len(moved))))
    return mcadams(np.asarray(moved, np.float32))


def mcadams(row: Samples, coefficient: float = _MCADAMS) -> Samples:
    """The formants of a voice moved against each other: angles of the poles of each frame's linear
    prediction raised to a power. Frame by frame with overlap-add, the same length out."""
    from scipy.linalg import solve_toeplitz
    from scipy.signal import lfilter

    size, hop = index(_FRAME_MS), index(_HOP_MS)
    window = np.hanning(size + 1)[:-1]
    padded = np.pad(row.astype(np.float64), (size, size))
    out = np.zeros_like(padded)
    for start in range(0, len(padded) - size + 1, hop):
        frame = padded[start : start + size] * window
        power = float(frame @ frame)
        if power < 1e-7:
            out[start : start + size] += frame
            continue
        lags = np.correlate(frame, frame, "full")[size - 1 : size + _LPC_ORDER]
        lags[0] *= 1.0 + 1e-5
        whitening = np.concatenate(([1.0], -solve_toeplitz(lags[:-1], lags[1:])))
        residual = lfilter(whitening, [1.0], frame)
        changed = lfilter([1.0], _moved_poles(whitening, coefficient), residual) * window
        out[start : start + size] += changed * math.sqrt(power / max(1e-12, changed @ changed))
    return np.asarray(np.clip(out[size:-size], -1.0, 1.0), np.float32)


def _moved_poles(whitening: np.ndarray, coefficient: float) -> np.ndarray:
    poles = np.roots(whitening)
    angle = np.angle(poles)
    turning = np.abs(poles.imag) > 1e-9
    moved = np.where(turning, np.sign(angle) * np.abs(angle) ** coefficient, angle)
    radius = np.minimum(np.abs(poles), 0.98)
    return np.real(np.poly(radius * np.exp(1j * np.clip(moved, -np.pi, np.pi))))


def _filtered(samples: Samples, chain: Sequence[tuple[str, str]]) -> Samples:
    """Samples through a chain of FFmpeg's audio filters, row by row."""
    import av
    from av.filter import Graph

    rows = []
    for row in samples:
        graph = Graph()
        source = graph.add_abuffer(
            sample_rate=SAMPLE_RATE_HZ,
            format="fltp",
            layout="mono",
            time_base=Fraction(1, SAMPLE_RATE_HZ),
        )
        nodes = [source, *(graph.add(name, args) for name, args in chain)]
        nodes.append(graph.add("abuffersink"))
        for one, following in itertools.pairwise(nodes):
            one.link_to(following)
        graph.configure()
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(row[None, :], np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, 0
        graph.push(frame)
        graph.push(None)
        rows.append(np.concatenate(list(_drained(graph)) or [row[:0]]))
    size = min(map(len, rows))
    return np.stack([one[:size] for one in rows]).astype(np.float32)


def _drained(graph: Any) -> Iterable[Samples]:
    import av

    while True:
        try:
            yield graph.pull().to_ndarray().reshape(-1)
        except (av.error.EOFError, av.error.BlockingIOError):
            return


def wav(samples: Samples) -> bytes:
    """16-bit PCM WAV."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, samples.T, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return out.getvalue()


def mp3(samples: Samples) -> bytes:
    """MP3 (LAME through PyAV), 64 kbit/s a channel."""
    import av

    out = io.BytesIO()
    layout = "mono" if len(samples) == 1 else "stereo"
    with av.open(out, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE_HZ, layout=layout)
        stream.bit_rate = _MP3_KBITS * 1000 * len(samples)
        data = np.ascontiguousarray(np.clip(samples, -1, 1), np.float32)
        frame = av.AudioFrame.from_ndarray(data, format="fltp", layout=layout)
        frame.sample_rate = SAMPLE_RATE_HZ
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return out.getvalue()


ENCODERS = {"wav": wav, "mp3": mp3}


def write(path: Path, samples: Samples) -> None:
    """By the file's suffix: .wav or .mp3."""
    path.write_bytes(ENCODERS[path.suffix.lstrip(".").lower()](samples))
