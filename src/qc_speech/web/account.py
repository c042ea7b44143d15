"""One's own account: who one is here, password, language, API tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from qc_speech.web import sessions, trail
from qc_speech.web.calls import Id, NotFound
from qc_speech.web.guard import Visitor
from qc_speech.web.pages import page
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)


@router.get("/account")
def account_page(request: Request, visit: Visitor, said: str = "") -> Response:
    store = state_of(request).store
    shown = said if said in ("password_changed", "token_gone") else ""
    tokens = sessions.tokens_of(store, visit.user)
    return page(request, "account.html", visit, said=shown, tokens=tokens, secret=None)


@router.post("/account/tokens")
def make_token(
    request: Request,
    visit: Visitor,
    name: Annotated[str, Form(max_length=200)],
    days: Annotated[int, Form(ge=1, le=730)] = 90,
) -> Response:
    store = state_of(request).store
    secret = sessions.new_token(store, visit.user, name, days)
    trail.record(store, visit.user.name, "token.make", f"user:{visit.user.name}", days=days)
    tokens = sessions.tokens_of(store, visit.user)
    return page(request, "account.html", visit, said="", tokens=tokens, secret=secret)


@router.post("/account/tokens/{token_id}/revoke")
def revoke(request: Request, visit: Visitor, token_id: Id) -> Response:
    store = state_of(request).store
    if not sessions.revoke_token(store, visit.user, token_id):
        raise NotFound
    trail.record(store, visit.user.name, "token.revoke", f"token:{token_id}")
    return RedirectResponse("/account?said=token_gone", 303)
