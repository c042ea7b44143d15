"""The trainers' library: clips, collections with their order, quiz questions.

Everything about a clip goes when its recording is purged (`forget`), and whoever takes clips out
is written into the audit log by the caller.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from qc_speech.clips import wording as words
from qc_speech.clips.guard import Secret
from qc_speech.clips.index import forget_examples
from qc_speech.clips.values import STATES, Clip, Collection, Example, Question, Recipe
from qc_speech.clips.wording import Wording
from qc_speech.codec import from_json, to_json
from qc_speech.errors import UsageError
from qc_speech.model import Role, Span
from qc_speech.store import SqlStore
from qc_speech.store.clip_tables import CLIP_COLLECTIONS, CLIP_MEMBERS, CLIP_QUESTIONS, CLIPS
from qc_speech.store.sql import utc_now

_C, _M = CLIPS.c, CLIP_MEMBERS.c


def add(store: SqlStore, example: Example, clip: Clip) -> Clip:
    """Put a clip into the library as waiting to be checked. Of `clip` the recipe, title, note,
    consent, expiry and who adds it count; the rest is the example's."""
    made = replace(
        clip,
        id=uuid.uuid4().hex[:12],
        call_id=example.call_id,
        recording_id=example.recording_id,
        check=example.check,
        outcome=example.outcome,
        role=example.role,
        focus=example.span,
        added_at=utc_now(),
        state="waiting",
    )
    with store.transaction(write=True) as connection:
        connection.execute(insert(CLIPS), [{**_row(made, example.text), "hidden": "[]"}])
    return made


def _row(clip: Clip, text: str) -> dict[str, Any]:
    searched = words.heard(f"{clip.title} {clip.note} {text}")
    return {
        "id": clip.id,
        "call_id": clip.call_id,
        "recording_id": clip.recording_id,
        "check": clip.check,
        "outcome": clip.outcome,
        "role": clip.role.value,
        "start_ms": clip.focus.start_ms,
        "end_ms": clip.focus.end_ms,
        "recipe": json.dumps(to_json(clip.recipe)),
        "title": clip.title,
        "note": clip.note,
        "words": searched,
        "sound": words.sound(words.spoken(searched)),
        "consent": clip.consent,
        "expires": clip.expires,
        "added_by": clip.added_by,
        "added_at": clip.added_at,
        "state": clip.state,
    }


def _clip(row: RowMapping) -> Clip:
    return Clip(
        id=row["id"],
        call_id=row["call_id"],
        recording_id=row["recording_id"],
        check=row["check"],
        outcome=row["outcome"],
        role=Role(row["role"]),
        focus=Span(row["start_ms"], row["end_ms"]),
        recipe=from_json(Recipe, json.loads(row["recipe"])),
        title=row["title"],
        note=row["note"],
        consent=row["consent"],
        expires=row["expires"],
        added_by=row["added_by"],
        added_at=row["added_at"],
        state=row["state"],
    )


def clip(store: SqlStore, id_: str) -> Clip:
    """Raises UsageError where there is none."""
    with store.transaction(write=False) as connection:
        row = connection.execute(select(CLIPS).where(_C.id == id_)).one_or_none()
    if row is None:
        raise UsageError(f"clip {id_}: not in the library; see `qc-speech clips library list`")
    return _clip(row._mapping)


