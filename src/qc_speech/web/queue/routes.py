"""The queue's page and what can be done in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from qc_speech.errors import UsageError
from qc_speech.model import SCENARIOS
from qc_speech.report.labels import tables
from qc_speech.store.sql import utc_now
from qc_speech.store.tables import RESULTS
from qc_speech.web import trail, work
from qc_speech.web.calls import Id, NotFound, SeenCall
from qc_speech.web.guard import NotAllowed, Visit, allowed
from qc_speech.web.pages import page
from qc_speech.web.people import UserRole, all_users, user_by_id
from qc_speech.web.permission import may
from qc_speech.web.queue.filters import ORDERS, OUTCOMES, SOURCES, STATES, read_filters
from qc_speech.web.queue.select import queue_page
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
QueueVisit = Annotated[Visit, Depends(allowed("queue.see"))]
_INSPECTORS = (UserRole.INSPECTOR, UserRole.SUPERVISOR)
CallId = Annotated[str, Field(max_length=255)]


class Chosen(BaseModel):
    """Calls that were chosen in the list."""

    model_config = ConfigDict(extra="forbid")

    calls: list[CallId] = Field(min_length=1, max_length=work.MOST_AT_ONCE)


class Given(Chosen):
    """... and to whom they are given, in how many days they are due."""

    user: int | None = None
    days: int | None = Field(default=None, ge=1, le=365)


class Count(BaseModel):
    """How many calls were changed."""

    changed: int


@router.get("/queue")
def queue(request: Request, visit: QueueVisit) -> Response:
    store = state_of(request).store
    filters = read_filters(request.query_params)
    shown = queue_page(store, visit.user, filters)
    inspectors = all_users(store, _INSPECTORS) if may(visit.user, "queue.assign") else ()
    return page(
        request,
        "queue.html",
        visit,
        filters=filters,
        shown=shown,
        next_query=filters.query(after=shown.after) if shown.after else None,
        views=work.views_of(store, visit.user),
        inspectors=[user for user in inspectors if not user.disabled],
        teams=_teams(request, visit),
        scenarios=SCENARIOS,
        checks=sorted(tables()["checks"]),
        sources=SOURCES,
        states=STATES,
        orders=ORDERS,
        outcomes=OUTCOMES,
    )


@router.get("/queue/next")
def next_call(request: Request, visit: QueueVisit, current: str = "") -> Response:
    """Opens the first call of a view that nobody else has open and that is not this one."""
    filters = read_filters(request.query_params)
    for call in queue_page(state_of(request).store, visit.user, filters).calls:
        if call.call_id != current and call.locked_by is None:
            query = filters.query()
            tail = f"?view={quote(query, safe='')}" if query else ""
            return RedirectResponse(f"/calls/{quote(call.call_id, safe='')}{tail}", 303)
    return RedirectResponse(f"/queue?{filters.query()}", 303)


@router.post("/queue/take")
def take(request: Request, visit: QueueVisit, chosen: Chosen) -> Count:
    return Count(changed=work.take(state_of(request).store, visit.user, chosen.calls))


@router.post("/queue/release")
def release(request: Request, visit: QueueVisit, chosen: Chosen) -> Count:
    return Count(changed=work.release(state_of(request).store, visit.user, chosen.calls))


@router.post("/queue/done")
def done(request: Request, visit: QueueVisit, chosen: Chosen) -> Count:
    return _finish(request, visit, chosen, True)


@router.post("/queue/undone")
def undone(request: Request, visit: QueueVisit, chosen: Chosen) -> Count:
    return _finish(request, visit, chosen, False)


def _finish(request: Request, visit: Visit, chosen: Chosen, done: bool) -> Count:
    store = state_of(request).store
    changed = work.finish(store, visit.user, chosen.calls, done=done)
    action = "queue.done" if done else "queue.undone"
    trail.record(store, visit.user.name, action, "calls", calls=chosen.calls[:50], changed=changed)
    return Count(changed=changed)


@router.post("/queue/assign")
def assign(request: Request, visit: QueueVisit, given: Given) -> Count:
    if not may(visit.user, "queue.assign"):
        raise NotAllowed
    store = state_of(request).store
    to = user_by_id(store, given.user) if given.user is not None else None
    if given.user is not None and (to is None or to.disabled or to.role not in _INSPECTORS):
        raise UsageError("no such inspector; reload the page")
    due = None if given.days is None else utc_now() + timedelta(days=given.days)
    changed = work.assign(store, visit.user, given.calls, to, due)
    who = to.name if to else None
    trail.record(
        store, visit.user.name, "queue.assign", "calls",
        calls=given.calls[:50], to=who, days=given.days, changed=changed,
    )  # fmt: skip
    return Count(changed=changed)


@router.post("/queue/views")
def save_view(
    request: Request,
    visit: QueueVisit,
    name: Annotated[str, Form(min_length=1, max_length=200)],
    query: Annotated[str, Form(max_length=2000)] = "",
    shared: Annotated[bool, Form()] = False,
) -> Response:
    filters = read_filters(dict(_pairs(query)))
    work.save_view(state_of(request).store, visit.user, name, filters.query(after=None), shared)
    return RedirectResponse(f"/queue?{filters.query(after=None)}", 303)


@router.post("/queue/views/{view_id}/drop")
def drop_view(request: Request, visit: QueueVisit, view_id: Id) -> Response:
    if not work.drop_view(state_of(request).store, visit.user, view_id):
        raise NotFound
    return RedirectResponse("/queue", 303)


class LockState(BaseModel):
    """Who holds a call; `held`: it is you."""

    held: bool
    by: str = ""


@router.post("/calls/{call_id}/lock")
def lock(request: Request, visit: QueueVisit, key: SeenCall) -> LockState:
    """Hold a call while its page is open; to be renewed within ten minutes."""
    other = work.lock(state_of(request).store, visit.user, key.call_id)
    return LockState(held=other is None, by=other.by if other else "")


@router.post("/calls/{call_id}/unlock")
def unlock(request: Request, visit: QueueVisit, key: SeenCall) -> LockState:
    work.unlock(state_of(request).store, visit.user, key.call_id)
    return LockState(held=False)


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, max_num_fields=50)
    except ValueError:
        return []


def _teams(request: Request, visit: Visit) -> list[str]:
    """Teams to choose from, found by hopping from one to the next in their index."""
    if visit.user.teams:
        return sorted(visit.user.teams)
    found: list[str] = []
    query = select(RESULTS.c.team).where(RESULTS.c.team.is_not(None)).order_by(RESULTS.c.team)
    with state_of(request).store.transaction(write=False) as connection:
        team = connection.execute(query.limit(1)).scalar()
        while team is not None and len(found) < 200:
            found.append(team)
            team = connection.execute(query.where(RESULTS.c.team > team).limit(1)).scalar()
    return found
