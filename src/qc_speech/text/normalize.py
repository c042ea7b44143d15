"""One form of text to compare: simplified script, no punctuation, numbers as they are spoken."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any

_DIGITS = "零一二三四五六七八九"
_KEEP = re.compile(r"[^0-9a-z\u3400-\u9fff]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?%?")
_UNITS = ("", "十", "百", "千")


@functools.lru_cache(maxsize=1)
def _converter() -> Any:
    import opencc

    return opencc.OpenCC("t2s")


def simplify(text: str) -> str:
    """Traditional characters to simplified (OpenCC t2s)."""
    return str(_converter().convert(text)) if text else text


def spoken_digits(digits: str) -> str:
    """Digits one by one, as telephone and job numbers are said: 138 -> 一三八."""
    return "".join(_DIGITS[int(digit)] for digit in digits)


def spoken_number(digits: str) -> str:
    """A whole number below 10000 as it is counted: 120 -> 一百二十; longer ones digit by digit."""
    if len(digits) > 4 or (len(digits) > 1 and digits[0] == "0"):
        return spoken_digits(digits)
    value = int(digits)
    if value == 0:
        return "零"
    text, gap = "", False
    for power in range(len(digits) - 1, -1, -1):
        digit = value // 10**power % 10
        if digit:
            text += ("零" if gap else "") + _DIGITS[digit] + _UNITS[power]
            gap = False
        elif text:
            gap = True
    return text.removeprefix("一") if text.startswith("一十") else text


def normalize(text: str) -> str:
    """Simplified, lower case, numbers digit by digit, 幺 as 一, no punctuation or spaces."""
    text = simplify(unicodedata.normalize("NFKC", text)).lower()
    text = _NUMBER.sub(_say, text)
    return _KEEP.sub("", text.replace("幺", "一").replace("〇", "零"))


def _say(match: re.Match[str]) -> str:
    whole = match.group()
    percent = "百分之" if whole.endswith("%") else ""
    digits, _, decimals = whole.rstrip("%").partition(".")
    said = spoken_digits(digits) if len(digits) != 2 else spoken_number(digits)
    if percent:
        said = spoken_number(digits)
    return percent + said + ("点" + spoken_digits(decimals) if decimals else "")
