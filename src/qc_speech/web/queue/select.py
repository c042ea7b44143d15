"""The queue's pages as database queries: by key and not by number, so the last page is as quick as
the first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, false, func, or_, select, true

from qc_speech.store.rows import plain
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.tables import FINDINGS, RESULTS
from qc_speech.store.web_tables import ASSIGNMENTS, SAMPLES, USERS
from qc_speech.store.words import calls_with
from qc_speech.text.searching import wanted
from qc_speech.web.people import User, UserRole
from qc_speech.web.queue.filters import Cursor, Filters

PAGE = 50
_FINDINGS_SHOWN = 4
_SHORT_DAYS = 31  # up to so many days are found by date and then sorted
_SAMPLE_WEEKS = 8  # what was drawn earlier and never heard no longer waits
_WORST_FIRST = ("violation", "uncertain")

_ROW = (
    RESULTS.c.call_id, RESULTS.c.agent_id, RESULTS.c.agent_name, RESULTS.c.team,
    RESULTS.c.scenario, RESULTS.c.started_at, RESULTS.c.inspected_at, RESULTS.c.duration_ms,
    RESULTS.c.settled_total, RESULTS.c.settled_grade, RESULTS.c.settled_critical,
    RESULTS.c.settled_review, RESULTS.c.risk, RESULTS.c.reviewed_at,
)  # fmt: skip


_KEYS: dict[str, ColumnElement[Any]] = {
    "risk": RESULTS.c.risk,
    "lowest": RESULTS.c.settled_total,
    "newest": RESULTS.c.started_at,
}


@dataclass(frozen=True)
class Doubt:
    """A finding that a person may want to hear: check, outcome, how sure."""

    check: str
    outcome: str
    confidence: float


@dataclass(frozen=True)
class Waiting:
    """A call of the queue with what is known of it at a glance, and whose it is."""

    call_id: str
    agent_id: str | None
    agent_name: str | None
    team: str | None
    scenario: str
    started_at: datetime | None
    duration_ms: int
    total: float
    grade: str
    critical: bool
    review: bool
    risk: float
    reviewed_at: datetime | None
    sample: bool
    owner: str | None = None
    locked_by: str | None = None
    due_at: datetime | None = None
    done_at: datetime | None = None
    done_by: str | None = None
    doubts: tuple[Doubt, ...] = ()
    more_doubts: int = 0


@dataclass(frozen=True)
class QueuePage:
    """Some calls in order; `after`: where the next page begins, None on the last."""

    calls: tuple[Waiting, ...]
    after: Cursor | None
    now: datetime = field(default_factory=utc_now)


def queue_page(store: SqlStore, user: User, filters: Filters, size: int = PAGE) -> QueuePage:
    """One page of what this user may see of the queue."""
    with store.transaction(write=False) as connection:
        found = _found(connection, user, filters, size + 1)
        shown = found[:size]
        ids = [call_id for _, call_id in shown]
        rows = {row.call_id: row for row in connection.execute(_rows(ids))} if ids else {}
        doubts = _doubts(connection, ids, filters)
    calls = tuple(_waiting(rows[one], doubts[one]) for one in ids)
    after = Cursor(*shown[-1]) if len(found) > size else None
    return QueuePage(calls, after)


def _found(
    connection: Connection, user: User, filters: Filters, most: int
) -> list[tuple[float | str | None, str]]:
    """Keys and ids of one page, in order."""
    asked = _Asked(filters, _said(connection, filters))
    if asked.said == []:
        return []
    if filters.source != "both":
        return _ids(connection, user, asked, filters.source, most)
    # Each half has its own way to be found quickly; together they would have none.
    halves = [_ids(connection, user, asked, source, most) for source in ("flagged", "sample")]
    return sorted({*halves[0], *halves[1]}, key=_ORDERS[filters.order])[:most]


# How Python sorts what the database has sorted: the same.
_ORDERS: dict[str, Callable[[tuple[Any, str]], Any]] = {
    "risk": lambda one: (-one[0], one[1]),
    "lowest": lambda one: one,
    "newest": lambda one: (one[0] is None, _Falling(one[0] or ""), one[1]),
}


class _Falling(str):
    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


@dataclass(frozen=True)
class _Asked:
    """Filters, with the calls in which the words looked for were said (None: none looked for)."""

    filters: Filters
    said: list[str] | None

    @property
    def narrow(self) -> bool:
        """So few calls are left that they are better found first and sorted then; else the index
        that gives the order is walked until the page is full. The database is not left to guess:
        a wrong guess costs seconds."""
        f = self.filters
        short = bool(f.first and f.last and (f.last - f.first).days <= _SHORT_DAYS)
        return bool(f.agent or short or self.said or f.state in ("mine", "taken", "due", "done"))


def _said(connection: Connection, filters: Filters) -> list[str] | None:
    if not filters.q:
        return None
    parts, found = wanted(filters.q), [plain(filters.q)]
    if parts:
        found += connection.execute(calls_with(parts, connection.dialect.name)).scalars()
    return found


def _ids(
    connection: Connection, user: User, asked: _Asked, source: str, most: int
) -> list[tuple[float | str | None, str]]:
    filters = asked.filters
    column = _KEYS[filters.order]
    query = select(column.label("key"), RESULTS.c.call_id)
    conditions = [
        *_reach(user),
        *_state(user, filters),
        *_facts(asked),
        *_source(connection, asked, source),
    ]
    if filters.check or filters.outcome or filters.confidence is not None:
        conditions.append(_finding(filters))
    query = query.where(*conditions).limit(most)
    if filters.order != "newest":
        query = _after(query, column, filters).order_by(
            column.desc() if filters.order == "risk" else column, RESULTS.c.call_id
        )
        return [(float(row.key), row.call_id) for row in connection.execute(query)]
    return _newest(connection, query, filters, most)


def _newest(
    connection: Connection, query: Select[Any], filters: Filters, most: int
) -> list[tuple[float | str | None, str]]:
    """The newest first; calls without a time come last (asked for alone: so an index serves)."""
    column, after = RESULTS.c.started_at, filters.after
    found: list[tuple[float | str | None, str]] = []
    if after is None or after.key is not None:
        dated = query.where(column.is_not(None))
        if after is not None:
            moment, behind = _moment(after.key), RESULTS.c.call_id > plain(after.call_id)
            dated = dated.where(column <= moment, or_(column != moment, behind))
        rows = connection.execute(dated.order_by(column.desc(), RESULTS.c.call_id))
        found = [(row.key.isoformat(), row.call_id) for row in rows]
    if len(found) < most:
        rest = query.where(column.is_(None)).limit(most - len(found))
        if after is not None and after.key is None:
            rest = rest.where(RESULTS.c.call_id > plain(after.call_id))
        found += [
            (None, row.call_id) for row in connection.execute(rest.order_by(RESULTS.c.call_id))
        ]
    return found


def _moment(key: float | str | None) -> datetime:
    try:
        return datetime.fromisoformat(str(key))
    except ValueError:
        return datetime.min


def _after(query: Select[Any], column: ColumnElement[Any], filters: Filters) -> Select[Any]:
    after = filters.after
    if after is None or not isinstance(after.key, (int, float)):
        return query
    # The first bound is what an index can seek to; the second passes over what was shown.
    bound = column <= after.key if filters.order == "risk" else column >= after.key
    return query.where(bound, or_(column != after.key, RESULTS.c.call_id > plain(after.call_id)))


def _rows(ids: Sequence[str]) -> Select[Any]:
    owner, locker = USERS.alias("owner"), USERS.alias("locker")
    return (
        select(
            *_ROW,
            SAMPLES.c.week.label("sample"),
            owner.c.shown.label("owner"),
            locker.c.shown.label("locker"),
            ASSIGNMENTS.c.locked_until,
            ASSIGNMENTS.c.due_at,
            ASSIGNMENTS.c.done_at,
            ASSIGNMENTS.c.done_by,
        )
        .select_from(RESULTS)
        .outerjoin(ASSIGNMENTS, ASSIGNMENTS.c.call_id == RESULTS.c.call_id)
        .outerjoin(SAMPLES, SAMPLES.c.call_id == RESULTS.c.call_id)
        .outerjoin(owner, owner.c.id == ASSIGNMENTS.c.user_id)
        .outerjoin(locker, locker.c.id == ASSIGNMENTS.c.locked_by)
        .where(RESULTS.c.call_id.in_(ids))
    )


def _unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column that no index is chosen for (see _Asked.narrow)."""
    return func.coalesce(column, column)


