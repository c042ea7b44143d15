"""ports.Store on a SQL database. Every operation takes its own connection from the pool."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from qc_speech.codec import from_json, to_json
from qc_speech.errors import StoreError
from qc_speech.model import CallResult, Finding, Voiceprint
from qc_speech.store.faults import DATABASE_ERRORS, fault
from qc_speech.store.tables import FAILURES, FINDINGS, RECORDINGS, RESULTS, STAGES, VOICEPRINTS

_BATCH = 64  # results held at once while streaming
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, StopIteration, zlib.error)


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

    def stage(self, recording_id: str, stage: str, key: str) -> Any | None:
        query = select(STAGES.c.payload).where(
            STAGES.c.recording_id == recording_id, STAGES.c.stage == stage, STAGES.c.key == key
        )
        with self._begin(write=False) as connection:
            packed = connection.execute(query).scalar_one_or_none()
        if packed is None:
            return None
        try:
            return _unpack(packed)
        except _DAMAGED:
            return None  # a stage can be made again, so damage heals by itself

    def put_stage(self, recording_id: str, stage: str, key: str, payload: Any) -> None:
        row = {
            "recording_id": recording_id,
            "stage": stage,
            "key": key,
            "payload": _pack(payload),
            "created_at": self._clock(),
        }
        with self._begin(write=True) as connection:
            _upsert(connection, STAGES, row)

    def put_result(self, result: CallResult) -> None:
        call_id = _text(result.call_id)
        recording, row = _recording_row(result), _result_row(result)
        findings = [_finding_row(call_id, n, one) for n, one in enumerate(result.findings)]
        with self._begin(write=True) as connection:
            _upsert(connection, RECORDINGS, recording)
            _upsert(connection, RESULTS, row)
            connection.execute(delete(FINDINGS).where(FINDINGS.c.call_id == call_id))
            if findings:
                connection.execute(insert(FINDINGS), findings)

    def result(self, call_id: str) -> CallResult | None:
        query = select(RESULTS.c.payload).where(RESULTS.c.call_id == _text(call_id))
        with self._begin(write=False) as connection:
            packed = connection.execute(query).scalar_one_or_none()
        return None if packed is None else self._decode(call_id, packed)

    def results(self) -> Iterator[CallResult]:
        """All results by call_id as of the first one read, a few in memory at a time."""
        query = select(RESULTS.c.call_id, RESULTS.c.payload).order_by(RESULTS.c.call_id)
        with self._begin(write=False) as connection:
            for row in connection.execute(query, execution_options={"yield_per": _BATCH}):
                yield self._decode(row.call_id, row.payload)

    def put_failure(self, source: str, message: str) -> None:
        row = {"source": _text(source), "message": _text(message), "at": self._clock()}
        with self._begin(write=True) as connection:
            _upsert(connection, FAILURES, row)

    def clear_failure(self, source: str) -> None:
        with self._begin(write=True) as connection:
            connection.execute(delete(FAILURES).where(FAILURES.c.source == _text(source)))

    def failures(self) -> tuple[tuple[str, str], ...]:
        query = select(FAILURES.c.source, FAILURES.c.message).order_by(FAILURES.c.source)
        with self._begin(write=False) as connection:
            return tuple((row.source, row.message) for row in connection.execute(query))

    def put_voiceprint(self, voiceprint: Voiceprint) -> None:
        row = {
            "agent_id": _text(voiceprint.agent_id),
            "payload": _pack(to_json(voiceprint)),
            "enrolled_at": voiceprint.enrolled_at,
        }
        with self._begin(write=True) as connection:
            _upsert(connection, VOICEPRINTS, row)

    def voiceprint(self, agent_id: str) -> Voiceprint | None:
        query = select(VOICEPRINTS.c.payload).where(VOICEPRINTS.c.agent_id == _text(agent_id))
        with self._begin(write=False) as connection:
            packed = connection.execute(query).scalar_one_or_none()
        return None if packed is None else self._voiceprint(agent_id, packed)

    def voiceprints(self) -> tuple[Voiceprint, ...]:
        query = select(VOICEPRINTS).order_by(VOICEPRINTS.c.agent_id)
        with self._begin(write=False) as connection:
            rows = connection.execute(query).all()
        return tuple(self._voiceprint(row.agent_id, row.payload) for row in rows)

    def remove_voiceprint(self, agent_id: str) -> bool:
        chosen = delete(VOICEPRINTS).where(VOICEPRINTS.c.agent_id == _text(agent_id))
        with self._begin(write=True) as connection:
            removed = connection.execute(chosen).rowcount > 0
        self._forget_log()
        return removed

    def _forget_log(self) -> None:
        """SQLite keeps old pages in its write-ahead log until that is written over: empty it.
        Not in a transaction, hence the driver's own connection."""
        if self._engine.dialect.name != "sqlite":
            return
        try:
            raw = self._engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()
        except DATABASE_ERRORS as error:
            raise fault(self._name, error) from None

    def _voiceprint(self, agent_id: str, packed: bytes) -> Voiceprint:
        try:
            return from_json(Voiceprint, _unpack(packed))
        except _DAMAGED:
            raise StoreError(
                f"store {self._name}: the voiceprint of agent {agent_id} cannot be read; "
                "enrol that agent again"
            ) from None

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
            return from_json(CallResult, _unpack(packed))
        except _DAMAGED:
            raise StoreError(
                f"store {self._name}: the result of call {call_id} cannot be read; "
                "inspect that call again"
            ) from None


