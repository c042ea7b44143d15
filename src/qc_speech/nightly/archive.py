"""Recordings that are done go to an archive, quarantined ones aside: never beside the target, never
over another file, and a second try after a kill does no harm."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qc_speech.nightly import storage
from qc_speech.store.queue import Found


@dataclass(frozen=True)
class Archive:
    """Where to, how (`move` or copy), under which day; `endpoints`: of the sources in storage."""

    target: str
    move: bool
    day: str
    endpoints: Mapping[str, str] = field(default_factory=dict)

    def take(self, found: Found, path: Path) -> Path | None:
        """Put a recording away; returns where it can be read from now on, if that is a file here.
        `path` is where it lies, or was fetched to. Raises OSError, StorageError."""
        if not self.target:
            return None
        relative = f"{self.day}/{found.origin}/{found.relative}"
        remote = "://" in found.source
        endpoint = self.endpoints.get(found.origin, "")
        if "://" in self.target:
            self._to_storage(found, path, f"{self.target.rstrip('/')}/{relative}", endpoint)
            return None
        kept = place(path, Path(self.target) / relative, move=self.move or remote)
        if remote and self.move:
            storage.remove(found.source, endpoint)
        return kept

    def _to_storage(self, found: Found, path: Path, target: str, endpoint: str) -> None:
        if "://" in found.source:
            storage.put_away(found.source, endpoint, target, move=self.move)
            return
        storage.send(path, target, next(iter(self.endpoints.values()), ""))
        if self.move:
            path.unlink(missing_ok=True)


def place(path: Path, target: Path, *, move: bool) -> Path:
    """Move or copy a file to a place, or beside it where another file is; whole or not at all.
    Returns where it is. Raises OSError."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = _free(path, target)
    if not target.exists():
        _bring(path, target, move=move)
    if move and target != path:
        path.unlink(missing_ok=True)
    return target


def _free(path: Path, target: Path) -> Path:
    """The target, or the first like it that is free or holds the same bytes already."""
    number, candidate = 1, target
    while candidate.exists() and not filecmp.cmp(path, candidate, shallow=False):
        number += 1
        candidate = target.with_name(f"{target.stem[:200]}-{number}{target.suffix}")
    return candidate


def _bring(path: Path, target: Path, *, move: bool) -> None:
    if move:
        with contextlib.suppress(OSError):  # another file system: copied
            path.rename(target)
            return
    handle, half = tempfile.mkstemp(dir=target.parent, prefix=".half-")
    try:
        with os.fdopen(handle, "wb") as to, path.open("rb") as from_:
            shutil.copyfileobj(from_, to, 1 << 20)
            to.flush()
            os.fsync(to.fileno())  # before the original goes
        shutil.copystat(path, half)
        Path(half).chmod(0o600)
        Path(half).replace(target)
    except BaseException:
        Path(half).unlink(missing_ok=True)
        raise
