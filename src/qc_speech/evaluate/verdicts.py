"""How well each check does, by people's verdicts: precision, recall, and from what confidence on it
can be trusted. Pure.

Precision: of the violations that the machine charged and a person judged, the share that stood.
Flagged calls are the doubtful ones, so it is rather too low there; by the random sample it is fair.
Recall: of the violations in sampled calls that a person heard whole, the share that the machine
charged. Flagged calls say nothing of it: nobody looks for what was missed in the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from qc_speech.evaluate.counts import Additive, ratio, wilson
from qc_speech.model import Outcome

TRUSTED = 0.9  # a threshold is suggested where the precision above it is surely this good,
_LEAST = 20  # and so many verdicts say so


@dataclass(frozen=True)
class Judged:
    """What the machine and a person said of one place. `machine` None: the machine found nothing.
    `sample`: in a call drawn at random. `whole`: nobody judged this finding itself, but the whole
    call was heard and nothing was said against it."""

    check: str
    machine: Outcome | None
    person: Outcome
    confidence: float
    sample: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Tried(Additive):
    """Counts of one check. `right` and `wrong`: charged, and what the person said; `found` and
    `missed`: violations in sampled calls; `yes` and `no`: how people decided uncertain ones."""

    right: int = 0
    wrong: int = 0
    sample_right: int = 0
    sample_wrong: int = 0
    found: int = 0
    missed: int = 0
    yes: int = 0
    no: int = 0


@dataclass(frozen=True)
class Share:
    """A share with its Wilson 95 % interval and the counts behind it."""

    part: int
    whole: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Threshold:
    """Charged from `confidence` on, precision would be `precision`; `kept` of the `of` violations
    that stood would still be charged."""

    confidence: float
    precision: Share
    kept: int
    of: int


@dataclass(frozen=True)
class CheckQuality:
    check: str
    tried: Tried
    precision: Share | None
    sample_precision: Share | None
    recall: Share | None
    threshold: Threshold | None


@dataclass
class _Seen:
    tried: Tried = field(default_factory=Tried)
    charged: list[tuple[float, bool]] = field(default_factory=list)


def quality(judged: Iterable[Judged]) -> tuple[CheckQuality, ...]:
    """One row a check that people have judged, most verdicts first."""
    seen: dict[str, _Seen] = {}
    for one in judged:
        of_check = seen.setdefault(one.check, _Seen())
        of_check.tried += _tried(one)
        if one.machine is Outcome.VIOLATION and not one.whole:
            of_check.charged.append((one.confidence, one.person is Outcome.VIOLATION))
    rows = [_quality(check, found) for check, found in seen.items()]
    rows.sort(key=lambda row: (-(row.tried.right + row.tried.wrong + row.tried.missed), row.check))
    return tuple(rows)


def _tried(one: Judged) -> Tried:
    true = one.person is Outcome.VIOLATION
    charged = one.machine is Outcome.VIOLATION
    unsure = one.machine is Outcome.UNCERTAIN
    return Tried(
        right=charged and true and not one.whole,
        wrong=charged and not true,
        sample_right=charged and true and one.sample,
        sample_wrong=charged and not true and one.sample,
        found=charged and true and one.sample,
        missed=not charged and true and one.sample,
        yes=unsure and true,
        no=unsure and one.person is Outcome.PASS,
    )


def _quality(check: str, seen: _Seen) -> CheckQuality:
    tried = seen.tried
    return CheckQuality(
        check,
        tried,
        share(tried.right, tried.right + tried.wrong),
        share(tried.sample_right, tried.sample_right + tried.sample_wrong),
        share(tried.found, tried.found + tried.missed),
        threshold(seen.charged),
    )


def share(part: int, whole: int) -> Share | None:
    value, band = ratio(part, whole), wilson(part, whole)
    return None if value is None or band is None else Share(part, whole, value, *band)


def threshold(charged: Sequence[tuple[float, bool]]) -> Threshold | None:
    """The lowest confidence from which on the precision is surely TRUSTED (by its interval's lower
    end); None: too few verdicts, or all that is charged is as good already."""
    ordered = sorted(charged, reverse=True)
    true = sum(right for _, right in ordered)
    best: Threshold | None = None
    right = 0
    for place, (confidence, stood) in enumerate(ordered, 1):
        right += stood
        if place < len(ordered) and ordered[place][0] == confidence:
            continue  # what is equally sure is charged together
        sure = share(right, place)
        if place >= _LEAST and sure is not None and sure.low >= TRUSTED:
            best = Threshold(confidence, sure, right, true)
    return None if best is None or best.precision.whole == len(ordered) else best
