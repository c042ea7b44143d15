"""Counts by agent, day and kind of call: what groups of calls are added up from. Cells add exactly;
a store makes them by SQL (store/cards.py), and here they are made from lines: the two agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from qc_speech.cards.likeness import Stratum
from qc_speech.cards.rows import CallLine, FindingLine, agent_of, line_of
from qc_speech.cards.statistics import Scores
from qc_speech.cards.tally import Tally
from qc_speech.model import Outcome

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class CallCell:
    """Calls of one agent (None: unassigned), day and kind, or of all of them together, where cells
    are counted by some of these keys only. `talk_ms` is the agents' own speech; Mandarin share =
    mandarin_ms / mandarin_of_ms (speech of which it is known)."""

    agent: str | None
    team: str | None
    queue: str | None
    scenario: str | None
    line: str | None  # good | fair | poor | unknown
    day: date | None
    scores: Scores
    critical: int = 0
    review: int = 0
    duration_ms: int = 0
    talk_ms: int = 0
    mandarin_ms: int = 0
    mandarin_of_ms: int = 0

    def __add__(self, other: CallCell) -> CallCell:
        return CallCell(
            self.agent, self.team, self.queue, self.scenario, self.line, self.day,
            self.scores + other.scores, self.critical + other.critical, self.review + other.review,
            self.duration_ms + other.duration_ms, self.talk_ms + other.talk_ms,
            self.mandarin_ms + other.mandarin_ms, self.mandarin_of_ms + other.mandarin_of_ms,
        )  # fmt: skip


@dataclass(frozen=True)
class CheckCell:
    """One check over calls of one agent. `tally` counts calls (the worst that was found in a call
    decides) and their points; `occurrences`, `passes`, `doubts` count the findings themselves:
    violations, passes and uncertain ones."""

    agent: str | None
    check: str
    family: str
    tally: Tally
    occurrences: int = 0
    passes: int = 0
    doubts: int = 0

    def __add__(self, other: CheckCell) -> CheckCell:
        return CheckCell(
            self.agent, self.check, self.family, self.tally + other.tally,
            self.occurrences + other.occurrences, self.passes + other.passes,
            self.doubts + other.doubts,
        )  # fmt: skip


@dataclass(frozen=True)
class FamilyCell:
    """Violations of one family: how many, in how many calls, the sum of their squared numbers in
    each call (how clustered they are), and their points."""

    family: str
    occurrences: int
    calls: int
    squares: int
    points: float


@dataclass(frozen=True)
class HourCell:
    """Calls that began in one hour of one day: how many, how many of them on a poor line, and how
    many whose line was measured."""

    day: date
    hour: int  # 0..23
    calls: int
    poor: int
    measured: int


KEYS = ("agent", "team", "queue", "scenario", "line", "day")
KIND = ("scenario", "queue", "line")  # what makes calls alike


def call_cells(calls: Iterable[CallLine], keys: Sequence[str] = KEYS) -> tuple[CallCell, ...]:
    """Calls counted by these keys."""
    other: dict[str, Any] = {key: None for key in KEYS if key not in keys}
    return merged([replace(_call_cell(call), **other) for call in calls])


def _call_cell(call: CallLine) -> CallCell:
    talk = call.agent_talk_ms or 0
    known = call.mandarin_share is not None
    mandarin_ms = int((call.mandarin_share or 0.0) * talk + 0.5)
    return CallCell(
        agent_of(call.agent_id), call.team, call.queue, call.scenario, line_of(call.snr_db),
        call.at.date(), Scores.of([call.total]), int(call.critical), int(call.review),
        call.duration_ms, talk, mandarin_ms, talk if known else 0,
    )  # fmt: skip


def merged(cells: Iterable[CallCell]) -> tuple[CallCell, ...]:
    """Cells of the same agent, day and kind as one."""
    found: dict[Hashable, CallCell] = {}
    for cell in cells:
        key = (cell.agent, cell.team, cell.queue, cell.scenario, cell.line, cell.day)
        found[key] = found[key] + cell if key in found else cell
    return tuple(found.values())


def check_cells(
    calls: Iterable[CallLine], findings: Iterable[FindingLine]
) -> tuple[CheckCell, ...]:
    """By agent and check. A call without any finding of a check was inspected by a rulebook that
    does not have it; where it does not apply it is not judged."""
    agents = {call.call_id: agent_of(call.agent_id) for call in calls}
    of_call: dict[tuple[str, str], list[FindingLine]] = defaultdict(list)
    for one in findings:
        if one.call_id in agents:
            of_call[one.call_id, one.check].append(one)
    return merged_checks(
        _check_cell(agents[call_id], check, own) for (call_id, check), own in of_call.items()
    )


def _check_cell(agent: str | None, check: str, own: Sequence[FindingLine]) -> CheckCell:
    counts = Counter(one.outcome for one in own)
    return CheckCell(
        agent, check, own[0].family, check_tally(own),
        counts[Outcome.VIOLATION], counts[Outcome.PASS], counts[Outcome.UNCERTAIN],
    )  # fmt: skip


def check_tally(findings: Sequence[FindingLine]) -> Tally:
    """One check in one call: the worst that it found there decides."""
    outcomes = {one.outcome for one in findings}
    violated = Outcome.VIOLATION in outcomes
    uncertain = not violated and Outcome.UNCERTAIN in outcomes
    passed = not violated and not uncertain and Outcome.PASS in outcomes
    return Tally(
        points=round(sum(one.points for one in findings), 4),
        passed=int(passed),
        violated=int(violated),
        uncertain=int(uncertain),
        calls=int(violated or uncertain or passed),
    )


def merged_checks(cells: Iterable[CheckCell]) -> tuple[CheckCell, ...]:
    found: dict[Hashable, CheckCell] = {}
    for cell in cells:
        key = (cell.agent, cell.check)
        found[key] = found[key] + cell if key in found else cell
    return tuple(found.values())


def findings_tally(scores: Scores, checks: Iterable[CheckCell]) -> Tally:
    """Calls and their findings as one tally: points are the calls' scores."""
    own = tuple(checks)
    return Tally(
        points=scores.total,
        max_points=100.0 * scores.n,
        passed=sum(cell.passes for cell in own),
        violated=sum(cell.occurrences for cell in own),
        uncertain=sum(cell.doubts for cell in own),
        calls=scores.n,
    )


def family_cells(findings: Iterable[FindingLine]) -> tuple[FamilyCell, ...]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    points: dict[str, float] = defaultdict(float)
    for one in findings:
        if one.outcome is Outcome.VIOLATION:
            counts[one.family][one.call_id] += 1
            points[one.family] += one.points
    return tuple(
        FamilyCell(
            family, sum(own.values()), len(own), sum(n * n for n in own.values()),
            round(points[family], 4),
        )
        for family, own in counts.items()
    )  # fmt: skip


def scores_by(cells: Iterable[CallCell], key: Callable[[CallCell], K]) -> dict[K, Scores]:
    """The scores of cells, added up by a key of theirs."""
    found: dict[K, Scores] = {}
    for cell in cells:
        name = key(cell)
        found[name] = found.get(name, Scores()) + cell.scores
    return found


def scores_by_day(cells: Iterable[CallCell]) -> dict[date, Scores]:
    return {day: one for day, one in scores_by(cells, lambda c: c.day).items() if day is not None}


def stratum(cell: CallCell) -> Stratum:
    """What makes calls alike: scenario, queue and quality of the line."""
    return cell.scenario, cell.queue, cell.line
