"""People's verdicts in a store as pairs of what the machine and a person said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from qc_speech.evaluate.verdicts import Judged
from qc_speech.model import Outcome
from qc_speech.reviews import CALIBRATION, WHOLE_CALL
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import FINDINGS, REVIEWS

_COUNTED = (~REVIEWS.c.withdrawn) & (REVIEWS.c.purpose != CALIBRATION)


def judged(store: SqlStore) -> Iterator[Judged]:
    """Every place that a person judged, by the latest verdict on it; and in sampled calls that were
    heard whole, the violations that nobody spoke against."""
    with store.transaction(write=False) as connection:
        verdicts = list(_verdicts(connection))
        for row in verdicts:
            yield Judged(
                row.check,
                Outcome(row.machine) if row.machine else None,
                Outcome(row.outcome),
                row.confidence if row.confidence is not None else 1.0,
                row.purpose == "sample",
            )
        spoken = {(row.call_id, row.check, row.start_ms, row.end_ms) for row in verdicts}
        for row in connection.execute(_heard_whole()):
            if (row.call_id, row.check, row.start_ms, row.end_ms) not in spoken:
                yield Judged(row.check, Outcome.VIOLATION, Outcome.VIOLATION, row.confidence,
                             sample=True, whole=True)  # fmt: skip


def _verdicts(connection: Connection) -> Iterator[Any]:
    same_start = or_(
        FINDINGS.c.start_ms == REVIEWS.c.start_ms,
        and_(FINDINGS.c.start_ms.is_(None), REVIEWS.c.start_ms.is_(None)),
    )
    place = and_(
        FINDINGS.c.call_id == REVIEWS.c.call_id, FINDINGS.c.check == REVIEWS.c.check,
        same_start, ~FINDINGS.c.added,
    )  # fmt: skip
    query = (
        select(REVIEWS, FINDINGS.c.confidence)
        .join(FINDINGS, place, isouter=True)
        .where(_COUNTED, REVIEWS.c.check != WHOLE_CALL)
        .order_by(REVIEWS.c.at, REVIEWS.c.id)
    )
    latest: dict[tuple[Any, ...], Any] = {}
    for row in connection.execute(query):
        latest[row.call_id, row.check, row.start_ms, row.end_ms] = row
    yield from latest.values()


def _heard_whole() -> Any:
    whole = select(REVIEWS.c.call_id).where(
        _COUNTED, REVIEWS.c.check == WHOLE_CALL, REVIEWS.c.purpose == "sample"
    )
    return select(FINDINGS).where(
        FINDINGS.c.call_id.in_(whole),
        FINDINGS.c.outcome == Outcome.VIOLATION.value,
        FINDINGS.c.settled_outcome == Outcome.VIOLATION.value,
        ~FINDINGS.c.added,
    )
