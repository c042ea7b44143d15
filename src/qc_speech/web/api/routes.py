"""/api/v1: typed, described in /api/openapi.json; a token does what its user may."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from qc_speech.errors import UsageError
from qc_speech.model import Span
from qc_speech.privacy.masking import Policy, masked
from qc_speech.report.labels import label
from qc_speech.result import to_public
from qc_speech.store.sql import utc_now
from qc_speech.store.web_tables import APPEALS
from qc_speech.web import trail, work
from qc_speech.web.appeals import cases
from qc_speech.web.calls import Id, NotFound, SeenCall, reachable, read_call
from qc_speech.web.guard import NotAllowed, Visit, Visitor, allowed
from qc_speech.web.hooks import events
from qc_speech.web.hooks.events import announce
from qc_speech.web.permission import may
from qc_speech.web.queue.filters import Filters, read_cursor, read_filters, written
from qc_speech.web.queue.select import Waiting, queue_page
from qc_speech.web.site import site_settings
from qc_speech.web.state import state_of


class Problem(BaseModel):
    """What is wrong, for a person."""

    detail: str


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": said}
    for code, said in (
        (400, "the request cannot be read"),
        (401, "nobody is logged in, or the token has ended"),
        (403, "not allowed"),
        (404, "no such thing, or not for you"),
        (422, "something that was sent does not fit"),
        (503, "the store does not answer"),
    )
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "somebody else was quicker"}
}
router = APIRouter(prefix="/api/v1", tags=["v1"], responses=_PROBLEMS)
QueueVisit = Annotated[Visit, Depends(allowed("queue.see"))]
HooksVisit = Annotated[Visit, Depends(allowed("webhooks.manage"))]
AppealsVisit = Annotated[Visit, Depends(allowed("appeal.see"))]
AgentVisit = Annotated[Visit, Depends(allowed("appeal.file"))]
DeciderVisit = Annotated[Visit, Depends(allowed("appeal.decide"))]
CallId = Annotated[str, Field(max_length=255)]


class Me(BaseModel):
    name: str
    shown: str
    role: str
    agent_id: str | None
    teams: list[str]


class DoubtOut(BaseModel):
    check: str
    outcome: str
    confidence: float


class CallOut(BaseModel):
    """A call at a glance. `started_at` is the site's local time, without a zone; all other times
    are UTC. `risk`: order of the queue."""

    call_id: str
    agent_id: str | None
    team: str | None
    scenario: str
    started_at: str | None
    duration_seconds: float
    score: float
    grade: str
    critical: bool
    review: bool
    sample: bool
    risk: float
    owner: str | None
    due_at: datetime | None
    done_at: datetime | None
    findings: list[DoubtOut]


class CallsOut(BaseModel):
    """`after`: give it to go on; null on the last page."""

    calls: list[CallOut]
    after: str | None


class AppealOut(BaseModel):
    id: str
    call_id: str
    check: str
    start: float | None
    end: float | None
    points: float
    agent_id: str
    answer: str
    reason: str
    filed_at: datetime
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    note: str


class AnswerIn(BaseModel):
    """An agent's answer to a deduction: `deduction` is its id from the call's deductions."""

    model_config = ConfigDict(extra="forbid")

    deduction: str = Field(max_length=200)
    answer: Literal["accept", "appeal"]
    reason: str = Field(default="", max_length=2000)


class DecisionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    decision: Literal["upheld", "overturned"]
    note: str = Field(min_length=1, max_length=2000)


class DeductionOut(BaseModel):
    id: str
    check: str
    name: str
    start: float | None
    end: float | None
    points: float
    clause: str
    reason: str
    appeal: AppealOut | None


class WebhookIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000)
    events: list[Literal["call.flagged", "call.decided", "appeal.filed", "appeal.decided"]] = Field(
        min_length=1, max_length=10
    )


class WebhookOut(BaseModel):
    """`secret` is shown once, when it is made."""

    id: int
    url: str
    events: list[str]
    active: bool
    secret: str | None = None


class ChosenIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    calls: list[CallId] = Field(min_length=1, max_length=work.MOST_AT_ONCE)


class ChangedOut(BaseModel):
    changed: int


class QueueQuery(BaseModel):
    """Filters as on the page of the queue."""

    model_config = ConfigDict(extra="forbid")

    source: Literal["both", "flagged", "sample", "all"] = "both"
    state: Literal["open", "mine", "free", "taken", "due", "done"] = "open"
    order: Literal["risk", "newest", "lowest"] = "risk"
    q: str | None = Field(default=None, max_length=200)
    agent: str | None = Field(default=None, max_length=255)
    team: str | None = Field(default=None, max_length=255)
    queue: str | None = Field(default=None, max_length=255)
    scenario: str | None = Field(default=None, max_length=64)
    check: str | None = Field(default=None, max_length=64)
    outcome: Literal["violation", "uncertain", "pass"] | None = None
    first: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    last: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    score: float | None = Field(default=None, ge=0, le=100)
    confidence: float | None = Field(default=None, ge=0, le=1)
    after: str | None = Field(default=None, max_length=500)
    limit: int = Field(default=50, ge=1, le=200)


@router.get("/me")
def me(visit: Visitor) -> Me:
    """Who the token or session belongs to."""
    user = visit.user
    return Me(
        name=user.name, shown=user.shown, role=user.role.value, agent_id=user.agent_id,
        teams=list(user.teams),
    )  # fmt: skip


@router.get("/calls")
def calls(
    request: Request,
    visit: QueueVisit,
    filters: Annotated[QueueQuery, Query()],
) -> CallsOut:
    """Calls in the order of the queue."""
    given = {k: str(v) for k, v in filters.model_dump(exclude_none=True).items() if k != "limit"}
    if filters.after and read_cursor(filters.after) is None:
        raise UsageError("after: not a place in this list; leave it out to begin anew")
    chosen: Filters = read_filters(given)
    found = queue_page(state_of(request).store, visit.user, chosen, filters.limit)
    return CallsOut(
        calls=[_call(one) for one in found.calls],
        after=written(found.after) if found.after else None,
    )


@router.get("/calls/{call_id}")
def call(request: Request, visit: Visitor, key: SeenCall) -> dict[str, Any]:
    """A call's result as in OUT/calls; personal data is covered unless the user may see it."""
    result = read_call(request, key)
    if not may(visit.user, "personal.see", key):
        result = masked(result, Policy())
    trail.record(state_of(request).store, visit.user.name, "call.see", f"call:{key.call_id}")
    return to_public(result)


