"""How much likelier a syllable is heard when a given one was said than by chance.

The table beside this file is counted on labelled calls (benchmarks/confusions.py) and smoothed with
the phonetic prior of phonetic.py: initials and finals are taken as independent, as in weighted
finite-state confusion models (Ristad & Yianilos 1998, learning string-edit distance).
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qc_speech.text.phonetic import final_cost, initial_cost, split

_TABLE = Path(__file__).with_name("confusions.json")
_PRIOR_WEIGHT = 40.0  # the prior counts as much as so many syllables heard
_SHARPNESS = 0.1  # of the prior: a cost of 0.1 makes a confusion e times rarer
_CHANCE = 0.06  # that what is written has nothing to do with what was said
_MOST, _MOST_CONFUSED, _LEAST_SAME, _LETTER = 5.5, 3.5, 2.5, 4.0
_RARE = 400.0  # weight of initial and final apart in how often a syllable is heard

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Confusions:
    """Counts of what was heard for what was said. Shares are of all syllables said."""

    same: float
    left_out: float
    put_in: float
    initials: Counts
    finals: Counts
    background: Mapping[str, int]


@functools.lru_cache(maxsize=1)
def learned() -> Confusions:
    """The table that ships with the program."""
    raw = json.loads(_TABLE.read_text(encoding="utf-8"))
    total = max(1, raw["syllables"])
    return Confusions(
        raw["same"] / total, raw["left_out"] / total, raw["put_in"] / total,
        raw["initials"], raw["finals"], raw["background"],
    )  # fmt: skip


@functools.lru_cache(maxsize=200_000)
def evidence(said: str, heard: str) -> float:
    """Natural log of P(heard | said) / P(heard): about 5 for the same syllable, 1 to 3 for one that
    is easily confused, below -2 for something quite different."""
    if said == heard:
        if len(said) == 1:
            return _LETTER
        return max(_LEAST_SAME, min(_MOST, math.log(learned().same / _background(heard))))
    if not (said.isascii() and heard.isascii()) or len(said) == 1 or len(heard) == 1:
        return math.log(_CHANCE)
    one, other = split(said), split(heard)
    conditional = _initial(one[0], other[0]) * _final(one[1], other[1])
    ratio = _CHANCE + (1 - _CHANCE) * conditional / _background(heard)
    return min(_MOST_CONFUSED, math.log(ratio))


@functools.lru_cache(maxsize=4096)
def _background(syllable: str) -> float:
    """How often a syllable is heard at all, backed off to its initial and final."""
    counts = learned().background
    total = sum(counts.values())
    initial, final = split(syllable)
    apart = _heard(learned().initials, initial) * _heard(learned().finals, final)
    return (counts.get(syllable, 0) + _RARE * apart) / (total + _RARE)


def _heard(counts: Counts, name: str) -> float:
    total = sum(sum(row.values()) for row in counts.values())
    return (sum(row.get(name, 0) for row in counts.values()) + 1) / (total + 60)


@functools.lru_cache(maxsize=4096)
def _initial(said: str, heard: str) -> float:
    return _conditional(said, heard, learned().initials, initial_cost)


@functools.lru_cache(maxsize=8192)
def _final(said: str, heard: str) -> float:
    return _conditional(said, heard, learned().finals, final_cost)


def _conditional(said: str, heard: str, counts: Counts, cost: Callable[[str, str], float]) -> float:
    """P(heard | said) for an initial or a final: counts, smoothed with the phonetic prior."""
    everything = {name for row in counts.values() for name in row} | set(counts) | {said, heard}
    prior = {name: math.exp(-cost(said, name) / _SHARPNESS) for name in everything}
    row = counts.get(said, {})
    number = row.get(heard, 0) + _PRIOR_WEIGHT * prior[heard] / sum(prior.values())
    return number / (sum(row.values()) + _PRIOR_WEIGHT)
