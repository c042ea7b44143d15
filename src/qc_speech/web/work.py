"""Who works on which call: assigned, locked while open on a screen, due, done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from qc_speech.store.rows import plain
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import ASSIGNMENTS, SAVED_VIEWS, USERS
from qc_speech.web.people import User
from qc_speech.web.permission import CallKey, may

LOCK = timedelta(minutes=10)  # a page that is open renews it
MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Locked:
    """Somebody else has the call open."""

    by: str
    until: datetime


@dataclass(frozen=True)
class View:
    """A kept set of filters."""

    id: int
    name: str
    query: str
    shared: bool
    mine: bool


def assign(
    store: SqlStore, by: User, ids: Sequence[str], to: User | None, due_at: datetime | None
) -> int:
    """Give calls to somebody (None: to nobody). Calls that `by` or `to` may not review are left
    out; returns how many were given."""
    change = {
        "user_id": to.id if to else None,
        "assigned_by": by.name,
        "assigned_at": utc_now(),
        "due_at": due_at,
        "done_at": None,
        "done_by": None,
    }
    with store.transaction(write=True) as connection:
        return _put(connection, _within_reach(connection, ids, (by, to) if to else (by,)), change)


def take(store: SqlStore, user: User, ids: Sequence[str]) -> int:
    """Take calls that are nobody's; those of others are left with them."""
    change = {"user_id": user.id, "assigned_by": user.name, "assigned_at": utc_now()}
    with store.transaction(write=True) as connection:
        near = _within_reach(connection, ids, (user,))
        return _put(connection, near, change, _nobodys_or(user))


def release(store: SqlStore, user: User, ids: Sequence[str]) -> int:
    """Give one's own calls back."""
    mine = ASSIGNMENTS.c.call_id.in_([plain(one) for one in ids[:MOST_AT_ONCE]])
    change = update(ASSIGNMENTS).where(mine, ASSIGNMENTS.c.user_id == user.id)
    with store.transaction(write=True) as connection:
        return connection.execute(
            change.values(user_id=None, locked_by=None, locked_until=None)
        ).rowcount


def finish(store: SqlStore, user: User, ids: Sequence[str], *, done: bool = True) -> int:
    """Nothing is left to do on these calls, or there is after all. Calls that another person has
    taken are left alone."""
    change: dict[str, Any] = {
        "done_at": utc_now() if done else None,
        "done_by": user.name if done else None,
        "locked_by": None,
        "locked_until": None,
    }
    with store.transaction(write=True) as connection:
        near = _within_reach(connection, ids, (user,))
        free = None if may(user, "queue.assign") else _nobodys_or(user)
        return _put(connection, near, change, free)


def lock(store: SqlStore, user: User, call_id: str) -> Locked | None:
    """Hold a call while its page is open (again and again); None: it is held, else who has it."""
    call_id, now = plain(call_id), utc_now()
    free = or_(
        ASSIGNMENTS.c.locked_by.is_(None),
        ASSIGNMENTS.c.locked_by == user.id,
        ASSIGNMENTS.c.locked_until <= now,
    )
    query = (
        select(ASSIGNMENTS.c.locked_until, USERS.c.shown)
        .join(USERS, USERS.c.id == ASSIGNMENTS.c.locked_by)
        .where(ASSIGNMENTS.c.call_id == call_id)
    )
    with store.transaction(write=True) as connection:
        if _put(connection, [call_id], {"locked_by": user.id, "locked_until": now + LOCK}, free):
            return None
        row = connection.execute(query).one()
    return Locked(row.shown, row.locked_until)


def unlock(store: SqlStore, user: User, call_id: str) -> None:
    change = update(ASSIGNMENTS).where(
        ASSIGNMENTS.c.call_id == plain(call_id), ASSIGNMENTS.c.locked_by == user.id
    )
    with store.transaction(write=True) as connection:
        connection.execute(change.values(locked_by=None, locked_until=None))


def save_view(store: SqlStore, user: User, name: str, query: str, shared: bool) -> None:
    """Keep filters under a name; the same name again replaces them."""
    name = name.strip()[:200]
    mine = (SAVED_VIEWS.c.user_id == user.id) & (SAVED_VIEWS.c.name == name)
    row = {"user_id": user.id, "name": name, "query": query[:2000], "shared": shared}
    with store.transaction(write=True) as connection:
        connection.execute(delete(SAVED_VIEWS).where(mine))
        connection.execute(insert(SAVED_VIEWS), [row])


def drop_view(store: SqlStore, user: User, view_id: int) -> bool:
    mine = (SAVED_VIEWS.c.id == view_id) & (SAVED_VIEWS.c.user_id == user.id)
    with store.transaction(write=True) as connection:
        return connection.execute(delete(SAVED_VIEWS).where(mine)).rowcount > 0


def views_of(store: SqlStore, user: User) -> tuple[View, ...]:
    """One's own views and those that others share."""
    query = (
        select(SAVED_VIEWS)
        .where((SAVED_VIEWS.c.user_id == user.id) | SAVED_VIEWS.c.shared)
        .order_by(SAVED_VIEWS.c.name)
        .limit(100)
    )
    with store.transaction(write=False) as connection:
        return tuple(
            View(row.id, row.name, row.query, row.shared, row.user_id == user.id)
            for row in connection.execute(query)
        )


def _within_reach(connection: Connection, ids: Sequence[str], users: Iterable[User]) -> list[str]:
    chosen = [plain(one) for one in ids[:MOST_AT_ONCE]]
    query = select(RESULTS.c.call_id, RESULTS.c.agent_id, RESULTS.c.team)
    keys = [
        CallKey(row.call_id, row.agent_id, row.team)
        for row in connection.execute(query.where(RESULTS.c.call_id.in_(chosen)))
    ]
    people = tuple(users)
    return [key.call_id for key in keys if all(may(user, "call.review", key) for user in people)]


def _nobodys_or(user: User) -> ColumnElement[bool]:
    return or_(ASSIGNMENTS.c.user_id.is_(None), ASSIGNMENTS.c.user_id == user.id)


def _put(
    connection: Connection,
    ids: Sequence[str],
    change: dict[str, Any],
    where: ColumnElement[bool] | None = None,
) -> int:
    """Change the rows of these calls, where a condition holds at that moment: of two who ask at
    once the database lets one be first."""
    if not ids:
        return 0
    family = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = family.insert(ASSIGNMENTS).values([{"call_id": one} for one in ids])
    connection.execute(rows.on_conflict_do_nothing())
    changed = update(ASSIGNMENTS).where(ASSIGNMENTS.c.call_id.in_(ids))
    if where is not None:
        changed = changed.where(where)
    return connection.execute(changed.values(**change)).rowcount
