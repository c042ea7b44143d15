"""Which examples a trainer wants, the best first: how typical, how clean, how sure. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from qc_speech.clips.values import Example
from qc_speech.clips.wording import Wording, grams
from qc_speech.errors import UsageError
from qc_speech.model import Outcome, Role

POOL = 400  # so many, the cleanest and surest, are compared with each other
_SIZE = 512  # cells that pairs of characters are counted in
_SAME = 88.0  # of 100: two texts that sound so much alike are one example
_WEIGHTS = {"typical": 0.4, "clean": 0.35, "sure": 0.25}
MOODS = ("calm", "upset")


@dataclass(frozen=True)
class Wanted:
    """A search. Empty or None: any. length_s: of what is said, without context. text: a wording, in
    characters or pinyin. teams: only calls of these."""

    checks: tuple[str, ...] = ()
    outcome: str | None = None
    min_confidence: float = 0.0
    scenario: str | None = None
    agent: str | None = None
    text: str = ""
    mood: str | None = None
    role: Role | None = None
    length_s: tuple[float, float] = (0.0, 120.0)
    min_snr_db: float | None = None
    since: date | None = None
    until: date | None = None
    limit: int = 20
    fold: bool = True
    teams: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.outcome and self.outcome not in {one.value for one in Outcome}:
            raise UsageError(f"outcome {self.outcome}: pass, violation or uncertain")
        if self.mood and self.mood not in MOODS:
            raise UsageError(f"mood {self.mood}: one of {', '.join(MOODS)}")
        if not 1 <= self.limit <= 1000:
            raise UsageError(f"limit {self.limit}: between 1 and 1000")


@dataclass(frozen=True)
class Candidate:
    """An example with what it is searched and compared by."""

    example: Example
    heard: str
    sound: str
    spoken: tuple[str, ...]


def ranked(candidates: Sequence[Candidate], wanted: Wanted) -> tuple[Example, ...]:
    """The best examples among candidates that fit everything but the wording."""
    wording = Wording.of(wanted.text)
    fits = list(candidates)
    likeness = np.ones(len(fits))
    if wording.terms and fits:
        texts, sounds = [one.heard for one in fits], [one.sound for one in fits]
        likeness = wording.likenesses(texts, sounds, [one.spoken for one in fits])
        fits = [one for one, like in zip(fits, likeness) if like > 0]
        likeness = likeness[likeness > 0]
    if not fits:
        return ()
    first = likeness * np.array([_clean_and_sure(one.example) for one in fits])
    order = np.argsort(-first, kind="stable")[: max(POOL, wanted.limit)]
    pool = [fits[at] for at in order]
    scores = likeness[order] * (
        _WEIGHTS["typical"] * _typical(pool)
        + _WEIGHTS["clean"] * np.array([one.example.clean for one in pool])
        + _WEIGHTS["sure"] * np.array([one.example.confidence for one in pool])
    )
    best = sorted(range(len(pool)), key=lambda at: (-scores[at], pool[at].example.id))
    listed = [(pool[at], float(scores[at])) for at in best]
    return _folded(listed, wanted) if wanted.fold else _scored(listed, wanted.limit)


def _clean_and_sure(example: Example) -> float:
    return 0.6 * example.clean + 0.4 * example.confidence


def _typical(pool: Sequence[Candidate]) -> npt.NDArray[np.float64]:
    """How near each text is to what is usually said in its check and outcome: the cosine to the
    mean of the others, 0..1. One alone is neither typical nor untypical (0.5)."""
    vectors = np.zeros((len(pool), _SIZE))
    groups: dict[tuple[str, str], list[int]] = {}
    for at, one in enumerate(pool):
        for gram in grams(one.heard):
            vectors[at, zlib.crc32(gram.encode()) % _SIZE] += 1
        groups.setdefault((one.example.check, one.example.outcome), []).append(at)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    typical = np.full(len(pool), 0.5)
    for members in groups.values():
        if len(members) < 2:
            continue
        rows = vectors[members]
        others = rows.sum(axis=0) - rows
        others /= np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-9)
        near = np.einsum("ij,ij->i", rows, others)
        typical[members] = near / max(float(near.max()), 1e-9)
    return typical


def _folded(listed: Sequence[tuple[Candidate, float]], wanted: Wanted) -> tuple[Example, ...]:
    """The same words said again, and the same stretch under another check, count once."""
    kept: list[tuple[Candidate, float, int]] = []
    for one, score in listed:
        twin = next((at for at, (k, _, _) in enumerate(kept) if _twins(k, one)), None)
        if twin is not None:
            kept[twin] = (kept[twin][0], kept[twin][1], kept[twin][2] + 1)
        elif len(kept) < wanted.limit:
            kept.append((one, score, 0))
    return tuple(
        replace(one.example, score=round(score, 4), alike=alike) for one, score, alike in kept
    )


def _twins(one: Candidate, other: Candidate) -> bool:
    a, b = one.example, other.example
    if a.call_id == b.call_id and a.role is b.role:
        common = a.span.overlap_ms(b.span)
        if common > 0.8 * min(a.span.duration_ms, b.span.duration_ms):
            return True
    if (a.check, a.outcome) != (b.check, b.outcome):
        return False
    size, size2 = len(one.sound), len(other.sound)
    if 2 * min(size, size2) < max(size, size2):
        return False
    return fuzz.ratio(one.sound, other.sound, score_cutoff=_SAME) >= _SAME


def _scored(listed: Sequence[tuple[Candidate, float]], limit: int) -> tuple[Example, ...]:
    return tuple(replace(one.example, score=round(score, 4)) for one, score in listed[:limit])
