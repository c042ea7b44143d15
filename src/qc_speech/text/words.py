"""How well characters go together as words (jieba's word counts)."""

from __future__ import annotations

import functools
import importlib
import logging
import math
from typing import Any

_AROUND = 4  # characters on either side that judge whether words go together
_LONGEST_WORD = 6


def likelier(text: str, start: int, end: int, meant: str) -> float:
    """How much likelier, as a logarithm, a text is with `meant` at [start, end) than as written.

    A misheard phrase is mostly written as characters that do not go together; what goes together
    was probably said. Words are taken as independent (jieba's word counts).
    """
    low, high = max(0, start - _AROUND), end + _AROUND
    head, tail = text[low:start], text[end:high]
    return _log_chance(head + meant + tail) - _log_chance(head + text[start:end] + tail)


@functools.lru_cache(maxsize=20_000)
def _log_chance(text: str) -> float:
    """Logarithm of the chance of the best way to cut a text into words."""
    counts, total = _word_counts()
    best = [0.0] + [-math.inf] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(max(0, end - _LONGEST_WORD), end):
            count = counts.get(text[start:end], 0)
            if count or end - start == 1:
                best[end] = max(best[end], best[start] + math.log((count or 1) / total))
    return best[-1]


@functools.lru_cache(maxsize=1)
def _word_counts() -> tuple[dict[str, int], int]:
    jieba: Any = importlib.import_module("jieba")  # untyped, and slow to import
    jieba.setLogLevel(logging.WARNING)
    jieba.initialize()
    return jieba.dt.FREQ, jieba.dt.total
