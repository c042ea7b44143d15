"""A manifest on disk: its lines with the files that they name, inside its folder only."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from qc_speech.errors import ManifestError
from qc_speech.intake.fields import Fields, read_fields
from qc_speech.intake.table import Line, read_table
from qc_speech.intake.values import FieldError, Problem, printable, shown

NAME = "manifest.csv"
_MAX_BYTES = 256 * 1024 * 1024

Identity = tuple[int, int]  # device and inode: one recording, however it is named


@dataclass(frozen=True)
class Entry:
    """One line. `path` None: it names no path that may be used; `identity` None: no file there."""

    line: int
    path: Path | None
    identity: Identity | None
    fields: Fields
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    path: Path
    entries: tuple[Entry, ...]
    notes: tuple[Problem, ...]


def read_manifest(path: Path, scenarios: Collection[str]) -> Manifest:
    """Read a manifest. Raises ManifestError when it is none at all; bad lines are entries."""
    name = printable(str(path))
    try:
        if not path.is_file():
            raise ManifestError(f"{name}: is not a file; check the path of the manifest")
        if path.stat().st_size > _MAX_BYTES:
            raise ManifestError(f"{name}: is larger than 256 MiB; split it")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such name"
        raise ManifestError(f"{name}: cannot be read ({reason}); check it") from None
    table = read_table(data, name)
    entries = tuple(_entry(path.parent, line, scenarios) for line in table.lines)
    notes: list[Problem] = []
    if table.ignored:
        names = ", ".join(table.ignored)
        notes.append(Problem(name, f"nobody reads the columns {names}; they are ignored"))
    if not entries:
        notes.append(Problem(name, "has a header but no lines; add one per recording"))
    return Manifest(path, entries, tuple(notes))


def _entry(folder: Path, line: Line, scenarios: Collection[str]) -> Entry:
    fields = read_fields(line.cells, scenarios)
    faults = list(fields.faults)
    path = identity = None
    try:
        path = folder / inside(line.cells.get("file", ""), str(folder.absolute()))
        path, identity = _regular_file(path)
    except FieldError as error:
        faults.insert(0, str(error))
    if line.fault:  # its cells may stand under the wrong columns: say only that
        faults = [line.fault]
    return Entry(line.number, path, identity, fields, tuple(faults))


def inside(cell: str, folder: str) -> str:
    """The path of a cell relative to the absolute `folder`. Pure. Raises FieldError when it is
    empty or leads out of the folder: a manifest must not make the program read other files."""
    name = cell.strip()
    if not name:
        raise FieldError("file is empty; name the recording or remove the line")
    if not name.isprintable():
        raise FieldError(f"file {shown(name)} holds a control character; remove it")
    name = name.replace("\\", "/")
    outside = FieldError(
        f"file {shown(name)} lies outside the manifest's folder; move the recording into it "
        "or write a manifest beside the recording"
    )
    if re.match(r"[A-Za-z]:", name):
        raise outside
    name = os.path.normpath(name)
    if name.startswith("/"):
        base = os.path.normpath(folder).rstrip("/")
        if not name.startswith(f"{base}/"):
            raise outside
        name = name[len(base) + 1 :]
    if name == ".." or name.startswith("../"):
        raise outside
    if name == ".":
        raise FieldError("file names the folder itself; name a recording in it")
    return name


def _regular_file(path: Path) -> tuple[Path, Identity]:
    """The file and what it is, whichever way its name is composed (NFC, NFD)."""
    for name in dict.fromkeys(
        (str(path), *(unicodedata.normalize(form, str(path)) for form in ("NFC", "NFD")))
    ):
        try:
            status = Path(name).stat()
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "no such name"
            raise FieldError(f"file {shown(path.name)} cannot be read ({reason})") from None
        if not stat.S_ISREG(status.st_mode):
            raise FieldError(f"file {shown(path.name)} is a folder or device; name a recording")
        return Path(name), (status.st_dev, status.st_ino)
    raise FieldError(f"no such file: {shown(str(path), 200)}; correct the name or remove the line")
