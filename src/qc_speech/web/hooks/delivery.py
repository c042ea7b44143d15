"""Sends what is queued for webhooks: signed, again and again if need be, never twice at once."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import WEBHOOK_DELIVERIES, WEBHOOKS
from qc_speech.web.hooks.events import announce_in
from qc_speech.web.site import keep_mark, kept_mark

_LOG = logging.getLogger("qc_speech.web")
_TIMEOUT_S = 10
_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 720))  # then it is given up
_CLAIM = timedelta(minutes=5)  # a sender that dies leaves the message for later
_AT_ONCE = 200


@dataclass(frozen=True)
class _Due:
    id: int
    url: str
    secret: str
    event: str
    body: str
    attempts: int


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A message goes where an administrator sent it, and nowhere else."""

    def redirect_request(self, *args: Any, **options: Any) -> None:
        return None


def signature(secret: str, body: bytes) -> str:
    """What the header X-QC-Signature holds: the receiver makes it again and compares."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def send_due(store: SqlStore) -> int:
    """Send every message that is due; returns how many arrived."""
    arrived = 0
    for due in _claimed(store):
        answer, ok = _post(due)
        arrived += ok
        _note(store, due, answer, ok)
    return arrived


def announce_calls(store: SqlStore) -> int:
    """Tell of calls that were flagged, or decided by people, since it was last told. The first time
    nothing is told: webhooks begin with what happens from then on."""
    now, told = utc_now(), 0
    for event, column, flagged in (
        ("call.flagged", RESULTS.c.inspected_at, True),
        ("call.decided", RESULTS.c.reviewed_at, False),
    ):
        since = kept_mark(store, event)
        if since is None:
            keep_mark(store, event, f"{now.isoformat()} ")
            continue
        at, _, last = since.partition(" ")
        told += _announce_from(store, event, column, flagged, (at, last))
    return told


def _announce_from(
    store: SqlStore, event: str, column: Any, flagged: bool, since: tuple[str, str]
) -> int:
    moment, last = datetime.fromisoformat(since[0]), since[1]
    query = (
        select(
            RESULTS.c.call_id, RESULTS.c.agent_id, RESULTS.c.team, RESULTS.c.settled_total,
            RESULTS.c.settled_grade, RESULTS.c.settled_critical, column.label("at"),
        )
        .where(
            (column > moment) | ((column == moment) & (RESULTS.c.call_id > last)),
            RESULTS.c.settled_review.is_(flagged),
        )
        .order_by(column, RESULTS.c.call_id)
        .limit(_AT_ONCE)
    )  # fmt: skip
    with store.transaction(write=True) as connection:
        rows = connection.execute(query).all()
        if not rows:
            return 0
        what = [
            {
                "call_id": row.call_id, "agent_id": row.agent_id, "team": row.team,
                "score": row.settled_total, "grade": row.settled_grade,
                "critical": row.settled_critical,
            }
            for row in rows
        ]  # fmt: skip
        told = announce_in(connection, event, what)
    keep_mark(store, event, f"{rows[-1].at.isoformat()} {rows[-1].call_id}")
    return told


def _claimed(store: SqlStore) -> list[_Due]:
    """Messages that are due, put off for a while so that no other process sends them too."""
    now, found = utc_now(), []
    query = (
        select(WEBHOOK_DELIVERIES, WEBHOOKS.c.url, WEBHOOKS.c.secret)
        .join(WEBHOOKS, WEBHOOKS.c.id == WEBHOOK_DELIVERIES.c.webhook_id)
        .where(WEBHOOK_DELIVERIES.c.next_at <= now, WEBHOOKS.c.active)
        .order_by(WEBHOOK_DELIVERIES.c.next_at)
        .limit(_AT_ONCE)
    )
    with store.transaction(write=False) as connection:
        rows = connection.execute(query).all()
    for row in rows:
        mine = update(WEBHOOK_DELIVERIES).where(
            WEBHOOK_DELIVERIES.c.id == row.id, WEBHOOK_DELIVERIES.c.next_at == row.next_at
        )
        with store.transaction(write=True) as connection:
            if connection.execute(mine.values(next_at=now + _CLAIM)).rowcount:
                found.append(_Due(row.id, row.url, row.secret, row.event, row.body, row.attempts))
    return found


def _post(due: _Due) -> tuple[str, bool]:
    body = due.body.encode()
    request = urllib.request.Request(
        due.url,
        data=body,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": "qc-speech",
            "X-QC-Event": due.event,
            "X-QC-Signature": signature(due.secret, body),
        },
    )
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=_TIMEOUT_S) as answer:
            return f"HTTP {answer.status}", 200 <= answer.status < 300
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}", False
    except (OSError, http.client.HTTPException, ssl.SSLError, ValueError) as error:
        return type(error).__name__, False


def _note(store: SqlStore, due: _Due, answer: str, ok: bool) -> None:
    now, tries = utc_now(), due.attempts + 1
    later = now + _WAITS[tries - 1] if not ok and tries <= len(_WAITS) else None
    change = update(WEBHOOK_DELIVERIES).where(WEBHOOK_DELIVERIES.c.id == due.id)
    values = {"attempts": tries, "answer": answer, "next_at": later, "done_at": now if ok else None}
    with store.transaction(write=True) as connection:
        connection.execute(change.values(**values))
    if not ok and later is None:
        _LOG.error("webhook message %s was given up after %s tries: %s", due.id, tries, answer)
