"""Rounds of calibration in the store. What people say there are reviews with the purpose
`calibration`: they never count in a score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select, update

from qc_speech.errors import UsageError
from qc_speech.model import CallResult, Outcome, Review
from qc_speech.reviews import CALIBRATION
from qc_speech.store.rows import plain, review_row
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.tables import RESULTS, REVIEWS
from qc_speech.store.web_tables import (
    CALIBRATION_CALLS,
    CALIBRATION_PEOPLE,
    CALIBRATIONS,
    USERS,
)
from qc_speech.web.calibration.agreement import OUTCOMES, Ratings
from qc_speech.web.people import User
from qc_speech.web.permission import CallKey, may

MOST_CALLS = 50


@dataclass(frozen=True)
class Round:
    """`people`: (user id, name, shown); `calls` in the order in which they are judged."""

    id: int
    name: str
    created_by: str
    created_at: datetime
    closed_at: datetime | None
    calls: tuple[str, ...]
    people: tuple[tuple[int, str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for _, name, _ in self.people)


def open_round(
    store: SqlStore, by: User, name: str, calls: Sequence[str], people: Sequence[User]
) -> Round:
    """Begin a round. Raises UsageError: no such call, or fewer than two people who may judge."""
    wanted = list(dict.fromkeys(plain(one) for one in calls if one.strip()))
    if not wanted or len(wanted) > MOST_CALLS:
        raise UsageError(f"choose 1 to {MOST_CALLS} calls")
    if len({user.id for user in people}) < 2:
        raise UsageError("agreement needs at least two inspectors")
    query = select(RESULTS.c.call_id, RESULTS.c.agent_id, RESULTS.c.team)
    with store.transaction(write=True) as connection:
        keys = [
            CallKey(row.call_id, row.agent_id, row.team)
            for row in connection.execute(query.where(RESULTS.c.call_id.in_(wanted)))
        ]
        near = {
            key.call_id for key in keys if all(may(u, "call.review", key) for u in (*people, by))
        }
        missing = [one for one in wanted if one not in near]
        if missing:
            raise UsageError(f"call {missing[0]}: not known, or not all of them may judge it")
        row = {"name": name.strip()[:200] or "-", "created_by": by.name, "created_at": utc_now()}
        made = connection.execute(insert(CALIBRATIONS).values(**row)).inserted_primary_key
        assert made is not None
        connection.execute(
            insert(CALIBRATION_CALLS),
            [{"calibration_id": made[0], "call_id": one} for one in wanted],
        )
        connection.execute(
            insert(CALIBRATION_PEOPLE),
            [{"calibration_id": made[0], "user_id": one} for one in {u.id for u in people}],
        )
    return rounds(store, made[0])[0]


def rounds(store: SqlStore, round_id: int | None = None) -> tuple[Round, ...]:
    """All rounds, the newest first; or one."""
    query = select(CALIBRATIONS).order_by(CALIBRATIONS.c.id.desc()).limit(100)
    if round_id is not None:
        query = query.where(CALIBRATIONS.c.id == round_id)
    calls: dict[int, list[str]] = defaultdict(list)
    people: dict[int, list[tuple[int, str, str]]] = defaultdict(list)
    with store.transaction(write=False) as connection:
        rows = connection.execute(query).all()
        ids = [row.id for row in rows]
        chosen = select(CALIBRATION_CALLS).where(CALIBRATION_CALLS.c.calibration_id.in_(ids))
        for row in connection.execute(chosen.order_by(CALIBRATION_CALLS.c.call_id)):
            calls[row.calibration_id].append(row.call_id)
        asked = (
            select(CALIBRATION_PEOPLE.c.calibration_id, USERS.c.id, USERS.c.name, USERS.c.shown)
            .join(USERS, USERS.c.id == CALIBRATION_PEOPLE.c.user_id)
            .where(CALIBRATION_PEOPLE.c.calibration_id.in_(ids))
            .order_by(USERS.c.name)
        )
        for row in connection.execute(asked):
            people[row.calibration_id].append((row.id, row.name, row.shown))
    return tuple(
        Round(
            row.id, row.name, row.created_by, row.created_at, row.closed_at,
            tuple(calls[row.id]), tuple(people[row.id]),
        )
        for row in rows
    )  # fmt: skip


def close_round(store: SqlStore, round_id: int) -> None:
    """Nobody judges any more; everybody who took part may see how far they agreed."""
    change = update(CALIBRATIONS).where(CALIBRATIONS.c.id == round_id)
    with store.transaction(write=True) as connection:
        connection.execute(
            change.where(CALIBRATIONS.c.closed_at.is_(None)).values(closed_at=utc_now())
        )


def judge_blind(
    store: SqlStore, one: Round, user: User, result: CallResult, said: Mapping[str, str]
) -> None:
    """Keep what a person says of each check of a call: check -> outcome; again replaces. Raises
    UsageError for a round that is closed, or a check that the call was not asked for."""
    if one.closed_at is not None or user.id not in {person for person, _, _ in one.people}:
        raise UsageError("this round is closed, or you are not part of it")
    machine = _worst_by_check((f.check, f.outcome.value) for f in result.findings)
    if result.call_id not in one.calls or set(said) - set(machine):
        raise UsageError("the call has changed meanwhile; reload the page")
    now = utc_now()
    mine = _of_round(one, user.name) & (REVIEWS.c.call_id == result.call_id)
    news = [
        Review(
            uuid4().hex, result.call_id, check, None, Outcome(outcome), Outcome(machine[check]),
            user.name, now, CALIBRATION,
        )
        for check, outcome in said.items()
    ]  # fmt: skip
    with store.transaction(write=True) as connection:
        connection.execute(update(REVIEWS).where(mine).values(withdrawn=True))
        if news:
            connection.execute(insert(REVIEWS), [review_row(review) for review in news])


def ratings(store: SqlStore, one: Round) -> dict[tuple[str, str], dict[str, str]]:
    """What each person of a round said of each check of each call."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    query = select(REVIEWS).where(_of_round(one), ~REVIEWS.c.withdrawn).order_by(REVIEWS.c.at)
    with store.transaction(write=False) as connection:
        for row in connection.execute(query):
            found[row.call_id, row.check][row.reviewer] = row.outcome
    return dict(found)


def judged_calls(found: Ratings, person: str) -> frozenset[str]:
    return frozenset(call_id for (call_id, _), said in found.items() if person in said)


def _of_round(one: Round, person: str | None = None) -> Any:
    """A call may be in several rounds: one's reviews are those given while it was open."""
    end = one.closed_at or datetime.max
    condition = (
        (REVIEWS.c.purpose == CALIBRATION)
        & REVIEWS.c.call_id.in_(one.calls)
        & REVIEWS.c.reviewer.in_(one.names if person is None else (person,))
        & (REVIEWS.c.at >= one.created_at)
        & (REVIEWS.c.at <= end)
    )
    return condition


def _worst_by_check(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    worst: dict[str, str] = {}
    for check, outcome in found:
        if check not in worst or OUTCOMES.index(outcome) < OUTCOMES.index(worst[check]):
            worst[check] = outcome
    return worst
