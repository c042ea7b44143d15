"""Looks through a store for what is damaged or does not agree; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, inspect, select

from qc_speech.codec import from_json
from qc_speech.model import CallResult
from qc_speech.reviews import CALIBRATION
from qc_speech.store.opening import HEAD, revision_of
from qc_speech.store.rows import DAMAGED, plain, unpack
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import FINDINGS, RECORDINGS, RESULTS, REVIEWS

_CALLS = 200
_MOST = 50  # lines; the rest is counted


@dataclass
class Checked:
    """What was looked at, what is wrong (`faults`), and what is only worth knowing (`notes`)."""

    revision: str | None
    calls: int = 0
    findings: int = 0
    reviews: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def shown(self) -> Iterator[str]:
        """The faults for a person: not more than fit a page."""
        yield from self.faults[:_MOST]
        if len(self.faults) > _MOST:
            yield f"… and {len(self.faults) - _MOST} more"


def check_store(store: SqlStore) -> Checked:
    """Look at the file, the schema, each call's rows against its result, and the reviews."""
    checked = Checked(revision_of(store))
    if checked.revision is None:
        checked.faults.append("this is not a qc-speech store")
        return checked
    checked.faults += file_faults(store)
    if checked.revision != HEAD:
        newer = checked.revision > HEAD
        cure = "upgrade qc-speech" if newer else "run `qc-speech store migrate`"
        checked.faults.append(f"schema {checked.revision}, this program has {HEAD}; {cure}")
        return checked
    with store.snapshot() as connection:
        _tables(connection, checked)
        last = ""
        while calls := _some_calls(connection, last):
            last = calls[-1].call_id
            _compare(connection, calls, checked)
        _reviews(connection, checked)
    return checked


def file_faults(store: SqlStore) -> list[str]:
    """What SQLite finds damaged in a store's file; a server looks after its files itself."""
    if store.on_server:
        return []
    with store.file() as own:
        damage = [row[0] for row in own.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        lost = {row[0] for row in own.execute("PRAGMA foreign_key_check")}
    found = [f"the file is damaged: {one}; restore a backup" for one in damage]
    return found + [f"table {one}: rows without what they belong to" for one in sorted(lost)]


def _tables(connection: Connection, checked: Checked) -> None:
    from qc_speech.store.tables import METADATA

    missing = set(METADATA.tables) - set(inspect(connection).get_table_names())
    checked.faults += [f"table {name} is missing; restore a backup" for name in sorted(missing)]


def _some_calls(connection: Connection, last: str) -> Sequence[Any]:
    known = RECORDINGS.c.id.label("known")
    query = select(RESULTS, known).outerjoin(RECORDINGS, RECORDINGS.c.id == RESULTS.c.recording_id)
    query = query.where(RESULTS.c.call_id > last).order_by(RESULTS.c.call_id).limit(_CALLS)
    return connection.execute(query).all()


def _compare(connection: Connection, calls: Sequence[Any], checked: Checked) -> None:
    ids = [row.call_id for row in calls]
    query = select(FINDINGS).where(FINDINGS.c.call_id.in_(ids)).order_by(FINDINGS.c.n)
    findings: dict[str, list[Any]] = {call_id: [] for call_id in ids}
    for row in connection.execute(query):
        findings[row.call_id].append(row)
    counted = select(REVIEWS.c.call_id).where(
        REVIEWS.c.call_id.in_(ids), ~REVIEWS.c.withdrawn, REVIEWS.c.purpose != CALIBRATION
    )
    judged = set(connection.execute(counted).scalars())
    for row in calls:
        checked.calls += 1
        checked.findings += len(findings[row.call_id])
        for fault in _faults(row, findings[row.call_id], row.call_id in judged):
            checked.faults.append(f"call {row.call_id}: {fault}")


def _faults(row: Any, rows: Sequence[Any], judged: bool) -> Iterator[str]:
    """What does not agree in one call."""
    if row.known is None:
        yield "its recording is missing; inspect it again"
    try:
        result = from_json(CallResult, unpack(row.payload))
    except DAMAGED:
        yield "its result cannot be read; inspect it again"
        return
    score = result.score
    told = (plain(result.call_id), score.total, score.grade, score.critical, score.review)
    if told != (row.call_id, row.total, row.grade, row.critical, row.review):
        yield "its row differs from its result; score it again"
    machine = [one for one in rows if not one.added]
    kept = [(one.n, one.check, one.outcome, one.points) for one in machine]
    wanted = [
        (n, one.check, one.outcome.value, one.points) for n, one in enumerate(result.findings)
    ]
    if kept != wanted:
        yield "its findings differ from its result; score it again"
    elif not judged and not _is_machines(row, rows):
        yield "what counts differs from what the machine said, and nobody judged it; score it again"


def _is_machines(row: Any, rows: Sequence[Any]) -> bool:
    same_score = (row.settled_total, row.settled_grade, row.settled_critical) == (
        row.total, row.grade, row.critical,
    )  # fmt: skip
    return same_score and all(
        not one.added and (one.settled_outcome, one.settled_points) == (one.outcome, one.points)
        for one in rows
    )


def _reviews(connection: Connection, checked: Checked) -> None:
    count = select(func.count()).select_from(REVIEWS)
    checked.reviews = connection.execute(count).scalar_one()
    lost = count.where(~select(RESULTS.c.call_id).where(
        RESULTS.c.call_id == REVIEWS.c.call_id
    ).exists())  # fmt: skip
    dangling = connection.execute(lost).scalar_one()
    if dangling:
        checked.notes.append(
            f"{dangling} reviews are of calls that are not in the store; they count when those "
            "are inspected again"
        )
