"""Seals the payloads of a store with today's key, a few rows at a time; can be run again."""

from __future__ import annotations

from sqlalchemy import LargeBinary, Table, select, tuple_, update

from qc_speech import vault
from qc_speech.store.retention import delete_securely
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import METADATA
from qc_speech.store.web_tables import CALL_WORDS

_CHUNK = 200


def reseal(store: SqlStore) -> int:
    """Every payload of every table under the first key; returns how many were. Raises UsageError
    where one was sealed with a key that is not given."""
    done = sum(_table(store, table) for table in METADATA.sorted_tables if _sealable(table))
    delete_securely(store)
    with store._begin(write=True) as connection:  # an index cannot be sealed: it is emptied
        connection.execute(update(CALL_WORDS).where(CALL_WORDS.c.words != "").values(words=""))
    store._forget_log()
    return done


def _sealable(table: Table) -> bool:
    return "payload" in table.c and isinstance(table.c.payload.type, LargeBinary)


def _table(store: SqlStore, table: Table) -> int:
    key = vault.needed()
    keys = list(table.primary_key.columns)
    last, done = None, 0
    while True:
        query = select(*keys, table.c.payload).order_by(*keys).limit(_CHUNK)
        if last is not None:
            query = query.where(tuple_(*keys) > tuple_(*last))
        with store._begin(write=True) as connection:
            rows = connection.execute(query.with_for_update()).all()
            for row in rows:
                payload = bytes(row.payload)
                whole = key.open(payload) if vault.is_sealed(payload) else payload
                where = [column == value for column, value in zip(keys, row)]
                change = update(table).where(*where).values(payload=key.seal(whole))
                connection.execute(change)
        if not rows:
            store._forget_log()
            return done
        last, done = tuple(rows[-1])[: len(keys)], done + len(rows)
