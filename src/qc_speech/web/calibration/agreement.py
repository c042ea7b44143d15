"""How far people agree: Krippendorff's alpha and Cohen's or Fleiss' kappa by check. Pure.

A unit is one check on one call; what somebody said of it is its worst outcome there. alpha
(nominal) takes units that some have not judged; kappa is of units that all have judged.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

OUTCOMES = ("violation", "uncertain", "pass", "not_applicable")
Ratings = Mapping[tuple[str, str], Mapping[str, str]]  # (call, check) -> person -> outcome


@dataclass(frozen=True)
class Agreement:
    """Of one check (or of all: check empty). `alike`: share of units on which all who judged it
    agree; None where it cannot be told. `kind` of kappa: cohen (two people) | fleiss."""

    check: str
    units: int
    alike: float | None
    alpha: float | None
    kappa: float | None
    kind: str


@dataclass(frozen=True)
class Difference:
    """A check on a call that people judged differently."""

    call_id: str
    check: str
    said: tuple[tuple[str, str], ...]  # person, outcome


def agreements(ratings: Ratings, people: Sequence[str]) -> tuple[Agreement, ...]:
    """All checks together, then each, the one with the least agreement first."""
    by_check: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for (_, check), said in ratings.items():
        if len(said) > 1:
            by_check[check].append(said)
    whole = [said for units in by_check.values() for said in units]
    lines = [_agreement(check, units, people) for check, units in by_check.items()]
    lines.sort(key=lambda one: (one.alike if one.alike is not None else 1.0, one.check))
    return (_agreement("", whole, people), *lines)


def differences(ratings: Ratings) -> tuple[Difference, ...]:
    return tuple(
        Difference(call_id, check, tuple(sorted(said.items())))
        for (call_id, check), said in sorted(ratings.items())
        if len(set(said.values())) > 1
    )


def _agreement(check: str, units: Sequence[Mapping[str, str]], people: Sequence[str]) -> Agreement:
    full = [said for said in units if all(person in said for person in people)]
    kind = "cohen" if len(people) == 2 else "fleiss"
    return Agreement(
        check=check,
        units=len(units),
        alike=sum(len(set(said.values())) == 1 for said in units) / len(units) if units else None,
        alpha=_alpha(units),
        kappa=_cohen(full, people) if kind == "cohen" else _fleiss(full, people),
        kind=kind,
    )


def _alpha(units: Sequence[Mapping[str, str]]) -> float | None:
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", part C: nominal values, any
    number of people, some missing. The package of that name is GPL, hence not a library."""
    values = [Counter(said.values()) for said in units]
    n = sum(sum(counts.values()) for counts in values)
    if n < 2:
        return None
    alike = sum(
        sum(c * (c - 1) for c in counts.values()) / (sum(counts.values()) - 1) for counts in values
    )
    by_chance = sum(c * (c - 1) for c in sum(values, Counter()).values()) / (n - 1)
    if by_chance >= n:
        return None  # all the same: there is nothing to agree on by chance
    return _number(1 - (n - alike) / (n - by_chance))


def _cohen(units: Sequence[Mapping[str, str]], people: Sequence[str]) -> float | None:
    """Cohen 1960."""
    from sklearn.metrics import cohen_kappa_score

    if not units:
        return None
    first, second = ([said[person] for said in units] for person in people)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where kappa is not defined; None says so
        return _number(cohen_kappa_score(first, second, labels=list(OUTCOMES)))


def _fleiss(units: Sequence[Mapping[str, str]], people: Sequence[str]) -> float | None:
    """Fleiss 1971, equations 1 to 7."""
    if not units or len(people) < 2:
        return None
    counts = np.array(
        [[sum(said[p] == one for p in people) for one in OUTCOMES] for said in units], dtype=float
    )
    raters = len(people)
    seen = ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1))
    by_chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return None if by_chance >= 1 else _number((float(seen.mean()) - by_chance) / (1 - by_chance))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