def clips(
    store: SqlStore,
    *,
    text: str = "",
    check: str | None = None,
    collection: str | None = None,
    state: str | None = None,
    limit: int = 100,
) -> tuple[Clip, ...]:
    """Clips of the library, newest first; of a collection in its order. text: words of title, note
    or what is said, in characters or pinyin."""
    if state is not None and state not in STATES:
        raise UsageError(f"state {state}: one of {', '.join(STATES)}")
    chosen: list[ColumnElement[bool]] = []
    for said, sound in Wording.of(text).terms:
        options = [_C.sound.contains(sound, autoescape=True)]
        options += [_C.words.contains(said, autoescape=True)] if said else []
        chosen.append(or_(*options))
    chosen += [_C.check == check] if check is not None else []
    chosen += [_C.state == state] if state is not None else []
    query = select(CLIPS).where(and_(True, *chosen))
    if collection is not None:
        query = query.join(CLIP_MEMBERS, _M.clip_id == _C.id)
        query = query.where(_M.collection_id == collection).order_by(_M.position, _C.id)
    else:
        query = query.order_by(_C.added_at.desc(), _C.id)
    with store.transaction(write=False) as connection:
        return tuple(_clip(row._mapping) for row in connection.execute(query.limit(limit)))


def change(store: SqlStore, changed: Clip) -> None:
    """Keep title, note, consent, expiry and recipe. A new recipe has to be checked anew."""
    old = clip(store, changed.id)
    state = old.state if old.recipe == changed.recipe else "waiting"
    values = {
        name: value
        for name, value in _row(replace(changed, state=state), "").items()
        if name in ("recipe", "title", "note", "consent", "expires", "state")
    }
    with store.transaction(write=True) as connection:
        connection.execute(update(CLIPS).where(_C.id == changed.id).values(**values))


def mark_checked(store: SqlStore, id_: str, hidden: Sequence[Secret], *, clean: bool) -> None:
    """Keep what has to be hidden in a clip now that it was heard again. No words are kept."""
    places = [to_json(replace(one, words="")) for one in hidden]
    state = "checked" if clean else "refused"
    with store.transaction(write=True) as connection:
        chosen = update(CLIPS).where(_C.id == id_)
        connection.execute(chosen.values(state=state, hidden=json.dumps(places)))


def hidden_of(store: SqlStore, id_: str) -> tuple[Secret, ...]:
    """What is hidden in a checked clip, times of the call."""
    with store.transaction(write=False) as connection:
        text = connection.execute(select(_C.hidden).where(_C.id == id_)).scalar_one_or_none()
    return tuple(from_json(Secret, one) for one in json.loads(text or "[]"))


def usable(one: Clip, today: date) -> str | None:
    """None, or why a clip may not be given out."""
    if one.expires is not None and one.expires < today:
        return f"clip {one.id}: expired on {one.expires}; take it out or ask for consent again"
    if one.recipe.redact and one.state == "waiting":
        return f"clip {one.id}: not yet heard again; run `qc-speech clips check`"
    if one.recipe.redact and one.state == "refused":
        return f"clip {one.id}: personal data may still be heard in it; choose another example"
    return None


def remove(store: SqlStore, ids: Iterable[str]) -> int:
    """Take clips out of the library, of all collections, with their questions; how many."""
    with store.transaction(write=True) as connection:
        return _remove(connection, list(ids))


def _remove(connection: Connection, ids: Sequence[str]) -> int:
    connection.execute(delete(CLIP_MEMBERS).where(_M.clip_id.in_(ids)))
    connection.execute(delete(CLIP_QUESTIONS).where(CLIP_QUESTIONS.c.clip_id.in_(ids)))
    return connection.execute(delete(CLIPS).where(_C.id.in_(ids))).rowcount


def forget(store: SqlStore, recording_id: str) -> int:
    """Nothing of a recording stays in index, library, collections and quizzes: called when the
    recording is purged. How many clips of the library went."""
    forget_examples(store, recording_id)
    with store.transaction(write=True) as connection:
        ids = list(
            connection.execute(select(_C.id).where(_C.recording_id == recording_id)).scalars()
        )
        return _remove(connection, ids)


def new_collection(store: SqlStore, title: str, notes: str, who: str) -> Collection:
    if not title.strip():
        raise UsageError("collection: give it a title")
    made = Collection(uuid.uuid4().hex[:12], title.strip(), notes, (), who, utc_now())
    row = {n: getattr(made, n) for n in ("id", "title", "notes", "made_by", "made_at")}
    with store.transaction(write=True) as connection:
        connection.execute(insert(CLIP_COLLECTIONS), [row])
    return made


