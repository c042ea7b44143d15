"""One form of text to compare."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qc_speech.text.normalize import normalize, simplify, spoken_digits, spoken_number

# Talk as recognizers write it, with all that Unicode has beside it.
TALK = st.text(
    st.one_of(
        st.sampled_from(
            "零一二三四五六七八九十百千点幺〇您好請問謝謝2½①Ⅷ１２．％ﬁAz.,，。%… \n\t0123456789"
        ),
        st.characters(codec="utf-8"),
    ),
    max_size=30,
)


@given(TALK)
@example("1.5%")
@example("②〇五")
@example("㍿㋀20℃")
@example("⾞")  # a radical, whose own character is a traditional one
@example("٣٤ 号")
def test_normalizing_twice_changes_nothing_more(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


@given(TALK)
def test_only_characters_and_small_letters_are_left(text: str) -> None:
    assert re.fullmatch(r"[a-z\u3400-\u9fff]*", normalize(text))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("您好！大龙供暖，1023号为您服务。", "您好大龙供暖一零二三号为您服务"),
        ("電話是１３８", "电话是一三八"),
        ("幺三八〇〇", "一三八零零"),
        ("13800001234", "一三八零零零零一二三四"),
        ("等 20 分钟", "等二十分钟"),
        ("05分", "零五分"),
        ("3.5公里", "三点五公里"),
        ("12.05", "十二点零五"),
        ("打8折", "打八折"),
        ("WiFi 密碼", "wifi密码"),
        ("", ""),
        ("…！？", ""),
    ],
)
def test_numbers_script_and_marks(written: str, said: str) -> None:
    assert normalize(written) == said


@pytest.mark.parametrize(
    ("written", "said"), [("30%", "百分之三十"), ("100%", "百分之一百"), ("2.5%", "百分之二点五")]
)
def test_percentages(written: str, said: str) -> None:
    assert normalize(written) == said


@given(st.text("0123456789", max_size=20))
def test_digits_one_by_one(digits: str) -> None:
    said = spoken_digits(digits)
    assert "".join(str("零一二三四五六七八九".index(char)) for char in said) == digits


@given(st.integers(0, 9999))
def test_a_counted_number_can_be_read_back(number: int) -> None:
    assert value_of(spoken_number(str(number))) == number


def value_of(text: str) -> int:
    """A number below 10000 as it is counted, read by a second hand."""
    total, digit = 0, 0
    for char in text:
        if char in "十百千":
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[char]
            digit = 0
        else:
            digit = "零一二三四五六七八九".index(char)
    return total + digit


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("0", "零"),
        ("10", "十"),
        ("15", "十五"),
        ("110", "一百一十"),
        ("101", "一百零一"),
        ("1001", "一千零一"),
        ("1010", "一千零一十"),
        ("9999", "九千九百九十九"),
        ("10000", "一零零零零"),
        ("007", "零零七"),
    ],
)
def test_counted_numbers(digits: str, said: str) -> None:
    assert spoken_number(digits) == said


def test_traditional_characters_become_simplified() -> None:
    assert simplify("請問您的電話號碼") == "请问您的电话号码"
    assert simplify("") == ""
