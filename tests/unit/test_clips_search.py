"""Which examples are found, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from clip_calls import found, made
from rule_toys import lexicons

from qc_speech.clips import index
from qc_speech.clips.search import Wanted
from qc_speech.clips.values import Example
from qc_speech.clips.wording import Wording, folded
from qc_speech.errors import UsageError
from qc_speech.model import Outcome, Role
from qc_speech.rules.absence import load_absence
from qc_speech.store import SqlStore, open_store

SORRY = "给您添麻烦了，实在抱歉。"


def call(name: str, *lines: tuple[str, str], check: str = "apology", at: int = 1, **more: object):  # type: ignore[no-untyped-def]
    outcome = more.pop("outcome", Outcome.PASS)
    confidence = more.pop("confidence", 0.95)
    bare = made(name, *lines, **more)  # type: ignore[arg-type]
    return replace(bare, findings=(found(bare, check, at, outcome, confidence),))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    calls = [
        call("k1", ("c", "我要投诉你们，太慢了！"), ("a", SORRY)),
        call("k2", ("c", "你们怎么回事"), ("a", SORRY), agent_id="1024"),
        call("k3", ("c", "我想问一下话费"), ("a", "真的很抱歉让您久等了。"), snr_db=8.0),
        call("k4", ("c", "我想问一下"), ("a", "对不起，给您添麻烦了。"), confidence=0.6),
        call("k5", ("c", "你说什么"), ("a", "你烦不烦啊，自己看。"), check="impatience",
             outcome=Outcome.VIOLATION, started_at=datetime(2026, 2, 3)),
        call("k6", ("c", "好的谢谢"), ("a", "请您稍等一下，我马上查。"), check="hold_request"),
        call("k7", ("c", "我的电话幺三八零零零零二五七幺。"), ("a", "好的记下了谢谢您")),
    ]  # fmt: skip
    path: Path = tmp_path_factory.mktemp("clips") / "store.db"
    with open_store(path) as opened:
        for one in calls:
            opened.put_result(one)
        assert index.refresh(opened, lexicons(), load_absence()) == len(calls)
        yield opened


def calls_of(examples: tuple[Example, ...]) -> list[str]:
    return [one.call_id for one in examples]


def test_by_check_outcome_and_confidence(store: SqlStore) -> None:
    wanted = Wanted(checks=("apology",), outcome="pass", min_confidence=0.9, fold=False)
    assert set(calls_of(index.find(store, wanted))) == {"k1", "k2", "k3", "k7"}


def test_the_same_words_again_are_folded(store: SqlStore) -> None:
    examples = index.find(store, Wanted(checks=("apology",), min_confidence=0.9))
    (one,) = [one for one in examples if one.call_id in ("k1", "k2")]
    assert one.alike == 1


def test_the_cleaner_line_comes_first(store: SqlStore) -> None:
    found_ = calls_of(index.find(store, Wanted(checks=("apology",))))
    assert found_.index("k3") > min(found_.index(k) for k in ("k1", "k2") if k in found_)


@pytest.mark.parametrize(
    "typed", ["添麻烦", "给您填麻烦了", "tian ma fan", "tianmafan", "gei2 nin2 tian1"]
)
def test_by_wording_in_characters_homophones_or_pinyin(store: SqlStore, typed: str) -> None:
    found_ = index.find(store, Wanted(text=typed, fold=False))
    assert {"k1", "k2", "k4"} <= set(calls_of(found_))
    assert "k6" not in calls_of(found_)


def test_a_wording_that_was_misheard_is_found_by_ear(store: SqlStore) -> None:
    """请稍等 was said as 请您稍等一下: the words between do not hide it."""
    assert calls_of(index.find(store, Wanted(text="请稍等"))) == ["k6"]


def test_all_of_several_words_must_be_said(store: SqlStore) -> None:
    assert set(calls_of(index.find(store, Wanted(text="对不起 添麻烦")))) == {"k4"}


def test_nothing_personal_is_kept_or_found(store: SqlStore) -> None:
    assert index.find(store, Wanted(text="二五七幺", fold=False)) == ()
    every = index.find(store, Wanted(text="记下了", role=Role.AGENT)) + index.find(
        store, Wanted(checks=("",), role=Role.CUSTOMER, fold=False)
    )
    (said,) = [one for one in every if one.call_id == "k7" and one.role is Role.CUSTOMER]
    assert "［phone" in said.text


def test_by_agent_mood_speaker_and_day(store: SqlStore) -> None:
    assert calls_of(index.find(store, Wanted(agent="1024", checks=("apology",)))) == ["k2"]
    assert calls_of(index.find(store, Wanted(mood="upset", checks=("apology",)))) == ["k1"]
    assert calls_of(index.find(store, Wanted(since=date(2026, 2, 1)))) == ["k5"]
    assert "k5" not in calls_of(index.find(store, Wanted(until=date(2026, 1, 31))))
    wanted = Wanted(text="投诉", role=Role.CUSTOMER)
    assert {one.role for one in index.find(store, wanted)} == {Role.CUSTOMER}


def test_by_length_and_line_quality(store: SqlStore) -> None:
    assert "k3" not in calls_of(index.find(store, Wanted(checks=("apology",), min_snr_db=20)))
    assert index.find(store, Wanted(checks=("apology",), length_s=(0, 0.5))) == ()


def test_what_a_person_overturned_is_found_as_that(store: SqlStore, tmp_path: Path) -> None:
    from qc_speech.model import Review
    from qc_speech.reviews import settle
    from qc_speech.setup import load_rules

    result = call("r1", ("c", "你说什么"), ("a", "真的很抱歉让您久等了。"))
    span = result.findings[0].evidence.span
    review = Review(
        "1" * 32,
        "r1",
        "apology",
        span,
        Outcome.VIOLATION,
        Outcome.PASS,
        "eve",
        datetime(2026, 3, 1),
    )
    with open_store(tmp_path / "s.db") as own:
        own.put_result(result)
        index.refresh(own, lexicons(), load_absence())
        assert calls_of(index.find(own, Wanted(outcome="violation"))) == []
        own.put_review(review)
        own.put_settled("r1", settle(result, [review], load_rules().rulebooks["repair_hotline"]))
        assert index.refresh(own, lexicons(), load_absence()) == 1
        (one,) = index.find(own, Wanted(checks=("apology",), outcome="violation"))
        assert one.confidence == 1.0
        assert index.refresh(own, lexicons(), load_absence()) == 0


def test_what_is_missing_is_heard_where_it_was_due(tmp_path: Path) -> None:
    bare = made("m", ("a", "喂，说话。"), ("c", "我家暖气不热"), ("a", "知道了。"))
    missing = replace(found(bare, "farewell", 2, Outcome.VIOLATION), evidence=None)
    with open_store(tmp_path / "s.db") as own:
        own.put_result(replace(bare, findings=(missing,)))
        index.refresh(own, lexicons(), load_absence())
        (one,) = index.find(own, Wanted(checks=("farewell",)))
    assert one.text.startswith("知道了")


def test_an_unknown_outcome_or_mood_is_refused() -> None:
    with pytest.raises(UsageError, match="violation"):
        Wanted(outcome="bad")
    with pytest.raises(UsageError, match="upset"):
        Wanted(mood="happy")


def test_folded_pinyin() -> None:
    assert folded("zhōng") == folded("zh ng") or folded("zhang") == "zan"
    assert Wording.of("shao1 deng3").terms == (("", "saoden"),)
