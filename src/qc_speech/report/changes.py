"""What another folder of rules would change in stored calls, before it goes live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from qc_speech.model import CallResult, Finding, Outcome, Score
from qc_speech.pipeline import Rules, rescore, scored_with
from qc_speech.report.labels import label

_WORST_FIRST = (Outcome.VIOLATION, Outcome.UNCERTAIN, Outcome.PASS, Outcome.NOT_APPLICABLE)
Outcomes = tuple[Outcome, ...]  # worst first; empty: the rulebook does not ask for the check


@dataclass(frozen=True)
class CheckChange:
    """A check whose outcomes or points differ. Points are 0 or negative, of the whole call;
    `reason`: of a finding that is new, else of one that is gone."""

    check: str
    before: Outcomes
    after: Outcomes
    points_before: float
    points_after: float
    reason: str


@dataclass(frozen=True)
class CallChange:
    """One stored call under the old and the new rules."""

    call_id: str
    scenarios: tuple[str, str]
    before: Score
    after: Score
    checks: tuple[CheckChange, ...]

    @property
    def changed(self) -> bool:
        return bool(self.checks) or self.before != self.after or len(set(self.scenarios)) > 1


@dataclass
class Totals:
    """Sums over calls; grows with the number of checks, not of calls."""

    calls: int = 0
    changed: int = 0
    up: int = 0
    down: int = 0
    review_before: int = 0
    review_after: int = 0
    checks: Counter[tuple[str, Outcomes, Outcomes]] = field(default_factory=Counter)

    def add(self, change: CallChange) -> None:
        self.calls += 1
        self.changed += change.changed
        self.up += change.after.total > change.before.total
        self.down += change.after.total < change.before.total
        self.review_before += change.before.review
        self.review_after += change.after.review
        kinds = {(one.check, _kinds(one.before), _kinds(one.after)) for one in change.checks}
        self.checks.update(kinds)


def changes(
    results: Iterable[CallResult], old: Rules, new: Rules, rulebook: str | None = None
) -> Iterator[CallChange]:
    """Each stored call, one at a time. What was heard and measured, and who is who, stays as it is
    stored. `rulebook` None: the one each call was scored with. Raises UsageError when a folder has
    no such rulebook."""
    for result in results:
        book = rulebook or scored_with(result)
        before, after = rescore(result, old, book), rescore(result, new, book)
        yield CallChange(
            result.call_id,
            (before.scenario, after.scenario),
            before.score,
            after.score,
            tuple(_checks(before.findings, after.findings)),
        )


def change_lines(change: CallChange, at: int) -> Iterator[str]:
    """For a person; `at` 0 Chinese, 1 English."""
    before, after = change.before, change.after
    line = f"{change.call_id}: {_score(before)} → {_score(after)}"
    if before.review != after.review:
        line += " · " + label("explain", "review" if after.review else "no_review")[at]
    first, second = (label("scenarios", one)[at] for one in change.scenarios)
    yield line if first == second else f"{line} · {first} → {second}"
    for one in change.checks:
        points = f"{one.points_before:g} → {one.points_after:g}"
        outcomes = f"{_named(one.before, at)} → {_named(one.after, at)}"
        yield f"  {one.check} {label('checks', one.check)[at]}: {outcomes} ({points}) {one.reason}"


def total_lines(totals: Totals, at: int) -> Iterator[str]:
    """The sums, and by check how many calls change from what to what, most first."""
    yield label("explain", "totals")[at].format(
        totals.calls, totals.changed, totals.up, totals.down,
        totals.review_before, totals.review_after,
    )  # fmt: skip
    for (check, before, after), count in totals.checks.most_common():
        outcomes = f"{_named(before, at)} → {_named(after, at)}"
        yield f"  {check} {label('checks', check)[at]}: {outcomes}: {count}"


def _checks(before: Iterable[Finding], after: Iterable[Finding]) -> Iterator[CheckChange]:
    old, new = _by_check(before), _by_check(after)
    for check in dict.fromkeys((*new, *old)):
        was, now = old.get(check, []), new.get(check, [])
        if _marks(was) == _marks(now):
            continue
        fresh = [one for one in now if one not in was]
        gone = [one for one in was if one not in now]
        told = min(fresh or gone, key=lambda one: _WORST_FIRST.index(one.outcome))
        yield CheckChange(check, _outcomes(was), _outcomes(now), _points(was), _points(now),
                          told.reason)  # fmt: skip


def _by_check(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.check, []).append(finding)
    return found


def _marks(findings: list[Finding]) -> list[tuple[str, str, float]]:
    return sorted((one.outcome.value, one.severity.value, one.points) for one in findings)


def _outcomes(findings: list[Finding]) -> Outcomes:
    return tuple(sorted((one.outcome for one in findings), key=_WORST_FIRST.index))


def _kinds(outcomes: Outcomes) -> Outcomes:
    return tuple(dict.fromkeys(outcomes))


def _points(findings: list[Finding]) -> float:
    return round(sum(one.points for one in findings), 3)


def _score(score: Score) -> str:
    return f"{score.total:g} {score.grade}"


def _named(outcomes: Outcomes, at: int) -> str:
    counts = Counter(outcomes)
    names = [label("outcomes", one.value)[at] + (f"×{counts[one]}" if counts[one] > 1 else "")
             for one in _kinds(outcomes)]  # fmt: skip
    return ", ".join(names) or label("explain", "unasked")[at]
