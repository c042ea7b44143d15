"""A profile: everything a nightly batch is told, from one TOML file. Unknown names are refused with
file and line, so that a typing error never changes nothing in silence."""

from __future__ import annotations

import os
import re
import sys
import types
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from qc_speech.errors import UsageError
from qc_speech.notices.spec import NotifySpec
from qc_speech.settings import Settings, load_settings

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_REMOTE = re.compile(r"[a-z0-9+]+://")


def setting(default: Any, help_text: str, *choices: str) -> Any:
    """A field of a profile; `choices`: the only values it may have."""
    meta = {"help": help_text, "choices": choices}
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class SourceSpec:
    """One [[source]]: where new recordings lie."""

    kind: str = setting("folder", "folder, inbox or storage", "folder", "inbox", "storage")
    path: str = setting("", "the folder, or the address s3://BUCKET/PREFIX")
    name: str = setting("", "stands in archive paths and lists; empty: by its place, source1 …")
    settled_seconds: float = setting(60.0, "a file is finished when it has not changed for so long")
    marker: str = setting(
        "", "… or when this file is there: {name}.done, {stem}.ok, or one per folder such as _DONE"
    )
    manifest: str = setting("", "metadata of a folder; empty: every manifest.csv in it")
    endpoint: str = setting("", "address of an S3 server that is not Amazon's")

    @property
    def remote(self) -> bool:
        return self.kind == "storage"


@dataclass(frozen=True)
class PriorityRule:
    """One [[priority]]: recordings of which all that is named here is true get `add` more."""

    add: int = setting(1, "added to the recording's priority; the highest come first")
    queue: str = setting("", "queue of the manifest")
    scenario: str = setting("", "scenario of the manifest")
    customer_class: str = setting("", "customer class of the manifest")
    agent_id: str = setting("", "agent of the manifest")
    source: str = setting("", "name of the [[source]]")


@dataclass(frozen=True)
class Profile:
    """Every setting of a batch. The unit is in the name or in the help."""

    name: str = setting("", "name of the batch, one lock each; empty: the file's name")
    out: str = setting("out", "folder of results, store and report")
    store: str = setting("", "address of the store; empty: OUT/qc.sqlite")
    rulebook: str = setting("", "rulebook for all calls; empty: by each call's scenario")
    until: str = setting("", "HH:MM, local time: from then on nothing new is begun; empty: no end")
    grace_minutes: float = setting(10.0, "what was begun by then may take so much longer")
    order: str = setting("newest", "what comes first", "newest", "oldest", "riskiest")
    stay: bool = setting(False, "true: keep looking for new recordings until `until`")
    look_every_minutes: float = setting(5.0, "how often a batch that stays looks")
    workers: int = setting(0, "worker processes; 0: from cores and memory")
    recognizers: int = setting(-1, "processes that only hear; -1: one per GPU, none on a CPU")
    ahead: int = setting(8, "recordings made ready and waiting for each recognizer, at most")
    worker_memory_gb: float = setting(0.0, "a worker that takes more is ended; 0: its share")
    recording_minutes: float = setting(240.0, "a recording that takes longer is blamed for it")
    ray: str = setting("", "address of a Ray cluster to work on; empty: this machine's processes")
    ray_gpus: float = setting(-1.0, "GPUs of one worker there; -1: half a one, or none on CPUs")
    ray_cpus: float = setting(2.0, "CPU cores of one worker there")
    tries: int = setting(3, "tries of a recording whose fault may pass")
    backoff_seconds: float = setting(30.0, "wait before the second try; twice that for the next")
    when_busy: str = setting("wait", "if another batch of this name runs", "wait", "leave")
    verify_models: bool = setting(True, "hash the model files before anything is done")
    archive: str = setting("", "folder or address for recordings that are done; empty: they stay")
    archive_mode: str = setting("move", "what is done with them", "move", "copy")
    quarantine: str = setting("", "folder for recordings that are quarantined; empty: they stay")
    report: bool = setting(True, "write the pages of OUT/report at the end")
    log: str = setting("text", "progress for a person, or JSON lines on stderr", "text", "json")
    metrics_file: str = setting("", "Prometheus textfile (….prom) for node_exporter; empty: none")
    metrics_port: int = setting(0, "port of a Prometheus endpoint while it runs; 0: none")
    metrics_host: str = setting("127.0.0.1", "address on which that endpoint listens")
    opentelemetry: bool = setting(False, "true: traces by OTLP, to OTEL_EXPORTER_OTLP_ENDPOINT")
    sources: tuple[SourceSpec, ...] = ()
    priorities: tuple[PriorityRule, ...] = ()
    notifies: tuple[NotifySpec, ...] = ()
    settings: Settings = field(default_factory=Settings)

    @property
    def out_path(self) -> Path:
        return Path(self.out)


_TABLES = {
    "source": "sources",
    "priority": "priorities",
    "notify": "notifies",
    "settings": "settings",
}


