"""The lines of a card: families, checks, strengths, things to work on, violations, what was not
counted, what people changed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qc_speech.cards.cells import CheckCell, FamilyCell
from qc_speech.cards.rows import CallLine, FindingLine
from qc_speech.cards.statistics import Rate, Share, dispersion, rate, share
from qc_speech.cards.tally import Tally
from qc_speech.model import Outcome, Severity, Span

_CLIPS = 3
_LEAST_JUDGED = 10  # calls from which on a strength can be told


@dataclass(frozen=True)
class FamilyLine:
    """Violations of one family: how often, in how many calls, what they cost, and how often per
    call and per minute of the agent's talk (None: no talk was measured)."""

    family: str
    occurrences: int
    calls: int
    points: float
    per_call: Rate | None
    per_minute: Rate | None


@dataclass(frozen=True)
class CheckLine:
    """One check. `tally` counts calls, `rate` the violated ones of those that could be judged;
    `reference`: the same of those one is compared with."""

    check: str
    family: str
    tally: Tally
    occurrences: int
    rate: Share | None
    reference: Share | None = None


@dataclass(frozen=True)
class Clip:
    """Where something can be heard; the span None: the whole call. `n`: the finding's place in the
    call's findings. Quote and reason are added to what is shown (cards/quotes.py)."""

    call_id: str
    at: datetime
    span: Span | None
    n: int = 0
    quote: str = ""
    reason: str = ""


@dataclass(frozen=True)
class WorkPoint:
    """One of the things to work on, with clips."""

    line: CheckLine
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class Violation:
    """A violation with its place and clause. `by`: person | machine."""

    clip: Clip
    check: str
    family: str
    severity: Severity
    points: float
    clause: str
    by: str


@dataclass(frozen=True)
class NotCounted:
    """What cost nothing and counts in no rate, and why: uncertain | not_applicable | stale |
    review (calls a person still has to look at; they count as they stand)."""

    why: str
    findings: int
    calls: int


@dataclass(frozen=True)
class Changed:
    """A person's verdict that changed what the machine had found. machine None: the machine had
    found nothing there. purpose: flagged | sample | appeal; empty: not known."""

    call_id: str
    at: datetime
    check: str
    span: Span | None
    machine: Outcome | None
    outcome: Outcome
    points_before: float
    points: float
    purpose: str = ""


def family_lines(cells: Iterable[FamilyCell], calls: int, talk_ms: int) -> tuple[FamilyLine, ...]:
    """The most frequent first."""
    lines = []
    for cell in cells:
        spread = dispersion(cell.occurrences, cell.squares, calls)
        lines.append(
            FamilyLine(
                cell.family, cell.occurrences, cell.calls, cell.points,
                rate(cell.occurrences, calls, spread),
                rate(cell.occurrences, talk_ms / 60_000, spread),
            )
        )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: (-line.occurrences, line.family)))


def check_lines(
    cells: Iterable[CheckCell], reference: Iterable[CheckCell] = ()
) -> tuple[CheckLine, ...]:
    """One line per check over all agents of the cells; most violated calls first."""
    others = _by_check(reference)
    lines = []
    for check, cell in _by_check(cells).items():
        there = others.get(check)
        lines.append(
            CheckLine(
                check, cell.family, cell.tally, cell.occurrences, _violated(cell),
                None if there is None else _violated(there),
            )
        )  # fmt: skip
    return tuple(sorted(lines, key=lambda one: (-one.tally.violated, -one.tally.judged, one.check)))


def _by_check(cells: Iterable[CheckCell]) -> dict[str, CheckCell]:
    found: dict[str, CheckCell] = {}
    for cell in cells:
        if cell.check in found:
            found[cell.check] += cell
        else:
            found[cell.check] = replace(cell, agent=None)
    return found


def _violated(cell: CheckCell) -> Share | None:
    return share(cell.tally.violated, cell.tally.judged)


def strengths(lines: Iterable[CheckLine]) -> tuple[CheckLine, ...]:
    """Checks in which an agent violates surely less often than the others do: the whole interval
    lies below their rate. The clearest first, at most three."""
    found = [
        (line.reference.value - line.rate.high, line)
        for line in lines
        if line.rate and line.reference and line.tally.judged >= _LEAST_JUDGED
        and line.rate.high < line.reference.value
    ]  # fmt: skip
    return tuple(line for _, line in sorted(found, key=lambda one: (-one[0], one[1].check))[:3])


def work_points(
    lines: Iterable[CheckLine], findings: Sequence[FindingLine], calls: Mapping[str, CallLine]
) -> tuple[WorkPoint, ...]:
    """The three checks that cost most points (of those that cost alike, the most frequent), each
    with up to three clips: the surest and newest that have a place in the recording."""
    violated = [line for line in lines if line.tally.violated]
    violated.sort(key=lambda line: (line.tally.points, -line.occurrences, line.check))
    found = []
    for line in violated[:3]:
        own = [
            one for one in findings
            if one.check == line.check and one.outcome is Outcome.VIOLATION
        ]  # fmt: skip
        own.sort(key=lambda one: (one.span is None, -one.confidence, -_seconds(calls, one)))
        clips = tuple(Clip(o.call_id, calls[o.call_id].at, o.span, o.n) for o in own[:_CLIPS])
        found.append(WorkPoint(line, clips))
    return tuple(found)


def _seconds(calls: Mapping[str, CallLine], one: FindingLine) -> float:
    return (calls[one.call_id].at - datetime(1970, 1, 1)).total_seconds()


def violations(
    findings: Iterable[FindingLine], calls: Mapping[str, CallLine]
) -> tuple[Violation, ...]:
    """All violations, the newest call first, in order of time within a call."""
    found = [
        Violation(
            Clip(one.call_id, calls[one.call_id].at, one.span, one.n), one.check, one.family,
            one.severity, one.points, one.clause, "person" if one.changed else "machine",
        )
        for one in findings
        if one.outcome is Outcome.VIOLATION
    ]  # fmt: skip
    found.sort(key=lambda v: (v.clip.call_id, v.clip.span.start_ms if v.clip.span else -1))
    found.sort(key=lambda v: v.clip.at, reverse=True)
    return tuple(found)


def not_counted(
    calls: Iterable[CallLine], findings: Iterable[FindingLine], stale: int = 0
) -> tuple[NotCounted, ...]:
    """`stale`: people's verdicts whose finding is no longer there."""
    counts: dict[str, Counter[str]] = {"uncertain": Counter(), "not_applicable": Counter()}
    for one in findings:
        if one.outcome.value in counts:
            counts[one.outcome.value][one.call_id] += 1
    found = [NotCounted(why, sum(own.values()), len(own)) for why, own in counts.items()]
    found.append(NotCounted("stale", stale, 0))
    found.append(NotCounted("review", 0, sum(call.review for call in calls)))
    return tuple(one for one in found if one.findings or one.calls)


def changed(
    findings: Iterable[FindingLine],
    calls: Mapping[str, CallLine],
    purposes: Mapping[tuple[str, str], str],
) -> tuple[Changed, ...]:
    """What people changed, newest call first. `purposes`: by (call_id, check)."""
    found = [
        Changed(
            one.call_id, calls[one.call_id].at, one.check, one.span, one.machine, one.outcome,
            one.machine_points, one.points, purposes.get((one.call_id, one.check), ""),
        )
        for one in findings
        if one.changed
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.at, one.call_id, one.check), reverse=True))
