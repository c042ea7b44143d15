"""ports.Store on a SQL database. Every operation takes its own connection from the pool."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    bindparam,
    collate,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from qc_speech.codec import from_json, to_json
from qc_speech.errors import StoreError
from qc_speech.model import CallResult, Review, Settled, Voiceprint
from qc_speech.reviews import unreviewed
from qc_speech.store.faults import DATABASE_ERRORS, fault
from qc_speech.store.rows import (
    DAMAGED,
    added_rows,
    finding_rows,
    pack,
    plain,
    recording_row,
    result_row,
    review_of,
    review_row,
    settled_finding,
    settled_values,
    unpack,
)
from qc_speech.store.tables import (
    FAILURES,
    FINDINGS,
    RECORDINGS,
    RESULTS,
    REVIEWS,
    STAGES,
    VOICEPRINTS,
)
from qc_speech.store.words import put_words, words_of

_BATCH = 64  # results held at once while streaming


def utc_now() -> datetime:
    """Now in UTC, without a zone, as the tables keep times."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


class SqlStore:
    """A store on SQLite or PostgreSQL: safe for several threads, and for several processes that
    each open it themselves. Made by `open_store`. All failures are StoreError."""

    def __init__(self, engine: Engine, name: str, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._name = name
        self._clock = clock
        self._pid = os.getpid()
        self._closed = False

    def __enter__(self) -> SqlStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections; using the store afterwards is a StoreError."""
        if not self._closed and self._pid == os.getpid():
            self._closed = True
            self._engine.dispose()

    @property
    def name(self) -> str:
        """File or address, for messages; without a password."""
        return self._name

    @property
    def on_server(self) -> bool:
        """Whether it is a database of a server, and not a file."""
        return self._engine.dialect.name == "postgresql"

    def transaction(self, *, write: bool) -> AbstractContextManager[Connection]:
        """One transaction, for rooms with tables of their own; failures are StoreError."""
        return self._begin(write=write)

    def stage(self, recording_id: str, stage: str, key: str) -> Any | None:
        query = select(STAGES.c.payload).where(
            STAGES.c.recording_id == recording_id, STAGES.c.stage == stage, STAGES.c.key == key
        )
        with self._begin(write=False) as connection:
            packed = connection.execute(query).scalar_one_or_none()
        if packed is None:
            return None
        try:
            return unpack(packed)
        except DAMAGED:
            return None  # a stage can be made again, so damage heals by itself

    def put_stage(self, recording_id: str, stage: str, key: str, payload: Any) -> None:
        row = {
            "recording_id": recording_id,
            "stage": stage,
            "key": key,
            "payload": pack(payload),
            "created_at": self._clock(),
        }
        with self._begin(write=True) as connection:
            _upsert(connection, STAGES, row)

    def put_result(self, result: CallResult, settled: Settled | None = None) -> None:
        counts = settled or unreviewed(result)
        row = result_row(result, counts, self._clock())
        call_id, words = row["call_id"], words_of(result)
        with self._begin(write=True) as connection:
            _upsert(connection, RECORDINGS, recording_row(result))
            _upsert(connection, RESULTS, row, kept=("inspected_at",))
            of_call = _of_call(connection, call_id)
            rows = finding_rows(of_call, result, counts)
            rows += added_rows(of_call, counts, len(result.findings))
            connection.execute(delete(FINDINGS).where(FINDINGS.c.call_id == call_id))
            if rows:
                connection.execute(insert(FINDINGS), rows)
            put_words(connection, call_id, words)

    def put_settled(self, call_id: str, settled: Settled) -> None:
        with self._begin(write=True) as connection:
            self._put_settled(connection, plain(call_id), settled)

    def _put_settled(self, connection: Connection, call_id: str, settled: Settled) -> None:
        mine = FINDINGS.c.call_id == call_id
        asked = select(FINDINGS.c.check).where(mine, ~FINDINGS.c.added).order_by(FINDINGS.c.n)
        change = update(RESULTS).where(RESULTS.c.call_id == call_id)
        if not connection.execute(change.values(settled_values(settled))).rowcount:
            raise StoreError(f"store {self._name}: holds no call {call_id}; inspect it first")
        checks = connection.execute(asked).scalars().all()
        if checks != [finding.check for finding in settled.findings[: len(checks)]]:
            raise StoreError(
                f"store {self._name}: call {call_id} was inspected anew meanwhile; read it "
                "again and repeat"
            )
        _put_settled_findings(connection, call_id, settled, len(checks))

    def result(self, call_id: str) -> CallResult | None:
        query = select(RESULTS.c.payload).where(RESULTS.c.call_id == plain(call_id))
        with self._begin(write=False) as connection:
            packed = connection.execute(query).scalar_one_or_none()
        return None if packed is None else self._decode(call_id, packed)

    def results(self) -> Iterator[CallResult]:
        """All results by call_id as of the first one read, a few in memory at a time."""
        query = select(RESULTS.c.call_id, RESULTS.c.payload).order_by(self._by_code_points())
        with self._begin(write=False) as connection:
            for row in connection.execute(query, execution_options={"yield_per": _BATCH}):
                yield self._decode(row.call_id, row.payload)

    def put_review(self, review: Review) -> None:
        with self._begin(write=True) as connection:
            _upsert(connection, REVIEWS, review_row(review))

    def amend(
        self,
        call_id: str,
        change: Callable[[tuple[Review, ...]], tuple[Review, Settled]],
    ) -> Settled:
        call_id = plain(call_id)
        lock = select(RESULTS.c.call_id).where(RESULTS.c.call_id == call_id).with_for_update()
        mine = select(REVIEWS).where(REVIEWS.c.call_id == call_id)
        with self._begin(write=True) as connection:
            connection.execute(lock)
            rows = connection.execute(mine.order_by(REVIEWS.c.at, REVIEWS.c.id)).mappings()
            review, settled = change(tuple(review_of(dict(row)) for row in rows))
            _upsert(connection, REVIEWS, review_row(review))
            self._put_settled(connection, call_id, settled)
        return settled

    def reviews(self, call_id: str | None = None) -> Iterator[Review]:
        """Verdicts as of the first one read, oldest first."""
        query = select(REVIEWS).order_by(REVIEWS.c.at, REVIEWS.c.id)
        if call_id is not None:
            query = query.where(REVIEWS.c.call_id == plain(call_id))
        with self._begin(write=False) as connection:
            for row in connection.execute(query, execution_options={"yield_per": _BATCH}):
                yield review_of(dict(row._mapping))

    def put_failure(self, source: str, message: str) -> None:
        row = {"source": plain(source), "message": plain(message), "at": self._clock()}
        with self._begin(write=True) as connection:
            _upsert(connection, FAILURES, row)

    def clear_failure(self, source: str) -> None:
        with self._begin(write=True) as connection:
            connection.execute(delete(FAILURES).where(FAILURES.c.source == plain(source)))

    def failures(self) -> tuple[tuple[str, str], ...]:
        query = select(FAILURES.c.source, FAILURES.c.message).order_by(FAILURES.c.source)
        with self._begin(write=False) as connection:
            return tuple((row.source, row.message) for row in connection.execute(query))

    def put_voiceprint(self, voiceprint: Voiceprint) -> None:
        row = {
            "agent_id": plain(voiceprint.agent_id),
            "payload": pack(to_json(voiceprint)),
            "enrolled_at": voiceprint.enrolled_at,
        }
        with self._begin(write=True) as connection:
            _upsert(connection, VOICEPRINTS, row)

    def voiceprint(self, agent_id: str) -> Voiceprint | None:
        query = select(VOICEPRINTS.c.payload).where(VOICEPRINTS.c.agent_id == plain(agent_id))
        with self._begin(write=False) as connection:
            packed = connection.execute(query).scalar_one_or_none()
        return None if packed is None else self._voiceprint(agent_id, packed)

    def voiceprints(self) -> tuple[Voiceprint, ...]:
        query = select(VOICEPRINTS).order_by(VOICEPRINTS.c.agent_id)
        with self._begin(write=False) as connection:
            rows = connection.execute(query).all()
        return tuple(self._voiceprint(row.agent_id, row.payload) for row in rows)

    def remove_voiceprint(self, agent_id: str) -> bool:
        chosen = delete(VOICEPRINTS).where(VOICEPRINTS.c.agent_id == plain(agent_id))
        with self._begin(write=True) as connection:
            removed = connection.execute(chosen).rowcount > 0
        self._forget_log()
        return removed

    def _by_code_points(self) -> ColumnElement[str]:
        """call_id as SQLite and Python order it, whatever the server's language."""
        key = RESULTS.c.call_id
        return collate(key, "C") if self._engine.dialect.name == "postgresql" else key

    def _forget_log(self) -> None:
        """What was removed lies on in old pages: SQLite's write-ahead log is emptied, PostgreSQL
        writes the table (it is small) anew. Neither may be done in a transaction."""
        try:
            if self._engine.dialect.name == "postgresql":
                with self._engine.connect() as connection:
                    connection.execution_options(isolation_level="AUTOCOMMIT")
                    connection.execute(text("VACUUM FULL voiceprints"))
                return
            raw = self._engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()
        except DATABASE_ERRORS as error:
            raise fault(self._name, error) from None

    def _voiceprint(self, agent_id: str, packed: bytes) -> Voiceprint:
        try:
            return from_json(Voiceprint, unpack(packed))
        except DAMAGED:
            raise StoreError(
                f"store {self._name}: the voiceprint of agent {agent_id} cannot be read; "
                "enrol that agent again"
            ) from None

    @contextmanager
    def named_lock(self, name: str) -> Iterator[Callable[[], bool]]:
        """A way to take a lock that a database server keeps for this name; let go at the end, or
        when the process ends. Yields what tries to take it: True when it is held. With SQLite,
        which is a file of one machine, always."""
        if self._engine.dialect.name != "postgresql":
            yield lambda: True
            return
        key = zlib.crc32(name.encode()) | 0x71C5_0000_0000
        try:
            with self._engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                take = select(func.pg_try_advisory_lock(key))
                try:
                    yield lambda: bool(connection.execute(take).scalar())
                finally:
                    connection.invalidate()  # closed and not pooled: the lock ends with it
        except DATABASE_ERRORS as error:
            raise fault(self._name, error) from None

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that sees the store as it is now, however long it reads."""
        try:
            with self._engine.connect() as connection:
                if self.on_server:
                    connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    yield connection
        except DATABASE_ERRORS as error:
            raise fault(self._name, error) from None

    @contextmanager
    def file(self) -> Iterator[Any]:
        """The driver's own connection to a SQLite file (its backup, its checks)."""
        try:
            raw = self._engine.raw_connection()
            try:
                yield raw.driver_connection
            finally:
                raw.close()
        except DATABASE_ERRORS as error:
            raise fault(self._name, error) from None

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[Connection]:
        if self._closed:
            raise StoreError(f"store {self._name}: is closed; open it again")
        if self._pid != os.getpid():  # SQLite's locks do not survive a fork: the file would suffer
            raise StoreError(f"store {self._name}: was opened before a fork; open it in the worker")
        try:
            with self._engine.connect() as connection:
                connection.execution_options(write=write)
                with connection.begin():
                    yield connection
        except DATABASE_ERRORS as error:
            raise fault(self._name, error) from None

    def _decode(self, call_id: str, packed: bytes) -> CallResult:
        try:
            return from_json(CallResult, unpack(packed))
        except DAMAGED:
            raise StoreError(
                f"store {self._name}: the result of call {call_id} cannot be read; "
                "inspect that call again"
            ) from None


def _upsert(
    connection: Connection, table: Table, row: dict[str, Any], kept: Sequence[str] = ()
) -> None:
    """Insert a row or replace the one with the same primary key, all but the columns in `kept`."""
    key = table.primary_key
    news = {n: value for n, value in row.items() if n not in key.columns and n not in kept}
    if connection.dialect.name == "postgresql":
        pg = postgresql.insert(table).values(row)
        connection.execute(pg.on_conflict_do_update(key, set_=news))
    else:
        lite = sqlite.insert(table).values(row)
        connection.execute(lite.on_conflict_do_update(key, set_=news))


def _of_call(connection: Connection, call_id: str) -> dict[str, Any]:
    """What every row of a call's findings repeats of the call."""
    day = func.coalesce(RESULTS.c.started_at, RESULTS.c.inspected_at).label("started_at")
    query = select(RESULTS.c.call_id, RESULTS.c.agent_id, day)
    row = connection.execute(query.where(RESULTS.c.call_id == call_id)).one()
    return dict(row._mapping)


def _put_settled_findings(
    connection: Connection, call_id: str, settled: Settled, machine: int
) -> None:
    mine = FINDINGS.c.call_id == call_id
    connection.execute(delete(FINDINGS).where(mine, FINDINGS.c.added))
    if machine:
        change = update(FINDINGS).where(mine, FINDINGS.c.n == bindparam("place"))
        rows = [
            {"place": n, **settled_finding(finding)}
            for n, finding in enumerate(settled.findings[:machine])
        ]
        connection.execute(change, rows)
    rows = added_rows(_of_call(connection, call_id), settled, machine)
    if rows:
        connection.execute(insert(FINDINGS), rows)
