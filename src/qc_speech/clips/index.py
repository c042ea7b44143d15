"""What can be heard in all stored calls, kept as rows and searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, or_, select

from qc_speech.clips import wording as words
from qc_speech.clips.examples import examples
from qc_speech.clips.search import POOL, Candidate, Wanted, ranked
from qc_speech.clips.values import UTTERANCE, Example
from qc_speech.clips.wording import MOST_LOOKED_AT, Wording
from qc_speech.model import CallResult, Evidence, Finding, Outcome, Role, Severity, Span
from qc_speech.ports import Hook, silent_hook
from qc_speech.rules.absence import AbsenceFile
from qc_speech.rules.lexicons import Lexicons
from qc_speech.store import SqlStore
from qc_speech.store.audit_tables import REMOVALS
from qc_speech.store.clip_tables import CLIP_EXAMPLES, CLIP_SOURCES
from qc_speech.store.retention import AUDIO
from qc_speech.store.tables import FINDINGS, RESULTS

_E = CLIP_EXAMPLES.c
_AT_ONCE = 500  # calls, or ids in one question


def refresh(
    store: SqlStore, lexicons: Lexicons, absence: AbsenceFile, hook: Hook = silent_hook
) -> int:
    """Bring the index up to date with the stored results; how many calls were read anew.

    A call is read again when its result or people's verdicts on it have changed; what is gone from
    the store goes from the index too.
    """
    with store.transaction(write=False) as connection:
        known = dict(connection.execute(select(CLIP_SOURCES.c.call_id, CLIP_SOURCES.c.mark)).all())
        r = RESULTS.c
        silent = select(REMOVALS.c.call_id).where(REMOVALS.c.what == AUDIO)  # no sound to cut
        rows = connection.execute(
            select(r.call_id, r.rulebook, r.total, r.reviewed_at, func.length(r.payload)).where(
                r.call_id.not_in(silent)
            )
        )
        now = {row[0]: "|".join(str(value) for value in row[1:]) for row in rows}
    gone = [call_id for call_id in known if call_id not in now]
    for at in range(0, len(gone), _AT_ONCE):
        _drop(store, CLIP_EXAMPLES.c.call_id.in_(gone[at : at + _AT_ONCE]))
    stale = [call_id for call_id, mark in now.items() if known.get(call_id) != mark]
    for done, call_id in enumerate(stale):
        result = store.result(call_id)
        if result is not None:
            found = examples(result, settled_findings(store, result), lexicons, absence)
            _put(store, call_id, now[call_id], found)
        hook("index", done + 1, len(stale))
    return len(stale)


def settled_findings(store: SqlStore, result: CallResult) -> tuple[Finding, ...]:
    """A call's findings with the outcomes that count, misses added by people last."""
    f = FINDINGS.c
    query = select(FINDINGS).where(f.call_id == result.call_id).order_by(f.n)
    with store.transaction(write=False) as connection:
        rows = [row._mapping for row in connection.execute(query)]
    found = []
    for row in rows:
        if row["n"] < len(result.findings) and not row["added"]:
            found.append(_settled(result.findings[row["n"]], row))
        elif row["start_ms"] is not None:
            found.append(_added(row))
    return tuple(found)


def _settled(finding: Finding, row: RowMapping) -> Finding:
    outcome = Outcome(row["settled_outcome"])
    if outcome is finding.outcome:
        return finding
    return replace(finding, outcome=outcome, confidence=1.0, points=row["settled_points"])


def _added(row: RowMapping) -> Finding:
    span = Span(row["start_ms"], row["end_ms"])
    return Finding(
        check=row["check"],
        family=row["family"],
        outcome=Outcome(row["settled_outcome"]),
        severity=Severity(row["severity"]),
        confidence=1.0,
        clause=row["clause"],
        reason="",
        points=row["settled_points"],
        dimension=row["dimension"],
        evidence=Evidence(span, Role(row["speaker"]) if row["speaker"] else None),
    )


def _drop(store: SqlStore, chosen: ColumnElement[bool]) -> None:
    with store.transaction(write=True) as connection:
        ids = select(_E.call_id).where(chosen)
        connection.execute(delete(CLIP_SOURCES).where(CLIP_SOURCES.c.call_id.in_(ids)))
        connection.execute(delete(CLIP_EXAMPLES).where(chosen))


def _put(store: SqlStore, call_id: str, mark: str, found: Sequence[Example]) -> None:
    rows = [_row(one) for one in found]
    with store.transaction(write=True) as connection:
        connection.execute(delete(CLIP_EXAMPLES).where(_E.call_id == call_id))
        connection.execute(delete(CLIP_SOURCES).where(CLIP_SOURCES.c.call_id == call_id))
        connection.execute(insert(CLIP_SOURCES), [{"call_id": call_id, "mark": mark}])
        if rows:
            connection.execute(insert(CLIP_EXAMPLES), rows)


def forget_examples(store: SqlStore, recording_id: str) -> None:
    """Nothing of a recording stays in the index."""
    _drop(store, _E.recording_id == recording_id)