def load_profile(path: Path) -> Profile:
    """Read a profile. Raises UsageError: one line with file, line and cure."""
    text, data = _read(path)
    where = _Lines(path, text)
    plain = {name: value for name, value in data.items() if name not in _TABLES}
    values = _values(Profile, plain, where, "", known_too=tuple(_TABLES))
    values["sources"] = _array(SourceSpec, data.get("source", []), where, "source")
    values["priorities"] = _array(PriorityRule, data.get("priority", []), where, "priority")
    values["notifies"] = _array(NotifySpec, data.get("notify", []), where, "notify")
    values["settings"] = _settings(data.get("settings", {}), where)
    values["name"] = values.get("name") or re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)[:40]
    profile = Profile(**values)
    _check(profile, where)
    return profile


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}; correct the file") from None


class _Lines:
    """Where in the file a name stands; TOML readers do not tell."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._lines = text.splitlines()

    def of(self, table: str, name: str, number: int = 0) -> str:
        """FILE:LINE of a name in the `number`th table of that name ("" is the top)."""
        current, seen = "", {"": 0}
        for count, line in enumerate(self._lines, 1):
            header = re.match(r"\s*\[\[?\s*([\w.\"-]+)\s*\]\]?", line)
            if header:
                current = header[1].strip('"')
                seen[current] = seen.get(current, -1) + 1
                if not table and current == name:
                    return f"{self.path}:{count}"
            named = re.match(r"\s*[\"']?([\w-]+)[\"']?\s*[=.]", line)
            if named and named[1] == name and current == table and seen[table] == number:
                return f"{self.path}:{count}"
        return str(self.path)


def _values(
    kind: type[Any], data: Mapping[str, Any], where: _Lines, table: str, number: int = 0,
    known_too: tuple[str, ...] = (),
) -> dict[str, Any]:  # fmt: skip
    known = {one.name: one for one in fields(kind) if "help" in one.metadata}
    hints = get_type_hints(kind)
    values = {}
    for name, value in data.items():
        place = where.of(table, name, number)
        if name not in known:
            names = ", ".join((*known, *known_too))
            raise UsageError(f"{place}: unknown setting {name}; one of {names}")
        values[name] = _typed(known[name], hints[name], value, place)
    return values


def _typed(one: Field[Any], hint: Any, value: Any, place: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise UsageError(f"{place}: {one.name} must be a {hint.__name__}, not {value!r}")
    choices = one.metadata["choices"]
    if choices and value not in choices:
        raise UsageError(f"{place}: {one.name} is {value!r}; write {' or '.join(choices)}")
    if isinstance(value, (int, float)) and not 0 <= value < 1e9 and one.name not in _SIGNED:
        raise UsageError(f"{place}: {one.name} is {value}; write a number from 0 on")
    return value


_SIGNED = ("add", "recognizers", "ray_gpus")


def _array(kind: type[T], found: Any, where: _Lines, table: str) -> tuple[T, ...]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UsageError(f"{where.of('', table)}: write [[{table}]] and its settings below")
    return tuple(
        kind(**_values(kind, one, where, table, number)) for number, one in enumerate(found)
    )


def _settings(found: Any, where: _Lines) -> Settings:
    """The [settings] of the recognition, as in batch/settings.toml; the environment wins."""
    if not isinstance(found, dict):
        raise UsageError(f"{where.of('', 'settings')}: write [settings] and its settings below")
    names = [one.name for one in fields(Settings)]
    for name in found:
        if name not in names:
            place = where.of("settings", name)
            raise UsageError(f"{place}: unknown setting {name}; one of {', '.join(names)}")
    try:
        given = {n: v for n, v in found.items() if f"QC_SPEECH_{n.upper()}" not in os.environ}
        return load_settings(None, **given)
    except UsageError as error:
        name = next((name for name in found if f"setting {name}:" in str(error)), "")
        raise UsageError(f"{where.of('settings', name)}: {error}") from None


def _check(profile: Profile, where: _Lines) -> None:
    if not _NAME.fullmatch(profile.name):
        raise UsageError(f"{where.of('', 'name')}: name may hold letters, digits, - and _ only")
    if profile.until and not is_clock(profile.until):
        raise UsageError(f"{where.of('', 'until')}: until is {profile.until!r}; write HH:MM")
    if profile.tries < 1:
        raise UsageError(f"{where.of('', 'tries')}: tries is 0; write 1 or more")
    if not profile.sources:
        raise UsageError(f"{where.path}: names no [[source]]; say where new recordings lie")
    names = set()
    for number, source in enumerate(profile.sources):
        place = where.of("source", "path", number)
        if not source.path:
            raise UsageError(f"{where.path}: [[source]] number {number + 1} has no path; add one")
        if source.remote != bool(_REMOTE.match(source.path)):
            cure = "write s3://BUCKET/PREFIX" if source.remote else 'write kind = "storage" for it'
            raise UsageError(f"{place}: path {source.path!r} is no {source.kind}; {cure}")
        name = source_name(source, number)
        if not _NAME.fullmatch(name) or name in names:
            raise UsageError(
                f"{where.of('source', 'name', number)}: the name {name!r} is used twice or holds "
                "more than letters, digits, - and _; give each source its own"
            )
        names.add(name)


def is_clock(text: str) -> bool:
    """Whether a text is a time of day, HH:MM."""
    return bool(_CLOCK.fullmatch(text))


def source_name(source: SourceSpec, number: int) -> str:
    """What a source is called in lists and archive paths; `number` from 0."""
    return source.name or f"source{number + 1}"
