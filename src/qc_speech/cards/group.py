"""The card of a team, a queue or the whole site. Pure: cells and marked findings in, a card out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from qc_speech.cards.cells import (
    CallCell,
    CheckCell,
    FamilyCell,
    HourCell,
    findings_tally,
    scores_by,
    scores_by_day,
    stratum,
)
from qc_speech.cards.likeness import Comparison, compare
from qc_speech.cards.lines import CheckLine, FamilyLine, NotCounted, check_lines, family_lines
from qc_speech.cards.period import Period
from qc_speech.cards.ranking import Place, places
from qc_speech.cards.statistics import (
    Estimate,
    Prior,
    Scores,
    Share,
    add_scores,
    estimate,
    prior_of,
    share,
)
from qc_speech.cards.tally import Tally
from qc_speech.cards.trend import Trend, trend

C = TypeVar("C", CallCell, CheckCell)


@dataclass(frozen=True)
class AgentHead:
    """An agent on a group's page. `agent` None: the unassigned calls, which have no place."""

    agent: str | None
    name: str | None
    team: str | None
    tally: Tally
    scores: Scores
    score: Estimate | None
    critical: int
    review: int
    place: Place | None


@dataclass(frozen=True)
class PartHead:
    """A team or queue of the site. kind: team | queue; name None: calls that name none."""

    kind: str
    name: str | None
    scores: Scores
    score: Estimate | None
    critical: int
    review: int


@dataclass(frozen=True)
class HeatMap:
    """Phrase compliance: for each agent (rows) and check (columns) the share of calls that passed
    of those that could be judged; None: nothing to judge."""

    agents: tuple[str | None, ...]
    checks: tuple[str, ...]
    cells: tuple[tuple[Share | None, ...], ...]


@dataclass(frozen=True)
class GroupCard:
    """kind: team | queue | site (name None: the site, or the calls that name no team or queue).
    `tally` is the sum of its agents' tallies, the unassigned calls included."""

    kind: str
    name: str | None
    period: Period
    tally: Tally
    scores: Scores
    score: Estimate | None
    talk_ms: int
    duration_ms: int
    mandarin_share: float | None
    critical: int
    review: int
    agents: tuple[AgentHead, ...]
    parts: tuple[PartHead, ...]
    families: tuple[FamilyLine, ...]
    checks: tuple[CheckLine, ...]
    trend: Trend
    comparisons: tuple[Comparison, ...]
    heat: HeatMap
    days: tuple[tuple[date, int], ...]
    hours: tuple[HourCell, ...]  # of all days of the period, by hour of the day
    worst_hours: tuple[HourCell, ...]  # single hours of a day with the worst lines
    not_counted: tuple[NotCounted, ...]
    rulebooks: tuple[tuple[str, int], ...]
    failures: int

    @property
    def unassigned(self) -> int:
        """Calls on nobody's card."""
        return sum(head.scores.n for head in self.agents if head.agent is None)


