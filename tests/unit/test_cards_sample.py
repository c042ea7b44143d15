"""Draws for people: large enough, fair to every agent, the same again with the same seed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.cards.sample import Stratum, allot, draw, drifts, estimated, size_for
from qc_speech.cards.statistics import share


@pytest.mark.parametrize(
    ("margin", "population", "size"),
    [(0.05, 10**9, 385), (0.05, 1000, 278), (0.1, 10**9, 97), (0.03, 5000, 880), (0.05, 1, 1)],
)
def test_the_size_of_a_sample_is_cochrans(margin: float, population: int, size: int) -> None:
    assert size_for(margin, population) == size


def test_no_calls_no_sample_and_no_nonsense() -> None:
    assert size_for(0.05, 0) == 0
    with pytest.raises(ValueError, match="margin"):
        size_for(0, 10)


sizes = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 500), max_size=12)


@given(sizes, st.integers(0, 400), st.integers(0, 5))
def test_everybody_is_heard_and_the_total_is_kept(
    calls: dict[str, int], total: int, least: int
) -> None:
    given_ = allot(calls, total, least)
    assert set(given_) == set(calls)
    floor = {key: min(size, least) for key, size in calls.items()}
    assert all(floor[key] <= given_[key] <= calls[key] for key in calls)
    wanted = max(sum(floor.values()), min(total, sum(calls.values())))
    assert sum(given_.values()) == wanted


def test_who_has_more_calls_is_heard_more_often() -> None:
    assert allot({"a": 100, "b": 300, "c": 1, "d": 0}, 43, 1) == {"a": 11, "b": 31, "c": 1, "d": 0}


def test_a_draw_can_be_done_again_and_later_calls_do_not_reorder_it() -> None:
    calls = [(f"c{n}", "a" if n % 3 else "b") for n in range(90)]
    first = draw(calls, {"a": 5, "b": 2}, "seed")
    assert {key: len(own) for key, own in first.items()} == {"a": 5, "b": 2}
    assert draw(reversed(calls), {"a": 5, "b": 2}, "seed") == first
    assert draw(calls, {"a": 5, "b": 2}, "another") != first
    assert draw(calls, {"a": 9, "b": 2}, "seed")["a"][:5] == first["a"]


def test_every_call_is_as_likely_as_any_other() -> None:
    calls = [(f"c{n}", "a") for n in range(20)]
    counts = dict.fromkeys((call for call, _ in calls), 0)
    for seed in range(2000):
        for call_id in draw(calls, {"a": 5}, str(seed))["a"]:
            counts[call_id] += 1
    assert sum(counts.values()) == 10_000
    assert all(400 < count < 600 for count in counts.values())  # 500 expected, 5 deviations


def test_an_estimate_weighs_what_was_drawn_thinly() -> None:
    found = estimated([Stratum(900, 10, 8, 10), Stratum(100, 10, 0, 10)])
    assert found is not None
    assert found.value == pytest.approx(0.72)
    assert found.low < 0.72 < found.high and found.heard == 20
    assert estimated([Stratum(10, 0, 0, 0)]) is None


def test_a_stratified_estimate_covers_the_truth() -> None:
    rng = random.Random(4)
    hits = 0
    for _ in range(300):
        strata, truth, every = [], 0.0, 0
        for calls, rate in ((400, 0.1), (80, 0.5), (20, 0.9)):
            heard = sum(rng.random() < rate for _ in range(15))
            strata.append(Stratum(calls, 15, heard, 15))
            truth, every = truth + calls * rate, every + calls
        found = estimated(strata)
        assert found is not None
        hits += found.low <= truth / every <= found.high
    assert hits / 300 > 0.9


def test_a_drift_is_more_than_chance() -> None:
    good, same, bad = share(95, 100), share(91, 100), share(70, 100)
    assert good is not None and same is not None and bad is not None
    assert not drifts(good, same)
    assert drifts(good, bad)
