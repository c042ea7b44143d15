"""Calls drawn at random for people: of each agent and week, so that everybody is heard and what the
machine never flags is found too."""

from __future__ import annotations

import hashlib
import heapq
import secrets
from collections import defaultdict
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from qc_speech.cards.period import Period
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import SAMPLES
from qc_speech.web.site import keep_mark, kept_mark, site_settings

_SEED = "sampling.seed"
_AT_ONCE = 200


def seed_of(store: SqlStore) -> str:
    """The site's secret of the draw: with it a draw can be done again, without it nobody can tell
    which of his calls will be heard."""
    seed = kept_mark(store, _SEED)
    if seed is None:
        keep_mark(store, _SEED, secrets.token_hex(16))
        seed = kept_mark(store, _SEED) or ""
    return seed


def draw(store: SqlStore, day: date) -> int:
    """Draw the calls of the week that holds a day; returns how many are new. Drawing again changes
    nothing but what has come in since."""
    each = site_settings(store).sample_per_agent
    if not each:
        return 0
    week, seed = Period.week_of(day), seed_of(store)
    when = func.coalesce(RESULTS.c.started_at, RESULTS.c.inspected_at)
    query = select(RESULTS.c.call_id, RESULTS.c.agent_id).where(when >= week.start, when < week.end)
    by_agent: dict[str | None, list[tuple[str, str]]] = defaultdict(list)
    with store.transaction(write=False) as connection:
        for row in connection.execute(query, execution_options={"yield_per": 1000}):
            order = hashlib.sha256(f"{seed}\n{row.call_id}".encode()).hexdigest()
            by_agent[row.agent_id].append((order, row.call_id))
    drawn = [call_id for calls in by_agent.values() for _, call_id in heapq.nsmallest(each, calls)]
    return _keep(store, drawn, week.label)


def _keep(store: SqlStore, ids: list[str], week: str) -> int:
    now, new = utc_now(), 0
    with store.transaction(write=True) as connection:
        family = postgresql if connection.dialect.name == "postgresql" else sqlite
        for at in range(0, len(ids), _AT_ONCE):
            part = ids[at : at + _AT_ONCE]
            there = select(func.count()).where(SAMPLES.c.call_id.in_(part))
            new += len(part) - connection.execute(there).scalar_one()
            rows = [{"call_id": one, "week": week, "drawn_at": now} for one in part]
            connection.execute(family.insert(SAMPLES).values(rows).on_conflict_do_nothing())
    return new
