"""Scores, rates and differences with their 95 % intervals. Pure; each method is named where it is
shown and explained in docs/scorecards.md. No mean of few calls ever stands alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qc_speech.cards.tally import t_quantile_975, wilson

Z95 = 1.959963984540054
# Below so many calls their own spread says too little: where a few of a hundred end at nothing
# (一票否决), twelve calls mostly hold none, and Student's t then covers 80 % and not 95 %.
FEW = 300
_LEAST_AGENTS, _LEAST_SPARE = 5, 30  # what the spread between agents can be told from
_MOST_PULL = 25.0  # the group's mean weighs as much as so many calls at most
_UNIT = 100  # scores have two decimals; sums are kept in whole hundredths


@dataclass(frozen=True)
class Scores:
    """Scores of calls as whole numbers that add exactly: how many, their sum in hundredths, the sum
    of their squares in ten-thousandths."""

    n: int = 0
    hundredths: int = 0
    squares: int = 0

    @classmethod
    def of(cls, totals: Iterable[float]) -> Scores:
        whole = [round(total * _UNIT) for total in totals]
        return cls(len(whole), sum(whole), sum(one * one for one in whole))

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.n + other.n, self.hundredths + other.hundredths, self.squares + other.squares
        )

    def __sub__(self, other: Scores) -> Scores:
        """Without a part of them."""
        return Scores(
            self.n - other.n, self.hundredths - other.hundredths, self.squares - other.squares
        )

    @property
    def total(self) -> float:
        return self.hundredths / _UNIT

    @property
    def mean(self) -> float | None:
        return self.hundredths / self.n / _UNIT if self.n else None

    @property
    def deviations(self) -> float:
        """Sum of squared deviations from the mean, in points squared."""
        if self.n == 0:
            return 0.0
        return (self.n * self.squares - self.hundredths**2) / self.n / _UNIT**2


def add_scores(parts: Iterable[Scores]) -> Scores:
    return sum(parts, Scores())


@dataclass(frozen=True)
class Prior:
    """How scores spread in a group: its mean, the variance of one agent's calls, the variance of
    agents' true means."""

    mean: float
    within: float
    between: float


@dataclass(frozen=True)
class Estimate:
    """A mean score (0..100) with its 95 % interval.

    method: `t` Student's t from the calls' own spread (300 calls or more); `shrunk` empirical
    Bayes: fewer calls, pulled towards the group by how little they say; `bounded` fewer calls and
    no group to compare with, or all alike: Wilson's interval, since the variance of scores between
    0 and 100 with mean m is at most m(100 - m). `plain` is the calls' own mean.
    """

    n: int
    mean: float
    low: float
    high: float
    method: str
    plain: float


def prior_of(agents: Iterable[Scores]) -> Prior | None:
    """Mean and spread of a group from its agents' scores (one-way analysis of variance, method of
    moments). None: too few agents or calls to tell.

    The variance between agents is held at a 25th of that within: no agreement of a few weeks makes
    all agents one.
    """
    groups = [one for one in agents if one.n]
    whole = add_scores(groups)
    k, spare = len(groups), whole.n - len(groups)
    if k < _LEAST_AGENTS or spare < _LEAST_SPARE or whole.mean is None:
        return None
    inside = sum(one.deviations for one in groups)
    within = inside / spare
    if within <= 0:
        return None
    outside = max(0.0, whole.deviations - inside) / (k - 1)
    size = (whole.n - sum(one.n**2 for one in groups) / whole.n) / (k - 1)
    between = max((outside - within) / size, within / _MOST_PULL)
    return Prior(whole.mean, within, between)


def estimate(scores: Scores, prior: Prior | None = None) -> Estimate | None:
    """The mean of calls' scores with its interval; None for no calls."""
    n, mean = scores.n, scores.mean
    if mean is None:
        return None
    variance = scores.deviations / (n - 1) if n > 1 else 0.0
    if n >= FEW and variance > 1e-9:
        half = t_quantile_975(n - 1) * math.sqrt(variance / n)
        return Estimate(n, mean, *_inside(mean - half, mean + half), "t", mean)
    if prior is not None:
        own, group = n / prior.within, 1 / prior.between
        centre = (own * mean + group * prior.mean) / (own + group)
        half = Z95 / math.sqrt(own + group)
        return Estimate(n, centre, *_inside(centre - half, centre + half), "shrunk", mean)
    low, high = _bounded(mean / 100, n)
    return Estimate(n, mean, 100 * low, 100 * high, "bounded", mean)


