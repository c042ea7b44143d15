"""The audit log for people."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy import select

from qc_speech.store import audit
from qc_speech.store.audit_tables import AUDIT
from qc_speech.web import trail
from qc_speech.web.guard import Visit, allowed
from qc_speech.web.pages import page
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
AuditVisit = Annotated[Visit, Depends(allowed("audit.see"))]
_PAGE = 100


@router.get("/audit")
def log(
    request: Request,
    visit: AuditVisit,
    who: str = "",
    action: str = "",
    thing: str = "",
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """The newest entries first; filters are whole names."""
    return _page(request, visit, (who.strip(), action.strip(), thing.strip()), before, None)


@router.post("/audit/verify")
def verify(request: Request, visit: AuditVisit) -> Response:
    store = state_of(request).store
    verdict = audit.verify(store)
    trail.record(store, visit.user.name, "audit.verify", "audit", broken=verdict.broken)
    return _page(request, visit, ("", "", ""), None, verdict)


def _page(
    request: Request,
    visit: Visit,
    asked: tuple[str, str, str],
    before: int | None,
    verdict: audit.Verdict | None,
) -> Response:
    query = select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(_PAGE + 1)
    for value, column in zip(asked, (AUDIT.c.who, AUDIT.c.action, AUDIT.c.object)):
        if value:
            query = query.where(column == value)
    if before is not None:
        query = query.where(AUDIT.c.seq < before)
    with state_of(request).store.transaction(write=False) as connection:
        rows = connection.execute(query).all()
    entries = [{**row._asdict(), "detail": json.loads(row.detail)} for row in rows[:_PAGE]]
    return page(
        request, "audit.html", visit,
        entries=entries, who=asked[0], action=asked[1], thing=asked[2], verdict=verdict,
        older=entries[-1]["seq"] if len(rows) > _PAGE else None,
    )  # fmt: skip
