"""The recording of a call: found through the store and never through an address, sent in pieces."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from qc_speech import vault
from qc_speech.batch import browser_plays, sealed_name, write_private
from qc_speech.codec import to_json
from qc_speech.errors import UsageError
from qc_speech.model import CallResult
from qc_speech.publish import SOURCE_STAGE
from qc_speech.store.retention import AUDIO, was_removed
from qc_speech.web.call.playable import PEAKS_KEY, flac_of, peaks_of
from qc_speech.web.call.ranges import UnsatisfiableRangeError, asked_range
from qc_speech.web.calls import NotFound
from qc_speech.web.state import WebState

PEAKS_STAGE = "peaks"
SEALED_SUFFIX = sealed_name(Path("x")).suffix
_PIECE = 1 << 16
_MAKING = threading.Lock()  # a copy is made once, and one at a time: it takes a whole core
_TYPES = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".webm": "audio/webm",
}


@dataclass(frozen=True)
class Sound:
    """What a browser is to play: a file, or the bytes of one that lies sealed."""

    suffix: str
    size: int
    mark: str  # another one: the sound was made anew
    path: Path | None = None
    data: bytes = b""

    def read(self, first: int, length: int) -> Iterator[bytes]:
        if self.path is None:
            yield self.data[first : first + length]
            return
        with self.path.open("rb") as file:
            file.seek(first)
            while length > 0 and (piece := file.read(min(length, _PIECE))):
                length -= len(piece)
                yield piece


def recording_of(state: WebState, result: CallResult) -> Path | None:
    """The recording's own file, if it is still there and was not to be removed."""
    if was_removed(state.store, result.call_id, AUDIO):
        return None
    kept = state.store.stage(result.call.recording.id, SOURCE_STAGE, result.call_id)
    path = Path(kept["path"]) if kept else None
    return path if path and path.is_file() else None


def has_sound(state: WebState, result: CallResult) -> bool:
    copy = _copy(state, result)
    kept = copy.is_file() or sealed_name(copy).is_file()
    return kept or recording_of(state, result) is not None


def playable(state: WebState, result: CallResult) -> Sound:
    """The call's sound in a format that browsers play; a copy is made once from others. Raises
    NotFound, AudioError, and UsageError for a sealed copy whose key is not given."""
    copy = _copy(state, result)
    for path in (copy, sealed_name(copy)):
        if path.is_file():
            return _sound(path)
    source = recording_of(state, result)
    if source is None:
        raise NotFound
    if browser_plays(source):
        return _sound(source)
    with _MAKING:
        made = [path for path in (copy, sealed_name(copy)) if path.is_file()]
        return _sound(made[0] if made else write_private(copy, flac_of(source)))


def _sound(path: Path) -> Sound:
    stat = path.stat()
    mark = f'"{stat.st_size:x}-{stat.st_mtime_ns:x}"'
    if path.suffix != SEALED_SUFFIX:
        return Sound(path.suffix.lower(), stat.st_size, mark, path)
    data = _opened(path, mark)
    return Sound(Path(path.stem).suffix.lower(), len(data), mark, data=data)


@functools.lru_cache(maxsize=3)  # a player asks for many pieces of one call
def _opened(path: Path, _mark: str) -> bytes:
    key = vault.configured()
    if key is None:
        raise UsageError(f"{path.name}: is sealed; give its key in {vault.KEY_FILE}")
    return key.open(path.read_bytes())


def peaks(state: WebState, result: CallResult) -> Any:
    """The waveform as JSON; worked out once and kept in the store. Raises NotFound, AudioError."""
    recording = result.call.recording.id
    kept = state.store.stage(recording, PEAKS_STAGE, PEAKS_KEY)
    if kept is None:
        source = recording_of(state, result) or playable(state, result).path
        if source is None:  # only a sealed copy is left: no open one is made for a picture
            raise NotFound
        kept = to_json(peaks_of(source))
        state.store.put_stage(recording, PEAKS_STAGE, PEAKS_KEY, kept)
    return kept


def _copy(state: WebState, result: CallResult) -> Path:
    folder = state.config.out / "audio"
    copy = folder / f"{result.call_id}.flac"
    if copy.parent != folder or copy.name.startswith("."):  # an id from a store of somebody else's
        raise NotFound
    return copy


def answer(request: Request, sound: Sound) -> Response:
    """The sound, or the piece of it that is asked for (206)."""
    headers = {"accept-ranges": "bytes", "etag": sound.mark, "cache-control": "private, no-store"}
    kind = _TYPES.get(sound.suffix, "application/octet-stream")
    same = request.headers.get("if-range", sound.mark) == sound.mark
    try:
        asked = asked_range(request.headers.get("range") if same else None, sound.size)
    except UnsatisfiableRangeError:
        headers["content-range"] = f"bytes */{sound.size}"
        return Response(status_code=416, headers=headers)
    first, length, status = 0, sound.size, 200
    if asked is not None:
        first, length, status = asked.first, asked.length, 206
        headers["content-range"] = asked.header
    headers["content-length"] = str(length)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(sound.read(first, length), status, headers, kind)
