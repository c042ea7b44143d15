"""Labelled calls and public results, read from their folders; a damaged file is one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import pydantic

from qc_speech.errors import QcError, UsageError
from qc_speech.model import Outcome, Role, Span

Scenario = Literal[
    "inbound_service",
    "complaint",
    "repair_hotline",
    "callback_survey",
    "outbound_sales",
    "switchboard",
]


@dataclass(frozen=True)
class SpokenTurn:
    """What was truly said. `text` is the reference with digits as they were spoken."""

    speaker: Role
    span: Span
    text: str
    tags: frozenset[str] = frozenset()
    cuts: bool = False


@dataclass(frozen=True)
class LabelledCall:
    call_id: str
    scenario: str
    direction: str
    ring_seconds: float
    day: date
    channels: str  # mono | stereo
    duration_ms: int
    turns: tuple[SpokenTurn, ...]
    violations: tuple[str, ...]  # codes of calls/SCRIPTS.md
    clean: tuple[str, ...]

    @property
    def said(self) -> frozenset[str]:
        """All tags that any agent turn bears."""
        return frozenset(t for x in self.turns if x.speaker is Role.AGENT for t in x.tags)


@dataclass(frozen=True)
class HeardTurn:
    speaker: Role
    span: Span
    text: str
    confidence: float | None


@dataclass(frozen=True)
class HeardFinding:
    check: str
    outcome: Outcome
    span: Span | None


@dataclass(frozen=True)
class InspectedCall:
    """What the evaluation reads of one public result."""

    call_id: str
    scenario: str
    turns: tuple[HeardTurn, ...]
    findings: tuple[HeardFinding, ...]


class _Shape(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _Timed(_Shape):
    start: float = pydantic.Field(ge=0)
    end: float = pydantic.Field(ge=0)

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> _Timed:
        if self.end < self.start:
            raise ValueError("ends before it starts")
        return self

    @property
    def span(self) -> Span:
        return Span(round(self.start * 1000), round(self.end * 1000))


class _LabelTurn(_Timed):
    who: Literal["agent", "customer", "other"]
    spoken: str
    tags: tuple[str, ...] = ()
    cuts: bool = False


class _Expect(_Shape):
    violations: tuple[str, ...]
    clean: tuple[str, ...]


class _Label(_Shape):
    id: str
    scenario: Scenario
    direction: Literal["inbound", "outbound"]
    ring_seconds: float
    started_at: str
    channels: Literal["mono", "stereo"]
    seconds: float
    turns: tuple[_LabelTurn, ...]
    expect: _Expect


class _ResultTurn(_Timed):
    speaker: Literal["agent", "customer", "other", "unknown"]  # unknown: results of 0.1
    speaker_label: str = ""
    text: str
    confidence: float | None = pydantic.Field(default=None, ge=0, le=1)


class _ResultFinding(_Shape):
    check: str
    outcome: Outcome
    start: float | None = None
    end: float | None = None


class _ResultRoles(_Shape):
    speakers: dict[str, Role] = {}


class _Result(_Shape):
    call_id: str
    scenario: str
    roles: _ResultRoles = _ResultRoles()
    turns: tuple[_ResultTurn, ...]
    findings: tuple[_ResultFinding, ...]


def read_label(path: Path) -> LabelledCall:
    """One labelled call. Raises QcError."""
    raw = _shaped(path, _Label, "a labelled call")
    try:
        day = datetime.fromisoformat(raw.started_at).date()
    except ValueError:
        raise QcError(f"{path}: started_at: not a date; write it as 2026-01-15T09:12:00") from None
    return LabelledCall(
        raw.id,
        raw.scenario,
        raw.direction,
        raw.ring_seconds,
        day,
        raw.channels,
        round(raw.seconds * 1000),
        tuple(
            SpokenTurn(Role(t.who), t.span, t.spoken, frozenset(t.tags), t.cuts) for t in raw.turns
        ),
        raw.expect.violations,
        raw.expect.clean,
    )


def read_result(path: Path) -> InspectedCall:
    """One public result. Raises QcError."""
    return _inspected(_shaped(path, _Result, "a call result"))


def inspected(public: dict[str, Any], name: str) -> InspectedCall:
    """A public result that comes from elsewhere; `name` stands in messages. Raises QcError."""
    return _inspected(_valid(public, _Result, name, "a call result"))


def _inspected(raw: _Result) -> InspectedCall:
    # A speaker who could not be told is published as `other`, and as unknown in `roles`.
    named = {s: role for s, role in raw.roles.speakers.items() if role is Role.UNKNOWN}
    return InspectedCall(
        raw.call_id,
        raw.scenario,
        tuple(
            HeardTurn(named.get(t.speaker_label, Role(t.speaker)), t.span, t.text, t.confidence)
            for t in raw.turns
        ),
        tuple(HeardFinding(f.check, f.outcome, _finding_span(f)) for f in raw.findings),
    )


K = TypeVar("K", LabelledCall, InspectedCall)


def read_folder(
    folder: Path, read: Callable[[Path], K], what: str
) -> tuple[dict[str, K], tuple[str, ...]]:
    """All calls of a folder by id, and one line for each file that cannot be used.

    Raises UsageError if the folder is missing or holds no JSON file at all.
    """
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not paths:
        raise UsageError(f"{folder}: no {what} (*.json) found here; check the path")
    calls: dict[str, K] = {}
    problems: list[str] = []
    for path in paths:
        try:
            call = read(path)
        except QcError as error:
            problems.append(str(error))
            continue
        if call.call_id in calls:
            problems.append(f"{path}: call {call.call_id} is there twice; keep one file of it")
        else:
            calls[call.call_id] = call
    return calls, tuple(problems)


def read_ids(text: str) -> frozenset[str]:
    """Call ids from `d01,d02`, or from a file with one id per line (# starts a comment)."""
    path = Path(text)
    parts: Iterable[str]
    if path.is_file():
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        parts = (part for line in lines for part in line.partition("#")[0].split(","))
    else:
        parts = text.split(",")
    ids = frozenset(part.strip() for part in parts) - {""}
    if not ids:
        raise UsageError("--calls names no call; give d01,d02 or a file with one id per line")
    return ids


S = TypeVar("S", bound=_Shape)


def _shaped(path: Path, shape: type[S], what: str) -> S:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise QcError(
            f"{path}:{error.lineno}: not JSON ({error.msg}); write the file anew or remove it"
        ) from None
    except (UnicodeDecodeError, RecursionError):
        raise QcError(f"{path}: not UTF-8 JSON; write the file anew or remove it") from None
    except OSError as error:
        raise QcError(f"{path}: cannot be read ({error.strerror}); check permissions") from None
    return _valid(data, shape, str(path), what)


def _valid(data: Any, shape: type[S], name: str, what: str) -> S:
    try:
        return shape.model_validate(data)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        message = str(first["msg"]).removeprefix("Value error, ")
        raise QcError(f"{name}: {place}: {message}; this is not {what}") from None


def _finding_span(finding: _ResultFinding) -> Span | None:
    if finding.start is None or finding.end is None or finding.end < finding.start:
        return None
    return Span(round(finding.start * 1000), round(finding.end * 1000))
