"""Long numbers in speech: digits said one by one, with small words and mishearings between them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

_DIGITS = "零一二三四五六七八九"
# Digits as the recognizer may write them inside a number.
_LIKE = {
    "腰妖邀要夭吆药约": "1", "林临灵领另凌": "0", "尔而耳": "2", "散伞叁": "3", "思斯寺似": "4",
    "午舞武屋无误吴": "5", "留刘流溜陆": "6", "其期起气器妻": "7", "爸巴扒": "8",
    "酒久旧救": "9", "以已意医依衣": "1",
}  # fmt: skip
_HEARD_AS = {char: digit for chars, digit in _LIKE.items() for char in chars}
_BETWEEN = re.compile(
    r"(?:后面|后边|后头|前面|中间|最后|接着|然后|再|就|是|的|嗯|啊|呃|那个|杠|还有|对|好|四个|三个|两个){1,4}"
)
_MIN_PART = 2


@dataclass(frozen=True)
class Number:
    """Digits (0-9) said in characters [start, end) of a normalized text."""

    start: int
    end: int
    digits: str

    def like(self, other: str) -> bool:
        """Whether `other` is nearly the same number, or a good part of it."""
        if not other:
            return False
        matcher = difflib.SequenceMatcher(None, self.digits, other, autojunk=False)
        common = sum(block.size for block in matcher.get_matching_blocks() if block.size > 1)
        return common >= 0.7 * min(len(self.digits), len(other)) and min(
            len(self.digits), len(other)
        ) >= min(4, len(self.digits))


def numbers(text: str, at_least: int = 4) -> Iterator[Number]:
    """Numbers of at least so many digits in a normalized text (digits written as 零..九)."""
    start, digits, end, at = 0, "", 0, 0
    while at <= len(text):
        char = text[at] if at < len(text) else ""
        digit = _digit(text, at) if char else ""
        if digit:
            if not digits:
                start = at
            digits, at, end = digits + digit, at + 1, at + 1
            continue
        step = _bridge(text, at) if len(digits) >= _MIN_PART and at == end else 0
        if step:
            at += step
            end = at
            continue
        if len(digits) >= at_least:
            yield Number(start, end, digits)
        digits = ""
        at = max(at, end) + 1


def _digit(text: str, at: int) -> str:
    value = _DIGITS.find(text[at])
    if value >= 0:
        return str(value)
    like = _HEARD_AS.get(text[at], "")
    beside = text[at - 1 : at] if at else ""
    inside = bool(beside) and beside in _DIGITS + "".join(_HEARD_AS)
    if like and (inside or like == "1") and _run(text, at + 1):
        return like
    return ""


def _bridge(text: str, at: int) -> int:
    """Characters to step over when digits go on behind them, else 0."""
    small = _BETWEEN.match(text, at)
    if small and _run(text, small.end()) >= _MIN_PART:
        return small.end() - at
    if _run(text, at + 1) >= _MIN_PART and text[at : at + 1] not in "十百千万块元点号年月日个":
        return 1  # one misheard digit
    return 0


def _run(text: str, at: int) -> int:
    count = 0
    while at + count < len(text) and text[at + count] in _DIGITS:
        count += 1
    return count


def all_digits(text: str) -> str:
    """Every digit of a normalized text in order."""
    return "".join(str(_DIGITS.index(char)) for char in text if char in _DIGITS)
