"""An agent's own calls at a glance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from qc_speech.cards.statistics import Estimate, Scores, estimate
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.tables import FINDINGS, RESULTS
from qc_speech.store.web_tables import APPEALS
from qc_speech.web.appeals.cases import Case, case_of

PERIOD_DAYS = 30
PAGE = 50


@dataclass(frozen=True)
class OwnCall:
    """`deductions`: how many; `answered`: of them; `waiting` appeals, `news`: decisions unseen."""

    call_id: str
    scenario: str
    started_at: datetime | None
    duration_ms: int
    total: float
    grade: str
    critical: bool
    review: bool
    deductions: int
    answered: int
    waiting: int
    news: int
    until: datetime


@dataclass(frozen=True)
class OwnCard:
    """The agent's last weeks: mean score with its interval, and what was lost most often."""

    calls: int
    score: Estimate | None
    checks: tuple[tuple[str, int, float], ...]  # check, times, points; the dearest first


def own_calls(store: SqlStore, agent_id: str, days: int, page: int) -> tuple[OwnCall, ...]:
    """Calls of one agent, the newest first; one more than a page, where there are more."""
    newest = func.coalesce(RESULTS.c.started_at, RESULTS.c.inspected_at).desc()
    query = (
        select(RESULTS)
        .where(RESULTS.c.agent_id == agent_id)
        .order_by(newest, RESULTS.c.call_id)
        .offset(page * PAGE)
        .limit(PAGE + 1)
    )
    with store.transaction(write=False) as connection:
        rows = connection.execute(query).all()
        ids = [row.call_id for row in rows]
        lost = select(FINDINGS.c.call_id, func.count()).where(
            FINDINGS.c.call_id.in_(ids), FINDINGS.c.settled_points < 0
        )
        counts: dict[str, int] = {
            row[0]: row[1] for row in connection.execute(lost.group_by(FINDINGS.c.call_id))
        }
        answers: dict[str, list[Case]] = defaultdict(list)
        for row in connection.execute(select(APPEALS).where(APPEALS.c.call_id.in_(ids))):
            answers[row.call_id].append(case_of(row))
    return tuple(
        OwnCall(
            call_id=row.call_id, scenario=row.scenario, started_at=row.started_at,
            duration_ms=row.duration_ms, total=row.settled_total, grade=row.settled_grade,
            critical=row.settled_critical, review=row.settled_review,
            deductions=counts.get(row.call_id, 0),
            answered=len(answers[row.call_id]),
            waiting=sum(one.open for one in answers[row.call_id]),
            news=sum(
                one.decision is not None and one.told_at is None for one in answers[row.call_id]
            ),
            until=max(row.inspected_at, row.reviewed_at or row.inspected_at)
            + timedelta(days=days),
        )
        for row in rows
    )  # fmt: skip


def own_card(store: SqlStore, agent_id: str) -> OwnCard:
    """The last PERIOD_DAYS days."""
    since = utc_now() - timedelta(days=PERIOD_DAYS)
    mine = (
        RESULTS.c.agent_id == agent_id,
        func.coalesce(RESULTS.c.started_at, RESULTS.c.inspected_at) >= since,
    )
    lost = (
        select(FINDINGS.c.check, func.count(), func.sum(FINDINGS.c.settled_points))
        .where(
            FINDINGS.c.agent_id == agent_id,
            FINDINGS.c.started_at >= since,
            FINDINGS.c.settled_points < 0,
        )
        .group_by(FINDINGS.c.check)
    )
    with store.transaction(write=False) as connection:
        totals = connection.execute(select(RESULTS.c.settled_total).where(*mine)).scalars().all()
        checks = [(row[0], int(row[1]), float(row[2])) for row in connection.execute(lost)]
    scores = Scores.of(totals)
    checks.sort(key=lambda one: (one[2], one[0]))
    return OwnCard(len(totals), estimate(scores) if totals else None, tuple(checks[:8]))
