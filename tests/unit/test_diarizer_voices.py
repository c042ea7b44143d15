"""Telling voices apart: clustering of pieces by embedding and by order in time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_speech.engines.voices import Limits, likeness, tell_apart

Floats = npt.NDArray[np.floating]
SIZE = 64
TWO = Limits(most=2)


def pieces(
    order: list[int], spread: float = 0.6, likeness_: float = 0.3, seed: int = 0
) -> tuple[Floats, Floats]:
    """Embeddings of pieces of voices whose true vectors have the given cosine, and seconds."""
    random = np.random.default_rng(seed)
    base = np.linalg.qr(random.standard_normal((SIZE, 8)))[0].T
    voices = np.sqrt(likeness_) * base[0] + np.sqrt(1 - likeness_) * base[1:]
    noise = random.standard_normal((len(order), SIZE)) * spread / np.sqrt(SIZE)
    return voices[order] + noise, np.full(len(order), 2.0)


def agree(labels: npt.NDArray[np.int64], order: list[int]) -> float:
    """Share of pieces with the right voice, by the better of the two namings."""
    same = float(np.mean(labels == np.array(order)))
    return max(same, 1 - same)


def free(order: list[int]) -> Floats:
    return np.zeros(len(order) - 1)


def test_two_voices_are_found() -> None:
    order = [0, 0, 1, 1, 0, 1, 0, 0, 1]
    assert agree(tell_apart(*pieces(order), free(order), TWO), order) == 1.0


@pytest.mark.parametrize("rare", [1, 2, 4])
def test_a_party_that_says_little_is_still_a_party(rare: int) -> None:
    order = [0] * 30 + [1] * rare + [0] * 10
    assert agree(tell_apart(*pieces(order), free(order), TWO), order) == 1.0


def test_one_voice_stays_one() -> None:
    for seed in range(10):
        order = [0] * 24
        labels = tell_apart(*pieces(order, seed=seed), free(order), Limits(2, 0.9))
        assert set(labels.tolist()) == {0}


def test_an_odd_moment_is_no_second_voice_unless_a_change_is_heard() -> None:
    order = [0] * 8 + [1] + [0] * 8
    embeddings, seconds = pieces(order)
    seconds[8] = 0.5
    assert set(tell_apart(embeddings, seconds, free(order), TWO).tolist()) == {0}
    change = free(order)
    change[7] = change[8] = 3.0
    assert agree(tell_apart(embeddings, seconds, change, TWO), order) == 1.0


def test_a_third_voice_is_found() -> None:
    order = [0, 0, 0, 1, 1, 2, 2, 0, 1, 2, 2, 1, 0]
    labels = tell_apart(*pieces(order, likeness_=0.2), free(order), Limits(most=4))
    assert len(set(labels.tolist())) == 3
    assert len({(label, voice) for label, voice in zip(labels.tolist(), order)}) == 3


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("spread", [0.6, 0.9])
def test_two_voices_are_not_split_where_more_are_allowed(seed: int, spread: float) -> None:
    order = [0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 1]
    embeddings, seconds = pieces(order, spread=spread, likeness_=0.4, seed=seed)
    found = tell_apart(embeddings, seconds, free(order), Limits(most=4))
    assert found.tolist() == tell_apart(embeddings, seconds, free(order), TWO).tolist()


def test_one_voice_is_not_split_where_more_are_allowed() -> None:
    for seed in range(10):
        order = [0] * 24
        labels = tell_apart(*pieces(order, seed=seed), free(order), Limits(4, 0.9))
        assert set(labels.tolist()) == {0}


def test_a_moment_of_another_voice_is_no_third_party() -> None:
    order = [0, 0, 0, 1, 1, 0, 1, 2, 0, 1, 1, 0]
    embeddings, seconds = pieces(order, likeness_=0.2)
    seconds[7] = 1.5
    assert set(tell_apart(embeddings, seconds, free(order), Limits(4)).tolist()) == {0, 1}


def test_neighbours_decide_a_piece_without_an_embedding() -> None:
    order = [0, 0, 0, 1, 1, 1]
    embeddings, seconds = pieces(order)
    embeddings[4] = 0.0
    change = np.array([-4.0, -4.0, 3.0, -4.0, -4.0])
    assert agree(tell_apart(embeddings, seconds, change, TWO), order) == 1.0


def test_a_doubtful_piece_follows_what_the_windows_hear() -> None:
    order = [0] * 6 + [1] * 6
    embeddings, seconds = pieces(order)
    embeddings[3] = (embeddings[3] + embeddings[9]) / 2  # half way, a little nearer to the other
    embeddings[3] += 0.02 * embeddings[9]
    change = np.full(11, -4.0)
    change[5] = 3.0
    assert agree(tell_apart(embeddings, seconds, change, TWO), order) == 1.0


@pytest.mark.parametrize("count", [0, 1])
def test_no_piece_or_one(count: int) -> None:
    labels = tell_apart(np.ones((count, 4)), np.ones(count), np.zeros(max(0, count - 1)), TWO)
    assert labels.tolist() == [0] * count


def test_likeness_of_two_halves_of_one_voice_is_near_one() -> None:
    order = [0] * 6 + [1] * 6
    embeddings, seconds = pieces([0] * 12, spread=0.9)
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    alike = likeness(units, seconds, np.array(order))
    sums = np.stack([units[:6].mean(axis=0), units[6:].mean(axis=0)])
    sums /= np.linalg.norm(sums, axis=1, keepdims=True)
    assert float(sums[0] @ sums[1]) < 0.95  # the plain cosine is pulled down by noise
    assert alike[0, 1] == pytest.approx(1.0, abs=0.1)


@settings(max_examples=60, deadline=None)
@given(
    order=st.lists(st.integers(0, 2), min_size=1, max_size=25),
    speakers=st.sampled_from([1, 2, 3, 4]),
    change=st.floats(-5, 5),
    silent=st.sets(st.integers(0, 24)),
    seed=st.integers(0, 99),
)
def test_labels_are_numbered_without_gaps_and_never_too_many(
    order: list[int], speakers: int, change: float, silent: set[int], seed: int
) -> None:
    embeddings, seconds = pieces(order, seed=seed)
    embeddings[[row for row in silent if row < len(order)]] = 0.0
    labels = tell_apart(embeddings, seconds, np.full(len(order) - 1, change), Limits(speakers))
    found = sorted(set(labels.tolist()))
    assert found == list(range(len(found)))
    assert len(found) <= speakers
    assert len(labels) == len(order)
