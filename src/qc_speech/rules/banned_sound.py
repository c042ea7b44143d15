"""Entries found by ear: the recognizer wrote other characters that sound alike.

Few patterns are worth the weighted edit distance: a pattern is tried only where the text has one
of its pairs of neighbouring sounds and nearly all its sounds, compared coarsely, and where the
nearest sounds of the text, in any order, do not cost too much already (they cost least so).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from qc_speech.rules.banned_text import plain
from qc_speech.text.confusion import evidence
from qc_speech.text.phonetic import (
    ALPHABET,
    DELETE,
    Heard,
    Ids,
    Pattern,
    least_costs,
    search_all,
    split,
    syllables,
)

Sums = npt.NDArray[np.float64]

_INITIALS = {
    initial: name
    for name, group in (
        ("z", "z zh j"), ("c", "c ch q"), ("s", "s sh x"), ("n", "n l r"), ("f", "f h"),
        ("b", "b p"), ("d", "d t"), ("g", "g k"), ("m", "m"), ("y", "y w"),
    )
    for initial in group.split()
}  # fmt: skip
_FINALS = {
    final: name
    for name, group in (
        ("a", "a ia ua"), ("an", "an ang uan uang"), ("ian", "ian iang van"),
        ("en", "en eng un ong iong ing in vn"), ("i", "i v ei ui ie ve"), ("e", "e o uo ou"),
        ("u", "u"), ("ai", "ai uai"), ("ao", "ao iao"), ("iu", "iu"), ("er", "er"),
    )
    for final in group.split()
}  # fmt: skip
# How much of a pattern may sound otherwise, by its number of syllables, to be weighed at all.
_LEAST = {3: 1.0, 4: 0.9, 5: 0.87}
_LEAST_LONG = 0.76
_LEAST_SHIFTED = 0.84  # the same with a syllable too few or too many
_ODD = -0.7  # evidence of a syllable that is something else
_LONG = 8  # syllables from which one may be
_GAP = -4.0  # evidence of a syllable left out or put in
_ROUNDED = 1e-3  # more than sums of the same costs differ in another order
_DENIALS = "不没别无未"  # a syllable more or less must not turn a denial into its opposite


@dataclass(frozen=True)
class Echo:
    """A stretch [start, end) that sounds like spelling `text` of entry `index`."""

    start: int
    end: int
    index: int
    text: str
    evidence: float  # nats


@functools.lru_cache(maxsize=4096)
def coarse(syllable: str) -> str:
    """A class of syllables that are easily heard for one another."""
    initial, final = split(syllable)
    return _INITIALS.get(initial, "") + _FINALS.get(final, final)


@functools.lru_cache(maxsize=65536)
def _coarse_of(piece: str) -> tuple[str, tuple[str, ...]]:
    text = plain(piece)
    return text, tuple(coarse(one) for one in syllables(text))


class SoundIndex:
    """Patterns by their pairs of neighbouring coarse sounds.

    All that a text rules out is ruled out for all patterns at once: its cost hardly grows with
    their number. What is left is weighed together, and only what is near enough searched for.
    """

    def __init__(self, spellings: Iterable[tuple[int, tuple[str, ...]]]) -> None:
        self._patterns: list[tuple[int, str]] = []
        self._coarse: dict[str, int] = {}
        pairs: dict[tuple[int, int], list[int]] = {}
        every: list[list[int]] = []
        spoken: list[Ids] = []
        for index, pieces in spellings:
            text = "".join(_coarse_of(piece)[0] for piece in pieces)
            sounds = [
                self._coarse.setdefault(sound, len(self._coarse))
                for piece in pieces
                for sound in _coarse_of(piece)[1]
            ]
            for pair in set(pairwise(sounds)):
                pairs.setdefault(pair, []).append(len(self._patterns))
            every.append(sorted(set(sounds)))
            spoken.append(_pattern(text).ids)
            self._patterns.append((index, text))
        self._pairs = {pair: np.array(numbers) for pair, numbers in pairs.items()}
        self._sounds, self._syllables = _Rows.of(every), _Rows.of(spoken)
        kinds = self._sounds.sizes
        self._may_miss = (kinds > 3).astype(int) + (kinds > 7)
        self._most = np.array([_most_cost(len(one)) + _ROUNDED for one in spoken])

    def __len__(self) -> int:
        return len(self._patterns)

    def find(self, text: str) -> Iterator[Echo]:
        """Stretches of a normalized text that sound like an entry."""
        names, heard = _listen(text)
        sounds = [self._coarse.get(name, -1) for name in names]
        lists = [self._pairs[pair] for pair in set(pairwise(sounds)) if pair in self._pairs]
        if not lists:
            return
        tried = np.unique(np.concatenate(lists))
        absent = np.ones(len(self._coarse))
        absent[[sound for sound in sounds if sound >= 0]] = 0
        tried = tried[self._sounds.sums(absent, tried) <= self._may_miss[tried]]
        if not len(tried):
            return
        # Each sound must be near enough somewhere in the text, in whatever order.
        nearest = np.minimum(DELETE, ALPHABET.nearest(heard.ids))
        tried = tried[self._syllables.sums(nearest, tried) <= self._most[tried]]
        likely = [self._patterns[number] for number in tried.tolist()]
        if likely:
            costs = least_costs([_pattern(spelling) for _, spelling in likely], heard)
            for (index, spelling), cost in zip(likely, costs):
                if cost <= _most_cost(len(_pattern(spelling))) + _ROUNDED:
                    yield from _matches(index, spelling, heard)


@dataclass(frozen=True)
class _Rows:
    """Rows of numbers of different lengths, none empty, laid end to end."""

    flat: Ids
    starts: Ids
    sizes: Ids

    @classmethod
    def of(cls, rows: Sequence[Sequence[int] | Ids]) -> _Rows:
        sizes = np.array([len(row) for row in rows], dtype=np.int32)
        flat = np.concatenate([*rows, []]).astype(np.int32)
        return cls(flat, (np.cumsum(sizes) - sizes).astype(np.int32), sizes)

    def sums(self, values: npt.NDArray[np.float64], chosen: npt.NDArray[np.int64]) -> Sums:
        """For each chosen row the sum of the values its numbers stand for."""
        if not len(chosen):
            return np.zeros(0)
        sizes = self.sizes[chosen]
        ends = np.cumsum(sizes)
        first = np.repeat(self.starts[chosen] - (ends - sizes), sizes)
        places = first + np.arange(ends[-1])
        found: Sums = np.add.reduceat(values[self.flat[places]], ends - sizes)
        return found


@functools.lru_cache(maxsize=256)
def _listen(text: str) -> tuple[tuple[str, ...], Heard]:
    return tuple(coarse(one) for one in syllables(text)), Heard.of(text)


@functools.lru_cache(maxsize=100_000)
def _pattern(spelling: str) -> Pattern:
    return Pattern.of(spelling)


def _most_cost(size: int) -> float:
    return (1 - _LEAST.get(size, _LEAST_LONG)) * size + 1e-6


def _matches(index: int, spelling: str, heard: Heard) -> Iterator[Echo]:
    pattern = _pattern(spelling)
    size = len(pattern)
    slack = 0 if size < 5 else 1
    for match in search_all(pattern, heard, _most_cost(size)):
        written = heard.text[match.start : match.end]
        shifted = len(written) != size and match.strength < _LEAST_SHIFTED
        if abs(len(written) - size) <= slack and not shifted and _fair(spelling, written):
            yield Echo(match.start, match.end, index, spelling, weight(spelling, written))


def weight(meant: str, written: str) -> float:
    """Evidence in nats that `meant` was said where `written` was heard (confusion.py)."""
    said, heard = syllables(meant), syllables(written)
    row = [_GAP * j for j in range(len(heard) + 1)]
    for one in said:
        new = [row[0] + _GAP]
        for j, other in enumerate(heard, start=1):
            new.append(max(row[j - 1] + evidence(one, other), row[j] + _GAP, new[-1] + _GAP))
        row = new
    return row[-1]


def _fair(meant: str, written: str) -> bool:
    """Denials are not made or lost by mishearing, and no syllable is something quite different."""
    if any(char in written and char not in meant for char in _DENIALS):
        return False
    sounds, others = syllables(meant), syllables(written)
    if any(char in _DENIALS and sound not in others for char, sound in zip(meant, sounds)):
        return False
    if len(sounds) != len(others):
        return True
    odd = sum(evidence(one, other) < _ODD for one, other in zip(sounds, others))
    return odd <= (len(sounds) >= _LONG)