@router.post("/calls/take")
def take(request: Request, visit: QueueVisit, chosen: ChosenIn) -> ChangedOut:
    """Take calls that are nobody's."""
    return ChangedOut(changed=work.take(state_of(request).store, visit.user, chosen.calls))


@router.post("/calls/done")
def done(request: Request, visit: QueueVisit, chosen: ChosenIn) -> ChangedOut:
    """Nothing is left to do on these calls."""
    return ChangedOut(changed=work.finish(state_of(request).store, visit.user, chosen.calls))


@router.get("/calls/{call_id}/deductions")
def deductions(request: Request, visit: Visitor, key: SeenCall) -> list[DeductionOut]:
    """What cost the call points, and what its agent answered."""
    store = state_of(request).store
    settled = cases.settled_call(store, read_call(request, key))
    answered = cases.cases(store, APPEALS.c.call_id == key.call_id)
    return [
        DeductionOut(
            id=one.id, check=one.finding.check, name=label("checks", one.finding.check)[0],
            start=_s(one.span, 0), end=_s(one.span, 1), points=one.finding.points,
            clause=one.finding.clause, reason=one.finding.reason if _sees(visit) else "",
            appeal=_appeal(one.case) if one.case else None,
        )
        for one in cases.deductions(settled, answered)
    ]  # fmt: skip


@router.post("/calls/{call_id}/answers", responses=_CONFLICT)
def answer(request: Request, visit: AgentVisit, call_id: str, given: AnswerIn) -> AppealOut:
    """An agent accepts or appeals a deduction of his own call."""
    key, store = reachable(request, visit, call_id, "appeal.file"), state_of(request).store
    if utc_now() > cases.answer_until(store, key.call_id, site_settings(store).appeal_days):
        raise UsageError("the time to answer is over")
    settled = cases.settled_call(store, read_call(request, key))
    answered = cases.cases(store, APPEALS.c.call_id == key.call_id)
    mine = [d for d in cases.deductions(settled, answered) if d.id == given.deduction]
    if not mine:
        raise UsageError("no such deduction; read the call's deductions again")
    one = cases.file_answer(store, visit.user, key, mine[0], given.answer, given.reason)
    if one.answer == cases.APPEAL:
        what = {"call_id": key.call_id, "check": one.check, "appeal_id": one.id}
        announce(store, "appeal.filed", what)
    return _appeal(one)


