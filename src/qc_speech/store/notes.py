"""What people write on a call beside what was heard there: corrections and comments.

Nothing of the transcript is changed: a note stands beside it, can be taken back, and goes into the
labelled sets that are made from reviews (labels.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from qc_speech.model import Span
from qc_speech.store.rows import pack, plain, unpack
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import NOTES

KINDS = ("text", "role", "speaker", "comment")


@dataclass(frozen=True)
class Note:
    """A correction or a comment of a person.

    kind: text (`value`: what was truly said in the utterance at `span`) | role (who speaks there:
    agent, customer, other) | speaker (the same for all that `speaker` says, without a span) |
    comment (on the moment at `span`).
    """

    id: str  # uuid4 hex
    call_id: str
    kind: str
    span: Span | None
    speaker: str | None
    value: str = field(repr=False)
    author: str
    at: datetime  # UTC, without a zone
    withdrawn: bool = False


def notes(store: SqlStore, call_id: str) -> tuple[Note, ...]:
    """All notes on a call, oldest first; withdrawn ones too."""
    with store.transaction(write=False) as connection:
        return _notes(connection, call_id)


def put_note(
    store: SqlStore, note: Note, check: Callable[[Sequence[Note]], None] = lambda _: None
) -> None:
    """Keep a note; replaces the one of the same id. `check` sees the call's notes first, while
    nobody else can write any; what it raises stops the writing. Raises StoreError."""
    values = _row(note)
    with store.transaction(write=True) as connection:
        # One writer a call at a time (SQLite: one writer at all).
        connection.execute(
            select(RESULTS.c.call_id)
            .where(RESULTS.c.call_id == values["call_id"])
            .with_for_update()
        )
        check(_notes(connection, note.call_id))
        known = update(NOTES).where(NOTES.c.id == values["id"]).values(**values)
        if not connection.execute(known).rowcount:
            connection.execute(insert(NOTES), [values])


def _notes(connection: Connection, call_id: str) -> tuple[Note, ...]:
    query = select(NOTES).where(NOTES.c.call_id == plain(call_id)).order_by(NOTES.c.at, NOTES.c.id)
    return tuple(_note(row) for row in connection.execute(query))


def _note(row: Row[tuple[object, ...]]) -> Note:
    return Note(
        id=row.id,
        call_id=row.call_id,
        kind=row.kind,
        span=None if row.start_ms is None else Span(row.start_ms, row.end_ms),
        speaker=row.speaker,
        value=str(unpack(row.value)),
        author=row.author,
        at=row.at,
        withdrawn=row.withdrawn,
    )


def _row(note: Note) -> dict[str, object]:
    return {
        "id": plain(note.id),
        "call_id": plain(note.call_id),
        "kind": note.kind,
        "start_ms": note.span.start_ms if note.span else None,
        "end_ms": note.span.end_ms if note.span else None,
        "speaker": note.speaker,
        "value": pack(plain(note.value)),
        "author": plain(note.author),
        "at": note.at,
        "withdrawn": note.withdrawn,
    }
