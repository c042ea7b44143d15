"""Rulebooks: which checks apply to a scenario, what each costs and which clause it rests on."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml

from qc_speech.errors import RulebookError, UsageError
from qc_speech.model import SCENARIOS as SCENARIOS
from qc_speech.model import Severity
from qc_speech.rules.conditions.condition import Condition, Name
from qc_speech.rules.kind import Kind, Params, ParamsFault
from qc_speech.rules.yamlfile import cure, depth_and_line, line_of, read_node, validate, written

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
    bonus: float | None = pydantic.Field(default=None, ge=0, le=20)  # for each pass (good practice)
    severity: Severity | None = None
    dimension: str | None = None
    clause: str | None = None
    scenarios: tuple[str, ...] = ()  # asked only in calls of these; empty: in every call
    shown: str | None = pydantic.Field(default=None, max_length=200)  # what the agent reads
    params: dict[str, Any] = {}

    @pydantic.field_validator("dimension")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in DIMENSIONS:
            raise ValueError(f"unknown dimension {value!r}; one of {'、'.join(DIMENSIONS)}")
        return value


class Escalation(pydantic.BaseModel):
    """What repeats cost an agent (屡犯加重): the nth call in a `period` that violates the same
    check (or family) counts `factors`[n-1] times its points; further ones as the last factor. It
    is kept on the agent's card, beside the calls' scores: a call's score rests on it alone."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    period: Literal["day", "week", "month"] = "month"
    by: Literal["check", "family"] = "check"
    severities: tuple[Severity, ...] = (Severity.MAJOR, Severity.CRITICAL)
    factors: tuple[float, ...] = pydantic.Field(default=(1, 1.5, 2), min_length=2)

    @pydantic.field_validator("factors")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if value[0] != 1 or any(b < a for a, b in itertools.pairwise(value)):
            raise ValueError("the first factor is 1 and none is below the one before it")
        return value


class Scoring(pydantic.BaseModel):
    """How findings become a score. Grades from the best down: the first whose floor is reached.

    `family_caps`: at most so many points of a call for all checks of a family. `bonus_cap`: all
    good practice of a call adds so many points at most, and never beyond 100."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    critical_total: float = pydantic.Field(default=0, ge=0, le=100)
    critical_from: float = pydantic.Field(default=0.75, ge=0, le=1)
    review_below: float = pydantic.Field(default=0.6, ge=0, le=1)
    family_caps: dict[Family, float] = pydantic.Field(default_factory=dict)
    bonus_cap: float = pydantic.Field(default=5, ge=0, le=100)
    escalation: Escalation | None = None
    grades: tuple[tuple[str, float], ...] = (("A", 95), ("B", 85), ("C", 70), ("D", 60), ("E", 0))

    @pydantic.field_validator("family_caps")
    @classmethod
    def _not_negative(cls, value: dict[str, float]) -> dict[str, float]:
        for family, cap in value.items():
            if not 0 <= cap <= 100:
                raise ValueError(f"the cap of {family} is {cap:g}; give 0 to 100 points")
        return value

    @pydantic.field_validator("grades")
    @classmethod
    def _descending(cls, value: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
        for (better, floor), (worse, lower) in itertools.pairwise(value):
            if lower >= floor:
                raise ValueError(
                    f"grade {worse} from {lower:g} overlaps {better} from {floor:g}; "
                    "order them from the best down"
                )
        if len({name for name, _ in value}) < len(value):
            raise ValueError("a grade is given twice; keep one")
        return value


class RulebookFile(pydantic.BaseModel):
    """A rulebook as written in lexicons/rulebooks/. `conditions` are named for all its custom
    checks, and for those of the books that extend it."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    name: str = pydantic.Field(pattern=r"^[a-z0-9_]+$")
    title: str
    version: str
    extends: str | None = None
    scenario: str | None = None
    scoring: Scoring | None = None
    conditions: dict[Name, Condition] = pydantic.Field(default_factory=dict)
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
    shown: str | None = None  # what the agent reads when it is violated
    bonus: float = 0.0  # points that a pass adds


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


File = tuple[Path, yaml.Node, RulebookFile]


def load_rulebooks(folder: Path, kinds: dict[str, Kind]) -> dict[str, Rulebook]:
    """All rulebooks of a folder by name. Raises RulebookError with file, line and cure."""
    read: list[File] = []
    for path in sorted(folder.glob("*.yaml")):
        node = read_node(path)
        read.append((path, node, validate(path, node, RulebookFile)))
    files = unique(folder, read)
    return {name: build(name, files, kinds) for name in files}


def unique(folder: Path, read: Sequence[File]) -> dict[str, File]:
    """Files by the name of their rulebook. Raises RulebookError when two have one name."""
    files: dict[str, File] = {}
    for path, node, book in read:
        if book.name in files:
            line = line_of(node, ("name",))
            raise RulebookError(f"{path}:{line}: rulebook {book.name} exists twice; rename one")
        files[book.name] = (path, node, book)
    if not files:
        raise RulebookError(f"{folder}: holds no rulebook; set QC_SPEECH_LEXICONS to the folder")
    return files


def choose(books: dict[str, Rulebook], name: str) -> Rulebook:
    """A rulebook by name. Raises UsageError listing those there are."""
    if name not in books:
        raise UsageError(f"rulebook {name}: not known; one of {', '.join(sorted(books))}")
    return books[name]


