"""Dashboards and cards: the site, a team, an agent, a week."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from qc_speech.cards.period import Period
from qc_speech.cards.trend import Trend
from qc_speech.report.cardpage import title
from qc_speech.report.cards import (
    escalations,
    make_agent_card,
    make_group_card,
    make_weekly_report,
)
from qc_speech.report.tables import AnyCard, Table, tables
from qc_speech.setup import load_rules
from qc_speech.store.cards import CardRows
from qc_speech.web import trail
from qc_speech.web.calls import NotFound
from qc_speech.web.guard import Visit, allowed
from qc_speech.web.pages import page
from qc_speech.web.people import UserRole
from qc_speech.web.permission import may
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
DashboardVisit = Annotated[Visit, Depends(allowed("dashboard.see"))]
CardVisit = Annotated[Visit, Depends(allowed("card.see"))]
PERIODS = (7, 30, 90, 365)
_OPEN = ("parts", "teams", "queues", "agents", "families", "work_on", "violations")
_WORDS = ("quote", "reason", "words")
_CHART = (600, 160)  # of the trend, in its own units


@router.get("/dashboard")
def dashboard(
    request: Request, visit: DashboardVisit, team: str = "", days: int = 30, last: str = ""
) -> Response:
    rows = CardRows(state_of(request).store)
    period = _period(rows, days, last)
    if visit.user.teams and team not in visit.user.teams:
        team = visit.user.teams[0]  # who is bound to teams sees one of them, never the site
    card = make_group_card(rows, "team" if team else "site", team or None, period)
    return _shown(request, visit, card, period, days, address="/dashboard", team=team)


@router.get("/cards/agents/{agent_id}")
def agent_page(
    request: Request, visit: CardVisit, agent_id: str, days: int = 30, last: str = ""
) -> Response:
    user = visit.user
    if user.role is UserRole.AGENT and user.agent_id != agent_id:
        raise NotFound
    store = state_of(request).store
    rows = CardRows(store)
    period = _period(rows, days, last)
    card = make_agent_card(rows, agent_id, period, escalations(load_rules().rulebooks))
    if user.teams and any(call.team not in user.teams for call in card.calls):
        raise NotFound
    trail.record(store, user.name, "card.see", f"agent:{agent_id}", period=period.label)
    address = f"/cards/agents/{agent_id}"
    return _shown(request, visit, card, period, days, address=address, team="")


@router.get("/reports/weekly")
def weekly(request: Request, visit: DashboardVisit, last: str = "") -> Response:
    if visit.user.teams:
        raise NotFound  # the week is the whole site's
    rows = CardRows(state_of(request).store)
    period = _period(rows, 7, last)
    report: AnyCard = make_weekly_report(rows, period)
    return _shown(request, visit, report, period, 7, address="/reports/weekly", team="")


def _shown(
    request: Request, visit: Visit, card: AnyCard, period: Period, days: int, **place: Any
) -> Response:
    trend = getattr(card, "trend", None) or getattr(getattr(card, "site", None), "trend", None)
    found = list(tables(card))
    if not may(visit.user, "personal.see"):
        found = [_without_words(table) for table in found]
    return page(
        request, "dashboard.html", visit,
        heading=title(card), card=card, period=period, days=days, periods=PERIODS,
        tables=found, opened=_OPEN, chart=_chart(trend) if trend else None, size=_CHART,
        **place,
    )  # fmt: skip


def _period(rows: CardRows, days: int, last: str) -> Period:
    try:
        end = date.fromisoformat(last)
    except ValueError:
        end = rows.last_day() or date.today()
    days = max(1, min(days, 731))
    return Period(end - timedelta(days=days - 1), end)


def _without_words(table: Table) -> Table:
    """The same table without what was said: who may not see it hears calls on their own pages,
    covered. `words` is the key of what was said in a table of banned wordings."""
    keep = [n for n, column in enumerate(table.columns) if column.key not in _WORDS]
    return replace(
        table,
        columns=tuple(table.columns[n] for n in keep),
        rows=tuple(tuple(row[n] for n in keep) for row in table.rows),
    )


def _chart(trend: Trend) -> list[dict[str, Any]]:
    """Points of the trend with their intervals, within _CHART; days without calls are left out."""
    width, height = _CHART
    step = width / max(len(trend.buckets), 1)
    points = []
    for n, bucket in enumerate(trend.buckets):
        if bucket.score is None:
            continue
        score = bucket.score
        points.append(
            {
                "x": round((n + 0.5) * step, 1),
                "y": round(height * (1 - score.mean / 100), 1),
                "low": round(height * (1 - score.low / 100), 1),
                "high": round(height * (1 - score.high / 100), 1),
                "label": f"{bucket.period.label}: {score.mean:.1f} "
                f"({score.low:.1f}–{score.high:.1f}), n = {score.n}",
            }
        )
    return points
