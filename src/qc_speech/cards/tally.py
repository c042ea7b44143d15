"""Counts that add, and the intervals derived from them. Pure; no mean is ever stored."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qc_speech.model import CallResult, Outcome

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Tally:
    """Points out of max_points, outcomes and calls. Tallies add; rates are derived.

    `passed`, `violated` and `uncertain` count findings in a call's tally and calls in a check's.
    """

    points: float = 0.0
    max_points: float = 0.0
    passed: int = 0
    violated: int = 0
    uncertain: int = 0
    calls: int = 0

    def __post_init__(self) -> None:
        if (
            self.max_points < 0
            or self.passed < 0
            or self.violated < 0
            or self.uncertain < 0
            or self.calls < 0
        ):
            raise ValueError("a tally holds counts, and counts are not negative")

    def __add__(self, other: Tally) -> Tally:
        # Rounded to what a rulebook can give: so sums are exact, in whatever order they are made.
        return Tally(
            round(self.points + other.points, 4),
            round(self.max_points + other.max_points, 4),
            self.passed + other.passed,
            self.violated + other.violated,
            self.uncertain + other.uncertain,
            self.calls + other.calls,
        )

    @property
    def judged(self) -> int:
        """What a rate is taken of: passed and violated, not uncertain."""
        return self.passed + self.violated

    @property
    def violation_rate(self) -> float | None:
        """violated / judged; None where nothing could be judged."""
        return self.violated / self.judged if self.judged else None

    def violation_interval(self) -> tuple[float, float] | None:
        """Wilson 95% interval of the violation rate; None where nothing could be judged."""
        return wilson(self.violated, self.judged) if self.judged else None


def tally_of(result: CallResult) -> Tally:
    """One call: its score out of 100 and its findings by outcome."""
    outcomes = [finding.outcome for finding in result.findings]
    return Tally(
        points=result.score.total,
        max_points=100.0,
        passed=outcomes.count(Outcome.PASS),
        violated=outcomes.count(Outcome.VIOLATION),
        uncertain=outcomes.count(Outcome.UNCERTAIN),
        calls=1,
    )


def add_up(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson score 95% interval of successes / trials, inside 0..1. 0 trials: ValueError."""
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"no rate of {successes} in {trials}")
    share, z2 = successes / trials, _Z95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    # The bound at a share of 0 or 1 is exact in theory; keep rounding from moving it.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


@dataclass(frozen=True)
class MeanInterval:
    """Mean of n values with its 95% half width; None: one value, or all alike."""

    n: int
    mean: float
    half: float | None


def mean_interval(values: Sequence[float]) -> MeanInterval | None:
    """Student t 95% interval of the mean; None for no values.

    No half width for a single value, nor where all are alike: their spread says nothing then.
    """
    n = len(values)
    if n == 0:
        return None
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1) if n > 1 else 0.0
    if max(values) == min(values):
        return MeanInterval(n, values[0], None)
    return MeanInterval(n, mean, t_quantile_975(n - 1) * math.sqrt(variance / n))


@functools.lru_cache(maxsize=4096)
def t_quantile_975(freedom: int) -> float:
    """The 97.5% point of Student's t with a whole number of degrees of freedom (>= 1)."""
    if freedom < 1:
        raise ValueError("needs at least one degree of freedom")
    if freedom > 500:  # the Cornish-Fisher expansion is exact to 1e-9 here
        z, v = _Z95, freedom
        return (
            z
            + (z**3 + z) / (4 * v)
            + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
            + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        )
    low, high = 1.9, 13.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _two_sided(middle, freedom) < 0.95 else (low, middle)
    return (low + high) / 2


def _two_sided(t: float, freedom: int) -> float:
    """P(|T| < t) by the finite series for whole degrees of freedom (Abramowitz & Stegun 26.7.3)."""
    theta = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    return 2 / math.pi * (theta + sine * total) if odd else sine * total
