"""What retention does to a store: finds calls by age, removes a call from every table it is in.

A table whose rows hold words of a call says so (`info={"holds": "transcript"}`): they go when the
transcript does. Rows of any table with a call_id go with the call, but for the audit log (it tells
that the call was removed) and a batch's queue (it must not take the recording for a new one).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select, text, update

from qc_speech.codec import to_json
from qc_speech.errors import StoreError
from qc_speech.model import CallResult
from qc_speech.store.audit_tables import REMOVALS, SEALED
from qc_speech.store.rows import pack, plain
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import FAILURES, METADATA, RECORDINGS, RESULTS, REVIEWS, STAGES
from qc_speech.store.words import put_words, words_of

_STAY = ("audit", "queue")
_SPOKEN_STAGES = ("transcript", "measures")
_SOUND_STAGES = ("peaks",)
AUDIO, TRANSCRIPT, MASK = "audio", "transcript", "mask"


@dataclass(frozen=True)
class Old:
    """A call that is due."""

    call_id: str
    recording_id: str


def due(
    store: SqlStore, what: str | None, before: datetime, limit: int, after: str = ""
) -> list[Old]:
    """Calls that began (or, where that is not known, came in) before a moment, by id from `after`
    on; those from which `what` (audio | transcript | mask) was removed already are left out."""
    query = select(RESULTS.c.call_id, RESULTS.c.recording_id).where(*_due(what, before))
    query = query.where(RESULTS.c.call_id > after).order_by(RESULTS.c.call_id).limit(limit)
    with store._begin(write=False) as connection:
        return [Old(row.call_id, row.recording_id) for row in connection.execute(query)]


def due_count(store: SqlStore, what: str | None, before: datetime) -> int:
    """How many calls are due."""
    query = select(func.count()).select_from(RESULTS).where(*_due(what, before))
    with store._begin(write=False) as connection:
        return int(connection.execute(query).scalar_one())


def _due(what: str | None, before: datetime) -> list[ColumnElement[bool]]:
    moment = func.coalesce(RESULTS.c.started_at, RESULTS.c.inspected_at)
    if what is None:
        return [moment < before]
    done = (what, TRANSCRIPT) if what == MASK else (what,)
    gone = exists().where(REMOVALS.c.call_id == RESULTS.c.call_id, REMOVALS.c.what.in_(done))
    return [moment < before, ~gone]


def mark_removed(store: SqlStore, connection: Connection, calls: Sequence[Old], what: str) -> None:
    """Note that `what` is gone from these calls."""
    ids = [call.call_id for call in calls]
    if ids:
        connection.execute(
            delete(REMOVALS).where(REMOVALS.c.call_id.in_(ids), REMOVALS.c.what == what)
        )
        rows = [{"call_id": one, "what": what, "at": store._clock()} for one in ids]
        connection.execute(insert(REMOVALS), rows)


def was_removed(store: SqlStore, call_id: str, what: str) -> bool:
    """Whether `what` (audio | transcript | mask) of this call is gone."""
    query = select(REMOVALS.c.what).where(
        REMOVALS.c.call_id == plain(call_id), REMOVALS.c.what == what
    )
    with store.transaction(write=False) as connection:
        return connection.execute(query).first() is not None


def drop_words(connection: Connection, calls: Sequence[Old]) -> None:
    """Remove what the stages and the tables of other rooms hold of what was said."""
    _drop_stages(connection, calls, _SPOKEN_STAGES)
    ids = [call.call_id for call in calls]
    for table in reversed(METADATA.sorted_tables):
        if table.info.get("holds") == "transcript":
            connection.execute(delete(table).where(table.c.call_id.in_(ids)))


def drop_sound(connection: Connection, calls: Sequence[Old]) -> None:
    """Remove what the stages hold of a recording's sound."""
    _drop_stages(connection, calls, _SOUND_STAGES)


def change_notes(
    connection: Connection, calls: Sequence[Old], change: Callable[[str], str]
) -> None:
    """Change what people wrote beside their verdicts: it may repeat what was said."""
    ids = [call.call_id for call in calls]
    query = select(REVIEWS.c.id, REVIEWS.c.note)
    for row in connection.execute(query.where(REVIEWS.c.call_id.in_(ids), REVIEWS.c.note != "")):
        mine = update(REVIEWS).where(REVIEWS.c.id == row.id)
        connection.execute(mine.values(note=change(row.note)))


