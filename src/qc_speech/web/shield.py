"""What stands around every answer: security headers, and a limit on what is sent to us."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# No inline script or style, nothing from elsewhere, no frames around us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
MOST_BYTES = 1_000_000
_NUL = b'{"detail":"the address holds a NUL character"}'
_TOO_LARGE = b'{"detail":"the request is larger than 1 MB"}'


def headers(*, secure: bool) -> dict[str, str]:
    """What every answer carries."""
    found = {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "x-robots-tag": "noindex",
        "cache-control": "no-store",
    }
    return {**found, "strict-transport-security": "max-age=31536000"} if secure else found


class Shield:
    """ASGI: adds the headers, refuses bodies over MOST_BYTES."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = headers(secure=secure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    given.setdefault(name, value)
            await send(message)

        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await _refuse(guarded, 400, _NUL)  # no database takes it, no browser sends it
            return
        sent = dict(scope["headers"]).get(b"content-length", b"0")
        if sent.isdigit() and int(sent) > MOST_BYTES:
            await _refuse(guarded, 413, _TOO_LARGE)
            return
        await self._app(scope, _counted(receive), guarded)


def _counted(receive: Receive) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:  # a body without a length: read no further
            return {"type": "http.disconnect"}
        return message

    return counted


async def _refuse(send: Send, status: int, body: bytes) -> None:
    kind = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": kind})
    await send({"type": "http.response.body", "body": body})