def _inside(low: float, high: float) -> tuple[float, float]:
    return max(0.0, low), min(100.0, high)


def _bounded(share: float, n: int) -> tuple[float, float]:
    """Wilson's interval for the mean of n values within 0..1."""
    z2 = Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(max(0.0, share * (1 - share)) / n + z2 / (4 * n**2))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


@dataclass(frozen=True)
class Share:
    """count of whole with Wilson's 95 % interval (0..1)."""

    count: int
    whole: int
    value: float
    low: float
    high: float


def share(count: int, whole: int) -> Share | None:
    """None where there is nothing to take a share of."""
    if whole == 0:
        return None
    return Share(count, whole, count / whole, *wilson(count, whole))


@dataclass(frozen=True)
class Rate:
    """Occurrences per unit of exposure (a call, a minute of talk) with a 95 % interval."""

    count: int
    exposure: float
    value: float
    low: float
    high: float


def rate(count: int, exposure: float, dispersion: float = 1.0) -> Rate | None:
    """Byar's approximation of the exact Poisson interval (Breslow and Day 1987, 2.10), widened by
    `dispersion` (>= 1) where occurrences come in clusters. None without exposure."""
    if exposure <= 0:
        return None
    k = count / max(1.0, dispersion)
    low = 0.0 if count == 0 else k * (1 - 1 / (9 * k) - Z95 / (3 * math.sqrt(k))) ** 3
    high = (k + 1) * (1 - 1 / (9 * (k + 1)) + Z95 / (3 * math.sqrt(k + 1))) ** 3
    scale = max(1.0, dispersion) / exposure
    return Rate(count, exposure, count / exposure, max(0.0, low) * scale, high * scale)


def dispersion(total: int, squares: int, calls: int) -> float:
    """Variance over mean of the occurrences per call (index of dispersion), at least 1. `total`
    occurrences, `squares`: the sum of their squared numbers in each call."""
    if calls < 2 or total == 0:
        return 1.0
    mean = total / calls
    return max(1.0, (squares - calls * mean * mean) / (calls - 1) / mean)


@dataclass(frozen=True)
class Difference:
    """A difference of means with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """The interval holds no zero."""
        return self.low > 0 or self.high < 0


def difference(first: Scores, second: Scores) -> Difference | None:
    """second - first by Welch's t interval; None where either has fewer than two calls or neither
    any spread."""
    if first.n < 2 or second.n < 2 or first.mean is None or second.mean is None:
        return None
    a = first.deviations / (first.n - 1) / first.n
    b = second.deviations / (second.n - 1) / second.n
    if a + b <= 0:
        return None
    freedom = (a + b) ** 2 / (a**2 / (first.n - 1) + b**2 / (second.n - 1))
    half = t_quantile_975(max(1, math.floor(freedom))) * math.sqrt(a + b)
    value = second.mean - first.mean
    return Difference(value, value - half, value + half)


def share_difference(first: Share, second: Share) -> Difference:
    """second - first by Newcombe's hybrid score interval (1998, method 10)."""
    value = second.value - first.value
    low = value - math.hypot(second.value - second.low, first.high - first.value)
    high = value + math.hypot(second.high - second.value, first.value - first.low)
    return Difference(value, low, high)


def chance(first: Share, second: Share) -> float:
    """How often two samples of one and the same rate differ so much: chi-squared of the 2x2 table
    with Yates' correction, two-sided."""
    n = first.whole + second.whole
    hits, rest = first.count + second.count, n - first.count - second.count
    if not hits or not rest:
        return 1.0
    apart = abs(first.count * second.whole - second.count * first.whole)
    squared = n * max(0.0, apart - n / 2) ** 2 / (first.whole * second.whole * hits * rest)
    return math.erfc(math.sqrt(squared / 2))


def discoveries(chances: Sequence[float], most_false: float = 0.05) -> tuple[bool, ...]:
    """Which of many findings hold when the share of false ones among them shall be at most
    `most_false` (Benjamini and Hochberg 1995)."""
    order = sorted(range(len(chances)), key=lambda n: chances[n])
    held = 0
    for place, n in enumerate(order, 1):
        if chances[n] <= most_false * place / len(chances):
            held = place
    sure = set(order[:held])
    return tuple(n in sure for n in range(len(chances)))