def _reach(user: User) -> list[ColumnElement[bool]]:
    """The same that permission.may says of each call."""
    if user.role is UserRole.AGENT:
        return [RESULTS.c.agent_id == user.agent_id if user.agent_id else false()]
    return [_unindexed(RESULTS.c.team).in_(user.teams)] if user.teams else []


def _state(user: User, filters: Filters) -> list[ColumnElement[bool]]:
    done, owner = ASSIGNMENTS.c.done_at, ASSIGNMENTS.c.user_id
    of_call = select(ASSIGNMENTS.c.call_id).where(ASSIGNMENTS.c.call_id == RESULTS.c.call_id)
    some = select(ASSIGNMENTS.c.call_id)
    states: dict[str, ColumnElement[bool]] = {
        "open": ~of_call.where(done.is_not(None)).exists(),
        "free": ~of_call.where(or_(done.is_not(None), owner.is_not(None))).exists(),
        "mine": RESULTS.c.call_id.in_(some.where(owner == user.id, done.is_(None))),
        "taken": RESULTS.c.call_id.in_(some.where(owner.is_not(None), done.is_(None))),
        "due": RESULTS.c.call_id.in_(some.where(ASSIGNMENTS.c.due_at < utc_now(), done.is_(None))),
        "done": RESULTS.c.call_id.in_(some.where(done.is_not(None))),
    }
    return [states[filters.state]]


