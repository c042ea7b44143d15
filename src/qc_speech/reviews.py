"""People's verdicts on a call's findings -> the findings and the score that count. Pure.

A verdict stands beside the finding it is about, never over it: from the machine's result and all
verdicts the settled one can be made again at any time, under a new rulebook too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from qc_speech.model import (
    Call,
    CallResult,
    Evidence,
    Finding,
    Outcome,
    Review,
    Settled,
    Severity,
    Span,
)
from qc_speech.rules.rulebook import Check, Rulebook
from qc_speech.score import finding_reasons, priced, score_call, within_caps

CALIBRATION = "calibration"
PURPOSES = ("flagged", "sample", "appeal", CALIBRATION)
# A review of this "check" is about the call as a whole: the person has looked at its doubts (who
# is the agent, which scenario) and they need not be asked again.
WHOLE_CALL = "call"

_ADDED = "人工补充"
_CRITICAL_RISK = 100.0  # above every sum of doubts in a call
_DOUBT = {Severity.MINOR: 1.0, Severity.MAJOR: 3.0, Severity.CRITICAL: 20.0}


def unreviewed(result: CallResult) -> Settled:
    """What counts where no person has spoken: the machine's findings and score."""
    return Settled(result.findings, result.score)


def settle(result: CallResult, reviews: Sequence[Review], book: Rulebook) -> Settled:
    """The findings and score of a call with people's verdicts on them.

    The latest verdict on a (check, span) decides, unless withdrawn or given for calibration. It
    belongs to the finding of that check with the most common time (both without a span: of the
    whole call); a verdict whose finding is gone does not count and is `stale`. What a person has
    decided is sure (confidence 1.0) and asks for no review again. Only checks with a verdict are
    priced anew; without any the result is exactly the machine's.
    """
    placed = _placed(result.findings, _latest(reviews), {check.check for check in book.checks})
    counted = (*placed.decided.values(), *placed.added, *placed.looked)
    if not counted:
        return replace(unreviewed(result), stale=tuple(placed.stale))
    prices = {check.check: check for check in book.checks}
    findings = [
        replace(finding, outcome=placed.decided[n].outcome, confidence=1.0)
        if n in placed.decided
        else finding
        for n, finding in enumerate(result.findings)
    ]
    findings += [_added(result.call, review, prices[review.check]) for review in placed.added]
    judged = (*sorted(placed.decided), *range(len(result.findings), len(findings)))
    settled = _priced_anew(findings, {findings[n].check for n in judged}, book)
    score = score_call(result.call, settled, book)
    reasons = _reasons(result, settled, judged, book, looked=bool(placed.looked))
    return Settled(
        findings=settled,
        score=replace(score, review=bool(reasons), review_reasons=reasons),
        reviewed=tuple(sorted(counted, key=_when)),
        judged=judged,
        stale=tuple(placed.stale),
    )


def risk(settled: Settled) -> float:
    """Where a person's minute changes most: the review queue is read from the highest down.

    0: nobody has to look. Each critical violation nobody has confirmed counts 100; every open
    doubt counts by severity (1, 3, 20), a violation by how unsure it is.
    """
    if not settled.score.review:
        return 0.0
    total = 1.0  # a doubt about the call itself
    for n, finding in enumerate(settled.findings):
        if n in settled.judged:
            continue
        weight = _DOUBT[finding.severity]
        if finding.outcome is Outcome.UNCERTAIN:
            total += weight
        elif finding.outcome is Outcome.VIOLATION:
            total += weight * (1.0 - finding.confidence)
            total += _CRITICAL_RISK if finding.severity is Severity.CRITICAL else 0.0
    return round(total, 3)


@dataclass
class _Placed:
    """Where each verdict belongs."""

    decided: dict[int, Review] = field(default_factory=dict)  # by place in the findings
    added: list[Review] = field(default_factory=list)
    looked: list[Review] = field(default_factory=list)
    stale: list[Review] = field(default_factory=list)


