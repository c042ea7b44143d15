"""Dialect phrases found by ear: a recognizer of Mandarin writes their homophones.

A phrase (a dialect word with the words around it) is laid over the toneless syllables of a text at
every place, and each syllable costs what it differs by ear. A Mandarin twin (unless) that fits the
same place as well takes the hit away: what can be Mandarin is Mandarin.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import ALPHABET, Floats, Ids, syllables

if TYPE_CHECKING:
    from qc_speech.measures.lexicon import DialectWord

_PART = re.compile(r"\(([^()]*)\)(\??)|(.)(\??)")
_WALL = "|"  # between texts, and what `$` matches
_WORD_WEIGHT = 3.0  # a mismatch in the word itself; one beside it weighs half
_ALL, _SAME = 100.0, 0.6
_LEAST = 1.6  # syllables' worth of agreement; below this it is chance


@dataclass(frozen=True)
class EarHit:
    """A phrase heard at [start, end) of a text. `worth`: how many syllables agree, less what does
    not; `exact`: the very characters are written."""

    word: DialectWord
    start: int
    end: int
    worth: float
    exact: bool


@dataclass(frozen=True)
class _Variant:
    word: DialectWord
    text: str
    rows: Ids  # of the distinct syllables, one per position
    weights: Floats
    twins: tuple[tuple[int, Ids], ...]  # (first position, rows) of what may stand there instead


def variants(phrase: str) -> tuple[str, ...]:
    """All wordings of a phrase: `(a|b)` one of them, `x?` and `(a)?` may be left out."""
    choices = []
    for group, may_lack, char, may_lack_char in _PART.findall(phrase):
        options = group.split("|") if group else [char]
        choices.append([*options, ""] if may_lack or may_lack_char else options)
    return tuple("".join(parts) for parts in itertools.product(*choices))


class Ear:
    """All phrases of some words, made ready for searching."""

    def __init__(self, words: Iterable[DialectWord]) -> None:
        self._names: dict[str, int] = {}
        self._variants: list[_Variant] = []
        for word in words:
            twins = tuple(normalize(twin) for twin in word.unless)
            for text in word.phrases():
                self._variants.append(self._variant(word, text, twins))
        self._syllables = ALPHABET.ids(list(self._names))

    def _variant(self, word: DialectWord, text: str, twins: Sequence[str]) -> _Variant:
        plain = normalize(text.rstrip("$"))
        names = [*syllables(plain), *([_WALL] if text.endswith("$") else [])]
        core = normalize(word.word)
        first = plain.find(core)
        weights = np.full(len(names), _WORD_WEIGHT / 2)
        weights[list(_positions(core, plain))] = _WORD_WEIGHT
        laid = tuple((first, self._rows(syllables(twin))) for twin in twins if first >= 0)
        return _Variant(word, plain, self._rows(names), weights.astype(np.float32), laid)

    def _rows(self, names: Sequence[str]) -> Ids:
        return np.array(
            [self._names.setdefault(name, len(self._names)) for name in names], dtype=np.int32
        )

    def search(self, texts: Sequence[str]) -> tuple[tuple[EarHit, ...], ...]:
        """For each normalized text the phrases heard in it, the best first, none over another."""
        names: list[str] = [_WALL]
        starts = []
        for text in texts:
            starts.append(len(names))
            names.extend([*syllables(text), _WALL])
        ids = ALPHABET.ids(names)
        costs = ALPHABET.rows(self._syllables)[:, ids]
        found: list[list[EarHit]] = [[] for _ in texts]
        owner = np.searchsorted(starts, np.arange(len(names)), side="right") - 1
        for variant in self._variants:
            for at, worth in _places(variant, costs):
                index = int(owner[at])
                if index < 0:
                    continue
                start = at - starts[index]
                end = start + len(variant.text)
                exact = texts[index][start:end] == variant.text
                if not exact:
                    worth -= max((_twin(variant, costs, at, t) for t in variant.twins), default=0.0)
                if exact or worth >= _LEAST:
                    found[index].append(EarHit(variant.word, start, end, round(worth, 2), exact))
        return tuple(_apart(hits) for hits in found)


def _positions(word: str, phrase: str) -> Iterator[int]:
    """Where a word's characters stand in a phrase, which may hold others between them."""
    reached = max(0, phrase.find(word))
    for char in word:
        at = phrase.find(char, reached)
        if at >= 0:
            yield at
            reached = at + 1


def _places(variant: _Variant, costs: Floats) -> list[tuple[int, float]]:
    """(place, worth) wherever the phrase agrees well enough."""
    size, length = len(variant.rows), costs.shape[1]
    if length < size:
        return []
    span = length - size + 1
    total = np.zeros(span, dtype=np.float32)
    for i, (row, weight) in enumerate(zip(variant.rows, variant.weights)):
        total += weight * costs[row, i : i + span]
    worth = size - total
    return [(int(at), round(float(worth[at]), 2)) for at in np.flatnonzero(worth >= _LEAST)]


def _twin(variant: _Variant, costs: Floats, at: int, twin: tuple[int, Ids]) -> float:
    """What a twin takes away: all where it fits better than the word, something where the two
    sound the same."""
    first, rows = twin
    where = at + first + np.arange(len(rows))
    if where[-1] >= costs.shape[1]:
        return 0.0
    mine = variant.rows[first : first + len(rows)]
    better = float(costs[mine, where[: len(mine)]].sum() - costs[rows, where].sum())
    if better > 0:
        return _ALL
    return _SAME if better == 0 else 0.0


def _apart(hits: Sequence[EarHit]) -> tuple[EarHit, ...]:
    """The best hits that do not overlap: strong words before weak, written before heard."""
    kept: list[EarHit] = []
    for hit in sorted(hits, key=lambda h: (not h.word.strong, not h.exact, -h.worth, h.start)):
        if not any(hit.start < other.end and other.start < hit.end for other in kept):
            kept.append(hit)
    return tuple(kept)
