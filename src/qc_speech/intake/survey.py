"""Finds recordings and manifests on disk, in a fixed order, and reads no recording."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qc_speech.intake.manifest import NAME, Identity
from qc_speech.intake.values import AUDIO_EXTENSIONS, Problem, printable

EMPTY = "holds no recordings"


@dataclass(frozen=True)
class Found:
    """A recording and its path from the folder that was searched."""

    path: Path
    identity: Identity
    relative: str


@dataclass
class Survey:
    """`given` are the files that were named one by one; `roots` the real paths of all folders
    whose manifests count as a whole."""

    files: dict[Identity, Found] = field(default_factory=dict)
    manifests: dict[str, Path] = field(default_factory=dict)  # by real path
    problems: list[Problem] = field(default_factory=list)
    given: set[Identity] = field(default_factory=set)
    roots: list[str] = field(default_factory=list)

    def covers(self, folder: str) -> bool:
        """Whether a real path is one of the roots or lies in one."""
        return any(
            folder == root or folder.startswith(f"{root.rstrip('/')}/") for root in self.roots
        )


def survey(paths: Sequence[Path], skip: Iterable[Path] = ()) -> Survey:
    """Look at files and folders; folders recursively, but not into those of `skip`."""
    seen = Survey()
    closed = {identity for identity in map(_identity, skip) if identity}
    for path in paths:
        try:
            status = path.stat()
        except (OSError, ValueError) as error:
            reason = "no such file or folder"
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                reason = f"cannot be read ({error.strerror})"
            seen.problems.append(Problem(printable(str(path)), f"{reason}; check the path"))
            continue
        if stat.S_ISDIR(status.st_mode):
            _search(path, closed, seen)
        elif not stat.S_ISREG(status.st_mode):
            seen.problems.append(
                Problem(printable(str(path)), "is no file and no folder; name a recording")
            )
        elif path.suffix.lower() == ".csv":
            cure = "is a table and no recording; if it is a manifest, give it with --manifest"
            seen.problems.append(Problem(printable(str(path)), cure))
        else:
            identity = (status.st_dev, status.st_ino)
            seen.given.add(identity)
            seen.files.setdefault(identity, Found(path, identity, path.name))
            _note_manifest(path.parent / NAME, seen)
    return seen


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _note_manifest(path: Path, seen: Survey) -> None:
    if path.is_file():
        seen.manifests.setdefault(os.path.realpath(path), path)


def _search(root: Path, closed: set[Identity], seen: Survey) -> None:
    """Take up a folder's recordings, sorted by name, and its manifests, outermost first."""

    def unreadable(error: OSError) -> None:
        where = str(error.filename or root)
        seen.problems.append(
            Problem(printable(where), f"cannot be read ({error.strerror}); check it")
        )

    visited = set(closed)
    found: list[Found] = []
    manifests = 0
    seen.roots.append(os.path.realpath(root))
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=unreadable):
        identity = _identity(Path(folder))
        if identity is None or identity in visited:  # a loop of links, or a folder to be skipped
            subfolders.clear()
            continue
        visited.add(identity)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        if NAME in names:
            manifests += 1
            seen.roots.append(os.path.realpath(folder))  # it may be a link to elsewhere
            _note_manifest(Path(folder) / NAME, seen)
        found += _recordings(root, folder, names)
    for one in sorted(found, key=lambda one: one.relative):
        seen.files.setdefault(one.identity, one)
    if not found and not manifests:
        kinds = ", ".join(sorted(extension[1:] for extension in AUDIO_EXTENSIONS))
        seen.problems.append(Problem(printable(str(root)), f"{EMPTY} ({kinds}); check the path"))


def _recordings(root: Path, folder: str, names: Iterable[str]) -> list[Found]:
    found = []
    for name in names:
        path = Path(folder) / name
        if name.startswith(".") or path.suffix.lower() not in AUDIO_EXTENSIONS:
            continue
        try:
            status = path.stat()
        except OSError:  # a dangling link
            continue
        if stat.S_ISREG(status.st_mode):
            relative = os.path.relpath(path, root).replace(os.sep, "/")
            found.append(Found(path, (status.st_dev, status.st_ino), relative))
    return found
