"""Counts add up, and the intervals are the textbook ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_calls import FINDINGS, call

from qc_speech.cards.tally import (
    Tally,
    add_up,
    mean_interval,
    t_quantile_975,
    tally_of,
    wilson,
)

counts = st.integers(0, 10_000)
tallies = st.builds(
    Tally,
    points=st.integers(-1000, 1000).map(float),
    max_points=counts.map(float),
    passed=counts,
    violated=counts,
    uncertain=counts,
    calls=counts,
)


@given(tallies, tallies, tallies)
def test_tallies_add_in_any_order(a: Tally, b: Tally, c: Tally) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Tally() == a
    assert add_up([a, b, c]).judged == a.judged + b.judged + c.judged


def test_a_call_is_counted_as_its_findings_are() -> None:
    tally = tally_of(call())
    assert (tally.passed, tally.violated, tally.uncertain, tally.calls) == (2, 3, 1, 1)
    assert (tally.points, tally.max_points) == (87.5, 100)
    assert len(FINDINGS) == 2 + 3 + 1 + 1  # one does not apply and is not counted


def test_nothing_judged_has_no_rate() -> None:
    tally = Tally(uncertain=4, calls=4)
    assert tally.violation_rate is None
    assert tally.violation_interval() is None


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        Tally(violated=-1)


# Student's t, two-sided 95 %, from printed tables.
@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [
        (1, 12.706),
        (2, 4.303),
        (3, 3.182),
        (4, 2.776),
        (9, 2.262),
        (10, 2.228),
        (29, 2.045),
        (30, 2.042),
        (60, 2.000),
        (120, 1.980),
        (500, 1.965),
        (501, 1.965),
        (10**6, 1.960),
    ],
)
def test_t_quantile_is_the_printed_one(freedom: int, quantile: float) -> None:
    assert t_quantile_975(freedom) == pytest.approx(quantile, abs=6e-4)


def test_t_quantile_has_no_step_where_the_method_changes() -> None:
    below, above = t_quantile_975(500), t_quantile_975(501)
    assert 0 < below - above < 1e-5


# Wilson 1927 / Newcombe 1998, table I (81/263, 15/148, 0/20, 1/29).
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_the_published_one(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(pair: tuple[int, int]) -> None:
    k, n = pair
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    mirrored = wilson(n - k, n)
    assert (1 - high, 1 - low) == pytest.approx(mirrored)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (3, 2), (-1, 4)])
def test_wilson_refuses_what_is_no_rate(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="no rate"):
        wilson(k, n)


def test_mean_interval_by_hand() -> None:
    found = mean_interval([80, 90, 100])
    assert found is not None and found.half is not None
    assert (found.n, found.mean) == (3, 90)
    assert found.half == pytest.approx(4.3027 * 10 / math.sqrt(3), abs=1e-3)


@pytest.mark.parametrize("values", [[72.5], [90.0, 90.0, 90.0], [0.1] * 10])
def test_no_interval_where_the_values_show_no_spread(values: list[float]) -> None:
    found = mean_interval(values)
    assert found is not None
    assert found.half is None
    assert found.mean == values[0]


def test_no_values_no_mean() -> None:
    assert mean_interval([]) is None
