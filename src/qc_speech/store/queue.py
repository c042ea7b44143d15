"""The queue of a batch, in the store: what was found, what became of it, and why.

A row is one recording at one place: its key is the source with its mark, so a file that is found
again is no new work and one that was replaced is. A batch takes rows that it found itself; the same
bytes found by two batches, or twice by one, are done once (`identify`). Leases carry no time limit:
whoever holds the lock of a batch knows that nobody else works on its rows, whatever the clock says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from qc_speech.codec import from_json, to_json
from qc_speech.model import Metadata
from qc_speech.store.queue_tables import QUEUE
from qc_speech.store.rows import json_bytes, pack, plain, unpack
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.store.tables import RESULTS

_CHUNK = 400  # rows per statement, below every database's limit of parameters
_FAR = timedelta(hours=6)  # no wait is longer: beyond it the clock was set back, and it is due
_Q = QUEUE.c
_IDENTIFY_LOCK = 0x71C5_0001  # PostgreSQL: one recording at a time is identified


class State(str, Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DUPLICATE = "duplicate"  # the bytes of another row or of a stored call
    QUARANTINED = "quarantined"
    GONE = "gone"  # replaced before it was heard: its new bytes are another row


@dataclass(frozen=True)
class Found:
    """A recording where it lies. `path` is where it can be read (in the spool, if `source` is an
    address), `relative` its place in the folder or bucket named `origin`."""

    source: str
    mark: str
    path: str
    relative: str
    origin: str
    metadata: Metadata
    named: bool = False  # its call id is the manifest's, not derived from the file name
    priority: int = 0
    rank: float = 0.0

    @property
    def id(self) -> str:
        return _key(self.source, self.mark)


def _key(source: str, mark: str) -> str:
    return hashlib.sha256(f"{source}\0{mark}".encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Item:
    """A row that was claimed."""

    id: str
    found: Found
    call_id: str
    recording_id: str | None
    attempts: int
    crashes: int


@dataclass(frozen=True)
class Ending:
    """What became of an item. WAITING: it is tried again, not before a time (UTC)."""

    id: str
    state: State
    reason: str = ""
    attempts: int = 0
    crashes: int = 0
    not_before: datetime | None = None
    duration_ms: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Identity:
    """What the bytes of an item say: its call id; `same_as`: what has the same bytes; `clash`: what
    has the same call id and other bytes."""

    call_id: str
    same_as: str | None = None
    clash: str | None = None


class Queue:
    """The queue in an open store. All failures are StoreError."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def enrol(self, batch: str, found: Sequence[Found]) -> int:
        """Add what is not known yet; a known recording whose metadata changed is work again.
        Returns how many rows wait because of it."""
        added = 0
        for start in range(0, len(found), _CHUNK):
            part = {one.id: one for one in found[start : start + _CHUNK]}
            known = select(_Q.id, _Q.digest, _Q.state).where(_Q.id.in_(list(part)))
            with self._store.transaction(write=True) as connection:
                rows = {row.id: row for row in connection.execute(known)}
                new = [_new_row(batch, one) for key, one in part.items() if key not in rows]
                if new:
                    connection.execute(insert(QUEUE), new)
                added += len(new)
                for key, row in rows.items():
                    if row.digest != _digest(part[key]) and row.state != State.RUNNING.value:
                        added += row.state == State.DONE.value
                        _correct(connection, key, part[key], row.state)
        return added

    def release(self, batch: str) -> int:
        """Take back what a killed batch had begun. For the holder of the batch's lock only."""
        running = update(QUEUE).where(_Q.batch == batch, _Q.state == State.RUNNING.value)
        with self._store.transaction(write=True) as connection:
            waiting = {"state": State.WAITING.value, "owner": None, "leased_at": None}
            return int(connection.execute(running.values(waiting)).rowcount)

    def claim(self, batch: str, owner: str, count: int) -> list[Item]:
        """Lease up to `count` rows that are due: by priority, then rank."""
        now = utc_now()
        due = or_(_Q.not_before.is_(None), _Q.not_before <= now, _Q.not_before > now + _FAR)
        chosen = (
            select(QUEUE)
            .where(_Q.batch == batch, _Q.state == State.WAITING.value, due)
            .order_by(_Q.priority.desc(), _Q.rank.desc(), _Q.id.desc())
            .limit(count)
            .with_for_update(skip_locked=True)
        )
        with self._store.transaction(write=True) as connection:
            rows = connection.execute(chosen).all()
            if rows:
                taken = {"state": State.RUNNING.value, "owner": owner, "leased_at": now}
                ids = [row.id for row in rows]
                connection.execute(update(QUEUE).where(_Q.id.in_(ids)).values(taken))
        return [_item(row) for row in rows]

    def identify(self, item: Item, recording_id: str) -> Identity:
        """Enter what bytes an item has, and say what else has them, or has its call id."""
        with self._store.transaction(write=True) as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_IDENTIFY_LOCK})"))
            same = _same_bytes(connection, item, recording_id)
            call_id, clash = item.call_id, None
            if same is None:
                call_id, clash = _own_call_id(connection, item, recording_id)
                if clash is None:
                    mine = update(QUEUE).where(_Q.id == item.id)
                    connection.execute(mine.values(recording_id=recording_id, call_id=call_id))
        return Identity(call_id, same, clash)

    def end(self, endings: Sequence[Ending]) -> None:
        """Enter what became of items, in one transaction."""
        if not endings:
            return
        now = utc_now()
        names = ("state", "reason", "attempts", "crashes", "not_before", "duration_ms", "seconds")
        ended = update(QUEUE).where(_Q.id == bindparam("row_id"))
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*names, "ended_at")}
        rows = [
            {
                "row_id": one.id,
                "new_state": one.state.value,
                "new_reason": plain(one.reason),
                "new_attempts": one.attempts,
                "new_crashes": one.crashes,
                "new_not_before": one.not_before,
                "new_duration_ms": one.duration_ms,
                "new_seconds": one.seconds,
                "new_ended_at": None if one.state is State.WAITING else now,
            }
            for one in endings
        ]
        with self._store.transaction(write=True) as connection:
            connection.execute(ended.values(**values, owner=None, leased_at=None), rows)

    def counts(self, batch: str) -> dict[State, int]:
        query = select(_Q.state, func.count()).where(_Q.batch == batch).group_by(_Q.state)
        with self._store.transaction(write=False) as connection:
            found = {str(row[0]): int(row[1]) for row in connection.execute(query)}
        return {state: found.get(state.value, 0) for state in State}

    def next_due(self, batch: str) -> datetime | None:
        """When the next waiting row is due (UTC); now or earlier: at once. None: none waits."""
        waiting = (_Q.batch == batch, _Q.state == State.WAITING.value)
        now = utc_now()
        with self._store.transaction(write=False) as connection:
            free = select(_Q.id).where(*waiting, _Q.not_before.is_(None)).limit(1)
            if connection.execute(free).first():
                return now
            first = connection.execute(select(func.min(_Q.not_before)).where(*waiting)).scalar()
        return now if first is not None and first > now + _FAR else first

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these rows there are already."""
        with self._store.transaction(write=False) as connection:
            return {
                row.id
                for start in range(0, len(ids), _CHUNK)
                for row in connection.execute(
                    select(_Q.id).where(_Q.id.in_(ids[start : start + _CHUNK]))
                )
            }

    def sources(self, sources: Sequence[str]) -> set[str]:
        """Which of these sources have been found before, whatever became of them."""
        places = {_place(one): one for one in sources}
        names = list(places)
        found: set[str] = set()
        with self._store.transaction(write=False) as connection:
            for start in range(0, len(names), _CHUNK):
                query = select(_Q.place).where(_Q.place.in_(names[start : start + _CHUNK]))
                found.update(places[row.place] for row in connection.execute(query))
        return found

    def agents(self) -> dict[str, tuple[int, int, int]]:
        """What is stored of each agent: (calls, critical ones, those a person has to look at)."""
        c = RESULTS.c
        query = select(
            c.agent_id, func.count(), func.sum(cast(c.critical, Integer)),
            func.sum(cast(c.review, Integer)),
        ).where(c.agent_id.is_not(None)).group_by(c.agent_id)  # fmt: skip
        with self._store.transaction(write=False) as connection:
            rows = connection.execute(query).all()
        return {str(row[0]): (int(row[1]), int(row[2]), int(row[3])) for row in rows}

    def listed(self, batch: str, state: State, most: int = 1000) -> list[tuple[str, str]]:
        """(source, reason) of the rows in a state, the latest first."""
        query = (
            select(_Q.source, _Q.reason)
            .where(_Q.batch == batch, _Q.state == state.value)
            .order_by(_Q.ended_at.desc(), _Q.id)
            .limit(most)
        )
        with self._store.transaction(write=False) as connection:
            return [(row.source, row.reason) for row in connection.execute(query)]

    def moved(self, item: Item, path: str) -> None:
        """Enter where a recording lies now; it stays the same recording."""
        packed = pack(to_json(replace(item.found, path=path)))
        with self._store.transaction(write=True) as connection:
            connection.execute(update(QUEUE).where(_Q.id == item.id).values(payload=packed))

    def requeue(self, batch: str) -> int:
        """Let everything that is quarantined be tried again; lines that name no recording stay."""
        chosen = update(QUEUE).where(
            _Q.batch == batch, _Q.state == State.QUARANTINED.value, _Q.mark != ""
        )
        fresh = {"state": State.WAITING.value, "attempts": 0, "crashes": 0, "not_before": None}
        with self._store.transaction(write=True) as connection:
            return int(connection.execute(chosen.values(fresh)).rowcount)

    def refuse(self, batch: str, problems: Sequence[tuple[str, str]]) -> int:
        """Enter (place, message) of what names no recording; those that are mended go. Returns how
        many are new."""
        rows = {}
        for place, message in problems:
            one = Found(plain(place), "", "", "", "", Metadata(call_id=""))
            row = _new_row(batch, one)
            row.update(state=State.QUARANTINED.value, reason=plain(message), ended_at=utc_now())
            rows[row["id"]] = row
        held = select(_Q.id, _Q.reason).where(_Q.batch == batch, _Q.mark == "")
        with self._store.transaction(write=True) as connection:
            before = {row.id: row.reason for row in connection.execute(held)}
            same = {key for key, row in rows.items() if before.get(key) == row["reason"]}
            for key in before.keys() - same:
                connection.execute(delete(QUEUE).where(_Q.id == key))
            new = [row for key, row in rows.items() if key not in same]
            if new:
                connection.execute(insert(QUEUE), new)
        return len(new)

    def speed(self, batch: str, rows: int = 500) -> tuple[float, float]:
        """(seconds of work, seconds of sound) of the latest recordings that were heard."""
        latest = (
            select(_Q.seconds, _Q.duration_ms)
            .where(_Q.batch == batch, _Q.state == State.DONE.value, _Q.seconds > 0)
            .order_by(_Q.ended_at.desc())
            .limit(rows)
            .subquery()
        )
        query = select(func.sum(latest.c.seconds), func.sum(latest.c.duration_ms))
        with self._store.transaction(write=False) as connection:
            row = connection.execute(query).one()
        return float(row[0] or 0), float(row[1] or 0) / 1000


def _new_row(batch: str, one: Found) -> dict[str, Any]:
    return {
        "id": one.id,
        "batch": batch,
        "source": plain(one.source),
        "place": _place(one.source),
        "mark": one.mark,
        "payload": pack(to_json(one)),
        "digest": _digest(one),
        "call_id": plain(one.metadata.call_id),
        "recording_id": None,
        "priority": one.priority,
        "rank": one.rank,
        "state": State.WAITING.value,
        "attempts": 0,
        "crashes": 0,
        "reason": "",
        "found_at": utc_now(),
        "ended_at": None,
    }


def _place(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _digest(one: Found) -> str:
    return hashlib.sha256(json_bytes(to_json((one.metadata, one.path)))).hexdigest()[:24]


def _correct(connection: Connection, key: str, one: Found, state: str) -> None:
    """Enter new metadata; what was done with the old is work again, cheaply: it was heard."""
    values: dict[str, Any] = {
        "payload": pack(to_json(one)),
        "digest": _digest(one),
        "priority": one.priority,
        "rank": one.rank,
    }
    if state == State.DONE.value:
        values["state"] = State.WAITING.value
    if one.named:
        values["call_id"] = plain(one.metadata.call_id)
    connection.execute(update(QUEUE).where(_Q.id == key).values(values))


def _item(row: Row[Any]) -> Item:
    found = from_json(Found, unpack(row.payload))
    return Item(row.id, found, row.call_id, row.recording_id, row.attempts, row.crashes)


def _same_bytes(connection: Connection, item: Item, recording_id: str) -> str | None:
    """Another row or a stored call that has these bytes already."""
    not_mine = (State.DUPLICATE.value, State.GONE.value)
    rows = select(_Q.source).where(
        _Q.recording_id == recording_id, _Q.id != item.id, _Q.state.not_in(not_mine)
    )
    other = connection.execute(rows.limit(1)).scalar()
    if other is not None or item.recording_id == recording_id:
        return other
    calls = select(RESULTS.c.call_id).where(RESULTS.c.recording_id == recording_id)
    ids = set(connection.execute(calls).scalars())
    return None if not ids or item.call_id in ids else f"call {min(ids)}"


def _own_call_id(connection: Connection, item: Item, recording_id: str) -> tuple[str, str | None]:
    """The item's call id, or another one where a call with other bytes has it: nobody's result
    may be written over. A call id that somebody wrote down is not changed; then it is a clash."""
    holder = _holder(connection, item, item.call_id, recording_id)
    if holder is None:
        return item.call_id, None
    if item.found.named:
        return item.call_id, holder
    return f"{item.call_id[:100]}-{recording_id[:8]}", None


def _holder(connection: Connection, item: Item, call_id: str, recording_id: str) -> str | None:
    rows = select(_Q.source).where(
        _Q.call_id == call_id, _Q.recording_id.is_not(None), _Q.recording_id != recording_id,
        _Q.state.not_in((State.DUPLICATE.value, State.GONE.value)),
    )  # fmt: skip
    if item.found.named:  # the same place with other bytes: the call was recorded or copied anew
        rows = rows.where(_Q.source != plain(item.found.source))
    other = connection.execute(rows.limit(1)).scalar()
    if other is not None:
        return str(other)
    if item.found.named:
        return None
    stored = select(RESULTS.c.call_id).where(
        RESULTS.c.call_id == call_id, RESULTS.c.recording_id != recording_id
    )
    return f"call {call_id}" if connection.execute(stored).first() else None
