"""Sends a message to a robot, a webhook or a mailbox, and tries again where that may help.

Formats by the makers' documents: WeCom group robot (markdown), DingTalk custom robot (markdown,
signed by HMAC-SHA256 of time and secret), Feishu custom bot (text, signed). Addresses hold keys:
they never appear in an error.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import smtplib
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any

from qc_speech.errors import QcError, UsageError
from qc_speech.notices.message import SCHEMA, Message
from qc_speech.notices.spec import NotifySpec, value_of

_TIMEOUT_S = 15
_FIRST_PAUSE_S = 2.0
_LONGEST = {"wecom": 4000, "dingtalk": 18000, "feishu": 18000}  # bytes that they take
_BUSY = (45009, 130101, 11232, -1)  # errcode of WeCom, DingTalk, Feishu: too often; WeCom: busy


class NoticeError(QcError):
    """A notice could not be delivered; `again`: a later try may succeed."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


def deliver(
    spec: NotifySpec, message: Message, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Send, several times if need be. Raises NoticeError or UsageError, one line each."""
    send = _email if spec.kind == "email" else _post
    for number in range(1, max(1, spec.tries) + 1):
        try:
            send(spec, message)
            return
        except NoticeError as error:
            if not error.again or number >= spec.tries:
                raise NoticeError(f"notify {spec.kind}: {error}", again=error.again) from None
            sleep(_FIRST_PAUSE_S * 2 ** (number - 1))


def body_of(spec: NotifySpec, message: Message, secret: str, now: float) -> dict[str, Any]:
    """The JSON that a robot or webhook is sent."""
    text = _cut(f"{message.title}\n\n{message.text}", _LONGEST.get(spec.kind, 10**6))
    if spec.kind == "wecom":
        return {"msgtype": "markdown", "markdown": {"content": text}}
    if spec.kind == "dingtalk":
        return {"msgtype": "markdown", "markdown": {"title": message.title, "text": text}}
    if spec.kind == "feishu":
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
        if secret:
            stamp = str(int(now))
            key = f"{stamp}\n{secret}".encode()
            body |= {"timestamp": stamp, "sign": _signed(key, b"")}
        return body
    return {
        "schema": SCHEMA,
        "title": message.title,
        "text": message.text,
        "figures": dict(message.figures),
    }


def address_of(kind: str, url: str, secret: str, now: float) -> str:
    """The URL; DingTalk's with the signature in it."""
    if kind != "dingtalk" or not secret:
        return url
    stamp = str(round(now * 1000))
    sign = urllib.parse.quote_plus(_signed(secret.encode(), f"{stamp}\n{secret}".encode()))
    return f"{url}{'&' if '?' in url else '?'}timestamp={stamp}&sign={sign}"


def _signed(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def _post(spec: NotifySpec, message: Message) -> None:
    url, secret = value_of(spec.address, "address"), value_of(spec.secret, "secret")
    if not url.startswith(("https://", "http://")):
        raise UsageError(f"notify {spec.kind}: its address is no http(s) URL; correct it")
    now = time.time()
    data = json.dumps(body_of(spec, message, secret, now), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if spec.kind == "webhook" and secret:
        digest = hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
        headers["X-QC-Speech-Signature"] = f"sha256={digest}"
    request = urllib.request.Request(
        address_of(spec.kind, url, secret, now), data, headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            said = answer.read(65536)
    except urllib.error.HTTPError as error:
        again = error.code == 429 or error.code >= 500
        raise NoticeError(f"the server answers {error.code}", again=again) from None
    except (OSError, ValueError) as error:
        raise NoticeError(f"cannot be reached ({type(error).__name__})", again=True) from None
    if spec.kind != "webhook":
        _check_answer(said)


def _check_answer(said: bytes) -> None:
    """Robots answer 200 and tell in the body what went wrong."""
    try:
        answer: Mapping[str, Any] = json.loads(said)
        code = int(answer.get("errcode", answer.get("code", answer.get("StatusCode", 0))))
    except (ValueError, TypeError, AttributeError):
        raise NoticeError("the server's answer is not the robot's; check the address",
                          again=False) from None  # fmt: skip
    if code:
        raise NoticeError(f"the robot refuses (code {code}); see its maker's list",
                          again=code in _BUSY)  # fmt: skip


def _email(spec: NotifySpec, message: Message) -> None:
    url = urllib.parse.urlsplit(value_of(spec.address, "address"))
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise UsageError("notify email: address: write smtp://HOST:587 or smtps://HOST:465")
    receivers = [one.strip() for one in spec.to.split(",") if one.strip()]
    if not spec.sender or not receivers:
        raise UsageError("notify email: needs sender and to; add them")
    letter = EmailMessage()
    letter["Subject"], letter["From"] = message.title, spec.sender
    letter["To"] = ", ".join(receivers)
    letter.set_content(message.text)
    user, _, password = value_of(spec.secret, "secret").partition(":")
    context = ssl.create_default_context()
    try:
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                url.hostname, url.port or 465, timeout=_TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(url.hostname, url.port or 587, timeout=_TIMEOUT_S)
        with server:
            server.ehlo_or_helo_if_needed()
            if url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=context)
            elif url.scheme == "smtp" and user:
                raise NoticeError("the server offers no TLS; the password is not sent in clear",
                                  again=False)  # fmt: skip
            if user:
                server.login(user, password)
            server.send_message(letter)
    except smtplib.SMTPResponseException as error:
        again = 400 <= error.smtp_code < 500
        raise NoticeError(f"the mail server answers {error.smtp_code}", again=again) from None
    except (OSError, smtplib.SMTPException) as error:
        raise NoticeError(f"cannot be sent ({type(error).__name__})", again=True) from None


def _cut(text: str, most: int) -> str:
    data = text.encode()
    return text if len(data) <= most else data[: most - 4].decode("utf-8", "ignore") + "…"
