"""Comparison on like calls: same scenario, same queue, same quality of the line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from qc_speech.cards.statistics import Difference, Scores, add_scores
from qc_speech.cards.tally import t_quantile_975

_LEAST = 20  # like calls on either side; of fewer no mean is shown: it would say little of anybody
Stratum = tuple[str | None, str | None, str | None]  # scenario, queue, quality of the line


@dataclass(frozen=True)
class Comparison:
    """`own` and `reference`: mean scores of like calls, the reference's weighted as the agent's own
    calls are (direct standardization); None: fewer than 20 like calls on either side.

    against: team | queue | site | past. `calls`: all own calls, `like`: those with like calls in
    the reference, which has `reference_calls` of them.
    """

    against: str
    calls: int
    like: int
    reference_calls: int
    own: float | None = None
    reference: float | None = None
    difference: Difference | None = None  # own - reference


def compare(
    against: str, own: Mapping[Stratum, Scores], reference: Mapping[Stratum, Scores]
) -> Comparison:
    """Own calls against a reference (which must not hold them), stratum by stratum. The interval is
    Student's t with the variance pooled within strata; none where that cannot be told."""
    calls = add_scores(own.values()).n
    common = [key for key in own if own[key].n and key in reference and reference[key].n]
    mine, theirs = [own[key] for key in common], [reference[key] for key in common]
    like, there = add_scores(mine).n, add_scores(theirs).n
    if like < _LEAST or there < _LEAST:
        return Comparison(against, calls, like, there)
    level = sum(one.n / like * one.hundredths / one.n / 100 for one in mine)
    level_there = sum(a.n / like * b.hundredths / b.n / 100 for a, b in zip(mine, theirs))
    freedom = like + there - 2 * len(common)
    spread = sum(one.deviations for one in (*mine, *theirs))
    step: Difference | None = None
    if freedom >= 1 and spread > 0:
        weight = sum((a.n / like) ** 2 * (1 / a.n + 1 / b.n) for a, b in zip(mine, theirs))
        half = t_quantile_975(freedom) * math.sqrt(spread / freedom * weight)
        value = level - level_there
        step = Difference(value, value - half, value + half)
    return Comparison(against, calls, like, there, level, level_there, step)
