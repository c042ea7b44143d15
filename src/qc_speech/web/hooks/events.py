"""What other programs are told: kept in the store first, sent by `delivery` afterwards, so that a
restart loses nothing."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select

from qc_speech.errors import UsageError
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.web_tables import WEBHOOK_DELIVERIES, WEBHOOKS

EVENTS = ("call.flagged", "call.decided", "appeal.filed", "appeal.decided")


@dataclass(frozen=True)
class Webhook:
    """Whom to tell of what. The secret signs what is sent."""

    id: int
    url: str
    events: tuple[str, ...]
    active: bool
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class Delivery:
    """One message to one address."""

    id: int
    event: str
    attempts: int
    next_at: datetime | None
    done_at: datetime | None
    answer: str


def add_webhook(store: SqlStore, url: str, events: list[str], by: str) -> tuple[Webhook, str]:
    """A new webhook and its secret, shown once. Raises UsageError for an address that is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
        raise UsageError("a webhook's address is https://HOST/PATH, without a user name")
    unknown = sorted(set(events) - set(EVENTS))
    if unknown or not events:
        raise UsageError(f"events: choose some of {', '.join(EVENTS)}")
    secret = secrets.token_hex(32)
    row = {
        "url": url[:2000], "secret": secret, "events": json.dumps(sorted(set(events))),
        "active": True, "created_by": by, "created_at": utc_now(),
    }  # fmt: skip
    with store.transaction(write=True) as connection:
        made = connection.execute(insert(WEBHOOKS).values(**row)).inserted_primary_key
        assert made is not None
        found = connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.id == made[0])).one()
    return _webhook(found), secret


def webhooks(store: SqlStore) -> tuple[Webhook, ...]:
    with store.transaction(write=False) as connection:
        rows = connection.execute(select(WEBHOOKS).order_by(WEBHOOKS.c.id))
        return tuple(_webhook(row) for row in rows)


def drop_webhook(store: SqlStore, webhook_id: int) -> bool:
    with store.transaction(write=True) as connection:
        gone = delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook_id)
        return connection.execute(gone).rowcount > 0


def deliveries(store: SqlStore, webhook_id: int, newest: int = 20) -> tuple[Delivery, ...]:
    mine = WEBHOOK_DELIVERIES.c.webhook_id == webhook_id
    query = select(WEBHOOK_DELIVERIES).where(mine).order_by(WEBHOOK_DELIVERIES.c.id.desc())
    with store.transaction(write=False) as connection:
        return tuple(
            Delivery(row.id, row.event, row.attempts, row.next_at, row.done_at, row.answer)
            for row in connection.execute(query.limit(newest))
        )


def announce(store: SqlStore, event: str, what: dict[str, Any]) -> int:
    """Queue an event for all who want it; `what` holds ids and outcomes, never what was said."""
    with store.transaction(write=True) as connection:
        return announce_in(connection, event, [what])


def announce_in(connection: Connection, event: str, what: list[dict[str, Any]]) -> int:
    """The same in a transaction that writes, for several things at once."""
    assert event in EVENTS
    wanted = [
        row.id
        for row in connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.active))
        if event in json.loads(row.events)
    ]
    now = utc_now()
    rows = [
        {
            "webhook_id": webhook, "event": event, "attempts": 0, "next_at": now, "answer": "",
            "body": json.dumps(
                {"id": uuid4().hex, "event": event, "at": now.isoformat() + "Z", "data": one},
                ensure_ascii=False,
            ),
        }
        for webhook in wanted
        for one in what
    ]  # fmt: skip
    if rows:
        connection.execute(insert(WEBHOOK_DELIVERIES), rows)
    return len(rows)


def _webhook(row: Any) -> Webhook:
    events = tuple(json.loads(row.events))
    return Webhook(row.id, row.url, events, row.active, row.created_by, row.created_at)
