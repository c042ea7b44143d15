"""Regular expressions that a word list may hold, none of which can hold a job up.

RE2 (google-re2) searches in time linear in the text. An expression that needs look-around runs in
the `regex` library under a time limit instead, and one that once reaches the limit finds nothing
from then on. `qc-speech rules check` names such expressions.
"""

from __future__ import annotations

import functools
from typing import Any

import re2
import regex

LIMIT_S = 0.2  # a thousand times what an honest expression takes for one turn
LONGEST = 2000  # characters of an expression
_MEMORY_BYTES = 8 << 20

_endless: set[str] = set()


@functools.lru_cache(maxsize=4096)
def linear(pattern: str) -> Any:
    """The expression in RE2. Raises ValueError saying what is wrong with it."""
    if len(pattern) > LONGEST:
        raise ValueError(f"a regular expression of {len(pattern)} characters; split it")
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(
            f"bad regular expression {pattern[:80]!r}: {text}; correct it (RE2 syntax: no "
            "look-around and no back-references, use `except`)"
        ) from None


@functools.lru_cache(maxsize=4096)
def compiled(pattern: str) -> Any:
    """The expression, in RE2 where it can be. Raises ValueError saying what is wrong with it."""
    try:
        return linear(pattern)
    except ValueError:
        if len(pattern) > LONGEST:
            raise
    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"bad regular expression {pattern[:80]!r}: {error}; correct it") from None


def search(pattern: str, text: str) -> Any | None:
    """The first match in a text, or None. Never takes much longer than `LIMIT_S`."""
    expression = compiled(pattern)
    if not isinstance(expression, regex.Pattern):
        return expression.search(text)
    if pattern in _endless:
        return None
    try:
        return expression.search(text, timeout=LIMIT_S)
    except TimeoutError:
        _endless.add(pattern)
        return None


def is_endless(pattern: str, texts: tuple[str, ...]) -> bool:
    """Whether an expression reaches the time limit in one of these texts, or in its own characters
    said over and over."""
    own = "".join(char for char in pattern if "\u3400" <= char <= "\u9fff" or char.isalnum())
    for text in (*texts, *(char * 40 + "\u0000" for char in dict.fromkeys(own[:60]))):
        search(pattern, text)
    return pattern in _endless
