"""Counts that add; every rate is derived from them and None where nothing was counted."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TypeVar

C = TypeVar("C", bound="Additive")


@dataclass(frozen=True)
class Additive:
    """A frozen value of whole numbers (or of other such values) that adds field by field."""

    def __add__(self: C, other: C) -> C:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def wilson(part: int, whole: int, z: float = 1.96) -> tuple[float, float] | None:
    """The Wilson score interval of a share (95 % by default)."""
    if not whole:
        return None
    share = part / whole
    spread = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    middle, scale = share + z * z / (2 * whole), 1 + z * z / whole
    # At 0 and 1 the interval touches its end exactly; rounding must not push it past.
    low = 0.0 if part == 0 else max(0.0, (middle - spread) / scale)
    high = 1.0 if part == whole else min(1.0, (middle + spread) / scale)
    return low, high


@dataclass(frozen=True)
class Counts(Additive):
    """Detection of one thing. `fn` holds the uncertain outcomes on true positives and `tn` those
    on true negatives, so an unsure inspector earns no recall; both are given apart as well."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0
    uncertain_positive: int = 0  # part of fn
    uncertain_negative: int = 0  # part of tn

    @property
    def precision(self) -> float | None:
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def counts_of(positive: bool, predicted: bool, uncertain: bool) -> Counts:
    """The counts of one decision; an uncertain one predicts nothing."""
    said = predicted and not uncertain
    return Counts(
        tp=int(positive and said),
        fp=int(said and not positive),
        fn=int(positive and not said),
        tn=int(not positive and not said),
        uncertain_positive=int(uncertain and positive),
        uncertain_negative=int(uncertain and not positive),
    )


@dataclass(frozen=True)
class TextErrors(Additive):
    """Characters of an alignment; the reference has hits + substitutions + deletions."""

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def reference(self) -> int:
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float | None:
        return ratio(self.errors, self.reference)


@dataclass(frozen=True)
class TimeErrors(Additive):
    """Speaker time in ms: `total_ms` of the reference, what was missed, invented or confused."""

    total_ms: int = 0
    missed_ms: int = 0
    false_alarm_ms: int = 0
    confusion_ms: int = 0

    @property
    def rate(self) -> float | None:
        return ratio(self.missed_ms + self.false_alarm_ms + self.confusion_ms, self.total_ms)


@dataclass(frozen=True)
class RoleCounts(Additive):
    """Calls in which agent and customer are told apart rightly, swapped, or not at all."""

    right: int = 0
    wrong: int = 0
    unknown: int = 0

    @property
    def accuracy(self) -> float | None:
        return ratio(self.right, self.right + self.wrong + self.unknown)


@dataclass(frozen=True)
class Bin(Additive):
    """Utterances of one tenth of confidence. `confidence_milli` is summed over characters."""

    utterances: int = 0
    characters: int = 0
    right: int = 0
    confidence_milli: int = 0

    @property
    def accuracy(self) -> float | None:
        return ratio(self.right, self.characters)

    @property
    def mean_confidence(self) -> float | None:
        return ratio(self.confidence_milli, 1000 * self.characters)
