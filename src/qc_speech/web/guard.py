"""Who asks, and whether he may: the dependencies that every address goes through."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from qc_speech.web.people import User
from qc_speech.web.permission import ACTIONS, may
from qc_speech.web.sessions import csrf_of, session_user, token_user
from qc_speech.web.state import state_of

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_OPEN_WHILE_PASSWORD_IS_NEW = ("/password", "/logout", "/language")


class NotLoggedIn(Exception):
    """Nobody is logged in: pages lead to the login, the API answers 401."""


class NotAllowed(Exception):
    """He may not do this (403). What he may not even see is a 404 instead."""


class MustChangePassword(Exception):
    """His password was chosen by somebody else: first of all he chooses his own."""


class Forged(Exception):
    """The request does not come from our own page (403)."""


@dataclass(frozen=True)
class Visit:
    """A user at work. `csrf` goes into every form, or into the header X-CSRF-Token; `secret` is
    that of the session (None: the request came with an API token)."""

    user: User
    csrf: str
    secret: str | None = None


def cookie_name(secure: bool) -> str:
    """__Host- cookies cannot be set by other hosts of the domain, nor over plain HTTP."""
    return "__Host-qc_session" if secure else "qc_session"


def _visit(request: Request) -> Visit:
    state = state_of(request)
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        user = token_user(state.store, secret.strip())
        if user is None or not request.url.path.startswith("/api/"):
            raise NotLoggedIn
        return Visit(user, "")
    secret = request.cookies.get(cookie_name(state.config.secure_cookies), "")
    user = session_user(state.store, secret, state.config) if secret else None
    if user is None:
        raise NotLoggedIn
    if user.must_change and not request.url.path.startswith(_OPEN_WHILE_PASSWORD_IS_NEW):
        raise MustChangePassword
    return Visit(user, csrf_of(secret), secret)


async def _checked(request: Request, visit: Annotated[Visit, Depends(_visit)]) -> Visit:
    if request.method not in SAFE_METHODS and visit.secret is not None:
        check_origin(request)
        given = request.headers.get("x-csrf-token")
        if given is None and request.headers.get("content-type", "").startswith(
            ("application/x-www-form-urlencoded", "multipart/form-data")
        ):
            field = (await request.form()).get("csrf")
            given = field if isinstance(field, str) else None
        if given is None or not hmac.compare_digest(given.encode(), visit.csrf.encode()):
            raise Forged
    request.state.visit = visit  # error pages and logs know who asked
    return visit


def check_origin(request: Request) -> None:
    """Raises Forged when a browser says that another site's page asks."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forged
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Forged


Visitor = Annotated[Visit, Depends(_checked)]


def allowed(action: str) -> Callable[[Visit], Visit]:
    """A dependency: the visit of somebody who may do this at all."""
    assert action in ACTIONS, action

    def check(visit: Visitor) -> Visit:
        if not may(visit.user, action):
            raise NotAllowed
        return visit

    return check