@dataclass
class Rule:
    """One check as the chain of books gives it: values, and where each of them is written."""

    given: dict[str, Any] = field(default_factory=dict)
    layers: list[tuple[Path, yaml.Node, int]] = field(default_factory=list)

    def add(self, rule: CheckRule, path: Path, node: yaml.Node, index: int) -> None:
        given = rule.model_dump(exclude_unset=True)
        params = {**self.given.get("params", {}), **given.get("params", {})}
        self.given = {**self.given, **given, "params": params}
        self.layers.append((path, node, index))

    def place(self, loc: Sequence[str | int] = ()) -> str:
        """FILE:LINE of a part of the check: the last book that writes it."""
        best, where = -1, ""
        for path, node, index in reversed(self.layers):
            starts: list[tuple[str | int, ...]] = [("checks", index)]
            if loc[:2] == ("params", "conditions"):  # or it is named for the whole book
                starts.append(())
            for start in starts:
                rest = loc if start else loc[1:]
                depth, line = depth_and_line(node, (*start, *rest))
                depth -= len(start)
                if depth > best:
                    best, where = depth, f"{path}:{line}"
        return where


def layered(files: Mapping[str, File], name: str) -> dict[str, Rule]:
    """The checks of a rulebook as its chain of books gives them. Raises RulebookError."""
    rules: dict[str, Rule] = {}
    for path, node, book in _chain(name, files):
        seen: set[str] = set()
        for i, rule in enumerate(book.checks):
            rules.setdefault(rule.check, Rule()).add(rule, path, node, i)
            if rule.check in seen:
                place = rules[rule.check].place()
                raise RulebookError(f"{place}: check {rule.check} is listed twice; keep one")
            seen.add(rule.check)
    return rules


def build(name: str, files: Mapping[str, File], kinds: Mapping[str, Kind]) -> Rulebook:
    """One rulebook with what it extends. Raises RulebookError."""
    chain, rules = _chain(name, files), layered(files, name)
    conditions: dict[str, Condition] = {}
    scoring: Scoring | None = None
    digest = hashlib.sha256()
    for path, _, book in chain:
        digest.update(path.read_bytes())
        scoring = book.scoring or scoring
        conditions.update(book.conditions)
    own = chain[-1][2]
    checks = tuple(
        _check(rule, conditions, kinds)
        for rule in rules.values()
        if rule.given.get("enabled", True)
    )
    version = f"{own.version}+{digest.hexdigest()[:8]}"
    return Rulebook(own.name, own.title, version, own.scenario, scoring or Scoring(), checks)


def _chain(name: str, files: Mapping[str, File]) -> list[File]:
    """The book and those it extends, the most general first."""
    chain: list[File] = []
    current: str | None = name
    while current is not None:
        last = chain[-1] if chain else None
        place = f"{last[0]}:{line_of(last[1], ('extends',))}" if last else ""
        if any(book.name == current for _, _, book in chain):
            raise RulebookError(f"{place}: extends itself in a circle; remove one `extends`")
        if current not in files:
            raise RulebookError(
                f"{place}: extends {current}, which does not exist; "
                f"one of {', '.join(sorted(files))}"
            )
        chain.append(files[current])
        current = files[current][2].extends
    return chain[::-1]


def _check(rule: Rule, conditions: dict[str, Condition], kinds: Mapping[str, Kind]) -> Check:
    given = rule.given
    check = given["check"]
    name = given.get("kind") or check
    if name not in kinds:
        place = rule.place(("kind",) if "kind" in given else ("check",))
        raise RulebookError(
            f"{place}: unknown check {name}; correct the spelling or give its `kind` "
            f"(one of {', '.join(sorted(kinds))})"
        )
    for needed in ("family", "points", "severity", "dimension", "clause"):
        if given.get(needed) is None:
            raise RulebookError(f"{rule.place()}: check {check} has no `{needed}`; add it")
    kind = kinds[name]
    params = _params(rule, kind, conditions)
    points = float(given["points"])
    cap = float(given["cap"]) if given.get("cap") is not None else points
    if cap < points:
        raise RulebookError(
            f"{rule.place(('cap',))}: check {check}: cap {cap:g} is below points {points:g}; "
            "raise it"
        )
    return Check(
        check=check, kind=kind, params=params, family=given["family"], points=points, cap=cap,
        severity=Severity(given["severity"]), dimension=given["dimension"],
        clause=given["clause"], scenarios=tuple(given.get("scenarios", ())),
        shown=given.get("shown"), bonus=float(given.get("bonus") or 0),
    )  # fmt: skip


def _params(rule: Rule, kind: Kind, conditions: dict[str, Condition]) -> Params:
    """The parameters of a check, with what its kind takes from the check and the book."""
    check, given = rule.given["check"], dict(rule.given["params"])
    known = kind.params.model_fields
    if "check" in known and "check" not in given:
        given["check"] = check
    if "conditions" in known and isinstance(given.get("conditions", {}), dict):
        given["conditions"] = {**conditions, **given.get("conditions", {})}
    try:
        params = kind.params.model_validate(given)
        if kind.verify is not None:
            kind.verify(params)
        return params
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        loc, text = first["loc"], cure(first)
        if first["type"] == "extra_forbidden" and len(loc) == 1:
            text += f"; known parameters: {', '.join(sorted(known)) or 'none'}"
    except ParamsFault as fault:
        loc, text = fault.path, str(fault)
    where = written(("params", *loc))
    raise RulebookError(f"{rule.place(('params', *loc))}: check {check}: {where}: {text}") from None
