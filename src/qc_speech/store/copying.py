"""Copies a store into another one, on whatever database: streamed, resumable, counted at the end.

Each table is read by its primary key from one snapshot of the source. Every piece is written in
one transaction with the place up to which it is there, so that a copy that was killed goes on
from that place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    tuple_,
)

from qc_speech.errors import StoreError, UsageError
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import METADATA

_ROWS = 500
_ROWS_WITH_PAYLOAD = 100

# In the target as long as a copy is under way.
_PROGRESS = Table(
    "qc_speech_copy",
    MetaData(),
    Column("table_name", String(64), primary_key=True),
    Column("last", Text, nullable=False),  # JSON of the last key that is there; of "": the source
)

Say = Callable[[str, int], None]  # table, rows that are there


def copy_store(source: SqlStore, target: SqlStore, say: Say = lambda table, rows: None) -> int:
    """Copy all rows of a store into an empty one; returns how many there are.

    Both must have the same schema. Nobody should write to the source meanwhile: what comes in
    after the copy began is not in it. Raises UsageError when the target holds other rows, and
    StoreError.
    """
    with source.snapshot() as reading:
        with target.transaction(write=False) as connection:
            tables = _tables(reading, connection)
        _claim(source, target, tables)
        for table, columns in tables:
            _copy_table(reading, target, table, columns, say)
        total = _counted(reading, target, tables)
    with target.transaction(write=True) as connection:
        _set_sequences(connection, [table for table, _ in tables])
        _PROGRESS.drop(connection)
    return total


_Columns = Sequence[Column[Any]]


def _tables(source: Connection, target: Connection) -> list[tuple[Table, _Columns]]:
    """The tables in the order of their references, with the columns that this schema has."""
    here, there = inspect(source), inspect(target)
    names = set(here.get_table_names()) & set(there.get_table_names())
    found: list[tuple[Table, _Columns]] = []
    for table in METADATA.sorted_tables:
        if table.name in names:
            known = {column["name"] for column in here.get_columns(table.name)}
            found.append((table, [column for column in table.columns if column.name in known]))
    return found


def _claim(source: SqlStore, target: SqlStore, tables: Sequence[tuple[Table, _Columns]]) -> None:
    """Make sure that the target is empty, or that this very copy was begun there."""
    with target.transaction(write=True) as connection:
        if inspect(connection).has_table(_PROGRESS.name):
            mine = select(_PROGRESS.c.last).where(_PROGRESS.c.table_name == "")
            begun = json.loads(connection.execute(mine).scalar_one())
            if begun == source.name:
                return
            raise UsageError(
                f"store {target.name}: a copy of {begun} was begun there; finish that one, or name "
                "an empty store"
            )
        for table, columns in tables:
            if connection.execute(select(columns[0]).limit(1)).first() is not None:
                raise UsageError(
                    f"store {target.name}: holds rows already ({table.name}); name an empty store"
                )
        _PROGRESS.create(connection)
        row = {"table_name": "", "last": json.dumps(source.name)}
        connection.execute(insert(_PROGRESS), row)


def _copy_table(
    reading: Connection, target: SqlStore, table: Table, columns: _Columns, say: Say
) -> None:
    keys = list(table.primary_key.columns)
    size = _ROWS_WITH_PAYLOAD if "payload" in table.c else _ROWS
    with target.transaction(write=False) as connection:
        mark = select(_PROGRESS.c.last).where(_PROGRESS.c.table_name == table.name)
        kept = connection.execute(mark).scalar()
    last = None if kept is None else json.loads(kept)
    done = 0
    while True:
        query = select(*columns).order_by(*keys).limit(size)
        if last is not None:
            query = query.where(_after(keys, last))
        rows = [dict(row._mapping) for row in reading.execute(query)]
        if not rows:
            return
        last = [rows[-1][key.name] for key in keys]
        with target.transaction(write=True) as connection:
            connection.execute(insert(table), rows)
            connection.execute(delete(_PROGRESS).where(_PROGRESS.c.table_name == table.name))
            progress = {"table_name": table.name, "last": json.dumps(last)}
            connection.execute(insert(_PROGRESS), progress)
        done += len(rows)
        say(table.name, done)


def _after(keys: Sequence[Column[Any]], last: Sequence[Any]) -> ColumnElement[bool]:
    if len(keys) == 1:
        return keys[0].__gt__(last[0])
    return tuple_(*keys).__gt__(tuple_(*last))


def _counted(
    reading: Connection, target: SqlStore, tables: Sequence[tuple[Table, _Columns]]
) -> int:
    """How many rows there are in both; not alike is a StoreError."""
    total = 0
    with target.transaction(write=False) as connection:
        for table, _ in tables:
            size = func.sum(func.length(table.c.payload)) if "payload" in table.c else text("0")
            query = select(func.count(), size).select_from(table)
            wanted, there = reading.execute(query).one(), connection.execute(query).one()
            if tuple(wanted) != tuple(there):
                raise StoreError(
                    f"store {target.name}: table {table.name} holds {there[0]} rows "
                    f"({there[1] or 0} bytes) of {wanted[0]} ({wanted[1] or 0} bytes); was it "
                    "written to meanwhile? empty it and copy again"
                )
            total += wanted[0]
    return total


def _set_sequences(connection: Connection, tables: Sequence[Table]) -> None:
    """The numbers that PostgreSQL gives to new rows go on after those that were copied."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        key = table.autoincrement_column
        if key is None:
            continue
        highest = connection.execute(select(func.max(key))).scalar()
        sequence = func.pg_get_serial_sequence(table.name, key.name)
        if highest is not None:
            connection.execute(select(func.setval(sequence, highest)))