def _pack(payload: Any) -> bytes:
    # surrogatepass: a file name that is not UTF-8 must not cost the call.
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


def _unpack(packed: bytes) -> Any:
    return json.loads(zlib.decompress(packed).decode("utf-8", "surrogatepass"))


def _text(value: str) -> str:
    """A text that every database takes: no lone surrogates, no NUL."""
    return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _upsert(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert a row or replace the one with the same primary key."""
    key = table.primary_key
    news = {name: value for name, value in row.items() if name not in key.columns}
    if connection.dialect.name == "postgresql":
        pg = postgresql.insert(table).values(row)
        connection.execute(pg.on_conflict_do_update(key, set_=news))
    else:
        lite = sqlite.insert(table).values(row)
        connection.execute(lite.on_conflict_do_update(key, set_=news))


def _recording_row(result: CallResult) -> dict[str, Any]:
    recording = result.call.recording
    return {
        "id": recording.id,
        "source_name": _text(recording.source_name),
        "duration_ms": recording.duration_ms,
        "sample_rate_hz": recording.sample_rate_hz,
        "channels": recording.channels,
    }


def _result_row(result: CallResult) -> dict[str, Any]:
    meta = result.call.recording.metadata
    return {
        "call_id": _text(result.call_id),
        "recording_id": result.call.recording.id,
        "agent_id": None if meta.agent_id is None else _text(meta.agent_id),
        "scenario": result.scenario,
        "started_at": meta.started_at,
        "total": result.score.total,
        "grade": result.score.grade,
        "critical": result.score.critical,
        "review": result.score.review,
        "rulebook": result.rulebook,
        "payload": _pack(to_json(result)),
    }


def _finding_row(call_id: str, n: int, finding: Finding) -> dict[str, Any]:
    place = finding.evidence
    return {
        "call_id": call_id,
        "n": n,
        "check": finding.check,
        "family": finding.family,
        "outcome": finding.outcome.value,
        "severity": finding.severity.value,
        "points": finding.points,
        "confidence": finding.confidence,
        "start_ms": place.span.start_ms if place else None,
        "end_ms": place.span.end_ms if place else None,
        "speaker": place.speaker.value if place and place.speaker else None,
        "clause": finding.clause,
        "dimension": finding.dimension,
    }
