"""Pages of calibration."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from qc_speech.web import trail
from qc_speech.web.calibration import rounds as kept
from qc_speech.web.calibration.agreement import OUTCOMES, agreements, differences
from qc_speech.web.calls import Id, NotFound, reachable, read_call
from qc_speech.web.guard import NotAllowed, Visit, allowed
from qc_speech.web.pages import page
from qc_speech.web.people import UserRole, all_users
from qc_speech.web.permission import may
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
TakeVisit = Annotated[Visit, Depends(allowed("calibration.take"))]
RunVisit = Annotated[Visit, Depends(allowed("calibration.run"))]
_JUDGES = (UserRole.INSPECTOR, UserRole.SUPERVISOR)


@router.get("/calibration")
def calibration(request: Request, visit: TakeVisit) -> Response:
    store = state_of(request).store
    runs = may(visit.user, "calibration.run")
    found = [one for one in kept.rounds(store) if runs or visit.user.name in one.names]
    done = {
        one.id: len(kept.judged_calls(kept.ratings(store, one), visit.user.name)) for one in found
    }
    judges = [user for user in all_users(store, _JUDGES) if not user.disabled] if runs else []
    return page(request, "calibration.html", visit, rounds=found, done=done, judges=judges)


@router.post("/calibration")
def begin(
    request: Request,
    visit: RunVisit,
    name: Annotated[str, Form(max_length=200)],
    calls: Annotated[str, Form(max_length=20_000)],
    person: Annotated[list[int], Form()],
) -> Response:
    store = state_of(request).store
    people = [user for user in all_users(store, _JUDGES) if user.id in person]
    ids = calls.replace(",", " ").replace("，", " ").split()
    one = kept.open_round(store, visit.user, name, ids, people)
    trail.record(
        store, visit.user.name, "calibration.begin", f"calibration:{one.id}",
        calls=len(one.calls), people=list(one.names),
    )  # fmt: skip
    return RedirectResponse(f"/calibration/{one.id}", 303)


@router.get("/calibration/{round_id}")
def show(request: Request, visit: TakeVisit, round_id: Id) -> Response:
    """Until it is closed nobody who judges sees what others said."""
    one, store = _round(request, visit, round_id), state_of(request).store
    found = kept.ratings(store, one)
    runs = may(visit.user, "calibration.run")
    shown = one.closed_at is not None
    return page(
        request, "calibration_round.html", visit,
        round=one, runs=runs, takes=visit.user.name in one.names,
        judged=kept.judged_calls(found, visit.user.name),
        progress=[(shown_, len(kept.judged_calls(found, name))) for _, name, shown_ in one.people],
        agreements=agreements(found, one.names) if shown else (),
        differences=differences(found) if shown else (), shown=shown,
        people={name: shown_ for _, name, shown_ in one.people},
    )  # fmt: skip


@router.get("/calibration/{round_id}/calls/{call_id}")
def judge_page(request: Request, visit: TakeVisit, round_id: Id, call_id: str) -> Response:
    one, store = _round(request, visit, round_id), state_of(request).store
    if visit.user.name not in one.names or call_id not in one.calls:
        raise NotFound
    key = reachable(request, visit, call_id, "call.review")
    result = read_call(request, key)
    mine = {
        check: said[visit.user.name]
        for (call, check), said in kept.ratings(store, one).items()
        if call == call_id and visit.user.name in said
    }
    checks = list(dict.fromkeys(finding.check for finding in result.findings))
    trail.record(store, visit.user.name, "call.see", f"call:{call_id}")
    return page(
        request, "calibration_call.html", visit,
        round=one, call=result, checks=checks, mine=mine, outcomes=OUTCOMES,
    )  # fmt: skip


@router.post("/calibration/{round_id}/calls/{call_id}")
async def judge(request: Request, visit: TakeVisit, round_id: Id, call_id: str) -> Response:
    form = await request.form()
    said = {
        key.removeprefix("check."): str(value)
        for key, value in form.items()
        if key.startswith("check.") and value in OUTCOMES
    }
    return await run_in_threadpool(_keep, request, visit, round_id, call_id, said)


@router.post("/calibration/{round_id}/close")
def close(request: Request, visit: RunVisit, round_id: Id) -> Response:
    one, store = _round(request, visit, round_id), state_of(request).store
    kept.close_round(store, one.id)
    trail.record(store, visit.user.name, "calibration.close", f"calibration:{one.id}")
    return RedirectResponse(f"/calibration/{one.id}", 303)


def _keep(
    request: Request, visit: Visit, round_id: Id, call_id: str, said: dict[str, str]
) -> Response:
    one, store = _round(request, visit, round_id), state_of(request).store
    if visit.user.name not in one.names:
        raise NotAllowed
    key = reachable(request, visit, call_id, "call.review")
    kept.judge_blind(store, one, visit.user, read_call(request, key), said)
    judged = kept.judged_calls(kept.ratings(store, one), visit.user.name)
    waiting = [call for call in one.calls if call not in judged]
    place = f"/calibration/{one.id}"
    return RedirectResponse(
        f"{place}/calls/{quote(waiting[0], safe='')}" if waiting else place, 303
    )


def _round(request: Request, visit: Visit, round_id: Id) -> kept.Round:
    found = kept.rounds(state_of(request).store, round_id)
    runs = may(visit.user, "calibration.run")
    if not found or not (runs or visit.user.name in found[0].names):
        raise NotFound
    return found[0]
