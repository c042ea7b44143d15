"""File -> Recording and sound: any format PyAV decodes, 16 kHz mono float32 per party."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qc_speech.errors import AudioError
from qc_speech.model import Metadata, Recording
from qc_speech.ports import SAMPLE_RATE_HZ, Audio, Samples

MAX_SECONDS = 12 * 3600  # a decompression bomb is refused, a long shift's recording is not
# Warnings are codes in results (reports translate them); these lines are for the terminal.
NOTES = {
    "truncated": "the file ends early; only what is there was inspected",
    "silent": "no sound in the recording; it goes to review",
    "many_channels": "more than two channels: mixed to mono; record agent and customer apart",
    "not_stereo": "the manifest says stereo, the file is mono: inspected as mono",
    "not_mono": "the manifest says mono, the file has two channels: mixed to mono",
    "same_channels": "both channels carry the same sound: inspected as mono",
}
_SAME_CHANNEL_CORRELATION = 0.98
_SILENT_DBFS = -65.0


@dataclass(frozen=True)
class _Sound:
    samples: Samples  # (channels of the file, n) at 16 kHz
    rate_hz: int
    expected_ms: int | None
    broken: bool


def load(path: Path, metadata: Metadata) -> Audio:
    """Decode a recording. Raises AudioError with one line: file, what is wrong, what to do."""
    if not path.is_file():
        raise AudioError(f"{path.name}: no such file; check the path or the manifest")
    if path.stat().st_size == 0:
        raise AudioError(f"{path.name}: the file is empty; copy it again from the recorder")
    sound = _decode(path)
    if sound.samples.shape[1] < SAMPLE_RATE_HZ // 10:
        raise AudioError(
            f"{path.name}: holds no sound (0 seconds); copy it again from the recorder"
        )
    samples, notes = _parties(sound.samples, metadata)
    duration_ms = round(samples.shape[1] * 1000 / SAMPLE_RATE_HZ)
    if sound.broken or (sound.expected_ms and duration_ms < sound.expected_ms - 1000):
        notes.append("truncated")
    if float(np.max(np.abs(samples))) < 10 ** (_SILENT_DBFS / 20):
        notes.append("silent")
    recording = Recording(
        id=file_id(path),
        source_name=shown_name(path),
        duration_ms=duration_ms,
        sample_rate_hz=sound.rate_hz,
        channels=samples.shape[0],
        metadata=metadata,
        warnings=tuple(notes),
    )
    return Audio(recording, samples)


def shown_name(path: Path) -> str:
    """A file's name as text; bytes that are not UTF-8 (names in GBK) become marks."""
    return path.name.encode("utf-8", "replace").decode("utf-8")


def file_id(path: Path) -> str:
    """SHA-256 of the file's bytes. Raises AudioError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise AudioError(
            f"{path.name}: cannot be read ({error.strerror}); check permissions"
        ) from None
    return digest.hexdigest()


def _decode(path: Path) -> _Sound:
    import av
    from av.audio.resampler import AudioResampler

    try:
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except PermissionError:
        raise AudioError(f"{path.name}: no permission to read it; check permissions") from None
    except (av.error.FFmpegError, OSError, ValueError):
        raise AudioError(
            f"{path.name}: not an audio file that FFmpeg knows; export it as wav, mp3 or flac"
        ) from None
    with container:
        if not container.streams.audio:
            raise AudioError(f"{path.name}: holds no audio track; export the sound alone")
        stream = container.streams.audio[0]
        rate, channels = stream.rate or 0, stream.channels or 0
        if rate <= 0 or channels <= 0:
            raise AudioError(
                f"{path.name}: the header gives no sample rate; export it again as wav"
            )
        expected = _promised_ms(path, rate) or _expected_ms(path, stream)
        resampler = AudioResampler(format="fltp", layout=stream.layout, rate=SAMPLE_RATE_HZ)
        blocks: list[Samples] = []
        broken, total = False, 0
        try:
            for frame in container.decode(stream):
                frame.pts = None  # recorders write odd timestamps; samples in order are the truth
                for part in resampler.resample(frame):
                    blocks.append(_to_array(part, channels))
                    total += blocks[-1].shape[1]
                if total > MAX_SECONDS * SAMPLE_RATE_HZ:
                    raise AudioError(f"{path.name}: longer than 12 hours; split the recording")
            blocks.extend(_to_array(part, channels) for part in resampler.resample(None))
        except (av.error.FFmpegError, ValueError, OSError):
            broken = True
        if not blocks:
            what = "damaged, nothing can be decoded" if stream.duration else "holds no sound (0 s)"
            raise AudioError(f"{path.name}: {what}; copy it again from the recorder")
        samples = np.concatenate(blocks, axis=1)
    np.nan_to_num(samples, copy=False)
    return _Sound(np.clip(samples, -1.0, 1.0), int(rate), expected, broken)


def _to_array(frame: Any, channels: int) -> Samples:
    data = frame.to_ndarray().astype(np.float32, copy=False)
    return np.asarray(data if data.shape[0] == channels else data.reshape(channels, -1))


def _promised_ms(path: Path, rate: int) -> int | None:
    """The duration of an mp3 by its encoder's count of frames (Xing or Info tag)."""
    if path.suffix.lower() != ".mp3":
        return None
    with path.open("rb") as stream:
        tag = re.search(rb"(?:Xing|Info)\0\0\0([\x01-\x0f])(.{4})", stream.read(1 << 16), re.DOTALL)
    if tag is None or not tag[1][0] & 1:
        return None
    return int.from_bytes(tag[2], "big") * (1152 if rate >= 32_000 else 576) * 1000 // rate


def _expected_ms(path: Path, stream: Any) -> int | None:
    """The duration that the header promises; only containers whose header counts samples."""
    if path.suffix.lower() not in {".wav", ".flac", ".m4a"} or not stream.duration:
        return None
    promised = round(float(stream.duration * stream.time_base) * 1000)
    # A streaming recorder leaves 0xFFFFFFFF in the header: no promise at all.
    return promised if promised < MAX_SECONDS * 1000 else None


def _parties(samples: Samples, metadata: Metadata) -> tuple[Samples, list[str]]:
    """Rows that carry different speech: one (mono) or two (stereo), and notes for people."""
    notes: list[str] = []
    samples = samples - samples.mean(axis=1, keepdims=True)  # DC offset
    if samples.shape[0] > 2:
        notes.append("many_channels")
        return samples.mean(axis=0, keepdims=True).astype(np.float32), notes
    if samples.shape[0] == 1:
        if metadata.channels == "stereo":
            notes.append("not_stereo")
        return samples.astype(np.float32), notes
    left, right = samples
    if metadata.channels == "mono":
        notes.append("not_mono")
        return samples.mean(axis=0, keepdims=True).astype(np.float32), notes
    if _same(left, right):
        notes.append("same_channels")
        return samples.mean(axis=0, keepdims=True).astype(np.float32), notes
    return samples.astype(np.float32), notes


def _same(left: Samples, right: Samples) -> bool:
    power = float(np.sqrt(np.dot(left, left) * np.dot(right, right)))
    return power > 0 and float(np.dot(left, right)) / power > _SAME_CHANNEL_CORRELATION
