"""Intervals of scores and rates: the published ones, and honest where calls are few."""

from __future__ import annotations

import itertools
import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.cards.likeness import compare
from qc_speech.cards.period import Period
from qc_speech.cards.ranking import Place, places
from qc_speech.cards.statistics import (
    Estimate,
    Prior,
    Scores,
    add_scores,
    chance,
    difference,
    discoveries,
    dispersion,
    estimate,
    prior_of,
    rate,
    share,
    share_difference,
)
from qc_speech.cards.trend import change_points, trend

totals = st.lists(st.integers(0, 10_000).map(lambda n: n / 100), max_size=40)


@given(totals, totals, totals)
def test_scores_add_exactly_in_any_order(a: list[float], b: list[float], c: list[float]) -> None:
    x, y, z = Scores.of(a), Scores.of(b), Scores.of(c)
    assert (x + y) + z == x + (y + z) == Scores.of([*c, *a, *b])
    assert (x + y) - y == x


@given(totals)
def test_an_interval_holds_its_estimate_and_stays_within_0_and_100(values: list[float]) -> None:
    for prior in (None, Prior(80.0, 200.0, 30.0)):
        found = estimate(Scores.of(values), prior)
        if not values:
            assert found is None
            continue
        assert found is not None
        assert 0 <= found.low <= found.mean + 1e-9
        assert found.mean - 1e-9 <= found.high <= 100
        assert found.plain == pytest.approx(sum(values) / len(values))


def test_few_calls_never_give_a_narrow_interval() -> None:
    one = estimate(Scores.of([100.0]))
    assert one is not None and one.method == "bounded"
    assert one.low == pytest.approx(20.65, abs=0.01)  # Wilson, 1 of 1
    alike = estimate(Scores.of([100.0] * 30))
    assert alike is not None and alike.method == "bounded" and 80 < alike.low < 95


def test_few_calls_are_pulled_to_the_group_the_more_the_fewer_they_are() -> None:
    prior = Prior(90.0, 100.0, 25.0)
    one, nine = (estimate(Scores.of([50.0] * n), prior) for n in (1, 9))
    assert one is not None and nine is not None and one.method == nine.method == "shrunk"
    assert one.mean == pytest.approx((50 / 100 + 90 / 25) / (1 / 100 + 1 / 25))
    assert 50 < nine.mean < one.mean < 90
    assert nine.high - nine.low < one.high - one.low


def test_many_calls_with_a_spread_have_students_t() -> None:
    found = estimate(Scores.of([80.0, 90.0] * 200))
    assert found is not None and found.method == "t"
    assert found.high - found.mean == pytest.approx(1.96593 * (10_000 / 399 / 400) ** 0.5, abs=1e-4)