def drop_calls(connection: Connection, calls: Sequence[Old]) -> None:
    """Remove all of these calls, their recordings' stages too where no other call uses them."""
    ids = [call.call_id for call in calls]
    for table in reversed(METADATA.sorted_tables):
        if "call_id" in table.c and table.name not in _STAY:
            connection.execute(delete(table).where(table.c.call_id.in_(ids)))
    recordings = sorted({call.recording_id for call in calls})
    used = exists().where(RESULTS.c.recording_id == STAGES.c.recording_id)
    connection.execute(delete(STAGES).where(STAGES.c.recording_id.in_(recordings), ~used))
    used = exists().where(RESULTS.c.recording_id == RECORDINGS.c.id)
    connection.execute(delete(RECORDINGS).where(RECORDINGS.c.id.in_(recordings), ~used))


def _drop_stages(connection: Connection, calls: Sequence[Old], stages: Sequence[str]) -> None:
    recordings = [call.recording_id for call in calls]
    connection.execute(
        delete(STAGES).where(STAGES.c.recording_id.in_(recordings), STAGES.c.stage.in_(stages))
    )


def results_of(
    store: SqlStore, connection: Connection, calls: Sequence[Old]
) -> list[tuple[Old, CallResult]]:
    """The results of these calls, held until the transaction ends."""
    by_id = {call.call_id: call for call in calls}
    query = select(RESULTS.c.call_id, RESULTS.c.payload).where(RESULTS.c.call_id.in_(by_id))
    rows = connection.execute(query.with_for_update()).all()
    return [(by_id[row.call_id], store._decode(row.call_id, row.payload)) for row in rows]


def put_text(connection: Connection, call: Old, result: CallResult) -> None:
    """Replace a call's result by one that differs in texts alone: what queries see stays."""
    change = update(RESULTS).where(RESULTS.c.call_id == call.call_id)
    connection.execute(change.values(payload=pack(to_json(result))))
    put_words(connection, call.call_id, words_of(result))


def seal(store: SqlStore, connection: Connection, result: CallResult, token: bytes) -> None:
    """Keep the whole result of a call under the key, replacing an earlier one."""
    call_id = plain(result.call_id)
    connection.execute(delete(SEALED).where(SEALED.c.call_id == call_id))
    row = {"call_id": call_id, "payload": token, "at": store._clock()}
    connection.execute(insert(SEALED), [row])


def sealed(store: SqlStore, call_id: str) -> bytes | None:
    """The token of a call's whole result, if it was kept."""
    query = select(SEALED.c.payload).where(SEALED.c.call_id == plain(call_id))
    with store._begin(write=False) as connection:
        return connection.execute(query).scalar_one_or_none()


def unseal_away(connection: Connection, calls: Sequence[Old]) -> None:
    """Remove the sealed originals of these calls."""
    ids = [call.call_id for call in calls]
    connection.execute(delete(SEALED).where(SEALED.c.call_id.in_(ids)))


def drop_failures(connection: Connection, before: datetime) -> int:
    """Remove notes of recordings that failed before a moment (their paths may tell who called)."""
    return connection.execute(delete(FAILURES).where(FAILURES.c.at < before)).rowcount


def delete_securely(store: SqlStore) -> None:
    """Have SQLite's index of words overwrite what is deleted from it, as the tables do. A SQLite
    before 3.42 cannot; then all of the index is written anew at the end of a purge."""
    if store._engine.dialect.name != "sqlite":
        return
    for order in ("('secure-delete', 1)", "('optimize', 0)"):
        try:
            with store._begin(write=True) as connection:
                connection.execute(
                    text(f"INSERT INTO call_words_fts(call_words_fts, rank) VALUES {order}")
                )
            return
        except StoreError:
            continue


def forget_log(store: SqlStore) -> None:
    """Empty SQLite's write-ahead log, which still holds pages that were removed."""
    store._forget_log()
