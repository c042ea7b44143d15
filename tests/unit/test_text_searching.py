"""What was said is found by characters and by pinyin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.text.searching import MOST_READINGS, tokens, wanted


def found(query: str, *texts: str) -> bool:
    """As a database answers: each part in one of its readings, as a run of whole tokens."""
    said = f" {tokens(texts)} "
    parts = wanted(query)
    return bool(parts) and all(
        any(f" {' '.join(run.tokens)}" + ("" if run.open_end else " ") in said for run in readings)
        for readings in parts
    )


@pytest.mark.parametrize(
    "query",
    [
        "暖气",
        "暖",
        "气不热",
        "nuanqi",
        "nuan qi",
        "nuǎnqì",
        "nuan",
        "bu re",
        "热",
        "暖氣",
        "1023",
        "一〇二三",
        "ok",
    ],
)
def test_it_is_found(query: str) -> None:
    assert found(query, "我家暖气不热", "您好，1023号，OK 的")


@pytest.mark.parametrize("query", ["气暖", "qinuan", "热您", "nua", "冷", "1024", "qi re", "热 冷"])
def test_it_is_not_found(query: str) -> None:
    assert not found(query, "我家暖气不热", "您好，1023号")


def test_every_part_must_be_there() -> None:
    assert found("暖气 您好", "我家暖气不热", "您好")
    assert found("nuanqi 您好", "我家暖气不热", "您好")
    assert not found("暖气 再见", "我家暖气不热", "您好")


def test_letters_are_read_in_every_way() -> None:
    assert found("xian", "我在西安") and found("xian", "先这样")
    assert found("xi'an", "我在西安") and not found("xi'an", "先这样")


@pytest.mark.parametrize("query", ["", "  ", "，。！", '"', "*", "()"])
def test_nothing_is_asked_for_with_marks_alone(query: str) -> None:
    assert wanted(query) == ()


@given(st.text(max_size=60))
def test_any_query_can_be_asked(query: str) -> None:
    for readings in wanted(query):
        assert 0 < len(readings) <= MOST_READINGS + 1
        for run in readings:
            assert all(token and " " not in token and '"' not in token for token in run.tokens)


@given(st.text(alphabet="我家暖气不热您好行重长得一二三abc", min_size=1, max_size=12))
def test_what_was_said_is_found_by_itself(text: str) -> None:
    assert found(text, "喂", text, "再见")


def test_a_long_run_of_letters_does_not_hold_anybody_up() -> None:
    assert wanted("a" * 400) and wanted("xian" * 100)
    assert wanted("xian" * 100 + "bbb") and wanted("xi an " * 50)