def test_the_spread_of_a_group_by_hand() -> None:
    agents = [Scores.of([m - 5.0, m + 5.0] * 10) for m in (70, 75, 80, 85, 90)]
    found = prior_of(agents)
    assert found is not None and found.mean == 80
    assert found.within == pytest.approx(2500 / 95)
    assert found.between == pytest.approx((250 * 20 / 4 - 2500 / 95) / 20)
    assert prior_of(agents[:4]) is None
    assert prior_of([Scores.of([90.0] * 20)] * 6) is None


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Skewed scores as calls have them: many full marks, some deductions, a few at nothing."""
    rng = random.Random(7)

    def draw(level: float) -> float:
        kind = rng.random()
        return (
            0.0 if kind < 0.03 else max(0.0, min(100.0, level - rng.choice([0, 0, 3, 5, 10, 20])))
        )

    for size, alone in itertools.product((1, 4, 12, 60, 400), (False, True)):
        hits = 0
        for _ in range(150):
            levels = [rng.gauss(92, 3) for _ in range(12)]
            group = [Scores.of(draw(one) for _ in range(40)) for one in levels]
            mine = rng.gauss(92, 3)
            truth = 0.97 * sum(min(100.0, mine - d) for d in (0, 0, 3, 5, 10, 20)) / 6
            found = estimate(
                Scores.of(draw(mine) for _ in range(size)), None if alone else prior_of(group)
            )
            assert found is not None
            hits += found.low <= truth <= found.high
        assert hits / 150 > 0.9, (size, alone, hits / 150)


# Garwood's exact intervals (1936) for 0, 1, 3, 10, 100 occurrences.
@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0, 3.689),
        (1, 0.0253, 5.572),
        (3, 0.619, 8.767),
        (10, 4.795, 18.39),
        (100, 81.36, 121.63),
    ],
)
def test_a_rate_is_near_the_exact_poisson_interval(count: int, low: float, high: float) -> None:
    found = rate(count, 1.0)
    assert found is not None
    assert found.low == pytest.approx(low, rel=0.03, abs=0.015)
    assert found.high == pytest.approx(high, rel=0.02)


def test_rates_of_clusters_are_wider() -> None:
    assert dispersion(4, 4, 40) == 1.0
    clustered = dispersion(10, 100, 40)
    assert clustered == pytest.approx(10.0, rel=0.03)
    plain, wide = rate(10, 40.0), rate(10, 40.0, clustered)
    assert plain is not None and wide is not None
    assert plain.value == wide.value == 0.25
    assert wide.low < plain.low and plain.high < wide.high
    assert rate(3, 0.0) is None


def test_newcombes_difference_is_the_published_one() -> None:
    first, second = share(48, 80), share(56, 70)  # Newcombe 1998, table II (a), method 10
    assert first is not None and second is not None
    found = share_difference(first, second)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert found.sure


def test_chance_is_the_one_of_the_tables() -> None:
    first, second = share(10, 40), share(20, 40)
    assert first is not None and second is not None
    assert chance(first, second) == pytest.approx(0.0377, abs=5e-4)  # chi2 with Yates: 4.32
    nothing = share(0, 40)
    assert nothing is not None and chance(nothing, nothing) == 1.0


def test_of_many_differences_only_those_are_sure_that_outdo_chance() -> None:
    assert discoveries([0.04, 0.5, 0.9, 0.001]) == (False, False, False, True)
    assert discoveries([0.01, 0.02, 0.03]) == (True, True, True)
    assert discoveries([]) == ()


def test_welchs_difference() -> None:
    found = difference(Scores.of([80.0, 90.0] * 10), Scores.of([60.0, 70.0] * 10))
    assert found is not None and found.value == -20 and found.sure
    assert difference(Scores.of([1.0]), Scores.of([1.0, 2.0])) is None


def test_like_is_compared_with_like() -> None:
    easy, hard = ("switchboard", None, "good"), ("complaint", None, "poor")
    own = {hard: Scores.of([80.0, 84.0] * 10)}
    others = {easy: Scores.of([100.0, 98.0] * 50), hard: Scores.of([70.0, 74.0] * 10)}
    found = compare("team", own, others)
    assert (found.calls, found.like, found.reference_calls) == (20, 20, 20)
    assert (found.own, found.reference) == (82, 72)
    assert found.difference is not None and found.difference.sure
    alone = compare("team", {easy: Scores.of([90.0])}, {hard: Scores.of([70.0])})
    assert alone.like == 0 and alone.difference is None
    few = compare("team", {easy: Scores.of([0.0])}, others)
    assert few.like == 1 and few.own is None and few.difference is None


def test_places_only_where_intervals_allow_them() -> None:
    def one(low: float, high: float) -> Estimate:
        return Estimate(20, (low + high) / 2, low, high, "t", (low + high) / 2)

    found = places([one(90, 95), one(88, 92), None, one(60, 70), one(65, 75)])
    assert found == (Place(1, 2, 4), Place(1, 2, 4), None, Place(3, 4, 4), Place(3, 4, 4))
    assert places([one(80, 100)]) == (Place(1, 1, 1),)


def days_of(levels: list[float], calls: int = 20) -> list[Scores]:
    rng = random.Random(3)
    return [Scores.of(round(rng.gauss(level, 6), 2) for _ in range(calls)) for level in levels]


def test_a_change_of_level_is_found_on_its_day() -> None:
    assert change_points(days_of([90.0] * 10 + [80.0] * 10)) == (10,)
    assert change_points(days_of([90.0] * 8 + [80.0] * 8 + [92.0] * 8)) == (8, 16)


def test_what_is_no_change_is_seldom_seen_as_one() -> None:
    rng = random.Random(11)
    false = 0
    for _ in range(200):
        days = [
            Scores.of(
                max(0, 100 - rng.choice([0, 0, 3, 5, 8, 20])) for _ in range(rng.randint(1, 20))
            )
            for _ in range(22)
        ]
        false += bool(change_points(days))
    assert false <= 14
    assert change_points([]) == change_points(days_of([90.0])) == ()


def test_days_that_differ_of_themselves_are_no_changes() -> None:
    rng = random.Random(5)
    assert change_points(days_of([90 + rng.gauss(0, 4) for _ in range(30)], calls=200)) == ()


def test_a_trend_has_every_bucket_and_both_levels_of_a_change() -> None:
    period = Period(date(2026, 3, 1), date(2026, 3, 20))
    levels = days_of([90.0] * 10 + [80.0] * 10)
    days = {date(2026, 3, n + 1): one for n, one in enumerate(levels) if n != 4}
    found = trend(period, days)
    assert (found.grain, len(found.buckets)) == ("day", 20)
    assert found.buckets[4].score is None
    (change,) = found.changes
    assert change.at == date(2026, 3, 11)
    assert change.difference.sure and change.difference.value == pytest.approx(-10, abs=2)
    assert add_scores(one.scores for one in found.buckets) == add_scores(days.values())


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 900))
def test_buckets_cover_a_period_without_gap(first: date, days: int) -> None:
    period = Period(first, date.fromordinal(first.toordinal() + days))
    parts = period.buckets()
    assert parts[0].first == period.first and parts[-1].last == period.last
    assert sum(part.days for part in parts) == period.days
    assert len(parts) <= 62


def test_periods() -> None:
    week = Period.week_of(date(2026, 3, 5))
    assert (week.kind, week.label) == ("week", "2026-W10")
    assert week.before() == Period(date(2026, 2, 23), date(2026, 3, 1))
    month = Period.month_of(date(2026, 3, 31))
    assert (month.kind, month.label, month.days) == ("month", "2026-03", 31)
    assert month.before() == Period.month_of(date(2026, 2, 1))
    assert Period(date(2026, 3, 1), date(2026, 3, 3)).kind == "range"
    with pytest.raises(ValueError, match="ends before"):
        Period(date(2026, 3, 2), date(2026, 3, 1))
