"""Entering and leaving: login, logout, one's own password, the language."""

from __future__ import annotations

import threading
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from qc_speech.errors import UsageError
from qc_speech.web import sessions, trail
from qc_speech.web.guard import Visitor, check_origin, cookie_name
from qc_speech.web.pages import LANGUAGE_COOKIE, page
from qc_speech.web.people import right_password, set_language, set_password
from qc_speech.web.permission import may
from qc_speech.web.state import WebState, state_of
from qc_speech.web.texts import LANGUAGES

router = APIRouter(include_in_schema=False)
_HASHING = threading.BoundedSemaphore(2)  # each takes 64 MiB: a flood must not take all memory
_YEAR_S = 365 * 86400
Text = Annotated[str, Form()]


def local_path(target: str) -> str:
    """A path on this site; anything else becomes the front page (no open redirect)."""
    parts = urlsplit(target)
    plain = not parts.scheme and not parts.netloc and target.startswith("/")
    safe = plain and not target.startswith(("//", "/\\")) and "\\" not in target
    return target if safe and target.isprintable() else "/"


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


@router.get("/")
def front(visit: Visitor) -> Response:
    """Everybody's first page by what he may do."""
    for action, path in (
        ("queue.see", "/queue"), ("appeal.file", "/my"), ("users.manage", "/users"),
    ):  # fmt: skip
        if may(visit.user, action):
            return RedirectResponse(path, 303)
    return RedirectResponse("/dashboard", 303)


@router.get("/login")
def login_page(request: Request, next: str = "/", said: str = "") -> Response:
    shown = said if said in ("logged_out", "login_again") else ""
    return page(request, "login.html", next=local_path(next), said=shown, typed="")


@router.post("/login")
def login(request: Request, name: Text, password: Text, next: Text = "/") -> Response:
    check_origin(request)
    state, address = state_of(request), address_of(request)
    values: dict[str, Any] = {"next": local_path(next), "typed": name[:100]}
    if not sessions.note_try(state.store, state.config, name, address):
        trail.record(state.store, trail.NOBODY, "login.refused", f"from:{address}")
        return page(request, "login.html", status=429, said="login_slow", **values)
    with _HASHING:
        user = right_password(state.store, name, password)
    if user is None:
        trail.record(state.store, trail.NOBODY, "login.failed", f"from:{address}")
        return page(request, "login.html", status=401, said="login_failed", **values)
    sessions.forget_tries(state.store, name, address)
    old = request.cookies.get(cookie_name(state.config.secure_cookies))
    if old:
        sessions.close_session(state.store, old)  # a session never outlives a change of user
    secret = sessions.open_session(state.store, user, state.config)
    trail.record(state.store, user.name, "login", f"from:{address}")
    response = RedirectResponse(local_path(next), 303)
    _set_cookie(response, state, secret)
    return response


@router.post("/logout")
def logout(request: Request, visit: Visitor) -> Response:
    state = state_of(request)
    if visit.secret:
        sessions.close_session(state.store, visit.secret)
    trail.record(state.store, visit.user.name, "logout", f"from:{address_of(request)}")
    response = RedirectResponse("/login?said=logged_out", 303)
    response.delete_cookie(
        cookie_name(state.config.secure_cookies), secure=state.config.secure_cookies
    )
    return response


@router.get("/password")
def password_page(request: Request, visit: Visitor) -> Response:
    return page(request, "password.html", visit, said="")


@router.post("/password")
def change_password(
    request: Request, visit: Visitor, old: Text, new: Text, again: Text
) -> Response:
    state = state_of(request)
    said, status = "", 422
    if not sessions.note_try(state.store, state.config, visit.user.name, address_of(request)):
        said, status = "login_slow", 429
    elif new != again:
        said = "password_differs"
    else:
        with _HASHING:
            if right_password(state.store, visit.user.name, old) is None:
                said = "password_wrong"
            else:
                try:
                    set_password(state.store, visit.user, new)
                except UsageError:
                    said = "password_rule"
    if said:
        return page(request, "password.html", visit, status=status, said=said)
    sessions.forget_tries(state.store, visit.user.name, address_of(request))
    trail.record(state.store, visit.user.name, "password", f"user:{visit.user.name}")
    response = RedirectResponse("/account?said=password_changed", 303)
    _set_cookie(response, state, sessions.open_session(state.store, visit.user, state.config))
    return response


@router.get("/language/{language}")
def choose_language(request: Request, language: str, next: str = "/") -> Response:
    """Only a cookie of this browser, hence no form."""
    response = RedirectResponse(local_path(next), 303)
    if language in LANGUAGES:
        secure = state_of(request).config.secure_cookies
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=_YEAR_S, secure=secure, samesite="lax"
        )
    return response


@router.post("/language")
def keep_language(request: Request, visit: Visitor, language: Text) -> Response:
    """The language of the account: of mails, and of browsers that have not chosen."""
    if language in LANGUAGES:
        set_language(state_of(request).store, visit.user, language)
    return RedirectResponse("/account", 303)


def _set_cookie(response: Response, state: WebState, secret: str) -> None:
    secure = state.config.secure_cookies
    response.set_cookie(
        cookie_name(secure), secret, secure=secure, httponly=True, samesite="lax", path="/"
    )
