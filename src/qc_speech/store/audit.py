"""An audit log that cannot be edited unnoticed: each entry's hash covers the hash before it.

Without a key, changing or removing an entry breaks the chain from there on, unless all of it is
rewritten; with a key (qc_speech.vault) each hash is an HMAC, so that who can write the store but
has no key cannot rewrite it either. What was cut off at the end shows against an entry noted
elsewhere (the morning summary carries the newest one): `verify(store, since=(seq, hash))`.

Entries tell who did what to which call; never what was said in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, text

from qc_speech import vault
from qc_speech.store.audit_tables import AUDIT
from qc_speech.store.sql import SqlStore

_FIRST = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One line of the log. `at` is UTC without a zone."""

    seq: int
    at: datetime
    who: str
    action: str
    object: str
    detail: dict[str, Any]
    keyed: bool
    hash: str


@dataclass(frozen=True)
class Verdict:
    """What verifying found. `broken`: the first entry that does not fit (None: all do), `why`."""

    entries: int
    head: tuple[int, str] | None
    broken: int | None = None
    why: str = ""


def record(
    store: SqlStore, who: str, action: str, object: str, detail: dict[str, Any] | None = None
) -> Entry:
    """Append one entry: `who` (user name, or the command), `action` (purge, mask, listen, export
    …), `object` (call:ID, user:NAME, clip:ID …), `detail` (JSON values, no spoken words)."""
    with store._begin(write=True) as connection:
        return record_in(store, connection, who, action, object, detail)


def record_in(
    store: SqlStore, connection: Connection, who: str, action: str, object: str,
    detail: dict[str, Any] | None = None,
) -> Entry:  # fmt: skip
    """The same inside a transaction that writes: what was done and its entry are kept together."""
    if connection.dialect.name == "postgresql":  # one writer at a time; SQLite has but one
        connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
    newest = select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
    last = connection.execute(newest).first()
    seq, before = (last.seq + 1, last.hash) if last else (1, _FIRST)
    row = {
        "seq": seq,
        "at": store._clock(),
        "who": who,
        "action": action,
        "object": object,
        "detail": json.dumps(detail or {}, sort_keys=True, separators=(",", ":")),
    }
    key = vault.configured()
    row["keyed"] = key is not None
    row["hash"] = _hashes(row, before, key)[0]
    connection.execute(insert(AUDIT), [row])
    return _entry(row)


def entries(store: SqlStore, newest: int | None = None) -> Iterator[Entry]:
    """All entries in order, streamed; or the newest ones, the newest first."""
    query = select(AUDIT).order_by(AUDIT.c.seq if newest is None else AUDIT.c.seq.desc())
    query = query if newest is None else query.limit(newest)
    with store._begin(write=False) as connection:
        for row in connection.execute(query, execution_options={"yield_per": 1000}):
            yield _entry(row._asdict())


def head(store: SqlStore) -> tuple[int, str] | None:
    """Number and hash of the newest entry: note it elsewhere, and a cut end will show."""
    newest = next(entries(store, newest=1), None)
    return (newest.seq, newest.hash) if newest else None


def verify(store: SqlStore, since: tuple[int, str] | None = None) -> Verdict:
    """Whether every entry is as it was written. `since`: an entry (number, first characters of its
    hash) noted elsewhere, which must still be there. Raises UsageError when a key is needed."""
    before, count, last = _FIRST, 0, None
    key = vault.configured()
    query = select(AUDIT).order_by(AUDIT.c.seq)
    with store._begin(write=False) as connection:
        for row in connection.execute(query, execution_options={"yield_per": 1000}):
            values = row._asdict()
            count += 1
            if row.seq != count:
                return Verdict(count - 1, last, count, "an entry is missing")
            wanted = _hashes(values, before, (key or vault.needed()) if row.keyed else None)
            if row.hash not in wanted:
                return Verdict(count - 1, last, row.seq, "it was changed, or one before it")
            if since and row.seq == since[0] and not row.hash.startswith(since[1]):
                return Verdict(count, last, row.seq, "it is not the entry that was noted")
            before, last = row.hash, (row.seq, row.hash)
    if since and since[0] > count:
        return Verdict(count, last, count + 1, f"the log was cut off: entry {since[0]} is gone")
    return Verdict(count, last)


def _hashes(row: dict[str, Any], before: str, key: vault.Vault | None) -> tuple[str, ...]:
    """What the entry's hash may be: with several keys, one for each."""
    parts = [before, *(row[name] for name in ("seq", "who", "action", "object", "detail"))]
    text = json.dumps([*parts, row["at"].isoformat()], ensure_ascii=True).encode()
    return key.macs(text) if key else (hashlib.sha256(text).hexdigest(),)


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(**{**row, "detail": json.loads(row["detail"]), "keyed": bool(row["keyed"])})
