"""Who did or saw what: the review app's entries in the store's audit chain."""

from __future__ import annotations

from typing import Any

from qc_speech.store import audit
from qc_speech.store.sql import SqlStore

NOBODY = "-"  # has not logged in


def record(store: SqlStore, who: str, action: str, thing: str, **detail: Any) -> None:
    """Note an action on `thing` (call:ID, user:NAME, from:ADDRESS). `detail` holds JSON values, no
    spoken words and no names of callers."""
    audit.record(store, who, f"web.{action}", thing, detail)
