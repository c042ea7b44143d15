"""From sliding windows of local speakers to pieces of speech, and from labelled pieces to turns.

Pure numpy: what the models say goes in, stretches of frames come out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Classes of segmentation-3.0: which of three local speakers talk.
SETS = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32
)
NOBODY = -1
_AUDIBLE = 0.2  # mean probability of a local speaker that can be compared
_NEAR = 15  # frames (a quarter of a second) on each side of a border


@dataclass(frozen=True)
class Windows:
    """Probabilities (windows, frames, 7) of the classes, and each window's first frame."""

    classes: Floats
    first: Labels

    def local(self, window: int, start: int, stop: int) -> Floats:
        """(frames, 3): how probable each local speaker is in frames of the recording."""
        low = max(0, start - int(self.first[window]))
        part = self.classes[window, low : max(low, stop - int(self.first[window]))]
        return np.asarray(part @ SETS)


@dataclass(frozen=True)
class Frames:
    """Per frame of the recording: does anybody speak, do two; `window` is the one that has the
    frame nearest to its middle, `first` and `second` its likeliest local speakers there."""

    speech: Bools
    double: Bools
    window: Labels
    first: Labels
    second: Labels


@dataclass(frozen=True)
class Piece:
    """Frames [start, stop) in which one voice speaks alone."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def frames_of(windows: Windows, count: int, onset: float, offset: float, double: float) -> Frames:
    """Average the windows, weighted to their middles; decide with hysteresis."""
    length = windows.classes.shape[1]
    weight = np.hamming(length)
    talkers = SETS.sum(axis=1)
    total, one, two = np.zeros(count), np.zeros(count), np.zeros(count)
    nearest = np.full(count, np.inf)
    owner, first, second = (np.zeros(count, np.int64) for _ in range(3))
    for number, start in enumerate(windows.first):
        stop = min(count, int(start) + length)
        here, size = slice(int(start), stop), max(0, stop - int(start))
        classes = windows.classes[number, :size]
        total[here] += weight[:size]
        one[here] += weight[:size] * (1 - classes[:, 0])
        two[here] += weight[:size] * classes[:, talkers == 2].sum(axis=1)
        order = np.argsort(classes @ SETS, axis=1)
        away = np.abs(np.arange(size) - length / 2)
        mine = away < nearest[here]
        nearest[here] = np.where(mine, away, nearest[here])
        owner[here] = np.where(mine, number, owner[here])
        first[here] = np.where(mine, order[:, -1], first[here])
        second[here] = np.where(mine, order[:, -2], second[here])
    total = np.maximum(total, 1e-6)
    speech = hysteresis(one / total, onset, offset)
    return Frames(speech, speech & (two / total > double), owner, first, second)


def hysteresis(values: Floats, onset: float, offset: float) -> Bools:
    """True from where `values` rise above onset to where they fall below offset."""
    mark = np.where(values > onset, 1, np.where(values < offset, 0, -1))
    known = np.where(mark >= 0, np.arange(len(mark)), -1)
    last = np.maximum.accumulate(known) if len(known) else known
    return np.asarray(np.where(last >= 0, mark[np.maximum(last, 0)] == 1, False))


def runs(mark: Bools) -> list[tuple[int, int]]:
    """[start, stop) of the stretches that are True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mark, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def pieces_of(windows: Windows, frames: Frames, longest: int) -> tuple[Piece, ...]:
    """Stretches of one voice: cut at pauses, at double talk, where a window hears a change, and
    into equal parts no longer than `longest` frames."""
    found: list[Piece] = []
    for start, stop in runs(frames.speech & ~frames.double):
        cuts = [start, *_changes(windows, frames, start, stop), stop]
        for low, high in itertools.pairwise(cuts):
            parts = -(-(high - low) // longest)
            edges = np.linspace(low, high, parts + 1).round().astype(int)
            found.extend(Piece(int(a), int(b)) for a, b in itertools.pairwise(edges))
    return tuple(found)


def _changes(windows: Windows, frames: Frames, start: int, stop: int) -> list[int]:
    """Frames inside [start, stop) at which a new local speaker starts."""
    window, first = frames.window[start:stop], frames.first[start:stop]
    places = np.flatnonzero((np.diff(window) != 0) | (np.diff(first) != 0)) + 1 + start
    kept = []
    for place in places:
        before, after = (int(place) - _NEAR, int(place)), (int(place), int(place) + _NEAR)
        if frames.window[place] == frames.window[place - 1] or (
            same_voice(windows, frames, before, after) is False
        ):
            kept.append(int(place))
    return kept


def same_voice(
    windows: Windows, frames: Frames, before: tuple[int, int], after: tuple[int, int]
) -> bool | None:
    """Does the window that has both stretches hear one local speaker? None: no window has both."""
    middle = (before[1] + after[0]) // 2
    window = int(frames.window[min(max(middle, 0), len(frames.window) - 1)])
    first = int(windows.first[window])
    if before[1] - first < 5 or first + windows.classes.shape[1] - after[0] < 5:
        return None
    left, right = windows.local(window, *before), windows.local(window, *after)
    for part in (left, right):
        if part.sum(axis=0).max() < max(1.0, _AUDIBLE * len(part)):
            return None
    return bool(left.sum(axis=0).argmax() == right.sum(axis=0).argmax())


def label_frames(
    windows: Windows, frames: Frames, pieces: Sequence[Piece], labels: Labels, voices: int
) -> tuple[Labels, Labels]:
    """Per frame the voice that is heard most and, in double talk, the other one; else NOBODY.

    In double talk a window's local speaker is the voice that it is where it speaks alone.
    """
    main = np.full(len(frames.speech), NOBODY, np.int64)
    for piece, label in zip(pieces, labels):
        main[piece.start : piece.stop] = label
    other = np.full(len(main), NOBODY, np.int64)
    for start, stop in runs(frames.double):
        for window in np.unique(frames.window[start:stop]):
            here = np.flatnonzero(frames.window[start:stop] == window) + start
            names = _names(windows, frames, main, int(window), voices)
            main[here], other[here] = names[frames.first[here]], names[frames.second[here]]
    if voices == 2:
        other = np.where(frames.double & (main >= 0), 1 - main, other)
    other[(other == main) | ~frames.double] = NOBODY
    return main, other


def _names(windows: Windows, frames: Frames, main: Labels, window: int, voices: int) -> Labels:
    """The voice of each local speaker of a window, different ones while there are enough."""
    from scipy.optimize import linear_sum_assignment

    first = int(windows.first[window])
    stop = min(len(main), first + windows.classes.shape[1])
    alone = (main[first:stop] >= 0) & ~frames.double[first:stop]
    local = windows.local(window, first, stop)[alone]
    shared = local.T @ np.eye(voices)[main[first:stop][alone]]
    names = shared.argmax(axis=1)
    rows, columns = linear_sum_assignment(-shared)
    names[rows] = columns
    return np.asarray(names, np.int64)


def talk(
    mine: Bools, others: Bools, fill: int, fill_beside: int, least: int
) -> list[tuple[int, int]]:
    """One voice's turns in frames: pauses shorter than `fill` are part of them, those in which
    somebody else speaks only below `fill_beside`; what is then shorter than `least` goes."""
    filled = mine.copy()
    for start, stop in runs(~mine):
        if start > 0 and stop < len(mine):
            limit = fill_beside if others[start:stop].any() else fill
            filled[start:stop] = stop - start < limit
    return [(start, stop) for start, stop in runs(filled) if stop - start >= least]
