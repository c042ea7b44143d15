"""What an agent answers to a deduction, and what becomes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from qc_speech.errors import UsageError
from qc_speech.model import CallResult, Finding, Outcome, Review, Settled, Span
from qc_speech.reviews import settle, unreviewed
from qc_speech.rules.rulebook import Rulebook
from qc_speech.settling import book_of, settle_stored
from qc_speech.setup import load_rules
from qc_speech.store import audit
from qc_speech.store.rows import review_row
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.tables import RESULTS, REVIEWS
from qc_speech.store.web_tables import APPEALS
from qc_speech.web.people import User
from qc_speech.web.permission import CallKey, may

ACCEPT, APPEAL = "accept", "appeal"
UPHELD, OVERTURNED = "upheld", "overturned"


class DecidedAlready(Exception):
    """Somebody was quicker (409)."""


@dataclass(frozen=True)
class Case:
    """An agent's answer to one deduction; an appeal has a decision once it is decided."""

    id: str
    call_id: str
    check: str
    span: Span | None
    points: float
    agent_id: str
    answer: str
    reason: str
    filed_by: str
    filed_at: datetime
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    note: str
    told_at: datetime | None

    @property
    def open(self) -> bool:
        return self.answer == APPEAL and self.decision is None


@dataclass(frozen=True)
class Deduction:
    """Points that a call lost. `case`: what the agent has answered."""

    finding: Finding
    case: Case | None

    @property
    def span(self) -> Span | None:
        return self.finding.evidence.span if self.finding.evidence else None

    @property
    def id(self) -> str:
        """Of the deduction within its call, for a form."""
        return f"{self.finding.check}.{_mark(self.span)}"


def case_of(row: Any) -> Case:
    return Case(
        row.id, row.call_id, row.check,
        None if row.start_ms is None else Span(row.start_ms, row.end_ms),
        row.points, row.agent_id, row.answer, row.reason, row.filed_by, row.filed_at,
        row.decision, row.decided_by, row.decided_at, row.note, row.told_at,
    )  # fmt: skip


def cases(store: SqlStore, *conditions: ColumnElement[bool], limit: int = 200) -> tuple[Case, ...]:
    """Answers of agents, the oldest first."""
    query = select(APPEALS).where(*conditions).order_by(APPEALS.c.filed_at, APPEALS.c.id)
    with store.transaction(write=False) as connection:
        return tuple(case_of(row) for row in connection.execute(query.limit(limit)))


def case(store: SqlStore, case_id: str) -> Case | None:
    return next(iter(cases(store, APPEALS.c.id == case_id)), None)


def open_cases(store: SqlStore, user: User) -> tuple[Case, ...]:
    """Appeals that wait, of calls that this user may see, the oldest first."""
    waiting = (APPEALS.c.answer == APPEAL, APPEALS.c.decision.is_(None))
    if not user.teams:
        return cases(store, *waiting)
    near = select(RESULTS.c.call_id).where(
        RESULTS.c.call_id == APPEALS.c.call_id, RESULTS.c.team.in_(user.teams)
    )
    return cases(store, *waiting, near.exists())


def settled_call(store: SqlStore, result: CallResult) -> Settled:
    """A call as people's verdicts have left it."""
    try:
        book: Rulebook = book_of(result, load_rules().rulebooks)
    except UsageError:  # its rulebook is there no more: the machine's word stands
        return unreviewed(result)
    return settle(result, tuple(store.reviews(result.call_id)), book)


def deductions(settled: Settled, answered: Iterable[Case]) -> tuple[Deduction, ...]:
    """Everything that cost the call points, and what the agent said to it. An overturned one costs
    nothing any more and is shown by its case alone."""
    known = {(one.check, one.span): one for one in answered}
    found = []
    for finding in settled.findings:
        span = finding.evidence.span if finding.evidence else None
        answer = known.get((finding.check, span))
        lost = finding.outcome is Outcome.VIOLATION and finding.points < 0
        if lost or (answer is not None and answer.answer == APPEAL):
            found.append(Deduction(finding, answer))
    return tuple(found)


def answer_until(store: SqlStore, call_id: str, days: int) -> datetime:
    """Until when an agent may answer: counted from the last verdict, or from the inspection."""
    query = select(RESULTS.c.inspected_at, RESULTS.c.reviewed_at)
    with store.transaction(write=False) as connection:
        row = connection.execute(query.where(RESULTS.c.call_id == call_id)).one()
    last: datetime = max(row.inspected_at, row.reviewed_at or row.inspected_at)
    return last + timedelta(days=days)


