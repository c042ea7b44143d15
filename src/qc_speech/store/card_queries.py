"""The queries behind store/cards.py: which calls, and what is counted of them. Pure reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Integer,
    Select,
    and_,
    case,
    cast,
    distinct,
    func,
    null,
    or_,
    select,
    true,
)

from qc_speech.cards.cells import KEYS, CallCell, CheckCell, FamilyCell, HourCell
from qc_speech.cards.period import Period
from qc_speech.cards.rows import (
    FAIR_LINE_DB,
    GOOD_LINE_DB,
    NOBODY,
    SEPARATORS,
    CallLine,
    FindingLine,
    agent_of,
)
from qc_speech.cards.statistics import Scores
from qc_speech.cards.tally import Tally
from qc_speech.model import Outcome, Severity, Span
from qc_speech.reviews import CALIBRATION, WHOLE_CALL
from qc_speech.store.tables import FINDINGS, RESULTS, REVIEWS

_R, _F = RESULTS.c, FINDINGS.c
_MARKS = (Outcome.VIOLATION.value, Outcome.UNCERTAIN.value)


@dataclass(frozen=True)
class Scope:
    """Which calls: kind agent | team | queue | site. name None: the calls that name none."""

    kind: str = "site"
    name: str | None = None


def scoped(scope: Scope) -> ColumnElement[bool]:
    """The calls of a scope, as a condition on `results`."""
    if scope.kind == "site":
        return true()
    if scope.kind == "agent":
        return _nobody(_R.agent_id) if scope.name is None else _R.agent_id == scope.name
    column = _R.team if scope.kind == "team" else _R.queue
    return column.is_(None) if scope.name is None else column == scope.name


def _nobody(agent_id: ColumnElement[str]) -> ColumnElement[bool]:
    """cards.rows.agent_of is None, in SQL."""
    several = [agent_id.contains(sign, autoescape=True) for sign in SEPARATORS]
    return or_(agent_id.is_(None), func.lower(func.trim(agent_id)).in_(NOBODY), *several)


def dated(period: Period) -> ColumnElement[bool]:
    return and_(_R.started_at >= period.start, _R.started_at < period.end)


def undated(period: Period) -> ColumnElement[bool]:
    return and_(
        _R.started_at.is_(None), _R.inspected_at >= period.start, _R.inspected_at < period.end
    )


def within(period: Period) -> ColumnElement[bool]:
    return or_(dated(period), undated(period))


def found_in(period: Period) -> tuple[ColumnElement[bool], ...]:
    return _F.started_at >= period.start, _F.started_at < period.end


CALL_COLUMNS = (
    _R.call_id, _R.agent_id, _R.started_at, _R.inspected_at, _R.scenario, _R.duration_ms,
    _R.settled_total, _R.settled_grade, _R.agent_name, _R.team, _R.queue, _R.agent_talk_ms,
    _R.snr_db, _R.mandarin_share, _R.settled_critical, _R.settled_review, _R.reviewed_at,
    _R.total, _R.rulebook,
)  # fmt: skip


def calls_of(connection: Connection, scope: Scope, period: Period) -> list[CallLine]:
    return [
        call_line(row)
        for when in (dated(period), undated(period))
        for row in connection.execute(select(*CALL_COLUMNS).where(scoped(scope), when))
    ]


def call_line(row: Any) -> CallLine:
    return CallLine(
        call_id=row.call_id,
        agent_id=row.agent_id,
        at=row.started_at or row.inspected_at,
        scenario=row.scenario,
        duration_ms=row.duration_ms,
        total=row.settled_total,
        grade=row.settled_grade,
        agent_name=row.agent_name,
        team=row.team,
        queue=row.queue,
        agent_talk_ms=row.agent_talk_ms,
        snr_db=row.snr_db,
        mandarin_share=row.mandarin_share,
        critical=row.settled_critical,
        review=row.settled_review,
        reviewed=row.reviewed_at is not None,
        machine_total=row.total,
        rulebook=row.rulebook,
    )


FINDING_COLUMNS = (
    _F.call_id, _F.n, _F.check, _F.family, _F.settled_outcome, _F.outcome, _F.severity,
    _F.settled_points, _F.points, _F.confidence, _F.start_ms, _F.end_ms, _F.clause, _F.dimension,
    _F.added,
)  # fmt: skip


def findings_of(connection: Connection, scope: Scope, period: Period) -> list[FindingLine]:
    return [
        finding_line(row)
        for query in in_scope(select(*FINDING_COLUMNS), scope, period)
        for row in connection.execute(query)
    ]


def newest(period: Period, checks: Iterable[str], count: int) -> Select[Any]:
    """The newest violations of these checks."""
    return (
        select(*FINDING_COLUMNS)
        .where(
            _F.check.in_(tuple(checks)), _F.settled_outcome == Outcome.VIOLATION.value,
            *found_in(period),
        )
        .order_by(_F.started_at.desc(), _F.call_id, _F.n)
        .limit(count)
    )  # fmt: skip


_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_SEVERITIES = {severity.value: severity for severity in Severity}


def finding_line(row: Any) -> FindingLine:
    (call_id, n, check, family, outcome, machine, severity, points, machine_points, confidence,
     start_ms, end_ms, clause, dimension, added) = row  # fmt: skip
    return FindingLine(
        call_id, check, family, _OUTCOMES[outcome], _SEVERITIES[severity], points, confidence,
        None if start_ms is None or end_ms is None else Span(start_ms, end_ms), clause, dimension,
        None if added else _OUTCOMES[machine], machine_points, n,
    )  # fmt: skip


def in_scope(query: Select[Any], scope: Scope, period: Period) -> tuple[Select[Any], ...]:
    """Queries on findings, for those of a scope and period: their rows together are all of them.
    Agent and time stand in `findings`; teams and queues do not, so their calls are sought first."""
    if scope.kind == "site":
        return (query.where(*found_in(period)),)
    if scope.kind == "agent":
        own = _nobody(_F.agent_id) if scope.name is None else _F.agent_id == scope.name
        return (query.where(own, *found_in(period)),)
    joined = query.join(RESULTS, _R.call_id == _F.call_id).where(scoped(scope))
    return joined.where(dated(period)), joined.where(undated(period))


def cells_of(
    connection: Connection, scope: Scope, period: Period, keys: Sequence[str]
) -> Iterable[CallCell]:
    """Calls counted by some of cells.KEYS. Twice: those with a start, and the few without."""
    yield from _cells(connection, scope, dated(period), keys, _R.started_at)
    yield from _cells(connection, scope, undated(period), keys, _R.inspected_at)


def _cells(
    connection: Connection,
    scope: Scope,
    when: ColumnElement[bool],
    keys: Sequence[str],
    at: ColumnElement[datetime],
) -> Iterable[CallCell]:
    line = case(
        (_R.snr_db.is_(None), "unknown"),
        (_R.snr_db >= GOOD_LINE_DB, "good"),
        (_R.snr_db >= FAIR_LINE_DB, "fair"),
        else_="poor",
    )
    hundredths = _whole(connection, _R.settled_total * 100)
    talk = func.coalesce(_R.agent_talk_ms, 0)
    known = case((_R.mandarin_share.is_(None), 0), else_=talk)
    mandarin = _whole(connection, func.coalesce(_R.mandarin_share, 0.0) * talk)
    columns: dict[str, ColumnElement[Any]] = {
        "agent": _R.agent_id, "team": _R.team, "queue": _R.queue, "scenario": _R.scenario,
        "line": line, "day": _day(connection, at),
    }  # fmt: skip
    query = (
        select(
            *(columns[key] if key in keys else null() for key in KEYS),
            func.count(), func.sum(hundredths), func.sum(hundredths * hundredths),
            func.sum(cast(_R.settled_critical, Integer)),
            func.sum(cast(_R.settled_review, Integer)),
            func.sum(_R.duration_ms), func.sum(talk), func.sum(mandarin), func.sum(known),
        )
        .where(scoped(scope), when)
        .group_by(*(columns[key] for key in keys))
    )  # fmt: skip
    for agent_id, team, queue, scenario, quality, day, *sums in connection.execute(query):
        if not sums[0]:  # without a key there is a row even of nothing
            continue
        n, total, squares, critical, review, duration, talk_ms, mandarin_ms, known_ms = map(
            int, sums
        )
        yield CallCell(
            agent_of(agent_id), team, queue, scenario, quality, _as_day(day),
            Scores(n, total, squares), critical, review, duration, talk_ms, mandarin_ms, known_ms,
        )  # fmt: skip


def _day(connection: Connection, when: ColumnElement[datetime]) -> ColumnElement[Any]:
    if connection.dialect.name == "sqlite":  # kept as text there: its first ten characters
        return func.substr(when, 1, 10)
    return cast(when, Date)


def _as_day(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) else value


def checks_of(
    connection: Connection, scope: Scope, period: Period, *, by_agent: bool
) -> tuple[CheckCell, ...]:
    """Calls by the worst that a check found in them, of each agent or of all together. Marks are
    few and counted call by call. Passes are many and counted by the database: the machine's pass of
    a check is its only finding in a call; where people have judged it need not be, and those calls
    are counted one by one too."""
    counts: dict[tuple[str | None, str], _Count] = defaultdict(_Count)
    agent = _F.agent_id if by_agent else null()
    columns = (_F.call_id, _F.check, agent, _F.settled_outcome, _F.settled_points)
    worst: dict[tuple[str, str], bool] = {}  # (call, check): violated
    for query in in_scope(select(*columns), scope, period):
        marks = query.where(_F.settled_outcome.in_(_MARKS))
        for call_id, check, agent_id, outcome, points in connection.execute(marks):
            one = counts[agent_of(agent_id), check]
            violated = outcome == Outcome.VIOLATION.value
            one.points += points
            one.occurrences += violated
            one.doubts += not violated
            before = worst.get((call_id, check))
            one.violated += violated and not before
            one.unsure += (before is None and not violated) - (before is False and violated)
            worst[call_id, check] = violated or bool(before)
    own = (agent, _F.check) if by_agent else (_F.check,)
    many = select(agent, _F.check, func.count(), func.sum(_F.settled_points))
    for query in in_scope(many, scope, period):
        passes = query.where(_F.settled_outcome == Outcome.PASS.value).group_by(*own)
        for agent_id, check, count, points in connection.execute(passes):
            one = counts[agent_of(agent_id), check]
            one.points += points
            one.passes += count
            one.passed += count
    for call_id, check, agent_id, count in _judged_passes(connection, scope, period, by_agent):
        counts[agent_of(agent_id), check].passed += ((call_id, check) not in worst) - count
    families = _families(connection, {check for _, check in counts})
    return tuple(one.cell(who, check, families[check]) for (who, check), one in counts.items())


def _judged_passes(
    connection: Connection, scope: Scope, period: Period, by_agent: bool
) -> Iterable[Any]:
    """(call, check, agent, passes) where people have judged a check of a call that has passes."""
    judged = select(REVIEWS.c.call_id, REVIEWS.c.check).join(
        RESULTS, _R.call_id == REVIEWS.c.call_id
    )
    agent = _R.agent_id if by_agent else null()
    # Found by their call: an index of checks would lead through all passes there ever were.
    check, outcome = func.coalesce(_F.check, ""), func.coalesce(_F.settled_outcome, "")
    for when in (dated(period), undated(period)):
        pairs = judged.where(scoped(scope), when, _R.reviewed_at.is_not(None)).distinct().subquery()
        query = (
            select(_F.call_id, _F.check, agent, func.count())
            .select_from(pairs)
            .join(FINDINGS, and_(_F.call_id == pairs.c.call_id, check == pairs.c.check))
            .join(RESULTS, _R.call_id == _F.call_id)
            .where(outcome == Outcome.PASS.value)
            .group_by(_F.call_id, _F.check, _R.agent_id)
        )
        yield from connection.execute(query)


def _families(connection: Connection, checks: Iterable[str]) -> dict[str, str]:
    """The family of each check, as its newest finding has it."""
    found = {}
    for check in checks:
        query = select(_F.family).where(_F.check == check).limit(1)
        found[check] = str(connection.execute(query).scalar_one())
    return found


def families_of(
    connection: Connection, scope: Scope, period: Period
) -> tuple[tuple[FamilyCell, ...], int]:
    """Violations by family, and the number of calls with an uncertain finding."""
    found: dict[str, list[float]] = {}
    unsure = 0
    mark = _F.settled_outcome
    each = select(
        _F.family, _F.call_id, func.count().label("c"), func.sum(_F.settled_points).label("p")
    )
    for query in in_scope(each, scope, period):
        calls = query.where(mark == Outcome.VIOLATION.value).group_by(_F.family, _F.call_id)
        of = calls.subquery().c
        sums = select(
            of.family, func.sum(of.c), func.count(), func.sum(of.c * of.c), func.sum(of.p)
        )
        for family, *values in connection.execute(sums.group_by(of.family)):
            old = found.get(family, [0, 0, 0, 0.0])
            found[family] = [a + b for a, b in zip(old, values)]
    for query in in_scope(select(func.count(distinct(_F.call_id))), scope, period):
        unsure += connection.execute(query.where(mark == Outcome.UNCERTAIN.value)).scalar_one()
    cells = tuple(
        FamilyCell(family, int(count), int(calls), int(squares), round(points, 4))
        for family, (count, calls, squares, points) in found.items()
    )
    return cells, unsure


@dataclass
class _Count:
    """A CheckCell while it is counted."""

    points: float = 0.0
    passed: int = 0
    violated: int = 0
    unsure: int = 0
    occurrences: int = 0
    passes: int = 0
    doubts: int = 0

    def cell(self, agent: str | None, check: str, family: str) -> CheckCell:
        calls = self.passed + self.violated + self.unsure
        tally = Tally(round(self.points, 4), 0.0, self.passed, self.violated, self.unsure, calls)
        return CheckCell(agent, check, family, tally, self.occurrences, self.passes, self.doubts)


def _whole(connection: Connection, value: ColumnElement[float]) -> ColumnElement[int]:
    """Rounded half up, on every database."""
    if connection.dialect.name == "sqlite":  # its cast cuts off what is behind the point
        return cast(value + 0.5, Integer)
    return cast(func.floor(value + 0.5), Integer)


def hours_of(connection: Connection, scope: Scope, period: Period) -> Iterable[HourCell]:
    day = _day(connection, _R.started_at)
    if connection.dialect.name == "sqlite":
        hour: ColumnElement[int] = cast(func.substr(_R.started_at, 12, 2), Integer)
    else:
        hour = cast(func.extract("hour", _R.started_at), Integer)
    poor = case((_R.snr_db < FAIR_LINE_DB, 1), else_=0)
    query = (
        select(day, hour, func.count(), func.sum(poor), func.count(_R.snr_db))
        .where(scoped(scope), dated(period))
        .group_by(day, hour)
    )
    for when, at, calls, bad, measured in connection.execute(query):
        yield HourCell(_as_day(when), int(at), int(calls), int(bad), int(measured))


def reviews_of(connection: Connection, scope: Scope, period: Period) -> list[Any]:
    query = (
        select(REVIEWS)
        .join(RESULTS, _R.call_id == REVIEWS.c.call_id)
        .where(
            scoped(scope), within(period), REVIEWS.c.withdrawn.is_(False),
            REVIEWS.c.purpose != CALIBRATION,
        )
        .order_by(REVIEWS.c.at, REVIEWS.c.id)
    )  # fmt: skip
    return list(connection.execute(query))


def stale_verdicts(reviews: Iterable[Any], findings: Iterable[FindingLine]) -> int:
    """Verdicts on findings that are no longer there (reviews.settle leaves them out)."""
    places: dict[tuple[str, str], list[Span | None]] = {}
    for one in findings:
        places.setdefault((one.call_id, one.check), []).append(one.span)
    count = 0
    for row in reviews:
        if row.machine is None or row.check == WHOLE_CALL:
            continue
        span = None if row.start_ms is None else Span(row.start_ms, row.end_ms)
        own = places.get((row.call_id, row.check), [])
        count += not any(
            place == span or (place and span and place.overlap_ms(span)) for place in own
        )
    return count
