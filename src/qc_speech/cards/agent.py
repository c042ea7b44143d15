"""An agent's scorecard over a period. Pure: lines in, a frozen card out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qc_speech.cards.cells import (
    CallCell,
    CheckCell,
    call_cells,
    check_cells,
    family_cells,
    findings_tally,
    scores_by,
    scores_by_day,
    stratum,
)
from qc_speech.cards.likeness import Comparison, compare
from qc_speech.cards.lines import (
    Changed,
    CheckLine,
    FamilyLine,
    NotCounted,
    Violation,
    WorkPoint,
    changed,
    check_lines,
    family_lines,
    not_counted,
    strengths,
    violations,
    work_points,
)
from qc_speech.cards.period import Period
from qc_speech.cards.repeats import Repeat, repeats
from qc_speech.cards.rows import CallLine, FindingLine
from qc_speech.cards.statistics import Estimate, Scores, estimate, prior_of
from qc_speech.cards.tally import Tally
from qc_speech.cards.trend import Trend, trend
from qc_speech.model import Outcome
from qc_speech.rules.rulebook import DIMENSIONS, Escalation


@dataclass(frozen=True)
class Bin:
    """Calls whose score lies from `low` up to `high` (the last bin holds 100 too)."""

    low: int
    high: int
    calls: int


@dataclass(frozen=True)
class DimensionLine:
    """A dimension over the calls that show it: `score` None where none does."""

    name: str
    calls: int
    points: float
    score: Estimate | None


@dataclass(frozen=True)
class AgentCard:
    """One agent's card. `agent` None: the calls that name nobody, or several agents.

    `tally` counts findings as they settled and adds up to team and site. `names`: newest first.
    `repeats` are beside the scores: they cost extra in the period's account, not in a call.
    """

    agent: str | None
    names: tuple[str, ...]
    teams: tuple[str, ...]
    period: Period
    tally: Tally
    scores: Scores
    score: Estimate | None
    talk_ms: int
    duration_ms: int
    critical: int
    grades: tuple[tuple[str, int], ...]
    bins: tuple[Bin, ...]
    dimensions: tuple[DimensionLine, ...]
    families: tuple[FamilyLine, ...]
    checks: tuple[CheckLine, ...]
    trend: Trend
    comparisons: tuple[Comparison, ...]
    strengths: tuple[CheckLine, ...]
    work_on: tuple[WorkPoint, ...]
    violations: tuple[Violation, ...]
    repeats: tuple[Repeat, ...]
    not_counted: tuple[NotCounted, ...]
    changed: tuple[Changed, ...]
    rulebooks: tuple[tuple[str, int], ...]
    calls: tuple[CallLine, ...]

    @property
    def repeat_points(self) -> float:
        """What repeats add to the points of the period (0 or negative)."""
        return round(sum(one.extra for one in self.repeats), 4)

    @property
    def lost_points(self) -> float:
        """The points of all violations of the period, without what repeats add."""
        return round(sum(one.points for one in self.violations), 4)


@dataclass(frozen=True)
class Lines:
    """Calls with their findings. `stale`: verdicts whose finding is gone; `purposes` of verdicts by
    (call_id, check)."""

    calls: tuple[CallLine, ...] = ()
    findings: tuple[FindingLine, ...] = ()
    stale: int = 0
    purposes: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """What a card is compared with. `others`: the calls (by agent and kind) and checks of the team
    (queue, site) without the agent; `past`: the agent's own calls of the period before; `earlier`:
    those from before the period that repeats are counted from; `escalations` by name of rulebook.
    """

    against: str = "site"
    others: tuple[CallCell, ...] = ()
    other_checks: tuple[CheckCell, ...] = ()
    past: tuple[CallCell, ...] = ()
    earlier: Lines = Lines()
    escalations: Mapping[str, Escalation] = field(default_factory=dict)


def agent_card(
    agent: str | None, period: Period, lines: Lines, beside: Beside | None = None
) -> AgentCard:
    """The card of an agent's calls of a period; newest call first."""
    beside = beside or Beside()
    calls = tuple(sorted(lines.calls, key=lambda call: (call.at, call.call_id), reverse=True))
    by_id = {call.call_id: call for call in calls}
    findings = tuple(one for one in lines.findings if one.call_id in by_id)
    cells = call_cells(calls)
    prior = prior_of(scores_by(beside.others, lambda cell: cell.agent).values())
    scores = Scores.of(call.total for call in calls)
    own_checks = check_cells(calls, findings)
    checks = check_lines(own_checks, beside.other_checks)
    talk_ms = sum(call.agent_talk_ms or 0 for call in calls)
    return AgentCard(
        agent=agent,
        names=tuple(dict.fromkeys(c.agent_name for c in calls if c.agent_name)) if agent else (),
        teams=tuple(dict.fromkeys(call.team for call in calls if call.team)),
        period=period,
        tally=findings_tally(scores, own_checks),
        scores=scores,
        score=estimate(scores, prior),
        talk_ms=talk_ms,
        duration_ms=sum(call.duration_ms for call in calls),
        critical=sum(call.critical for call in calls),
        grades=tuple(sorted(Counter(call.grade for call in calls).items())),
        bins=_bins(calls),
        dimensions=_dimensions(findings),
        families=family_lines(family_cells(findings), len(calls), talk_ms),
        checks=checks,
        trend=trend(period, scores_by_day(cells), prior),
        comparisons=_comparisons(cells, beside),
        strengths=strengths(checks),
        work_on=work_points(checks, findings, by_id),
        violations=violations(findings, by_id),
        repeats=_repeats(calls, findings, period, beside),
        not_counted=not_counted(calls, findings, lines.stale),
        changed=changed(findings, by_id, lines.purposes),
        rulebooks=tuple(Counter(call.rulebook for call in calls).most_common()),
        calls=calls,
    )


def _bins(calls: Iterable[CallLine]) -> tuple[Bin, ...]:
    counts = Counter(min(int(call.total // 10), 9) for call in calls)
    return tuple(Bin(10 * n, 10 * n + 10, counts[n]) for n in range(10))


def _dimensions(findings: Iterable[FindingLine]) -> tuple[DimensionLine, ...]:
    """The five dimensions of the rule documents, then others: each call's is 100 and the points of
    its findings there, within 0..100."""
    points: dict[str, dict[str, float]] = defaultdict(dict)
    for one in findings:
        if one.dimension and one.outcome in (Outcome.PASS, Outcome.VIOLATION):
            own = points[one.dimension]
            own[one.call_id] = own.get(one.call_id, 0.0) + one.points
    names = [*DIMENSIONS, *sorted(name for name in points if name not in DIMENSIONS)]
    lines = []
    for name in names:
        own = points.get(name, {})
        scores = Scores.of(min(100.0, max(0.0, 100 + lost)) for lost in own.values())
        lines.append(DimensionLine(name, len(own), round(sum(own.values()), 4), estimate(scores)))
    return tuple(lines)


def _comparisons(cells: Sequence[CallCell], beside: Beside) -> tuple[Comparison, ...]:
    own = scores_by(cells, stratum)
    found = [compare(beside.against, own, scores_by(beside.others, stratum))]
    found.append(compare("past", own, scores_by(beside.past, stratum)))
    return tuple(found)


def _repeats(
    calls: Sequence[CallLine], findings: Sequence[FindingLine], period: Period, beside: Beside
) -> tuple[Repeat, ...]:
    every = repeats(
        (*calls, *beside.earlier.calls),
        (*findings, *beside.earlier.findings),
        beside.escalations,
    )
    return tuple(one for one in every if one.at.date() in period)
