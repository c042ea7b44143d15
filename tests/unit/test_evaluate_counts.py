"""Counts add, rates follow from them, and texts are compared in one form."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.evaluate.counts import (
    Bin,
    Counts,
    RoleCounts,
    TextErrors,
    TimeErrors,
    counts_of,
    wilson,
)
from qc_speech.evaluate.speech import align, comparable

decisions = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=30)
texts = st.text(alphabet="您好再见一二三幺零〇138ABcWiFi，。？！ 貴電話９％", max_size=30)
small = st.integers(0, 50)


@given(decisions, decisions)
def test_counts_of_parts_add_to_the_counts_of_the_whole(
    left: list[tuple[bool, bool, bool]], right: list[tuple[bool, bool, bool]]
) -> None:
    def total(rows: list[tuple[bool, bool, bool]]) -> Counts:
        return sum((counts_of(*row) for row in rows), Counts())

    assert total(left) + total(right) == total(left + right)
    whole = total(left + right)
    assert whole.tp + whole.fp + whole.fn + whole.tn == len(left + right)
    assert whole.tp + whole.fn == sum(positive for positive, _, _ in left + right)
    assert whole.uncertain_positive <= whole.fn
    assert whole.uncertain_negative <= whole.tn


@pytest.mark.parametrize(
    ("kind", "size"), [(Counts, 6), (TextErrors, 4), (TimeErrors, 4), (RoleCounts, 3), (Bin, 4)]
)
@given(data=st.data())
def test_every_count_adds_field_by_field(kind: type, size: int, data: st.DataObject) -> None:
    numbers = st.tuples(*[small] * size)
    a, b, c = (data.draw(numbers) for _ in range(3))
    assert kind(*a) + kind(*b) == kind(*(x + y for x, y in zip(a, b)))
    assert (kind(*a) + kind(*b)) + kind(*c) == kind(*a) + (kind(*b) + kind(*c))
    assert kind(*a) + kind() == kind(*a)


@given(small, small, small)
def test_f1_is_the_harmonic_mean(tp: int, fp: int, fn: int) -> None:
    counts = Counts(tp, fp, fn)
    if counts.precision and counts.recall:
        expected = 2 / (1 / counts.precision + 1 / counts.recall)
        assert counts.f1 is not None
        assert math.isclose(counts.f1, expected)
    elif tp + fp + fn:
        assert counts.f1 == 0
    else:
        assert counts.f1 is None


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson_holds_the_share_and_stays_in_range(part: int, rest: int) -> None:
    found = wilson(part, part + rest)
    if part + rest == 0:
        assert found is None
        return
    assert found is not None
    low, high = found
    assert 0 <= low <= part / (part + rest) <= high <= 1


def test_wilson_by_hand() -> None:
    # 8 of 10 at z = 1.96: the textbook interval.
    low, high = wilson(8, 10) or (0, 0)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)


@given(texts)
def test_comparable_is_stable_and_keeps_letters_and_characters_only(text: str) -> None:
    once = comparable(text)
    assert comparable(once) == once
    assert once.isalnum() or not once
    assert once == once.lower()
    assert not set(once) & set("0123456789幺〇貴電話９ ，。")


@given(texts, texts)
def test_comparable_of_joined_texts_is_the_joined_comparables(left: str, right: str) -> None:
    assert comparable(left + right) == comparable(left) + comparable(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("请问您貴姓？", "请问您贵姓"),
        ("幺三八，零零零零", "138 0000"),
        ("二〇二六", "2026"),
        ("连上WiFi没有", "连上 wifi 没有？"),
        ("１２３号", "一二三号"),
    ],
)
def test_writings_of_the_same_speech_are_equal(left: str, right: str) -> None:
    assert comparable(left) == comparable(right)


def test_a_number_read_as_a_whole_is_not_digit_by_digit() -> None:
    assert comparable("十四度") != comparable("14度")


@given(texts.map(comparable), texts.map(comparable))
def test_alignment_counts_every_character_once(reference: str, heard: str) -> None:
    aligned = align(reference, heard)
    errors = aligned.errors
    assert errors.reference == len(reference)
    assert errors.hits + errors.substitutions + errors.insertions == len(heard)
    assert sum(aligned.right) == errors.hits
    assert len(aligned.right) == len(heard)
    assert (errors.errors == 0) == (reference == heard)
    assert errors.errors == align(heard, reference).errors.errors