def _latest(reviews: Iterable[Review]) -> list[Review]:
    """The verdict that holds for each (check, span), oldest first."""
    latest: dict[tuple[str, Span | None], Review] = {}
    for review in sorted(reviews, key=_when):
        if not review.withdrawn and review.purpose != CALIBRATION:
            latest[review.check, review.span] = review
    return sorted(latest.values(), key=_when)


def _when(review: Review) -> tuple[object, str]:
    return review.at, review.id


def _placed(findings: Sequence[Finding], reviews: Sequence[Review], asked: set[str]) -> _Placed:
    placed = _Placed()
    for review in reviews:
        if review.check == WHOLE_CALL:
            placed.looked = [review]
            continue
        n = _finding_of(review, findings)
        if n is not None:
            placed.decided[n] = review  # after a re-hearing two may meet: the later one decides
        elif review.machine is None and review.check in asked:
            placed.added.append(review)
        else:
            placed.stale.append(review)
    return placed


def _finding_of(review: Review, findings: Sequence[Finding]) -> int | None:
    """The place of the finding that a verdict is about."""
    best, best_fit = None, (0.0, 0)
    for n, finding in enumerate(findings):
        if finding.check != review.check:
            continue
        span = finding.evidence.span if finding.evidence else None
        if span == review.span:
            return n
        if span is None or review.span is None:
            continue
        common = span.overlap_ms(review.span)
        shorter = min(span.duration_ms, review.span.duration_ms)
        if review.machine is None and 2 * common < shorter:
            continue  # a miss that only touches a finding is another occurrence
        apart = abs(span.start_ms - review.span.start_ms) + abs(span.end_ms - review.span.end_ms)
        if common and (common, -apart) > best_fit:
            best, best_fit = n, (common, -apart)
    return best


def _added(call: Call, review: Review, check: Check) -> Finding:
    """A miss as a finding: all but place and outcome is the rulebook's."""
    return Finding(
        check=check.check,
        family=check.family,
        outcome=review.outcome,
        severity=check.severity,
        confidence=1.0,
        clause=check.clause,
        reason=f"{_ADDED}：{review.note}" if review.note else _ADDED,
        dimension=check.dimension,
        evidence=None if review.span is None else _heard_there(call, review.span),
    )


def _heard_there(call: Call, span: Span) -> Evidence:
    spoken = max(call.utterances, key=lambda one: one.span.overlap_ms(span), default=None)
    if spoken is None or not spoken.span.overlap_ms(span):
        return Evidence(span)
    return Evidence(span, spoken.role, spoken.index, spoken.text)


def _priced_anew(
    findings: Sequence[Finding], checks: set[str], book: Rulebook
) -> tuple[Finding, ...]:
    prices = {check.check: check for check in book.checks}
    settled = list(findings)
    for name in checks | _sharing_a_cap(findings, checks, book):
        places = [n for n, finding in enumerate(findings) if finding.check == name]
        own = [findings[n] for n in places]
        if name in prices:
            again = priced(own, prices[name])
        else:  # the rulebook no longer knows it: what it had cost is all there is to go by
            again = tuple(
                one if one.outcome is Outcome.VIOLATION else replace(one, points=0.0) for one in own
            )
        for n, finding in zip(places, again):
            settled[n] = finding
    return within_caps(settled, book.scoring)


def _sharing_a_cap(findings: Sequence[Finding], checks: set[str], book: Rulebook) -> set[str]:
    """Checks whose points depend on those of others through the cap of a family or of good
    practice: what one of them no longer takes of it is another's."""
    families = {one.family for one in findings if one.check in checks}
    capped = families & set(book.scoring.family_caps)
    return {
        check.check
        for check in book.checks
        if check.family in capped or (check.bonus and any(one.bonus for one in book.checks))
    }


def _reasons(
    result: CallResult,
    findings: Sequence[Finding],
    judged: Sequence[int],
    book: Rulebook,
    *,
    looked: bool,
) -> tuple[str, ...]:
    """Why a person still has to look: doubts about the call, then open findings."""
    of_findings = set(finding_reasons(result.findings, book.scoring))
    of_call = [reason for reason in result.score.review_reasons if reason not in of_findings]
    still = finding_reasons(findings, book.scoring, judged)
    return tuple(dict.fromkeys((*(() if looked else of_call), *still)))