def file_answer(
    store: SqlStore, user: User, key: CallKey, deduction: Deduction, answer: str, reason: str
) -> Case:
    """Keep an agent's answer; until it is decided he may change it. Raises UsageError without a
    reason for an appeal, and DecidedAlready."""
    reason = reason.strip()
    if answer == APPEAL and not reason:
        raise UsageError("an appeal needs a reason")
    if user.agent_id is None:
        raise UsageError("only an agent answers to deductions")
    span = deduction.span
    case_id = hashlib.sha256(f"{key.call_id}\n{deduction.id}".encode()).hexdigest()[:32]
    row = {
        "id": case_id, "call_id": key.call_id, "check": deduction.finding.check,
        "start_ms": span.start_ms if span else None, "end_ms": span.end_ms if span else None,
        "points": deduction.finding.points, "agent_id": user.agent_id, "answer": answer,
        "reason": reason[:2000], "filed_by": user.name, "filed_at": utc_now(), "note": "",
    }  # fmt: skip
    with store.transaction(write=True) as connection:
        decided = select(APPEALS.c.decision).where(APPEALS.c.id == case_id)
        if connection.execute(decided).scalar() is not None:
            raise DecidedAlready
        connection.execute(delete(APPEALS).where(APPEALS.c.id == case_id))
        connection.execute(insert(APPEALS), [row])
        audit.record_in(
            store, connection, user.name, f"web.deduction.{answer}", f"call:{key.call_id}",
            {"check": deduction.finding.check},
        )  # fmt: skip
        return case_of(connection.execute(select(APPEALS).where(APPEALS.c.id == case_id)).one())


def first_judges(reviews: Iterable[Review], one: Case) -> frozenset[str]:
    """Who has already said what this finding is: they do not decide the appeal against it."""
    return frozenset(
        review.reviewer
        for review in reviews
        if review.check == one.check and not review.withdrawn and _same_place(review.span, one.span)
    )


def may_decide(store: SqlStore, user: User, one: Case, key: CallKey) -> bool:
    """A second inspector decides, never one whose own verdict is appealed."""
    if not may(user, "appeal.decide", key) or user.name == one.filed_by:
        return False
    return user.name not in first_judges(store.reviews(one.call_id), one)


def decide(store: SqlStore, user: User, one: Case, decision: str, note: str) -> None:
    """Decide an appeal. Decision, verdict and audit entry are kept together; then the call's score
    follows. Raises UsageError without a reason, DecidedAlready."""
    note = note.strip()
    if not note:
        raise UsageError("a decision needs a reason that the agent can read")
    now = utc_now()
    outcome = Outcome.PASS if decision == OVERTURNED else Outcome.VIOLATION
    result = store.result(one.call_id)
    machine = _machine(result.findings, one) if result else None
    review = Review(
        one.id, one.call_id, one.check, one.span, outcome, machine, user.name, now, APPEAL,
        note[:2000],
    )  # fmt: skip
    change = update(APPEALS).where(APPEALS.c.id == one.id, APPEALS.c.decision.is_(None))
    values = {
        "decision": decision, "decided_by": user.name, "decided_at": now, "note": note[:2000],
    }  # fmt: skip
    with store.transaction(write=True) as connection:
        if not connection.execute(change.values(**values)).rowcount:
            raise DecidedAlready
        connection.execute(insert(REVIEWS), [review_row(review)])
        audit.record_in(
            store, connection, user.name, f"web.appeal.{decision}", f"call:{one.call_id}",
            {"check": one.check, "agent": one.agent_id},
        )  # fmt: skip
    settle_stored(store, one.call_id, load_rules().rulebooks)


def untold(store: SqlStore, agent_id: str) -> int:
    """Decisions that the agent has not seen yet."""
    query = select(func.count()).where(
        APPEALS.c.agent_id == agent_id,
        APPEALS.c.decision.is_not(None),
        APPEALS.c.told_at.is_(None),
    )
    with store.transaction(write=False) as connection:
        return connection.execute(query).scalar_one()


def tell(store: SqlStore, agent_id: str, call_id: str) -> None:
    """The agent has seen the decisions on a call."""
    change = update(APPEALS).where(
        APPEALS.c.call_id == call_id,
        APPEALS.c.agent_id == agent_id,
        APPEALS.c.decision.is_not(None),
        APPEALS.c.told_at.is_(None),
    )
    with store.transaction(write=True) as connection:
        connection.execute(change.values(told_at=utc_now()))


def _machine(findings: Sequence[Finding], one: Case) -> Outcome | None:
    for finding in findings:
        span = finding.evidence.span if finding.evidence else None
        if finding.check == one.check and span == one.span:
            return finding.outcome
    return None


def _same_place(first: Span | None, second: Span | None) -> bool:
    if first is None or second is None:
        return first is second
    return first.overlap_ms(second) > 0 or first == second


def _mark(span: Span | None) -> str:
    return f"{span.start_ms}-{span.end_ms}" if span else "whole"
