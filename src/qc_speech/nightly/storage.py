"""S3-compatible storage through fsspec. New objects get a shadow: a folder that looks like the
bucket, in which a recording is empty until it is fetched. So names, manifests and call ids are
read by the same code as those on disk."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_speech.errors import QcError, UsageError
from qc_speech.intake import AUDIO_EXTENSIONS, Problem
from qc_speech.intake.manifest import NAME
from qc_speech.intake.values import printable
from qc_speech.model import Metadata
from qc_speech.nightly.profile import SourceSpec
from qc_speech.store.queue import Found, Queue

_NOBODY = Metadata(call_id="")
_LONGEST = 255  # bytes of one part of a file's path


class StorageError(QcError):
    """Storage does not answer or refuses; it may answer later."""


@functools.lru_cache(maxsize=8)
def file_system(address: str, endpoint: str) -> Any:
    """The file system of an address; credentials come from the environment or their own files."""
    try:
        import fsspec
    except ImportError:
        raise _missing() from None
    scheme = address.partition("://")[0]
    options: dict[str, Any] = {}
    if scheme == "s3":
        options = {"client_kwargs": {"endpoint_url": endpoint}} if endpoint else {}
        options["config_kwargs"] = {"retries": {"max_attempts": 3, "mode": "standard"}}
        options["skip_instance_cache"] = True
    try:
        return fsspec.filesystem(scheme, **options)
    except ImportError:
        raise _missing() from None
    except ValueError as error:
        raise UsageError(f"{address}: {error}; write s3://BUCKET/PREFIX") from None


def _missing() -> UsageError:
    return UsageError("storage needs the extra s3; run: pip install 'qc-speech[s3]'")


@contextlib.contextmanager
def faults(address: str) -> Iterator[None]:
    """Whatever goes wrong with storage, as StorageError in one line; FileNotFoundError as it is."""
    try:
        yield
    except (FileNotFoundError, QcError):
        raise
    except PermissionError:
        raise StorageError(f"{printable(address)}: no permission; check the credentials") from None
    except Exception as error:
        what = type(error).__name__
        raise StorageError(f"{printable(address)}: does not answer ({what}); try later") from None


@dataclass(frozen=True)
class _Object:
    address: str
    mark: str
    changed: float


@dataclass
class Shadow:
    """A source in storage and the folder that looks like its new objects."""

    source: SourceSpec
    name: str
    folder: Path
    _objects: dict[str, _Object] = field(default_factory=dict)

    def cast(self, queue: Queue) -> list[Problem]:
        """List the bucket; make a file for each recording that the queue does not know."""
        root = self.source.path.rstrip("/")
        system = file_system(root, self.source.endpoint)
        scheme = root.partition("://")[0]
        with faults(root):
            system.invalidate_cache()
            listed = system.find(root, detail=True)
        prefix = root.partition("://")[2] + "/"
        problems: list[Problem] = []
        recordings: dict[str, tuple[str, _Object]] = {}
        for key, info in listed.items():
            relative, address = key.removeprefix(prefix), f"{scheme}://{key}"
            fault = fault_of_name(relative)
            if Path(relative).name == NAME and not fault:
                self._fetch_manifest(system, address, relative)
            elif Path(relative).suffix.lower() not in AUDIO_EXTENSIONS:
                continue
            elif fault:
                problems.append(Problem(printable(address), fault))
            else:
                one = _Object(address, _mark(info), _changed(info))
                row = Found(address, one.mark, "", "", self.name, _NOBODY)
                recordings[row.id] = (relative, one)
        known = queue.known(list(recordings))
        for key, (relative, one) in recordings.items():
            if key not in known:
                problems += self._place(relative, one)
        return problems

    def _place(self, relative: str, one: _Object) -> list[Problem]:
        path = self.folder / relative
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(0o600)
        except OSError as error:
            cure = f"cannot be a file here ({error.strerror}); rename the object"
            return [Problem(printable(one.address), cure)]
        self._objects[str(path)] = one
        return []

    def _fetch_manifest(self, system: Any, address: str, relative: str) -> None:
        path = self.folder / relative
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with faults(address):
            path.write_bytes(system.cat_file(address))

    def origin(self, path: Path) -> tuple[str, str]:
        """(address, mark) of the object that a file stands for."""
        one = self._objects[str(path)]
        return one.address, one.mark

    def changed(self, path: Path) -> float:
        return self._objects[str(path)].changed

    def relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def renamed(self, problem: Problem) -> Problem:
        """A problem under the bucket's own name."""
        return replace(
            problem,
            where=problem.where.replace(str(self.folder), self.source.path.rstrip("/")),
            message=problem.message.replace(str(self.folder), self.source.path.rstrip("/")),
        )


def fault_of_name(relative: str) -> str:
    """Why an object's name cannot be a path below a folder; empty: it can."""
    parts = relative.split("/")
    if not relative.isprintable():
        return "its name holds a control character; rename the object"
    if any(part in ("", ".", "..") for part in parts) or "\\" in relative:
        return "its name leads out of its folder; rename the object"
    if any(len(part.encode("utf-8", "replace")) > _LONGEST for part in parts):
        return "its name is too long for a file; rename the object"
    return ""


def _mark(info: dict[str, Any]) -> str:
    tag = str(info.get("ETag") or info.get("etag") or info.get("LastModified") or "")
    return f"{info.get('size', 0)}-{tag.strip(chr(34))}"[:128]


def _changed(info: dict[str, Any]) -> float:
    when = info.get("LastModified")
    return when.timestamp() if isinstance(when, datetime) else 0.0


def fetch(address: str, endpoint: str, path: Path) -> None:
    """Bring an object to a file, whole or not at all. Raises StorageError, FileNotFoundError."""
    half = path.with_name(f".{path.name[:100]}.part")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with faults(address):
        file_system(address, endpoint).get_file(address, str(half))
    half.chmod(0o600)
    half.replace(path)


def put_away(address: str, endpoint: str, target: str, *, move: bool) -> None:
    """Copy or move an object within its storage. Raises StorageError, FileNotFoundError."""
    system = file_system(address, endpoint)
    with faults(address):
        system.copy(address, target)
        if move:
            system.rm_file(address)


def send(path: Path, target: str, endpoint: str) -> None:
    """Put a file into storage. Raises StorageError."""
    with faults(target):
        file_system(target, endpoint).put_file(str(path), target)


def remove(address: str, endpoint: str) -> None:
    """Remove an object. Raises StorageError; one that is not there is no fault."""
    with contextlib.suppress(FileNotFoundError), faults(address):
        file_system(address, endpoint).rm_file(address)
