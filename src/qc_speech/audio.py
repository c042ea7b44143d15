"""File -> Recording and sound: any format PyAV decodes, 16 kHz mono float32 per party."""

from __future__ import annotations

import errno
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qc_speech.errors import AudioError
from qc_speech.model import Metadata, Recording
from qc_speech.parties import parties
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
    "one_channel": "one of two channels is empty: the other one was inspected as mono",
    "cross_talk": "each party is heard on the other's channel too: taken off; record them apart",
    "clipped": "the recorder clipped loud speech: record at a lower level",
    "very_quiet": "recorded very quietly: raise the recorder's level",
}
_MOST_ROOM_SECONDS = 4 * 3600  # taken on the word of a header
_SILENT_DBFS = -65.0
_QUIET_DBFS = -42.0  # of the loudest speech (99th percentile of 20 ms)
_CLIPPED_SHARE = 0.0005  # of all samples


@dataclass(frozen=True)
class _Sound:
    samples: Samples  # (channels of the file, n) at 16 kHz
    rate_hz: int
    expected_ms: int | None
    broken: bool
    clipped: bool


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
    samples, notes = parties(sound.samples, metadata.channels)
    duration_ms = round(samples.shape[1] * 1000 / SAMPLE_RATE_HZ)
    if sound.broken or (sound.expected_ms and duration_ms < sound.expected_ms - 1000):
        notes.append("truncated")
    if max(float(samples.max()), -float(samples.min())) < 10 ** (_SILENT_DBFS / 20):
        notes.append("silent")
    elif _loudest_dbfs(samples) < _QUIET_DBFS:
        notes.append("very_quiet")
    if sound.clipped:
        notes.append("clipped")
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
    except PermissionError as error:
        if error.errno == errno.EPERM:  # a list that names other files: FFmpeg does not follow it
            raise AudioError(
                f"{path.name}: is a list of other files and no sound; give the sound itself"
            ) from None
        raise AudioError(f"{path.name}: no permission to read it; check permissions") from None
    except (av.error.FFmpegError, OSError, ValueError):
        raise AudioError(
            f"{path.name}: not an audio file that FFmpeg knows; export it as wav, mp3 or flac"
        ) from None
    with container:
        if not container.streams.audio:
            raise AudioError(f"{path.name}: holds no audio track; export the sound alone")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise AudioError(
                f"{path.name}: holds sound in a coding that FFmpeg does not know; export it as wav"
            )
        rate, channels = stream.rate or 0, stream.channels or 0
        if rate <= 0 or channels <= 0:
            raise AudioError(
                f"{path.name}: the header gives no sample rate; export it again as wav"
            )
        expected = _promised_ms(path, rate) or _expected_ms(path, stream)
        resampler = AudioResampler(format="fltp", layout=stream.layout, rate=SAMPLE_RATE_HZ)
        held = (container.duration or 0) / 1_000_000  # an estimate is enough
        samples = _Rows(channels, held)
        broken, cut, frames = False, 0.0, 0
        try:
            for frame in container.decode(stream):
                cut, frames = cut + _cut_off(frame, channels), frames + frame.samples
                frame.pts = None  # recorders write odd timestamps; samples in order are the truth
                for part in resampler.resample(frame):
                    samples.add(_to_array(part, channels))
                if samples.count > MAX_SECONDS * SAMPLE_RATE_HZ:
                    raise AudioError(f"{path.name}: longer than 12 hours; split the recording")
            for part in resampler.resample(None):
                samples.add(_to_array(part, channels))
        except (av.error.FFmpegError, ValueError, OSError):
            broken = True
        if not samples.count:
            what = "damaged, nothing can be decoded" if stream.duration else "holds no sound (0 s)"
            raise AudioError(f"{path.name}: {what}; copy it again from the recorder")
    clipped = cut > _CLIPPED_SHARE * frames
    return _Sound(samples.whole(), int(rate), expected, broken, clipped)


class _Rows:
    """Sound that grows in place: a long recording is never held twice."""

    def __init__(self, channels: int, seconds: float) -> None:
        """Room for `seconds`; pages that nothing is written to take no memory."""
        room = round((min(max(seconds, 0.0), _MOST_ROOM_SECONDS) + 1) * SAMPLE_RATE_HZ)
        self._held = np.empty((channels, room), np.float32)
        self.count = 0

    def add(self, part: Samples) -> None:
        """(channels, n) more; what is no number is silence, what is beyond full scale is at it."""
        end = self.count + part.shape[1]
        if end > self._held.shape[1]:
            grown = np.empty((len(self._held), end + self._held.shape[1] // 2), np.float32)
            grown[:, : self.count] = self._held[:, : self.count]
            self._held = grown
        np.clip(np.nan_to_num(part), -1.0, 1.0, out=self._held[:, self.count : end])
        self.count = end

    def whole(self) -> Samples:
        return self._held[:, : self.count]


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


def _loudest_dbfs(samples: Samples) -> float:
    """Level of the loudest hundredth of all 20 ms stretches, in the louder channel."""
    count = samples.shape[1] // 320
    if not count:
        return _SILENT_DBFS
    frames = samples[:, : count * 320].reshape(len(samples), count, 320)
    power = np.percentile(np.einsum("cij,cij->ci", frames, frames) / 320, 99, axis=1)
    return float(10 * np.log10(max(float(power.max()), 1e-12)))


def _cut_off(frame: Any, channels: int) -> float:
    """How many samples of a decoded frame follow another one at full scale (mu-law ends at 0.98):
    a peak is sharp, a top that was cut off is flat. Per channel."""
    data = frame.to_ndarray()
    rows = data if frame.format.is_planar else data.reshape(-1, channels).T
    if rows.dtype.kind == "f":
        full = np.abs(rows) > 0.97
    elif rows.dtype.kind == "u":
        full = (rows < 4) | (rows > 251)
    else:
        top = 0.97 * np.iinfo(rows.dtype).max
        full = (rows > top) | (rows < -top)
    return float(np.sum(full[:, 1:] & full[:, :-1])) / channels
