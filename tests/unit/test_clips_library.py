"""Clips kept by trainers: collections, questions, states, and forgetting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from clip_calls import chunks_of, found, made, sound_of
from rule_toys import lexicons

from qc_speech.clips import desk, forget, index, library
from qc_speech.clips.guard import Secret
from qc_speech.clips.rendering import Hearing
from qc_speech.clips.search import Wanted
from qc_speech.clips.values import Clip, Question, Recipe
from qc_speech.errors import QcError, UsageError
from qc_speech.model import Role, Span
from qc_speech.rules.absence import load_absence
from qc_speech.store import SqlStore, open_store

NEW = Clip("", "", "", "", "", Role.AGENT, Span(0, 0), title="怎样道歉", added_by="wu")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "store.db") as opened:
        for name in ("k1", "k2"):
            bare = made(name)
            opened.put_result(replace(bare, findings=(found(bare, "apology", 2),)))
        index.refresh(opened, lexicons(), load_absence())
        yield opened


def kept(store: SqlStore, call_id: str = "k1", **changes: object) -> Clip:
    (example, *_) = [
        one
        for one in index.find(store, Wanted(checks=("apology",), fold=False))
        if one.call_id == call_id
    ]
    return library.add(store, example, replace(NEW, **changes))  # type: ignore[arg-type]


def test_a_clip_comes_back_as_it_was_kept(store: SqlStore) -> None:
    recipe = Recipe(2, 0, "agent", 0.75, (Role.CUSTOMER,))
    one = kept(store, recipe=recipe, consent="口头同意", expires=date(2027, 1, 1))
    back = library.clip(store, one.id)
    assert back == one
    assert back.state == "waiting" and back.recipe == recipe and back.check == "apology"


def test_the_library_is_searched_by_title_note_and_words(store: SqlStore) -> None:
    one = kept(store, note="语气好")
    other = kept(store, "k2", title="别的")
    assert library.clips(store, text="道歉") == (one,)
    assert library.clips(store, text="daoqian") == (one,)
    assert set(library.clips(store, text="添麻烦")) == {one, other}
    assert library.clips(store, text="语气好") == (one,)
    assert library.clips(store, text="没有的话") == ()
    assert library.clips(store, state="checked") == ()


def test_collections_keep_their_order(store: SqlStore) -> None:
    one, two = kept(store), kept(store, "k2")
    lesson = library.new_collection(store, "第一课", "道歉", "wu")
    library.put_in(store, lesson.id, [two.id, one.id, two.id])
    library.put_in(store, lesson.id, [one.id])
    assert library.collection(store, "第一课").clip_ids == (two.id, one.id)
    assert [c.id for c in library.clips(store, collection=lesson.id)] == [two.id, one.id]
    library.take_out(store, lesson.id, [two.id])
    assert library.collection(store, lesson.id).clip_ids == (one.id,)
    library.remove_collection(store, lesson.id)
    assert library.collections(store) == () and library.clip(store, one.id) == one


def test_questions_stay_with_their_clip(store: SqlStore) -> None:
    one = kept(store)
    asked = Question(one.id, "哪里做得好？", ("道歉", "打断"), 0, "S4 2.3")
    open_one = Question(one.id, "你会怎么说？")
    library.ask(store, asked)
    library.ask(store, open_one)
    assert library.questions(store, [one.id]) == {one.id: (asked, open_one)}
    with pytest.raises(UsageError):
        Question(one.id, "?", ("a",), 3)


def test_a_purged_recording_leaves_nothing(store: SqlStore) -> None:
    one, two = kept(store), kept(store, "k2")
    lesson = library.new_collection(store, "第一课", "", "wu")
    library.put_in(store, lesson.id, [one.id, two.id])
    library.ask(store, Question(one.id, "什么？"))
    assert forget(store, one.recording_id) == 1
    assert [c.id for c in library.clips(store)] == [two.id]
    assert library.collection(store, lesson.id).clip_ids == (two.id,)
    assert library.questions(store, [one.id]) == {}
    assert {e.call_id for e in index.find(store, Wanted(checks=("apology",)))} == {"k2"}
    assert forget(store, one.recording_id) == 0


def test_only_what_was_checked_and_is_not_expired_may_be_given_out(store: SqlStore) -> None:
    one = kept(store, expires=date(2026, 6, 1))
    today = date(2026, 5, 1)
    assert "check" in (library.usable(one, today) or "")
    library.mark_checked(store, one.id, (Secret(Span(0, 900), "phone", "幺三八"),), clean=True)
    one = library.clip(store, one.id)
    assert library.usable(one, today) is None
    assert "expired" in (library.usable(one, date(2026, 6, 2)) or "")
    assert library.hidden_of(store, one.id) == (Secret(Span(0, 900), "phone", ""),), "no words kept"
    library.mark_checked(store, one.id, (), clean=False)
    assert "may still be heard" in (library.usable(library.clip(store, one.id), today) or "")


def test_a_changed_recipe_has_to_be_checked_again(store: SqlStore) -> None:
    one = kept(store)
    library.mark_checked(store, one.id, (), clean=True)
    library.change(store, replace(library.clip(store, one.id), title="别的"))
    assert library.clip(store, one.id).state == "checked"
    library.change(store, replace(library.clip(store, one.id), recipe=Recipe(3, 3)))
    assert library.clip(store, one.id).state == "waiting"


def test_waiting_clips_are_heard_and_marked(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, lost = kept(store), kept(store, "k2")
    result = made("k1")
    audio = sound_of(result)

    def load(_: SqlStore, call_id: str):  # type: ignore[no-untyped-def]
        if call_id == "k2":
            raise QcError("call k2: its recording is not where it was")
        return result, audio

    class Scripted:
        def transcribe(self, passages):  # type: ignore[no-untyped-def]
            return tuple(() for _ in passages)

    monkeypatch.setattr(desk, "load", load)
    hearing = Hearing(Scripted, lambda row: (Span(0, len(row) // 16),))  # type: ignore[arg-type, return-value]
    done = {c.clip.id: c for c in desk.check_waiting(store, hearing)}
    assert done[one.id].state == "checked" and done[one.id].rounds == 1
    assert done[lost.id].state == "waiting" and "k2" in done[lost.id].problem
    assert library.clip(store, one.id).state == "checked"
    assert desk.hear_clip(store, library.clip(store, one.id)).report.clean
    assert chunks_of(result)


def test_a_call_without_its_recording_is_said_in_one_line(store: SqlStore) -> None:
    with pytest.raises(QcError, match="recording is not where it was"):
        desk.source(store, "k1")
    with pytest.raises(QcError, match="not in the store"):
        desk.source(store, "gone")
