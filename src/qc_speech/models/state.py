"""What of a model is on disk and whether it is the right thing: verify, require, the marks kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qc_speech.errors import ModelError
from qc_speech.models.card import ModelCard, ModelFile, find_card, model_dir

MARKER = ".verified.json"  # sizes and times of files whose hash was checked: no rehash at start
LOCK = ".lock.json"  # hashes pinned at the first fetch, for files the manifest has none for
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileState:
    """One file of a model on disk. `state`: ok | missing | damaged | unpinned (no hash known)."""

    name: str
    state: str
    size: int | None
    expected: str | None
    found: str | None


def verify(model_id: str) -> tuple[FileState, ...]:
    """Hash every file of a model on disk anew. Raises UsageError for an unknown id."""
    card = find_card(model_id)
    folder = model_dir(model_id)
    source, files = installed(card, folder)
    states = tuple(check(folder, file) for file in files)
    if all(state.state == "ok" for state in states):
        write_marker(folder, source, states)
    else:
        with contextlib.suppress(OSError):
            (folder / MARKER).unlink()
    return states


def require(model_id: str) -> Path:
    """The model's folder, its files checked. Raises ModelError with the command that cures it.

    Cheap: sizes and times are compared with the mark of the last check; only files that changed
    since are hashed.
    """
    card = find_card(model_id)
    folder = model_dir(model_id)
    if is_ready(card, folder):
        return folder
    bad = next((s for s in verify(model_id) if s.state != "ok"), None)
    if bad is None:
        return folder
    raise ModelError(f"model {model_id}: {explain(bad)}; run: qc-speech models fetch {model_id}")


def explain(state: FileState) -> str:
    """Why a file is not ok, in a few words."""
    if state.state == "missing":
        return f"{state.name} is missing"
    if state.state == "unpinned":
        return f"{state.name} was put there by hand and no hash is known for it"
    if state.found is None:
        return f"{state.name} cannot be read or has the wrong size ({state.size} bytes)"
    return (
        f"{state.name} is damaged (SHA-256 {state.found[:12]}…, not {(state.expected or '')[:12]}…)"
    )


def is_ready(card: ModelCard, folder: Path) -> bool:
    """All files are there, as at their last check (sizes and times only)."""
    mark = _entries(folder / MARKER)
    _, files = installed(card, folder)
    for file in files:
        kept = mark.get(file.name, {})
        try:
            stat = (folder / file.name).stat()
        except OSError:
            return False
        same = (stat.st_size, stat.st_mtime_ns) == (kept.get("size"), kept.get("mtime_ns"))
        if not same or kept.get("sha256") != file.sha256 or file.sha256 is None:
            return False
    return True


def installed(card: ModelCard, folder: Path) -> tuple[str, tuple[ModelFile, ...]]:
    """(source name, files) of what is on disk; sources may hold different files of one model."""
    name = _read_json(folder / MARKER).get("source")
    for source in card.sources:
        if source.name == name:
            return source.name, pinned(source.files, folder)
    for source in card.sources:
        if all((folder / file.name).is_file() for file in source.files):
            return source.name, pinned(source.files, folder)
    return card.sources[0].name, pinned(card.files, folder)


def pinned(files: tuple[ModelFile, ...], folder: Path) -> tuple[ModelFile, ...]:
    """The files with the hashes of the lock file where the manifest has none."""
    locked = _entries(folder / LOCK)
    return tuple(
        file
        if file.sha256 or file.name not in locked
        else replace(file, sha256=locked[file.name]["sha256"], size=locked[file.name]["size"])
        for file in files
    )


def check(folder: Path, file: ModelFile) -> FileState:
    """Hash one file on disk and compare."""
    path = folder / file.name
    try:
        size = path.stat().st_size
    except OSError:
        return FileState(file.name, "missing", None, file.sha256, None)
    if file.sha256 is None:
        return FileState(file.name, "unpinned", size, None, None)
    if file.size is not None and size != file.size:
        return FileState(file.name, "damaged", size, file.sha256, None)
    try:
        found = sha256_of(path)
    except OSError:
        return FileState(file.name, "damaged", size, file.sha256, None)
    state = "ok" if found == file.sha256 else "damaged"
    return FileState(file.name, state, size, file.sha256, found)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def git_blob_of(path: Path) -> str:
    """The id git gives a file (what hubs publish for small files). Raises OSError."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_marker(folder: Path, source: str, states: tuple[FileState, ...]) -> None:
    """Note that the files were checked. A folder that cannot be written is hashed each time."""
    files = {}
    with contextlib.suppress(OSError):
        for state in states:
            stat = (folder / state.name).stat()
            files[state.name] = {
                "size": stat.st_size,
                "mtime_ns": stat.st_mtime_ns,
                "sha256": state.found,
            }
        write_json(folder / MARKER, {"source": source, "files": files})


def write_json(path: Path, value: Any) -> None:
    """Write a small JSON file whole or not at all. Raises OSError."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    files = _read_json(path).get("files")
    return {
        name: entry
        for name, entry in (files.items() if isinstance(files, dict) else ())
        if isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and "size" in entry
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
