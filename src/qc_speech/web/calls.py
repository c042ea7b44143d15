"""A call for a visitor: found, allowed, and with personal data masked unless he may see it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request
from sqlalchemy import select

from qc_speech.model import CallResult
from qc_speech.store.rows import plain
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import RESULTS
from qc_speech.web.guard import NotAllowed, Visit, Visitor
from qc_speech.web.permission import CallKey, may
from qc_speech.web.state import state_of

# Of a row: a number that no database refuses.
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]


class NotFound(Exception):
    """There is no such thing, or he may not know of it (404)."""


def call_key(store: SqlStore, call_id: str) -> CallKey | None:
    """What decides who may reach a call, without reading the call."""
    query = select(RESULTS.c.call_id, RESULTS.c.agent_id, RESULTS.c.team)
    query = query.where(RESULTS.c.call_id == plain(call_id))
    with store.transaction(write=False) as connection:
        row = connection.execute(query).first()
    return CallKey(row.call_id, row.agent_id, row.team) if row else None


def reachable(request: Request, visit: Visit, call_id: str, action: str) -> CallKey:
    """The call's key, if this visitor may do `action` with it. Raises NotFound for a call that he
    may not see, as if there were none, and NotAllowed for one that he may only look at."""
    key = call_key(state_of(request).store, call_id)
    if key is None or not may(visit.user, "call.see", key):
        raise NotFound
    if not may(visit.user, action, key):
        raise NotAllowed
    return key


def seen_call(request: Request, visit: Visitor, call_id: str) -> CallKey:
    """A dependency for addresses with {call_id}: may he see it?"""
    return reachable(request, visit, call_id, "call.see")


def heard_call(request: Request, visit: Visitor, call_id: str) -> CallKey:
    """The same for its recording."""
    return reachable(request, visit, call_id, "call.hear")


def reviewed_call(request: Request, visit: Visitor, call_id: str) -> CallKey:
    """The same for deciding on it."""
    return reachable(request, visit, call_id, "call.review")


SeenCall = Annotated[CallKey, Depends(seen_call)]
HeardCall = Annotated[CallKey, Depends(heard_call)]
ReviewedCall = Annotated[CallKey, Depends(reviewed_call)]


def read_call(request: Request, key: CallKey) -> CallResult:
    """The result of a call that the visitor may see. Raises NotFound."""
    result = state_of(request).store.result(key.call_id)
    if result is None:
        raise NotFound
    return result
