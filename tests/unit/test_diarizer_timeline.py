"""From windows of local speakers to pieces of speech and turns."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.engines.timeline import (
    NOBODY,
    SETS,
    Frames,
    Windows,
    frames_of,
    hysteresis,
    label_frames,
    pieces_of,
    runs,
    same_voice,
    talk,
)

LENGTH, STEP = 400, 100
NOONE, FIRST, SECOND, BOTH = 0, 1, 2, 4  # classes, by how a window numbers its speakers


def scene(truth: list[tuple[int, int, int]], count: int, swap: bool = True) -> Windows:
    """Sure windows over a truth of (start, stop, class); every second one numbers the two
    speakers the other way round, as the model may."""
    line = np.zeros(count + LENGTH, np.int64)
    for start, stop, kind in truth:
        line[start:stop] = kind
    windows = []
    first = list(range(0, max(1, count - LENGTH + STEP), STEP))
    for number, start in enumerate(first):
        part = line[start : start + LENGTH]
        if swap and number % 2:
            part = np.choose(part, [NOONE, SECOND, FIRST, 3, BOTH])
        windows.append(np.eye(7)[part] * 0.94 + 0.01)
    return Windows(np.array(windows), np.array(first))


def frames(windows: Windows, count: int) -> Frames:
    return frames_of(windows, count, 0.7, 0.5, 0.5)


def test_speech_and_double_talk_are_where_the_windows_hear_them() -> None:
    windows = scene([(50, 200, FIRST), (180, 200, BOTH), (200, 350, SECOND)], 600)
    found = frames(windows, 600)
    assert runs(found.speech) == [(50, 350)]
    assert runs(found.double) == [(180, 200)]


def test_pieces_are_cut_at_changes_pauses_and_double_talk_only() -> None:
    truth = [(50, 150, FIRST), (150, 240, SECOND), (240, 250, BOTH), (250, 500, SECOND)]
    truth += [(520, 600, SECOND)]
    windows = scene(truth, 700)
    pieces = pieces_of(windows, frames(windows, 700), longest=1000)
    assert [(piece.start, piece.stop) for piece in pieces] == [
        (50, 150),
        (150, 240),
        (250, 500),
        (520, 600),
    ]


def test_long_speech_is_cut_into_equal_pieces() -> None:
    windows = scene([(0, 330, FIRST)], 400)
    pieces = pieces_of(windows, frames(windows, 400), longest=120)
    assert [piece.length for piece in pieces] == [110, 110, 110]


def test_same_voice_is_read_from_one_window() -> None:
    windows = scene([(50, 150, FIRST), (170, 260, SECOND), (270, 300, SECOND)], 2000)
    found = frames(windows, 2000)
    assert same_voice(windows, found, (120, 150), (170, 200)) is False
    assert same_voice(windows, found, (230, 260), (270, 300)) is True
    assert same_voice(windows, found, (120, 150), (900, 950)) is None  # no window hears both
    assert same_voice(windows, found, (0, 40), (170, 200)) is None  # nobody in the first


def test_in_double_talk_both_are_named_and_the_windows_numbering_does_not_matter() -> None:
    truth = [(50, 200, FIRST), (200, 230, BOTH), (230, 420, SECOND), (450, 600, FIRST)]
    windows = scene(truth, 700)
    found = frames(windows, 700)
    pieces = pieces_of(windows, found, longest=1000)
    labels = np.array([0, 1, 0])
    main, other = label_frames(windows, found, pieces, labels, voices=2)
    assert set(main[50:200]) == {0} and set(main[230:420]) == {1} and set(main[450:600]) == {0}
    assert {*zip(main[200:230].tolist(), other[200:230].tolist())} <= {(0, 1), (1, 0)}
    assert set(other[:200]) == set(other[230:]) == {NOBODY}


def test_double_talk_of_three_voices_names_the_two_that_the_window_hears() -> None:
    truth = [(50, 150, FIRST), (150, 180, BOTH), (180, 280, SECOND)]
    windows = scene(truth, 700)
    found = frames(windows, 700)
    pieces = pieces_of(windows, found, longest=1000)
    main, other = label_frames(windows, found, pieces, np.array([2, 0]), voices=3)
    assert {*zip(main[150:180].tolist(), other[150:180].tolist())} <= {(0, 2), (2, 0)}


def test_hysteresis_holds_between_the_thresholds() -> None:
    values = np.array([0.6, 0.8, 0.6, 0.6, 0.4, 0.6, 0.9])
    assert hysteresis(values, 0.7, 0.5).tolist() == [False, True, True, True, False, False, True]
    assert hysteresis(np.zeros(0), 0.7, 0.5).tolist() == []


def marks(*spans: tuple[int, int], count: int = 100) -> npt.NDArray[np.bool_]:
    mark = np.zeros(count, bool)
    for start, stop in spans:
        mark[start:stop] = True
    return mark


def test_a_pause_is_filled_unless_somebody_else_speaks_in_it() -> None:
    mine = marks((10, 20), (30, 40), (60, 62), (90, 95))
    assert talk(mine, marks(), 15, 5, 3) == [(10, 40), (90, 95)]
    assert talk(mine, marks((22, 25)), 15, 5, 3) == [(10, 20), (30, 40), (90, 95)]
    assert talk(mine, marks((22, 25)), 15, 11, 3) == [(10, 40), (90, 95)]


@given(st.lists(st.booleans(), max_size=80), st.integers(0, 10), st.integers(1, 10))
def test_talk_only_fills_and_drops(line: list[bool], fill: int, least: int) -> None:
    mine = np.array(line, bool)
    found = talk(mine, np.zeros_like(mine), fill, fill, least)
    assert all(stop - start >= least and mine[start] and mine[stop - 1] for start, stop in found)
    assert all(right[0] - left[1] >= max(fill, 1) for left, right in itertools.pairwise(found))


def test_runs_and_classes() -> None:
    assert runs(marks((0, 3), (5, 6), count=6)) == [(0, 3), (5, 6)]
    assert runs(np.zeros(0, bool)) == []
    assert SETS.sum(axis=1).tolist() == [0, 1, 1, 1, 2, 2, 2]
