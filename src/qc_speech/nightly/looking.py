"""Looks where new recordings lie: folders, inboxes with manifests, storage. Reads no recording."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qc_speech.errors import QcError, UsageError
from qc_speech.intake import Intake, Problem, Source, gather
from qc_speech.intake.survey import EMPTY
from qc_speech.intake.values import printable
from qc_speech.nightly.order import AgentRecord, priority_of, rank_of
from qc_speech.nightly.profile import Profile, SourceSpec, source_name
from qc_speech.nightly.storage import Shadow
from qc_speech.store.queue import Found, Queue


@dataclass
class Look:
    """What there is. `unfinished` are files that still grow, or wait for their marker."""

    found: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unfinished: int = 0
    failed: list[str] = field(default_factory=list)  # sources that could not be looked at


class Looker:
    """Looks again and again; remembers since when a file has not changed."""

    def __init__(
        self,
        profile: Profile,
        queue: Queue,
        spool: Path,
        wall: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._profile, self._queue, self._spool = profile, queue, spool
        self._wall, self._ticks = wall, ticks
        self._seen: dict[str, tuple[str, float]] = {}  # of unfinished files only

    def look(self) -> Look:
        """One look at every source. What one source lacks does not keep the others."""
        look = Look()
        agents = {}
        if self._profile.order == "riskiest":
            agents = {one: AgentRecord(*kept) for one, kept in self._queue.agents().items()}
        for number, source in enumerate(self._profile.sources):
            name = source_name(source, number)
            try:
                self._source(source, name, agents, look)
            except UsageError:
                raise
            except QcError as error:
                look.failed.append(f"{name}: {error}")
        look.problems = self._without_done(look.problems)
        return look

    def _source(
        self, source: SourceSpec, name: str, agents: Mapping[str, AgentRecord], look: Look
    ) -> None:
        if source.remote:
            shadow = Shadow(source, name, self._spool / name)
            problems = shadow.cast(self._queue)
            intake = self._gather([shadow.folder], None)
            look.problems += problems
            for one in intake.sources:
                address, mark = shadow.origin(one.path)
                found = Found(address, mark, str(one.path), shadow.relative(one.path), name,
                              one.metadata, one.named)  # fmt: skip
                look.found.append(self._ranked(found, shadow.changed(one.path), agents))
            look.problems += [shadow.renamed(problem) for problem in intake.problems]
            return
        root = Path(source.path)
        for intake in self._local(source, root, look):
            for one in intake.sources:
                self._file(source, one, root, name, agents, look)
            look.problems += [p for p in intake.problems if not p.message.startswith(EMPTY)]

    def _local(self, source: SourceSpec, root: Path, look: Look) -> Iterable[Intake]:
        if not root.is_dir():
            look.failed.append(f"{printable(str(root))}: is no folder; check the path")
            return
        if source.kind == "folder":
            manifest = Path(source.manifest) if source.manifest else None
            yield self._gather([root], manifest)
            return
        for path in sorted(root.rglob("*.csv")):
            if path.name.startswith(".") or not path.is_file():
                continue
            if self._is_finished(source, path, path.stat()):
                yield self._gather([], path)
            else:
                look.unfinished += 1

    def _gather(self, paths: Sequence[Path], manifest: Path | None) -> Intake:
        profile = self._profile
        own = (profile.out, profile.archive, profile.quarantine)
        pattern = profile.settings.file_name_pattern or None
        skip = [Path(one) for one in own if one and "://" not in one]
        inside = [one for one in skip if not any(one in (path, *path.parents) for path in paths)]
        try:
            return gather(paths, manifest, pattern, skip=inside, strict=False)
        except OSError as error:
            where = printable(str(error.filename or manifest or paths[0]))
            return Intake((), (Problem(where, f"cannot be read ({error.strerror}); check it"),))

    def _file(
        self, source: SourceSpec, one: Source, root: Path, name: str,
        agents: Mapping[str, AgentRecord], look: Look,
    ) -> None:  # fmt: skip
        try:
            status = one.path.stat()
        except OSError:  # gone since
            return
        if not self._is_finished(source, one.path, status):
            look.unfinished += 1
            return
        path = os.path.abspath(one.path)  # noqa: PTH100 - resolve() would follow links
        relative = os.path.relpath(path, os.path.abspath(root))  # noqa: PTH100
        if relative.startswith(".."):  # a manifest elsewhere: only the name is kept
            relative = one.path.name
        found = Found(path, mark_of(status), path, relative, name, one.metadata, one.named)
        look.found.append(self._ranked(found, status.st_mtime, agents))

    def _ranked(self, found: Found, changed: float, agents: Mapping[str, AgentRecord]) -> Found:
        profile = self._profile
        return replace(
            found,
            priority=priority_of(found.metadata, found.origin, profile.priorities),
            rank=rank_of(profile.order, found.metadata, changed, agents),
        )

    def _is_finished(self, source: SourceSpec, path: Path, status: os.stat_result) -> bool:
        """Nobody writes it any more: its marker is there, or it has not changed for a while.

        Changes are taken from mtime and ctime, which no copying tool can set back. Where they lie
        in the future (the clock was set), the file is watched by a clock that nobody sets."""
        if source.marker:
            marker = source.marker.format(name=path.name, stem=path.stem)
            return (path.parent / marker).exists()
        key, mark = str(path), mark_of(status)
        age = self._wall() - max(status.st_mtime, status.st_ctime)
        if age >= source.settled_seconds:
            self._seen.pop(key, None)
            return True
        before, since = self._seen.get(key, ("", 0.0))
        if before != mark:
            self._seen[key] = (mark, self._ticks())
            return source.settled_seconds <= 0
        return self._ticks() - since >= source.settled_seconds

    def _without_done(self, problems: Sequence[Problem]) -> list[Problem]:
        """A line whose file is not there is no mistake if the file was taken: it was archived."""
        absent = {
            os.path.abspath(one.path): one  # noqa: PTH100
            for one in problems
            if one.path is not None and not os.path.exists(one.path)  # noqa: PTH110 - no name is a fault here
        }
        taken = self._queue.sources(list(absent))
        ids = {id(absent[path]) for path in taken}
        return [one for one in problems if id(one) not in ids]


def mark_of(status: os.stat_result) -> str:
    """What changes when a file is written."""
    return f"{status.st_size}-{status.st_mtime_ns}"


def finished_manifests(profile: Profile) -> list[tuple[SourceSpec, str, Path]]:
    """Manifests of inboxes whose recordings were all taken away: (source, its name, manifest)."""
    from qc_speech.intake import SCENARIOS
    from qc_speech.intake.manifest import read_manifest

    done = []
    for number, source in enumerate(profile.sources):
        if source.kind != "inbox":
            continue
        for path in sorted(Path(source.path).rglob("*.csv")):
            try:
                entries = read_manifest(path, SCENARIOS).entries
            except QcError:
                continue
            if entries and all(one.path is not None and one.identity is None for one in entries):
                done.append((source, source_name(source, number), path))
    return done
