"""Rulebooks: which checks apply to a scenario, what each costs and which clause it rests on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml

from qc_speech.errors import RulebookError, UsageError
from qc_speech.model import SCENARIOS as SCENARIOS
from qc_speech.model import Severity
from qc_speech.rules.kind import Kind, Params
from qc_speech.rules.yamlfile import read_node, validate

DIMENSIONS = ("服务态度", "服务质量", "业务水平", "工作效率", "客户满意度")
Family = Literal["phrase", "banned", "pace", "interruption", "language", "delivery", "timing"]


class CheckRule(pydantic.BaseModel):
    """One check in a rulebook. In a book that extends another, only what differs is given."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    check: str
    kind: str | None = None
    enabled: bool = True
    family: Family | None = None
    points: float | None = pydantic.Field(default=None, ge=0, le=100)
    cap: float | None = pydantic.Field(default=None, ge=0, le=100)
    severity: Severity | None = None
    dimension: str | None = None
    clause: str | None = None
    scenarios: tuple[str, ...] = ()  # asked only in calls of these; empty: in every call
    params: dict[str, Any] = {}

    @pydantic.field_validator("dimension")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in DIMENSIONS:
            raise ValueError(f"unknown dimension {value!r}; one of {'、'.join(DIMENSIONS)}")
        return value


class Scoring(pydantic.BaseModel):
    """How findings become a score. Grades from the best down: the first whose floor is reached."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    critical_total: float = pydantic.Field(default=0, ge=0, le=100)
    critical_from: float = pydantic.Field(default=0.75, ge=0, le=1)
    review_below: float = pydantic.Field(default=0.6, ge=0, le=1)
    grades: tuple[tuple[str, float], ...] = (("A", 95), ("B", 85), ("C", 70), ("D", 60), ("E", 0))


class RulebookFile(pydantic.BaseModel):
    """A rulebook as written in lexicons/rulebooks/."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    name: str = pydantic.Field(pattern=r"^[a-z0-9_]+$")
    title: str
    version: str
    extends: str | None = None
    scenario: str | None = None
    scoring: Scoring | None = None
    checks: tuple[CheckRule, ...] = ()


@dataclass(frozen=True)
class Check:
    """A check ready to run: every value filled in, parameters validated."""

    check: str
    kind: Kind
    params: Params
    family: str
    points: float
    cap: float
    severity: Severity
    dimension: str
    clause: str
    scenarios: tuple[str, ...] = ()  # asked only in calls of these; empty: in every call


@dataclass(frozen=True)
class Rulebook:
    name: str
    title: str
    version: str
    scenario: str | None
    scoring: Scoring
    checks: tuple[Check, ...]

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


def load_rulebooks(folder: Path, kinds: dict[str, Kind]) -> dict[str, Rulebook]:
    """All rulebooks of a folder by name. Raises RulebookError with file, line and cure."""
    files: dict[str, tuple[Path, yaml.Node, RulebookFile]] = {}
    for path in sorted(folder.glob("*.yaml")):
        node = read_node(path)
        book = validate(path, node, RulebookFile)
        if book.name in files:
            raise RulebookError(f"{path}:1: rulebook {book.name} exists twice; rename one")
        files[book.name] = (path, node, book)
    if not files:
        raise RulebookError(f"{folder}: holds no rulebook; set QC_SPEECH_LEXICONS to the folder")
    return {name: _build(name, files, kinds) for name in files}


def choose(books: dict[str, Rulebook], name: str) -> Rulebook:
    """A rulebook by name. Raises UsageError listing those there are."""
    if name not in books:
        raise UsageError(f"rulebook {name}: not known; one of {', '.join(sorted(books))}")
    return books[name]


def _build(
    name: str, files: dict[str, tuple[Path, yaml.Node, RulebookFile]], kinds: dict[str, Kind]
) -> Rulebook:
    chain = _chain(name, files)
    merged: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    scoring: Scoring | None = None
    digest = hashlib.sha256()
    for path, node, book in chain:
        digest.update(path.read_bytes())
        scoring = book.scoring or scoring
        seen: set[str] = set()
        for i, rule in enumerate(book.checks):
            place = f"{path}:{_check_line(node, i)}"
            if rule.check in seen:
                raise RulebookError(f"{place}: check {rule.check} is listed twice; keep one")
            seen.add(rule.check)
            given = rule.model_dump(exclude_unset=True)
            old = merged.get(rule.check, {})
            params = {**old.get("params", {}), **given.get("params", {})}
            merged[rule.check] = {**old, **given, "params": params}
            places[rule.check] = place
    own = chain[-1][2]
    checks = tuple(
        _check(rule, places[check], kinds)
        for check, rule in merged.items()
        if rule.get("enabled", True)
    )
    version = f"{own.version}+{digest.hexdigest()[:8]}"
    return Rulebook(own.name, own.title, version, own.scenario, scoring or Scoring(), checks)


def _chain(
    name: str, files: dict[str, tuple[Path, yaml.Node, RulebookFile]]
) -> list[tuple[Path, yaml.Node, RulebookFile]]:
    """The book and those it extends, the most general first."""
    chain: list[tuple[Path, yaml.Node, RulebookFile]] = []
    current: str | None = name
    while current is not None:
        if any(book.name == current for _, _, book in chain):
            raise RulebookError(
                f"{chain[0][0]}:1: extends itself in a circle; remove one `extends`"
            )
        if current not in files:
            raise RulebookError(
                f"{chain[-1][0]}:1: extends {current}, which does not exist; "
                f"one of {', '.join(sorted(files))}"
            )
        chain.append(files[current])
        current = files[current][2].extends
    return chain[::-1]


def _check_line(node: yaml.Node, index: int) -> int:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "checks" and isinstance(value, yaml.SequenceNode):
                return int(value.value[index].start_mark.line) + 1
    return 1


def _check(rule: dict[str, Any], place: str, kinds: dict[str, Kind]) -> Check:
    check = rule["check"]
    name = rule.get("kind") or check
    if name not in kinds:
        raise RulebookError(
            f"{place}: unknown check {name}; correct the spelling or give its `kind` "
            f"(one of {', '.join(sorted(kinds))})"
        )
    for needed in ("family", "points", "severity", "dimension", "clause"):
        if rule.get(needed) is None:
            raise RulebookError(f"{place}: check {check} has no `{needed}`; add it")
    kind = kinds[name]
    given = dict(rule["params"])
    if "check" in kind.params.model_fields and "check" not in given:
        given["check"] = check
    try:
        params = kind.params.model_validate(given)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(sorted(kind.params.model_fields)) or "none"
        where = ".".join(str(part) for part in first["loc"])
        raise RulebookError(
            f"{place}: check {check}: params.{where}: {first['msg']}; known parameters: {known}"
        ) from None
    points = float(rule["points"])
    cap = float(rule["cap"]) if rule.get("cap") is not None else points
    if cap < points:
        raise RulebookError(
            f"{place}: check {check}: cap {cap:g} is below points {points:g}; raise it"
        )
    return Check(
        check=check, kind=kind, params=params, family=rule["family"], points=points, cap=cap,
        severity=Severity(rule["severity"]), dimension=rule["dimension"], clause=rule["clause"],
        scenarios=tuple(rule.get("scenarios", ())),
    )  # fmt: skip
