"""Which pieces of speech are the same voice: clustering by embedding and by order in time.

Pieces are short (about 2 s) stretches of one speaker in order of time. A first split (Ward) is
refined by turns: the voices' mean embeddings, then the likeliest sequence of voices given how
probable a change is at each border (Viterbi, as in VBx without its variational part: Landini et
al. 2022, arXiv 2012.14952).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]

_ROUNDS = 8
_RELIABLE_SECONDS = 2.0  # more speech than this makes an embedding no surer
_NOTHING = 1e-6  # weight of a piece too short for an embedding: its neighbours decide
_SURELY = 3.0  # log-odds
_LEAST_SECONDS = 0.5  # of a stretch of talk that may found a voice
_MOMENT_SECONDS = 1.0
_PRIOR_PIECES, _PRIOR_VARIANCE = 4, 0.5  # telephone speech of many voices: 0.37 to 0.6
_LEAST_SQUARE = 0.05


@dataclass(frozen=True)
class Limits:
    """How many voices there may be, and how alike (cosine, see `likeness`) two of them.

    A call has two parties. A third or fourth voice (announcement, third person, second agent) has
    to be clearly another one and to talk for some seconds.
    """

    most: int = 4
    one_voice: float = 0.95  # liker voices are one
    third_voice: float = 0.75  # the same where there are more than two
    third_seconds: float = 4.0


def tell_apart(embeddings: Floats, seconds: Floats, change: Floats, limits: Limits) -> Labels:
    """Labels 0..k-1 of n pieces.

    embeddings (n, d), zeros: unknown; seconds (n,) of speech in each; change (n-1,): log-odds
    that the voice changes between neighbours.
    """
    known = np.any(embeddings != 0, axis=1)
    if known.sum() < 2 or limits.most == 1:
        return np.zeros(len(embeddings), np.int64)
    units = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-9)
    weights = np.where(known, np.minimum(seconds, _RELIABLE_SECONDS), _NOTHING)
    if limits.most > 2:
        labels = _split(units, weights, change, limits.most)
        while labels.max() > 1 and (pair := _doubtful(units, weights, seconds, labels, limits)):
            labels = _refine(units, weights, change, np.where(labels == pair[0], pair[1], labels))
        if labels.max() > 1:
            return labels
    labels = _split(units, weights, change, 2)
    while (pair := _same_voice(units, weights, change, labels, limits.one_voice)) is not None:
        labels = _refine(units, weights, change, np.where(labels == pair[0], pair[1], labels))
    return labels


def _split(units: Floats, weights: Floats, change: Floats, count: int) -> Labels:
    return _refine(units, weights, change, _first_split(units, weights, change, count))


def _doubtful(
    units: Floats, weights: Floats, seconds: Floats, labels: Labels, limits: Limits
) -> tuple[int, int] | None:
    """Of more than two voices, two that may be one: too like, or one of a few seconds only."""
    alike = likeness(units, weights, labels)
    np.fill_diagonal(alike, -np.inf)
    talk = np.bincount(labels, np.where(weights > _NOTHING, seconds, 0.0), len(alike))
    smallest = int(np.argmin(talk))
    if talk[smallest] < limits.third_seconds:
        return smallest, int(np.argmax(alike[smallest]))
    one, other = np.unravel_index(int(np.argmax(alike)), alike.shape)
    return (int(one), int(other)) if alike[one, other] > limits.third_voice else None


def likeness(units: Floats, weights: Floats, labels: Labels) -> Floats:
    """(k, k) cosines of the voices' mean vectors, freed of the noise of few or short pieces.

    The mean of W seconds is longer than the voice's true vector by S / W in square, where S is
    the variance of a piece of 1 s: two halves of one voice then come out near 1.
    """
    count = int(labels.max()) + 1
    sums = np.zeros((count, units.shape[1]))
    np.add.at(sums, labels, units * weights[:, None])
    amount = np.maximum(np.bincount(labels, weights, count), _NOTHING)
    means = sums / amount[:, None]
    off = np.sum((units - means[labels]) ** 2, axis=1) @ weights
    pieces = int(np.sum(weights > _NOTHING))
    free = max(pieces - count, 0)
    variance = (off + _PRIOR_PIECES * _PRIOR_VARIANCE) / (free + _PRIOR_PIECES)
    squares = np.maximum(np.sum(means**2, axis=1) - variance / amount, _LEAST_SQUARE)
    return np.asarray(means @ means.T / np.sqrt(np.outer(squares, squares)))


def _same_voice(
    units: Floats, weights: Floats, change: Floats, labels: Labels, one_voice: float
) -> tuple[int, int] | None:
    """The likest two voices if they are one: too like, or one is a moment that nobody hears
    as another voice (a laugh, a cough)."""
    alike = likeness(units, weights, labels)
    count = len(alike)
    if count < 2:
        return None
    np.fill_diagonal(alike, -np.inf)
    smallest = int(np.argmin(np.bincount(labels, weights, count)))
    borders = (labels[1:] != labels[:-1]) & ((labels[1:] == smallest) | (labels[:-1] == smallest))
    moment = np.sum(weights[labels == smallest]) < _MOMENT_SECONDS
    if moment and not np.any(change[borders] > 0):
        return smallest, int(np.argmax(alike[smallest]))
    one, other = np.unravel_index(int(np.argmax(alike)), alike.shape)
    return (int(one), int(other)) if alike[one, other] > one_voice else None


def _refine(units: Floats, weights: Floats, change: Floats, labels: Labels) -> Labels:
    labels = _numbered(labels)
    for _ in range(_ROUNDS):
        scores = _log_likelihoods(units, weights, labels)
        better = _numbered(_likeliest_sequence(scores, change))
        if np.array_equal(better, labels):
            break
        labels = better
    return labels


def _numbered(labels: Labels) -> Labels:
    return np.asarray(np.unique(labels, return_inverse=True)[1], np.int64)


def _first_split(units: Floats, weights: Floats, change: Floats, count: int) -> Labels:
    """Ward's clustering of whole stretches of talk. Their pieces are averaged first: what differs
    among those is what is said, not who says it."""
    from scipy.cluster.hierarchy import fcluster, linkage

    stretch = np.concatenate([[0], np.cumsum(change > -_SURELY)]).astype(np.int64)
    sure = np.bincount(stretch, weights) >= _LEAST_SECONDS
    if sure.sum() < 2:
        stretch, sure = np.arange(len(units)), weights > _NOTHING
    found = np.zeros(len(sure), np.int64)
    tree = linkage(_means(units, weights, stretch)[sure], "ward")
    found[sure] = fcluster(tree, count, "maxclust") - 1
    return np.asarray(found[stretch], np.int64)


def _voices(units: Floats, weights: Floats, labels: Labels) -> tuple[Floats, float]:
    """Mean unit vectors of the voices, and the spread along the lines between voices of a piece
    of 1 s (it falls with the root of the length)."""
    count = int(labels.max()) + 1
    means = _means(units, weights, labels)
    if count < 2:
        return means, 1.0
    variances = []
    for a in range(count):
        for b in range(a):
            line = means[a] - means[b]
            line /= max(float(np.linalg.norm(line)), 1e-9)
            chosen = (labels == a) | (labels == b)
            off = (units[chosen] - means[labels[chosen]]) @ line
            variances.append(float(np.mean(off**2 * weights[chosen])))
    return means, float(np.sqrt(np.mean(variances)))


def _means(units: Floats, weights: Floats, labels: Labels) -> Floats:
    sums = np.zeros((int(labels.max()) + 1, units.shape[1]))
    np.add.at(sums, labels, units * weights[:, None])
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9))


def _log_likelihoods(units: Floats, weights: Floats, labels: Labels) -> Floats:
    """(n, k) log-likelihoods up to a constant per piece: Gaussian about each voice's mean."""
    means, spread = _voices(units, weights, labels)
    # |u - m|^2 / 2 = 1 - u.m; only what lies along the lines between the means differs by voice.
    return np.asarray((units @ means.T) * (weights / max(spread, 1e-3) ** 2)[:, None])


def _likeliest_sequence(scores: Floats, change: Floats) -> Labels:
    """Viterbi over (n, k) scores; change (n-1,): log-odds of a change at each border."""
    count, voices = scores.shape
    best = scores[0].copy()
    came_from = np.zeros((count, voices), np.int64)
    other = 1.0 - np.eye(voices)
    for row in range(1, count):
        table = best[:, None] + change[row - 1] * other
        came_from[row] = table.argmax(axis=0)
        best = table.max(axis=0) + scores[row]
    labels = np.zeros(count, np.int64)
    labels[-1] = int(best.argmax())
    for row in range(count - 1, 0, -1):
        labels[row - 1] = came_from[row, labels[row]]
    return labels
