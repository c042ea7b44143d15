"""Settings of the site that supervisors change in the app, kept in the store."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sqlalchemy import delete, insert, select

from qc_speech.errors import UsageError
from qc_speech.store.sql import SqlStore
from qc_speech.store.web_tables import WEB_SETTINGS

LIMITS = {"appeal_days": (1, 90), "sample_per_agent": (0, 50)}


@dataclass(frozen=True)
class SiteSettings:
    """`appeal_days`: how long an agent may answer to a deduction. `sample_per_agent`: calls drawn
    for people per agent and week, flagged or not."""

    appeal_days: int = 7
    sample_per_agent: int = 2


def site_settings(store: SqlStore) -> SiteSettings:
    with store.transaction(write=False) as connection:
        kept = {row.name: row.value for row in connection.execute(select(WEB_SETTINGS))}
    known = {
        field.name: json.loads(kept[field.name])
        for field in fields(SiteSettings)
        if field.name in kept
    }
    return replace(SiteSettings(), **known)


def change_site_settings(store: SqlStore, **changes: Any) -> SiteSettings:
    """Keep new values. Raises UsageError for a value out of its limits."""
    for name, value in changes.items():
        least, most = LIMITS[name]
        if not least <= value <= most:
            raise UsageError(f"{name}: {value} is not between {least} and {most}")
    settings = replace(site_settings(store), **changes)
    with store.transaction(write=True) as connection:
        for name, value in asdict(settings).items():
            connection.execute(delete(WEB_SETTINGS).where(WEB_SETTINGS.c.name == name))
            row = {"name": name, "value": json.dumps(value)}
            connection.execute(insert(WEB_SETTINGS), [row])
    return settings


def kept_mark(store: SqlStore, name: str) -> str | None:
    """A note that the app keeps for itself, such as up to when it has told of flagged calls."""
    query = select(WEB_SETTINGS.c.value).where(WEB_SETTINGS.c.name == f"mark.{name}")
    with store.transaction(write=False) as connection:
        return connection.execute(query).scalar()


def keep_mark(store: SqlStore, name: str, value: str) -> None:
    key = f"mark.{name}"
    with store.transaction(write=True) as connection:
        connection.execute(delete(WEB_SETTINGS).where(WEB_SETTINGS.c.name == key))
        connection.execute(insert(WEB_SETTINGS), [{"name": key, "value": value}])
