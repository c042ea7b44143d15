"""Calls drawn at random for people (随机抽查): how many, how many of each agent, and which. Pure.

The draw is stratified by agent: everybody is heard, and the rest goes by the number of calls. With
the seed it can be done again by anybody; without it nobody can tell which calls will be heard.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from qc_speech.cards.statistics import Z95, Share, chance

H = TypeVar("H", bound=Hashable)
_DRIFT = 0.01  # how seldom chance alone may warn


def size_for(margin: float, population: int, expected: float = 0.5) -> int:
    """How many of `population` calls to hear so that a share (a precision, a violation rate) is
    known to +- `margin` with 95 % confidence: Cochran's formula with the correction for a finite
    population. `expected`: the share as far as it is known; 0.5 is the most cautious."""
    if not 0 < margin < 1 or not 0 <= expected <= 1:
        raise ValueError(
            f"no margin of error: {margin} about {expected}; give shares between 0 and 1"
        )
    if population <= 0:
        return 0
    endless = Z95**2 * expected * (1 - expected) / margin**2
    return min(population, max(1, math.ceil(endless / (1 + (endless - 1) / population))))


def allot(sizes: Mapping[H, int], total: int, least: int = 1) -> dict[H, int]:
    """How many calls to draw of each stratum: `least` of every one (all it has, if fewer), the rest
    of `total` in proportion to its further calls, by largest remainders. More than `total` only
    where the least of all is more."""
    given = {key: min(size, least) for key, size in sizes.items()}
    spare = {key: sizes[key] - given[key] for key in sizes}
    rest, room = max(0, total - sum(given.values())), sum(spare.values())
    rest = min(rest, room)
    if rest == 0:
        return given
    exact = {key: rest * spare[key] / room for key in sizes}
    for key in sizes:
        given[key] += int(exact[key])
    left = rest - sum(int(one) for one in exact.values())
    by_remainder = sorted(sizes, key=lambda key: (int(exact[key]) - exact[key], repr(key)))
    for key in by_remainder[:left]:
        given[key] += 1
    return given


def draw(
    calls: Iterable[tuple[str, H]], wanted: Mapping[H, int], seed: str
) -> dict[H, tuple[str, ...]]:
    """The calls drawn of each stratum, from (call_id, stratum). A call's place in the draw rests on
    the seed and its id alone: calls that come in later change nothing of the others' order."""
    strata: dict[H, list[tuple[str, str]]] = {}
    for call_id, stratum in calls:
        order = hashlib.sha256(f"{seed}\n{call_id}".encode()).hexdigest()
        strata.setdefault(stratum, []).append((order, call_id))
    return {
        stratum: tuple(call_id for _, call_id in heapq.nsmallest(wanted.get(stratum, 0), own))
        for stratum, own in strata.items()
    }


@dataclass(frozen=True)
class Stratum:
    """What was heard of one stratum: `calls` it has, `drawn` of them heard, and of those `hits` of
    `whole` (say, violations that stood of those that were charged)."""

    calls: int
    drawn: int
    hits: int
    whole: int


@dataclass(frozen=True)
class Estimated:
    """A share of all calls, estimated from a stratified draw, with its 95 % interval."""

    value: float
    low: float
    high: float
    heard: int


def estimated(strata: Iterable[Stratum]) -> Estimated | None:
    """The share hits / whole over all calls: each stratum counts by its calls for each one drawn
    (Horvitz and Thompson), the interval is Wilson's for the effective size (Kish). None: nothing
    to take a share of."""
    known = [(one.calls / one.drawn, one) for one in strata if one.drawn and one.whole]
    weight = sum(w * one.whole for w, one in known)
    if not known or weight <= 0:
        return None
    share = sum(w * one.hits for w, one in known) / weight
    size = weight**2 / sum(w * w * one.whole for w, one in known)
    z2 = Z95**2
    centre = (share + z2 / (2 * size)) / (1 + z2 / size)
    spread = max(0.0, share * (1 - share)) / size + z2 / (4 * size**2)
    half = Z95 / (1 + z2 / size) * math.sqrt(spread)
    low, high = max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
    return Estimated(share, low, high, sum(one.whole for _, one in known))


def drifts(before: Share, now: Share) -> bool:
    """A precision or recall that is another than it was, by more than one time in a hundred chance
    explains: the machine, the line or the calls have changed, and somebody must look."""
    return chance(before, now) < _DRIFT