@router.get("/appeals")
def appeals(request: Request, visit: AppealsVisit) -> list[AppealOut]:
    """An agent's own answers; for others the appeals that wait."""
    store, user = state_of(request).store, visit.user
    if may(user, "appeal.decide"):
        return [_appeal(one) for one in cases.open_cases(store, user)]
    return [_appeal(one) for one in cases.cases(store, APPEALS.c.agent_id == user.agent_id)]


@router.post("/appeals/{appeal_id}/decision", responses=_CONFLICT)
def decide(request: Request, visit: DeciderVisit, appeal_id: str, given: DecisionIn) -> AppealOut:
    """A second inspector decides."""
    store = state_of(request).store
    one = cases.case(store, appeal_id)
    if one is None or one.answer != cases.APPEAL:
        raise NotFound
    key = reachable(request, visit, one.call_id, "appeal.decide")
    if not cases.may_decide(store, visit.user, one, key):
        raise NotAllowed
    cases.decide(store, visit.user, one, given.decision, given.note)
    what = {"call_id": key.call_id, "check": one.check, "appeal_id": one.id}
    announce(store, "appeal.decided", {**what, "decision": given.decision})
    decided = cases.case(store, appeal_id)
    assert decided is not None
    return _appeal(decided)


@router.get("/webhooks")
def webhooks(request: Request, visit: HooksVisit) -> list[WebhookOut]:
    return [_hook(one) for one in events.webhooks(state_of(request).store)]


@router.post("/webhooks", status_code=201)
def add_webhook(request: Request, visit: HooksVisit, given: WebhookIn) -> WebhookOut:
    """Be told of events. What is sent is signed with the secret (docs/web.md)."""
    store = state_of(request).store
    hook, secret = events.add_webhook(store, given.url, list(given.events), visit.user.name)
    trail.record(store, visit.user.name, "webhook.add", f"webhook:{hook.id}")
    return _hook(hook).model_copy(update={"secret": secret})


@router.delete("/webhooks/{webhook_id}", status_code=204)
def drop_webhook(request: Request, visit: HooksVisit, webhook_id: Id) -> None:
    store = state_of(request).store
    if not events.drop_webhook(store, webhook_id):
        raise NotFound
    trail.record(store, visit.user.name, "webhook.drop", f"webhook:{webhook_id}")


def _sees(visit: Visit) -> bool:
    return may(visit.user, "personal.see")


def _s(span: Span | None, end: int) -> float | None:
    return None if span is None else (span.end_ms if end else span.start_ms) / 1000


def _utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=timezone.utc) if value else None


def _appeal(one: cases.Case) -> AppealOut:
    return AppealOut(
        id=one.id, call_id=one.call_id, check=one.check, start=_s(one.span, 0),
        end=_s(one.span, 1), points=one.points, agent_id=one.agent_id, answer=one.answer,
        reason=one.reason, filed_at=one.filed_at.replace(tzinfo=timezone.utc),
        decision=one.decision,
        decided_by=one.decided_by, decided_at=_utc(one.decided_at), note=one.note,
    )  # fmt: skip


def _hook(one: events.Webhook) -> WebhookOut:
    return WebhookOut(id=one.id, url=one.url, events=list(one.events), active=one.active)


def _call(one: Waiting) -> CallOut:
    return CallOut(
        call_id=one.call_id, agent_id=one.agent_id, team=one.team, scenario=one.scenario,
        started_at=one.started_at.isoformat() if one.started_at else None,
        duration_seconds=one.duration_ms / 1000, score=one.total,
        grade=one.grade, critical=one.critical, review=one.review, sample=one.sample,
        risk=one.risk, owner=one.owner, due_at=_utc(one.due_at), done_at=_utc(one.done_at),
        findings=[
            DoubtOut(check=d.check, outcome=d.outcome, confidence=d.confidence)
            for d in one.doubts
        ],
    )  # fmt: skip
