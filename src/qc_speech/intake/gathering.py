"""Puts together what is run: manifest lines first, then recordings that no manifest names."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from qc_speech.errors import ManifestError, UsageError
from qc_speech.intake.fields import read_fields
from qc_speech.intake.manifest import Entry, Identity, Manifest, read_manifest
from qc_speech.intake.naming import CallIds, NamePattern, compile_pattern
from qc_speech.intake.survey import Found, Survey, survey
from qc_speech.intake.values import SCENARIOS, FieldError, Intake, Problem, Source, printable, shown
from qc_speech.model import Metadata


@dataclass(frozen=True)
class _Candidate:
    """A recording that may be run. `wanted` False: a manifest's line for another file, which
    only holds its call id."""

    where: str
    path: Path | None
    relative: str
    line: int | None
    values: Mapping[str, Any]
    faults: tuple[str, ...]
    wanted: bool = True


def gather(
    paths: Sequence[Path],
    manifest: Path | None = None,
    pattern: str | None = None,
    *,
    scenarios: Collection[str] = SCENARIOS,
    skip: Sequence[Path] = (),
    strict: bool = True,
) -> Intake:
    """The recordings of files, folders (recursively) and a manifest, with their metadata.

    Without `manifest`, a manifest.csv beside the recordings is used. `pattern` reads metadata
    from the names of recordings that no manifest names. `skip`: folders not to look into (the
    program's own output). Raises ManifestError when a manifest is none (`strict` False: that is
    a Problem, and no recording of its folder is run until it is mended), UsageError when the
    pattern is wrong or there is nothing to run; all else is a Problem.
    """
    if not paths and manifest is None:
        raise UsageError("nothing to run; name recordings or a folder, or give --manifest")
    names = compile_pattern(pattern) if pattern else None
    seen = survey(paths, skip)
    chosen = [manifest] if manifest is not None else list(seen.manifests.values())
    manifests, broken = _read_all(chosen, scenarios, strict)
    whole_run = not paths
    lines = [one for each in manifests for one in _lines(each, seen, whole_run, manifest)]
    entries = (entry for each in manifests for entry in each.entries)
    named = {entry.identity for entry in entries if entry.identity}
    closed = tuple(
        f"{os.path.realpath(problem.path.parent)}/" for problem in broken if problem.path
    )
    unnamed = [
        found
        for found in seen.files.values()
        if found.identity not in named
        and not (closed and os.path.realpath(found.path).startswith(closed))
    ]
    others, misfits = _by_name(unnamed, names, scenarios)
    notes = [note for each in manifests for note in each.notes]
    if misfits:
        message = (
            f"{len(misfits)} names do not fit the pattern, the first is {shown(misfits[0])}; "
            "these recordings are run without metadata"
        )
        notes.append(Problem("file names", message))
    sources, problems = _identify(_without_twins(lines) + others)
    return Intake(tuple(sources), (*seen.problems, *broken, *problems), tuple(notes))


def _read_all(
    paths: Sequence[Path], scenarios: Collection[str], strict: bool
) -> tuple[list[Manifest], list[Problem]]:
    manifests: list[Manifest] = []
    broken: list[Problem] = []
    for path in paths:
        try:
            manifests.append(read_manifest(path, scenarios))
        except ManifestError as error:
            if strict:
                raise
            name = printable(str(path))
            broken.append(Problem(name, str(error).removeprefix(f"{name}: "), path))
    return manifests, broken


@dataclass(frozen=True)
class _Line:
    identity: Identity | None
    candidate: _Candidate


def _lines(
    manifest: Manifest, seen: Survey, whole_run: bool, explicit: Path | None
) -> Iterator[_Line]:
    """A manifest's lines; those of recordings that were not asked for are not wanted."""
    folder = manifest.path.parent
    real: dict[Path, bool] = {}
    whole = seen.covers(os.path.realpath(folder)) if explicit is None else bool(seen.roots)

    def wanted(entry: Entry) -> bool:
        if whole_run:
            return True
        if entry.path is None:
            return whole
        parent = entry.path.parent
        if parent not in real:
            real[parent] = seen.covers(os.path.realpath(parent))
        return real[parent] or entry.identity in seen.given

    for entry in manifest.entries:
        relative = os.path.relpath(entry.path, folder) if entry.path else ""
        candidate = _Candidate(
            where=f"{manifest.path}:{entry.line}",
            path=entry.path,
            relative=relative.replace(os.sep, "/"),
            line=entry.line,
            values=entry.fields.values,
            faults=entry.faults,
            wanted=wanted(entry),
        )
        yield _Line(entry.identity, candidate)


def _without_twins(lines: Sequence[_Line]) -> list[_Candidate]:
    """The candidates; a second line for the same file gets a fault."""
    first: dict[Identity, str] = {}
    checked: list[_Candidate] = []
    for line in lines:
        one = line.candidate
        if not one.faults and line.identity is not None:
            before = first.setdefault(line.identity, one.where)
            if before != one.where:
                fault = f"names the same file as {before}; keep one of the two lines"
                one = replace(one, faults=(fault,))
        checked.append(one)
    return checked


def _by_name(
    files: Sequence[Found], names: NamePattern | None, scenarios: Collection[str]
) -> tuple[list[_Candidate], list[str]]:
    """Recordings with the metadata of their names, and the names that the pattern does not fit."""
    candidates: list[_Candidate] = []
    misfits: list[str] = []
    for found in sorted(files, key=lambda found: found.relative):
        values: Mapping[str, Any] = {}
        faults: tuple[str, ...] = ()
        if names:
            try:
                cells = names.cells(found.path.stem)
            except FieldError as error:
                faults = (str(error),)
            else:
                if cells is None:
                    misfits.append(found.path.name)
                fields = read_fields(cells or {}, scenarios)
                values, faults = fields.values, fields.faults
        where = str(found.path)
        candidates.append(_Candidate(where, found.path, found.relative, None, values, faults))
    return candidates, misfits


def _identify(candidates: Sequence[_Candidate]) -> tuple[list[Source], list[Problem]]:
    """Give every recording its call id: those that are written down first, then the derived."""
    ids = CallIds()
    checked: list[_Candidate] = []
    for one in candidates:
        if not one.faults and "call_id" in one.values:
            before = ids.claim(one.values["call_id"], one.where)
            if before is not None:
                call_id = shown(one.values["call_id"])
                fault = f"call_id {call_id} is used before, at {before}; give each call its own"
                one = replace(one, faults=(fault,))
        checked.append(one)
    sources: list[Source] = []
    problems: list[Problem] = []
    for one in checked:
        if one.faults or one.path is None:
            if one.wanted:
                message = printable("; also ".join(one.faults))
                problems.append(Problem(printable(one.where), message, one.path))
            continue
        values = dict(one.values)
        named = "call_id" in values
        if not named:
            values["call_id"] = ids.derive(one.path.stem, partial(_places, one), one.where)
        if one.wanted:
            sources.append(Source(one.path, Metadata(**values), one.line, named))
    return sources, problems


def _places(one: _Candidate) -> Iterator[str]:
    """What tells a recording from its namesakes: its path in the folder, then all of its path."""
    yield one.relative
    place = str((one.path or Path()).absolute())
    yield place
    number = 1
    while True:
        number += 1
        yield f"{place}#{number}"