def _row(one: Example) -> dict[str, Any]:
    heard = words.heard(one.text)
    return {
        "id": one.id,
        "call_id": one.call_id,
        "recording_id": one.recording_id,
        "check": one.check,
        "family": one.family,
        "outcome": one.outcome,
        "confidence": one.confidence,
        "role": one.role.value,
        "start_ms": one.span.start_ms,
        "end_ms": one.span.end_ms,
        "text": one.text,
        "heard": heard,
        "sound": words.sound(words.spoken(heard)),
        "spoken": " ".join(words.spoken(heard)),
        "scenario": one.scenario,
        "agent_id": one.agent_id,
        "started_at": one.started_at,
        "mood": one.mood,
        "snr_db": one.snr_db,
        "clean": one.clean,
        "points": one.points,
    }


def _example(row: RowMapping) -> Example:
    return Example(
        id=row["id"],
        call_id=row["call_id"],
        recording_id=row["recording_id"],
        check=row["check"],
        family=row["family"],
        outcome=row["outcome"],
        confidence=row["confidence"],
        role=Role(row["role"]),
        span=Span(row["start_ms"], row["end_ms"]),
        text=row["text"],
        scenario=row["scenario"],
        agent_id=row["agent_id"],
        started_at=row["started_at"],
        mood=row["mood"],
        snr_db=row["snr_db"],
        clean=row["clean"],
        points=row["points"],
    )


def _candidate(row: RowMapping) -> Candidate:
    return Candidate(_example(row), row["heard"], row["sound"], tuple(row["spoken"].split(" ")))


def example(store: SqlStore, id_: str) -> Example | None:
    with store.transaction(write=False) as connection:
        row = connection.execute(select(CLIP_EXAMPLES).where(_E.id == id_)).one_or_none()
    return None if row is None else _example(row._mapping)


def find(store: SqlStore, wanted: Wanted) -> tuple[Example, ...]:
    """The best examples, most useful first (search.ranked); at most `wanted.limit`."""
    chosen = and_(*_conditions(wanted))
    wording = Wording.of(wanted.text)
    if wording.terms:
        ids = _by_wording(store, chosen, wording, wanted.limit)
        rows = list(_by_ids(store, ids))
    else:
        order = (0.6 * _E.clean + 0.4 * _E.confidence).desc()
        query = select(CLIP_EXAMPLES).where(chosen).order_by(order, _E.id)
        with store.transaction(write=False) as connection:
            limited = query.limit(max(POOL, wanted.limit))
            rows = [row._mapping for row in connection.execute(limited)]
    return ranked([_candidate(row) for row in rows], wanted)


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    shortest, longest = wanted.length_s
    length = _E.end_ms - _E.start_ms
    yield length.between(round(shortest * 1000), round(longest * 1000))
    if wanted.checks:
        yield _E.check.in_(wanted.checks)
    elif not wanted.text or wanted.outcome:
        yield _E.check != UTTERANCE
    if wanted.outcome:
        yield _E.outcome == wanted.outcome
    if wanted.min_confidence > 0:
        yield _E.confidence >= wanted.min_confidence
    for column, value in (
        (_E.scenario, wanted.scenario),
        (_E.agent_id, wanted.agent),
        (_E.mood, wanted.mood),
        (_E.role, wanted.role.value if wanted.role else None),
    ):
        if value is not None:
            yield column == value
    if wanted.teams:
        mine = select(RESULTS.c.call_id).where(RESULTS.c.team.in_(wanted.teams))
        yield _E.call_id.in_(mine)
    if wanted.min_snr_db is not None:
        yield _E.snr_db >= wanted.min_snr_db
    if wanted.since is not None:
        yield _E.started_at >= datetime.combine(wanted.since, time())
    if wanted.until is not None:
        yield _E.started_at < datetime.combine(wanted.until + timedelta(days=1), time())


def _by_wording(
    store: SqlStore, chosen: ColumnElement[bool], wording: Wording, limit: int
) -> list[str]:
    """Ids of the examples that say a wording: in these characters or sounds; by ear when these
    are few."""
    exact = and_(
        *(
            or_(
                _E.sound.contains(sound, autoescape=True),
                *([_E.heard.contains(said, autoescape=True)] if said else []),
            )
            for said, sound in wording.terms
        )
    )
    order = (0.6 * _E.clean + 0.4 * _E.confidence).desc()
    query = select(_E.id).where(chosen, exact).order_by(order).limit(max(MOST_LOOKED_AT, limit))
    with store.transaction(write=False) as connection:
        ids = list(connection.execute(query).scalars())
        if len(ids) >= 3 * limit:
            return ids
        rows = connection.execute(select(_E.id, _E.sound).where(chosen)).all()
    places = wording.found_in([row.sound for row in rows])
    return list(dict.fromkeys([*ids, *(rows[at].id for at in places)]))


def _by_ids(store: SqlStore, ids: Sequence[str]) -> Iterator[RowMapping]:
    with store.transaction(write=False) as connection:
        for at in range(0, len(ids), _AT_ONCE):
            part = ids[at : at + _AT_ONCE]
            for row in connection.execute(select(CLIP_EXAMPLES).where(_E.id.in_(part))):
                yield row._mapping
