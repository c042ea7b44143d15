"""Places in a ranking, only where intervals allow them: else a range of places."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from qc_speech.cards.statistics import Estimate


@dataclass(frozen=True)
class Place:
    """The best and the worst place that the intervals leave open (1 is first), and of how many.
    first == last: the place is sure."""

    first: int
    last: int
    of: int


def places(estimates: Sequence[Estimate | None]) -> tuple[Place | None, ...]:
    """The places of each, in the order given. One is behind another only if its whole interval lies
    below the other's (Goldstein and Healy 1995; with 95 % intervals the test is a strict one).
    None: no calls, no place."""
    there = [one for one in estimates if one is not None]
    lows, highs = sorted(one.low for one in there), sorted(one.high for one in there)
    found: list[Place | None] = []
    for one in estimates:
        if one is None:
            found.append(None)
            continue
        ahead = len(there) - bisect_right(lows, one.high)
        behind = bisect_left(highs, one.low)
        found.append(Place(ahead + 1, len(there) - behind, len(there)))
    return tuple(found)
