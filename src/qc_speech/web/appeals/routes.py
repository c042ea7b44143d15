"""Pages of the agents' side, and of those who decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from qc_speech.errors import UsageError
from qc_speech.model import CallResult, Settled
from qc_speech.privacy.masking import Policy, masked
from qc_speech.store.sql import utc_now
from qc_speech.store.web_tables import APPEALS
from qc_speech.web import trail
from qc_speech.web.appeals import cases, own
from qc_speech.web.calls import NotFound, call_key, reachable, read_call
from qc_speech.web.guard import NotAllowed, Visit, allowed
from qc_speech.web.hooks.events import announce
from qc_speech.web.pages import page
from qc_speech.web.permission import CallKey, may
from qc_speech.web.site import site_settings
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
AgentVisit = Annotated[Visit, Depends(allowed("appeal.file"))]
DeciderVisit = Annotated[Visit, Depends(allowed("appeal.decide"))]
_SHOWN_DECIDED = 50


@router.get("/my")
def my_calls(request: Request, visit: AgentVisit, part: int = 0) -> Response:
    store, agent = state_of(request).store, visit.user.agent_id or ""
    part = max(0, min(part, 1000))
    found = own.own_calls(store, agent, site_settings(store).appeal_days, part)
    return page(
        request, "my.html", visit,
        calls=found[: own.PAGE], more=len(found) > own.PAGE, part=part,
        card=own.own_card(store, agent), days=own.PERIOD_DAYS,
        news=cases.untold(store, agent), now=utc_now(),
    )  # fmt: skip


@router.get("/my/calls/{call_id}")
def my_call(request: Request, visit: AgentVisit, call_id: str, said: str = "") -> Response:
    key, result, settled, until = _opened(request, visit, call_id)
    store = state_of(request).store
    answered = cases.cases(store, APPEALS.c.call_id == key.call_id)
    response = page(
        request, "my_call.html", visit,
        call=result, settled=settled, until=until, now=utc_now(),
        deductions=cases.deductions(settled, answered),
        said=said if said in ("ap_accepted", "ap_filed", "ap_late") else "",
    )  # fmt: skip
    cases.tell(store, visit.user.agent_id or "", key.call_id)
    trail.record(store, visit.user.name, "call.see", f"call:{key.call_id}")
    return response


@router.post("/my/calls/{call_id}/answer")
def answer(
    request: Request,
    visit: AgentVisit,
    call_id: str,
    deduction: Annotated[str, Form(max_length=200)],
    answer: Annotated[Literal["accept", "appeal"], Form()],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    key, _, settled, until = _opened(request, visit, call_id)
    store, back = state_of(request).store, f"/my/calls/{quote(call_id, safe='')}"
    if utc_now() > until:
        return RedirectResponse(f"{back}?said=ap_late", 303)
    answered = cases.cases(store, APPEALS.c.call_id == key.call_id)
    mine = [one for one in cases.deductions(settled, answered) if one.id == deduction]
    if not mine:
        raise UsageError("the call has changed meanwhile; reload the page")
    case = cases.file_answer(store, visit.user, key, mine[0], answer, reason)
    if case.answer == cases.APPEAL:
        announce(
            store,
            "appeal.filed",
            {"call_id": key.call_id, "check": case.check, "appeal_id": case.id},
        )
    return RedirectResponse(
        f"{back}?said={'ap_filed' if case.answer == cases.APPEAL else 'ap_accepted'}", 303
    )


@router.get("/appeals")
def appeals(request: Request, visit: DeciderVisit) -> Response:
    store = state_of(request).store
    since = utc_now() - timedelta(days=30)
    decided = cases.cases(
        store, APPEALS.c.decision.is_not(None), APPEALS.c.decided_at >= since, limit=1000
    )
    near = [one for one in reversed(decided) if _near(request, visit, one.call_id)]
    return page(
        request, "appeals.html", visit,
        waiting=cases.open_cases(store, visit.user), decided=near[:_SHOWN_DECIDED],
    )  # fmt: skip


@router.get("/appeals/{case_id}")
def appeal(request: Request, visit: DeciderVisit, case_id: str, said: str = "") -> Response:
    case, key = _case(request, visit, case_id)
    store = state_of(request).store
    result = read_call(request, key)
    settled = cases.settled_call(store, result)
    trail.record(store, visit.user.name, "call.see", f"call:{key.call_id}")
    reviews = [one for one in store.reviews(key.call_id) if one.check == case.check]
    return page(
        request, "appeal.html", visit,
        case=case, call=result, settled=settled,
        finding=next((d.finding for d in cases.deductions(settled, [case]) if d.case), None),
        reviews=[one for one in reviews if not one.withdrawn and one.purpose != "calibration"],
        may_decide=cases.may_decide(store, visit.user, case, key),
        said=said if said in ("ap_decided",) else "",
    )  # fmt: skip


@router.post("/appeals/{case_id}/decide")
def decide(
    request: Request,
    visit: DeciderVisit,
    case_id: str,
    decision: Annotated[Literal["upheld", "overturned"], Form()],
    note: Annotated[str, Form(max_length=2000)],
) -> Response:
    case, key = _case(request, visit, case_id)
    store = state_of(request).store
    if not cases.may_decide(store, visit.user, case, key):
        raise NotAllowed
    cases.decide(store, visit.user, case, decision, note)
    told = {"call_id": key.call_id, "check": case.check, "appeal_id": case.id, "decision": decision}
    announce(store, "appeal.decided", told)
    return RedirectResponse(f"/appeals/{case.id}?said=ap_decided", 303)


def _opened(
    request: Request, visit: Visit, call_id: str
) -> tuple[CallKey, CallResult, Settled, datetime]:
    """A call of the agent's own, with personal data covered unless he may see it."""
    key = reachable(request, visit, call_id, "appeal.file")
    store = state_of(request).store
    result = read_call(request, key)
    settled = cases.settled_call(store, result)
    if not may(visit.user, "personal.see", key):
        hidden = masked(replace(result, findings=settled.findings), Policy())
        settled = Settled(hidden.findings, settled.score, settled.reviewed, settled.judged)
    until = cases.answer_until(store, key.call_id, site_settings(store).appeal_days)
    return key, result, settled, until


def _case(request: Request, visit: Visit, case_id: str) -> tuple[cases.Case, CallKey]:
    case = cases.case(state_of(request).store, case_id)
    if case is None or case.answer != cases.APPEAL:
        raise NotFound
    return case, reachable(request, visit, case.call_id, "appeal.decide")


def _near(request: Request, visit: Visit, call_id: str) -> bool:
    key = call_key(state_of(request).store, call_id)
    return key is not None and may(visit.user, "appeal.decide", key)
