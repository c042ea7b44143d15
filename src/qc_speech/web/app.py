"""The app factory: routes, errors, and what stands around them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import pypinyin  # noqa: F401 - here and not later: two threads cannot be first to import it
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from qc_speech import __version__
from qc_speech.errors import QcError, StoreError, UsageError
from qc_speech.store import open_store
from qc_speech.web import account, entry
from qc_speech.web.api import routes as api_routes
from qc_speech.web.appeals import routes as appeals_routes
from qc_speech.web.appeals.cases import DecidedAlready
from qc_speech.web.calibration import routes as calibration_routes
from qc_speech.web.call import quality
from qc_speech.web.call import routes as call
from qc_speech.web.calls import NotFound
from qc_speech.web.clips import routes as clip_routes
from qc_speech.web.config import WebConfig
from qc_speech.web.guard import Forged, MustChangePassword, NotAllowed, NotLoggedIn
from qc_speech.web.keeper import keep
from qc_speech.web.pages import language_of, page
from qc_speech.web.queue import routes as queue_routes
from qc_speech.web.shield import Shield, headers
from qc_speech.web.state import WebState
from qc_speech.web.supervise import dashboard, rules_page, settings_page, trail_page, users
from qc_speech.web.texts import text, texts

_ROOM = Path(__file__).parent
_LOG = logging.getLogger("qc_speech.web")
ROUTERS = (
    entry.router,
    account.router,
    queue_routes.router,
    appeals_routes.router,
    call.router,
    quality.router,
    dashboard.router,
    users.router,
    trail_page.router,
    settings_page.router,
    rules_page.router,
    calibration_routes.router,
    api_routes.router,
    clip_routes.router,
)


def create_app(config: WebConfig) -> FastAPI:
    """The review app on a store. Raises StoreError when the store cannot be opened."""
    store = open_store(config.store, create=False)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        stop = keep(store)
        call.warm_up()
        yield
        stop.set()
        store.close()

    app = FastAPI(
        title="qc-speech",
        version=__version__,
        description="Inspected calls, reviews and appeals. Log in, or send an API token as "
        "`Authorization: Bearer qcs_…`.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=life,
    )
    app.state.web = WebState(config, store)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(call.api, include_in_schema=False)  # the page's own scripts
    app.include_router(call.api, prefix="/api")
    # Scripts import each other by relative addresses: these carry the version in the path.
    app.mount(f"/static/{__version__}", _Static(directory=_ROOM / "static"))
    app.mount("/static", _Static(directory=_ROOM / "static"), name="static")
    _answer_errors(app)
    app.add_middleware(Shield, secure=config.secure_cookies)
    return app


class _Static(StaticFiles):
    """Our own scripts and styles; their address carries the version, so browsers may keep them."""

    def file_response(self, *args: object, **options: object) -> Response:
        response = super().file_response(*args, **options)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=86400"
        return response


_STATUS: dict[type[Exception], tuple[int, str]] = {
    NotFound: (404, "error_404"),
    NotAllowed: (403, "error_403"),
    Forged: (403, "error_forged"),
    DecidedAlready: (409, "error_409"),
    NotLoggedIn: (401, "error_401"),
    UsageError: (422, "error_422"),
    StoreError: (503, "error_503"),
    RequestValidationError: (422, "error_422"),
}


def _answer_errors(app: FastAPI) -> None:
    for kind in (*_STATUS, HTTPException, QcError):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_exception_handler(MustChangePassword, _to_password)


async def _answer(request: Request, error: Exception) -> Response:
    status, key = next(
        (answer for kind, answer in _STATUS.items() if isinstance(error, kind)), (500, "error_500")
    )
    if isinstance(error, HTTPException):
        status = error.status_code
        key = f"error_{status}" if f"error_{status}" in texts() else "error_422"
    if status >= 500:
        # The kind and no message: a message may hold what was said.
        _LOG.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
    api = request.url.path.startswith("/api/")
    wants_page = not api and "text/html" in request.headers.get("accept", "")
    if status == 401 and wants_page and request.method == "GET":
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login?" + urlencode({"next": here}), 303)
    visit = getattr(request.state, "visit", None)
    said = str(error) if isinstance(error, UsageError) else text(key, language_of(request, visit))
    if wants_page:
        return page(request, "error.html", visit, status=status, said=said, code=status)
    more = {"www-authenticate": "Bearer"} if status == 401 else {}
    if isinstance(error, HTTPException):
        more.update(error.headers or {})
    return JSONResponse({"detail": said}, status, more)


async def _unforeseen(request: Request, error: Exception) -> Response:
    """Stands outside the shield, so it puts up its own."""
    response = await _answer(request, error)
    secure = request.app.state.web.config.secure_cookies
    for name, value in headers(secure=secure).items():
        response.headers.setdefault(name, value)
    return response


async def _to_password(request: Request, _: Exception) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/password", 303)
    said = text("password_must", language_of(request))
    return JSONResponse({"detail": said}, 403)
