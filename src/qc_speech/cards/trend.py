"""A score over time, and the days on which it changed its level."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from qc_speech.cards.period import Period
from qc_speech.cards.statistics import (
    Difference,
    Estimate,
    Prior,
    Scores,
    add_scores,
    difference,
    estimate,
)

_LEAST_CALLS = 5  # on each side of a change
# A change must lower the cost by so much more for each bucket there is to choose from. Found by
# simulation: with no change in truth, one is seen in fewer than 5 of 100 trends of 5 to 60 buckets.
_PENALTY = 5.0


@dataclass(frozen=True)
class Bucket:
    """A day, week or month of a trend; `score` None: no call in it."""

    period: Period
    scores: Scores
    score: Estimate | None


@dataclass(frozen=True)
class ChangePoint:
    """From the day `at` on the score has another level: mean before, mean after, difference."""

    at: date
    before: float
    after: float
    difference: Difference


@dataclass(frozen=True)
class Trend:
    grain: str
    buckets: tuple[Bucket, ...]
    changes: tuple[ChangePoint, ...]


def trend(period: Period, days: Mapping[date, Scores], prior: Prior | None = None) -> Trend:
    """The trend of the calls of these days (others are left out)."""
    buckets = []
    for part in period.buckets():
        scores = add_scores(one for day, one in days.items() if day in part)
        buckets.append(Bucket(part, scores, estimate(scores, prior)))
    return Trend(period.grain, tuple(buckets), _changes(buckets))


def _changes(buckets: Sequence[Bucket]) -> tuple[ChangePoint, ...]:
    filled = [one for one in buckets if one.scores.n]
    starts = (0, *change_points([one.scores for one in filled]), len(filled))
    levels = [
        add_scores(one.scores for one in filled[start:end]) for start, end in pairwise(starts)
    ]
    found = []
    for place, before, after in zip(starts[1:], levels, levels[1:]):
        step = difference(before, after)
        if step is not None and before.mean is not None and after.mean is not None:
            at = filled[place].period.first
            found.append(ChangePoint(at, before.mean, after.mean, step))
    return tuple(found)


def change_points(buckets: Sequence[Scores]) -> tuple[int, ...]:
    """Where a new level begins in buckets in order of time (each holds a call at least).

    Optimal partitioning (Jackson et al. 2005): levels are chosen that cost least, the cost being
    the squared deviations in units of a call's variance and a penalty for each change. The variance
    is that of single calls or, where days differ more than their calls explain, that between
    neighbouring buckets.
    """
    count = len(buckets)
    whole = add_scores(buckets)
    noise = _noise(buckets)
    if count < 2 or whole.n < 2 * _LEAST_CALLS or noise <= 0:
        return ()
    penalty = _PENALTY + 3 * math.log(count)
    sums = [Scores()]
    for one in buckets:
        sums.append(sums[-1] + one)
    best, came = [-penalty] + [math.inf] * count, [0] * (count + 1)
    for end in range(1, count + 1):
        for start in range(end):
            part = sums[end] - sums[start]
            if part.n < _LEAST_CALLS:
                continue
            # Between buckets only: what calls of one bucket differ by is noise in any case.
            mean = part.hundredths / part.n
            cost = sum(
                one.n * (one.hundredths / one.n - mean) ** 2 for one in buckets[start:end]
            ) / (1e4 * noise)
            if best[start] + cost + penalty < best[end]:
                best[end], came[end] = best[start] + cost + penalty, start
    found, end = [], count
    while end > 0 and math.isfinite(best[end]):
        end = came[end]
        if end > 0:
            found.append(end)
    return tuple(reversed(found))


def _noise(buckets: Sequence[Scores]) -> float:
    """The variance of one call about its level, in points squared."""
    spare = sum(one.n - 1 for one in buckets)
    within = sum(one.deviations for one in buckets) / spare if spare > 0 else 0.0
    steps = [
        (b.hundredths / b.n - a.hundredths / a.n) ** 2 / 1e4 / (1 / a.n + 1 / b.n)
        for a, b in pairwise(buckets)
    ]
    # The median of a squared normal is 0.455 of its mean; a few true steps do not move it.
    middle = sorted(steps)[len(steps) // 2] / 0.455 if steps else 0.0
    return max(within, middle if len(steps) >= 4 else 0.0)