def collections(store: SqlStore) -> tuple[Collection, ...]:
    """All collections by title, with the ids of their clips in order."""
    with store.transaction(write=False) as connection:
        rows = connection.execute(
            select(CLIP_COLLECTIONS).order_by(CLIP_COLLECTIONS.c.title, CLIP_COLLECTIONS.c.id)
        ).all()
        members: dict[str, list[str]] = {}
        listed = select(_M.collection_id, _M.clip_id).order_by(_M.position, _M.clip_id)
        for collection_id, clip_id in connection.execute(listed):
            members.setdefault(collection_id, []).append(clip_id)
    return tuple(
        Collection(r.id, r.title, r.notes, tuple(members.get(r.id, ())), r.made_by, r.made_at)
        for r in rows
    )


def collection(store: SqlStore, name: str) -> Collection:
    """By id or by title. Raises UsageError where there is none, or more than one of that title."""
    found = [one for one in collections(store) if name in (one.id, one.title)]
    if len(found) != 1:
        what = "there are several, give the id" if found else "there is none"
        raise UsageError(f"collection {name}: {what}; see `qc-speech clips library collections`")
    return found[0]


def put_in(store: SqlStore, collection_id: str, clip_ids: Sequence[str]) -> None:
    """Clips at the end of a collection; those that are in it already stay where they are."""
    with store.transaction(write=True) as connection:
        mine = _M.collection_id == collection_id
        there = set(connection.execute(select(_M.clip_id).where(mine)).scalars())
        last = connection.execute(select(func.max(_M.position)).where(mine)).scalar() or 0
        rows = [
            {"collection_id": collection_id, "clip_id": one, "position": last + n}
            for n, one in enumerate(dict.fromkeys(clip_ids), 1)
            if one not in there
        ]
        if rows:
            connection.execute(insert(CLIP_MEMBERS), rows)


def take_out(store: SqlStore, collection_id: str, clip_ids: Sequence[str]) -> None:
    with store.transaction(write=True) as connection:
        chosen = and_(_M.collection_id == collection_id, _M.clip_id.in_(list(clip_ids)))
        connection.execute(delete(CLIP_MEMBERS).where(chosen))


def remove_collection(store: SqlStore, collection_id: str) -> None:
    """The collection; its clips stay in the library."""
    with store.transaction(write=True) as connection:
        connection.execute(delete(CLIP_MEMBERS).where(_M.collection_id == collection_id))
        chosen = CLIP_COLLECTIONS.c.id == collection_id
        connection.execute(delete(CLIP_COLLECTIONS).where(chosen))


def ask(store: SqlStore, question: Question) -> None:
    """One more quiz question to a clip."""
    n = CLIP_QUESTIONS.c
    with store.transaction(write=True) as connection:
        mine = n.clip_id == question.clip_id
        last = connection.execute(select(func.max(n.n)).where(mine)).scalar()
        row = {"clip_id": question.clip_id, "n": 0 if last is None else last + 1}
        text = json.dumps(to_json(question), ensure_ascii=False)
        connection.execute(insert(CLIP_QUESTIONS), [{**row, "question": text}])


def questions(store: SqlStore, clip_ids: Sequence[str]) -> dict[str, tuple[Question, ...]]:
    """Questions by clip, in order."""
    n = CLIP_QUESTIONS.c
    found: dict[str, list[Question]] = {}
    query = select(n.clip_id, n.question).where(n.clip_id.in_(list(clip_ids)))
    with store.transaction(write=False) as connection:
        for clip_id, text in connection.execute(query.order_by(n.clip_id, n.n)):
            found.setdefault(clip_id, []).append(from_json(Question, json.loads(text)))
    return {clip_id: tuple(asked) for clip_id, asked in found.items()}