def _facts(asked: _Asked) -> list[ColumnElement[bool]]:
    filters = asked.filters
    started: ColumnElement[Any] = RESULTS.c.started_at
    found: list[ColumnElement[bool]] = []
    for value, column in (
        (filters.team, RESULTS.c.team),
        (filters.queue, RESULTS.c.queue),
        (filters.scenario, RESULTS.c.scenario),
    ):
        if value:
            found.append(_unindexed(column) == value)
    if asked.said is not None:
        found.append(RESULTS.c.call_id.in_(asked.said))
    if filters.agent:
        agent = RESULTS.c.agent_id if asked.said is None else _unindexed(RESULTS.c.agent_id)
        found.append(agent == plain(filters.agent))
    if not asked.narrow or filters.agent or asked.said is not None:
        started = _unindexed(started)
    if filters.first:
        found.append(started >= datetime.combine(filters.first, time()))
    if filters.last:
        found.append(started < datetime.combine(filters.last, time()) + timedelta(days=1))
    if filters.score is not None:
        total = RESULTS.c.settled_total
        free = filters.order == "lowest" and not asked.narrow
        found.append((total if free else _unindexed(total)) <= filters.score)
    return found


def _finding(filters: Filters) -> ColumnElement[bool]:
    conditions = [FINDINGS.c.call_id == RESULTS.c.call_id]
    outcome = _unindexed(FINDINGS.c.settled_outcome)
    if filters.check:
        conditions.append(_unindexed(FINDINGS.c.check) == filters.check)
    conditions.append(outcome == filters.outcome if filters.outcome else outcome.in_(_WORST_FIRST))
    if filters.confidence is not None:
        conditions.append(FINDINGS.c.confidence <= filters.confidence)
    return select(FINDINGS.c.n).where(and_(*conditions)).exists()


def _source(connection: Connection, asked: _Asked, source: str) -> list[ColumnElement[bool]]:
    flagged: ColumnElement[bool] = RESULTS.c.settled_review
    if source == "flagged":
        walk = asked.filters.order == "risk" and not asked.narrow
        return [(flagged if walk else _unindexed(flagged)) == true()]
    if source == "all":
        return []
    newest = connection.execute(select(func.max(SAMPLES.c.week))).scalar()
    if newest is None:
        return [false()]
    monday = datetime.strptime(f"{newest}-1", "%G-W%V-%u") - timedelta(weeks=_SAMPLE_WEEKS - 1)
    year, week, _ = monday.isocalendar()
    recent = select(SAMPLES.c.call_id).where(SAMPLES.c.week >= f"{year}-W{week:02d}")
    return [RESULTS.c.call_id.in_(recent)]


def _doubts(connection: Connection, ids: Sequence[str], filters: Filters) -> dict[str, list[Doubt]]:
    found: dict[str, list[Doubt]] = defaultdict(list)
    if not ids:
        return found
    query = select(
        FINDINGS.c.call_id, FINDINGS.c.check, FINDINGS.c.settled_outcome, FINDINGS.c.confidence
    ).where(FINDINGS.c.call_id.in_(ids), FINDINGS.c.settled_outcome.in_(_WORST_FIRST))
    for row in connection.execute(query):
        found[row.call_id].append(Doubt(row.check, row.settled_outcome, row.confidence))
    for doubts in found.values():
        doubts.sort(
            key=lambda one: (
                one.check != filters.check,
                _WORST_FIRST.index(one.outcome),
                one.confidence,
            )
        )
    return found


def _waiting(row: Any, doubts: list[Doubt]) -> Waiting:
    locked = row.locked_until is not None and row.locked_until > utc_now()
    return Waiting(
        call_id=row.call_id,
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        team=row.team,
        scenario=row.scenario,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
        total=row.settled_total,
        grade=row.settled_grade,
        critical=row.settled_critical,
        review=row.settled_review,
        risk=row.risk,
        reviewed_at=row.reviewed_at,
        sample=row.sample is not None,
        owner=row.owner,
        locked_by=row.locker if locked else None,
        due_at=row.due_at,
        done_at=row.done_at,
        done_by=row.done_by,
        doubts=tuple(doubts[:_FINDINGS_SHOWN]),
        more_doubts=max(0, len(doubts) - _FINDINGS_SHOWN),
    )
