"""The queue's pages as database queries: by key and not by number, so the last page is as quick as
the first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, false, or_, select, union

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
_WORST_FIRST = ("violation", "uncertain")

_ROW = (
    RESULTS.c.call_id, RESULTS.c.agent_id, RESULTS.c.agent_name, RESULTS.c.team,
    RESULTS.c.scenario, RESULTS.c.started_at, RESULTS.c.inspected_at, RESULTS.c.duration_ms,
    RESULTS.c.settled_total, RESULTS.c.settled_grade, RESULTS.c.settled_critical,
    RESULTS.c.settled_review, RESULTS.c.risk, RESULTS.c.reviewed_at,
)  # fmt: skip


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
        rows = _page_rows(connection, user, filters, size + 1)
        shown = rows[:size]
        doubts = _doubts(connection, [row.call_id for row in shown], filters)
        calls = tuple(_waiting(row, doubts[row.call_id]) for row in shown)
    after = Cursor(_key(shown[-1], filters.order), shown[-1].call_id) if len(rows) > size else None
    return QueuePage(calls, after)


def _page_rows(connection: Connection, user: User, filters: Filters, most: int) -> Sequence[Any]:
    base = _filtered(connection, user, filters)
    if filters.source == "both":
        # Each half walks its own index; together they would walk neither.
        halves = [
            _ordered(base.where(_source(source)), filters).limit(most).subquery()
            for source in ("flagged", "sample")
        ]
        ids = union(*(select(half.c.call_id) for half in halves)).subquery()
        base = base.where(RESULTS.c.call_id.in_(select(ids.c.call_id)))
    elif filters.source != "all":
        base = base.where(_source(filters.source))
    return connection.execute(_ordered(base, filters).limit(most)).all()


def _filtered(connection: Connection, user: User, filters: Filters) -> Select[Any]:
    owner = USERS.alias("owner")
    locker = USERS.alias("locker")
    query = (
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
    )
    for condition in (*_reach(user), *_state(user, filters), *_facts(filters)):
        query = query.where(condition)
    if filters.check or filters.outcome or filters.confidence is not None:
        query = query.where(_finding(filters))
    if filters.q:
        found = RESULTS.c.call_id == plain(filters.q)
        parts = wanted(filters.q)
        if parts:
            said = calls_with(parts, connection.dialect.name)
            found = or_(found, RESULTS.c.call_id.in_(said))
        query = query.where(found)
    return query


def _reach(user: User) -> list[ColumnElement[bool]]:
    """The same that permission.may says of each call."""
    if user.role is UserRole.AGENT:
        return [RESULTS.c.agent_id == user.agent_id if user.agent_id else false()]
    return [RESULTS.c.team.in_(user.teams)] if user.teams else []


def _state(user: User, filters: Filters) -> list[ColumnElement[bool]]:
    mine = ASSIGNMENTS.c.user_id
    open_ = ASSIGNMENTS.c.done_at.is_(None)
    states: dict[str, list[ColumnElement[bool]]] = {
        "open": [open_],
        "mine": [open_, mine == user.id],
        "free": [open_, mine.is_(None)],
        "taken": [open_, mine.is_not(None)],
        "due": [open_, ASSIGNMENTS.c.due_at < utc_now()],
        "done": [ASSIGNMENTS.c.done_at.is_not(None)],
    }
    return states[filters.state]


def _facts(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for value, column in (
        (filters.team, RESULTS.c.team),
        (filters.queue, RESULTS.c.queue),
        (filters.scenario, RESULTS.c.scenario),
    ):
        if value:
            found.append(column == value)
    if filters.agent:
        found.append(RESULTS.c.agent_id == plain(filters.agent))
    if filters.first:
        found.append(RESULTS.c.started_at >= datetime.combine(filters.first, time()))
    if filters.last:
        end = datetime.combine(filters.last, time()) + timedelta(days=1)
        found.append(RESULTS.c.started_at < end)
    if filters.score is not None:
        found.append(RESULTS.c.settled_total <= filters.score)
    return found


def _finding(filters: Filters) -> ColumnElement[bool]:
    conditions = [FINDINGS.c.call_id == RESULTS.c.call_id]
    if filters.check:
        conditions.append(FINDINGS.c.check == filters.check)
    if filters.outcome:
        conditions.append(FINDINGS.c.settled_outcome == filters.outcome)
    elif filters.check or filters.confidence is not None:
        conditions.append(FINDINGS.c.settled_outcome.in_(_WORST_FIRST))
    if filters.confidence is not None:
        conditions.append(FINDINGS.c.confidence <= filters.confidence)
    return select(FINDINGS.c.n).where(and_(*conditions)).exists()


def _source(source: str) -> ColumnElement[bool]:
    return RESULTS.c.settled_review if source == "flagged" else SAMPLES.c.week.is_not(None)


def _ordered(query: Select[Any], filters: Filters) -> Select[Any]:
    order, after = filters.order, filters.after
    if order == "newest":
        # A call without a time is as old as can be: SQLite sorts it last, and so must others.
        column = RESULTS.c.started_at
        query = query.order_by(column.desc().nulls_last(), RESULTS.c.call_id)
        return query.where(_behind_newest(after)) if after else query
    column = RESULTS.c.risk if order == "risk" else RESULTS.c.settled_total
    falling = order == "risk"
    query = query.order_by(column.desc() if falling else column, RESULTS.c.call_id)
    if after is None or not isinstance(after.key, (int, float)):
        return query
    # The first bound is what an index can seek to; the second passes over what was shown.
    bound = column <= after.key if falling else column >= after.key
    return query.where(bound, or_(column != after.key, RESULTS.c.call_id > plain(after.call_id)))


def _behind_newest(after: Cursor) -> ColumnElement[bool]:
    column, behind = RESULTS.c.started_at, RESULTS.c.call_id > plain(after.call_id)
    if not isinstance(after.key, str):
        return and_(column.is_(None), behind)
    try:
        moment = datetime.fromisoformat(after.key)
    except ValueError:
        return false()
    return or_(column < moment, and_(column == moment, behind), column.is_(None))


def _key(row: Any, order: str) -> float | str | None:
    if order == "newest":
        return row.started_at.isoformat() if row.started_at else None
    return float(row.risk if order == "risk" else row.settled_total)


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