@dataclass(frozen=True)
class GroupRows:
    """What a group's card is made of: its calls by agent (and team), by day and by kind; its checks
    by agent; `unsure`: calls with an uncertain finding. `past`: its calls by kind and its checks of
    the period before; `site`: all of the site's calls by kind; names by agent."""

    agents: tuple[CallCell, ...] = ()
    days: tuple[CallCell, ...] = ()
    kinds: tuple[CallCell, ...] = ()
    checks: tuple[CheckCell, ...] = ()
    families: tuple[FamilyCell, ...] = ()
    unsure: int = 0
    hours: tuple[HourCell, ...] = ()
    past: tuple[CallCell, ...] = ()
    past_checks: tuple[CheckCell, ...] = ()
    site: tuple[CallCell, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    rulebooks: Mapping[str, int] = field(default_factory=dict)
    stale: int = 0
    failures: int = 0


def group_card(kind: str, name: str | None, period: Period, rows: GroupRows) -> GroupCard:
    """The card of a team, a queue or the site."""
    cells = rows.agents
    by_agent = scores_by(cells, lambda cell: cell.agent)
    prior = prior_of(scores for agent, scores in by_agent.items() if agent is not None)
    scores = add_scores(by_agent.values())
    talk_ms = sum(cell.talk_ms for cell in cells)
    mandarin_of_ms = sum(cell.mandarin_of_ms for cell in cells)
    by_day = scores_by_day(rows.days)
    heads = _agents(rows, by_agent, prior)
    return GroupCard(
        kind=kind,
        name=name,
        period=period,
        tally=findings_tally(scores, rows.checks),
        scores=scores,
        score=estimate(scores),
        talk_ms=talk_ms,
        duration_ms=sum(cell.duration_ms for cell in cells),
        mandarin_share=(
            sum(cell.mandarin_ms for cell in cells) / mandarin_of_ms if mandarin_of_ms else None
        ),
        critical=sum(cell.critical for cell in cells),
        review=sum(cell.review for cell in cells),
        agents=heads,
        parts=_parts(rows) if kind == "site" else (),
        families=family_lines(rows.families, scores.n, talk_ms),
        checks=check_lines(rows.checks, rows.past_checks),
        trend=trend(period, by_day),
        comparisons=_comparisons(kind, rows),
        heat=_heat(heads, rows.checks),
        days=tuple((day, by_day[day].n) for day in sorted(by_day)),
        hours=_by_hour(period, rows.hours),
        worst_hours=_worst(rows.hours),
        not_counted=_not_counted(rows),
        rulebooks=tuple(Counter(rows.rulebooks).most_common()),
        failures=rows.failures,
    )


def _agents(
    rows: GroupRows, by_agent: Mapping[str | None, Scores], prior: Prior | None
) -> tuple[AgentHead, ...]:
    """Best first by the estimate, those of few calls pulled to the middle; unassigned ones last."""
    own_cells, own_checks = _by_agent(rows.agents), _by_agent(rows.checks)
    agents = [agent for agent in by_agent if agent is not None]
    scored = {agent: estimate(by_agent[agent], prior) for agent in agents}
    ranked = dict(zip(agents, places([scored[agent] for agent in agents])))
    order: list[str | None] = [*sorted(agents, key=lambda agent: _worth(scored[agent], agent))]
    if None in by_agent:
        order.append(None)
    heads = []
    for agent in order:
        cells = own_cells[agent]
        team = max(cells, key=lambda cell: (cell.team is not None, cell.scores.n)).team
        scores = by_agent[agent]
        heads.append(
            AgentHead(
                agent, rows.names.get(agent) if agent else None, team,
                findings_tally(scores, own_checks.get(agent, ())), scores,
                scored[agent] if agent is not None else estimate(scores),
                sum(cell.critical for cell in cells), sum(cell.review for cell in cells),
                None if agent is None else ranked[agent],
            )
        )  # fmt: skip
    return tuple(heads)


def _worth(score: Estimate | None, agent: str) -> tuple[float, str]:
    return (-score.mean if score else 1.0, agent)


def _by_agent(cells: Iterable[C]) -> dict[str | None, list[C]]:
    found: dict[str | None, list[C]] = {}
    for cell in cells:
        found.setdefault(cell.agent, []).append(cell)
    return found


def _parts(rows: GroupRows) -> tuple[PartHead, ...]:
    found = []
    for kind in ("team", "queue"):
        own: dict[str | None, list[CallCell]] = {}
        for cell in rows.agents if kind == "team" else rows.kinds:
            own.setdefault(cell.team if kind == "team" else cell.queue, []).append(cell)
        if set(own) == {None}:
            continue
        for name in sorted(own, key=lambda one: (one is None, one or "")):
            scores = add_scores(cell.scores for cell in own[name])
            found.append(
                PartHead(
                    kind, name, scores, estimate(scores),
                    sum(cell.critical for cell in own[name]),
                    sum(cell.review for cell in own[name]),
                )
            )  # fmt: skip
    return tuple(found)


def _comparisons(kind: str, rows: GroupRows) -> tuple[Comparison, ...]:
    own = scores_by(rows.kinds, stratum)
    found = [compare("past", own, scores_by(rows.past, stratum))]
    if kind != "site":
        whole = scores_by(rows.site, stratum)
        rest = {key: one - own.get(key, Scores()) for key, one in whole.items()}
        found.insert(0, compare("site", own, rest))
    return tuple(found)


def _heat(heads: Iterable[AgentHead], checks: Iterable[CheckCell]) -> HeatMap:
    passed: dict[tuple[str | None, str], Share | None] = {}
    judged: Counter[str] = Counter()
    for cell in checks:
        if cell.family == "phrase":
            passed[cell.agent, cell.check] = share(cell.tally.passed, cell.tally.judged)
            judged[cell.check] += cell.tally.judged
    names = tuple(check for check, count in judged.most_common() if count)
    agents = tuple(head.agent for head in heads)
    rows = tuple(tuple(passed.get((agent, name)) for name in names) for agent in agents)
    return HeatMap(agents, names, rows)


def _by_hour(period: Period, cells: Iterable[HourCell]) -> tuple[HourCell, ...]:
    found: dict[int, HourCell] = {}
    for cell in cells:
        old = found.get(cell.hour, HourCell(period.first, cell.hour, 0, 0, 0))
        found[cell.hour] = HourCell(
            period.first, cell.hour, old.calls + cell.calls, old.poor + cell.poor,
            old.measured + cell.measured,
        )  # fmt: skip
    return tuple(found[hour] for hour in sorted(found))


def _worst(cells: Iterable[HourCell]) -> tuple[HourCell, ...]:
    """Up to five hours in which the share of poor lines is highest, by the lower end of its
    interval, so that an hour with a single bad call does not lead the list."""
    found = []
    for cell in cells:
        poor = share(cell.poor, cell.measured)
        if poor is not None and poor.count:
            found.append((-poor.low, cell.day, cell.hour, cell))
    return tuple(one[3] for one in sorted(found, key=lambda one: one[:3])[:5])


def _not_counted(rows: GroupRows) -> tuple[NotCounted, ...]:
    doubts = sum(cell.doubts for cell in rows.checks)
    nobody = sum(cell.scores.n for cell in rows.agents if cell.agent is None)
    found = (
        NotCounted("uncertain", doubts, rows.unsure),
        NotCounted("stale", rows.stale, 0),
        NotCounted("review", 0, sum(cell.review for cell in rows.agents)),
        NotCounted("unassigned", 0, nobody),
        NotCounted("failures", 0, rows.failures),
    )
    return tuple(one for one in found if one.findings or one.calls)
