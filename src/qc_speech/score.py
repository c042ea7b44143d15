"""Findings -> the score of a call. Pure.

100 minus the points of violations, each check and each family capped, plus those of good practice
where the rulebook rewards it, within 0..100; a call's score can be recomputed by hand from its
findings, whose points are those after the caps. Uncertain outcomes never cost points.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from qc_speech.model import Call, Finding, Outcome, Role, Score, Severity
from qc_speech.rules.rulebook import Check, Rulebook, Scoring


def price(findings: Sequence[Finding], rulebook: Rulebook) -> tuple[Finding, ...]:
    """The findings of a call, in the order given, with their points: per occurrence, up to the caps
    of check, family and good practice. What the rulebook does not ask for costs nothing."""
    checks = {check.check: check for check in rulebook.checks}
    places: dict[str, list[int]] = defaultdict(list)
    for place, finding in enumerate(findings):
        places[finding.check].append(place)
    found = [replace(finding, points=0.0) for finding in findings]
    for name, own in places.items():
        if name in checks:
            for place, item in zip(own, priced([findings[p] for p in own], checks[name])):
                found[place] = item
    return within_caps(found, rulebook.scoring)


def priced(findings: Sequence[Finding], check: Check) -> tuple[Finding, ...]:
    """Points for the violations of one check, in order, until its cap is reached; a pass adds the
    check's bonus."""
    left = check.cap
    result = []
    for finding in findings:
        points = check.bonus if finding.outcome is Outcome.PASS else 0.0
        if finding.outcome is Outcome.VIOLATION:
            cost = min(check.points, left)
            left -= cost
            points = -cost
        result.append(replace(finding, points=points or 0.0))
    return tuple(result)


def within_caps(findings: Sequence[Finding], scoring: Scoring) -> tuple[Finding, ...]:
    """In order of the findings: what goes beyond a family's cap, or beyond the cap of all good
    practice, counts nothing."""
    left: dict[str, float] = {str(family): cap for family, cap in scoring.family_caps.items()}
    good = scoring.bonus_cap
    result = []
    for finding in findings:
        points = finding.points
        if points < 0 and finding.family in left:
            points = -min(-points, left[finding.family])
            left[finding.family] += points
        elif points > 0:
            points = min(points, good)
            good -= points
        result.append(replace(finding, points=points or 0.0))
    return tuple(result)


def score_call(call: Call, findings: Sequence[Finding], rulebook: Rulebook) -> Score:
    """The score of a call with its findings."""
    scoring = rulebook.scoring
    critical = any(_is_critical(finding, scoring) for finding in findings)
    lost = sum(finding.points for finding in findings)
    total = min(100.0, max(0.0, 100.0 + lost))
    if critical:
        total = min(total, scoring.critical_total)
    dimensions: dict[str, float] = {}
    for finding in findings:
        if finding.outcome in (Outcome.PASS, Outcome.VIOLATION) and finding.dimension:
            dimensions[finding.dimension] = (
                dimensions.get(finding.dimension, 100.0) + finding.points
            )
    reasons = _review_reasons(call, findings, scoring)
    return Score(
        total=round(total, 2),
        dimensions=tuple(
            (name, round(min(100.0, max(0.0, value)), 2))
            for name, value in sorted(dimensions.items())
        ),
        critical=critical,
        grade=next((grade for grade, floor in scoring.grades if total >= floor), "E"),
        review=bool(reasons),
        review_reasons=reasons,
    )


def _is_critical(finding: Finding, scoring: Scoring) -> bool:
    """One critical violation decides alone, so it must be heard surely; a person confirms it."""
    return (
        finding.outcome is Outcome.VIOLATION
        and finding.severity is Severity.CRITICAL
        and finding.confidence >= scoring.critical_from
    )


def _review_reasons(call: Call, findings: Sequence[Finding], scoring: Scoring) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*_call_reasons(call), *finding_reasons(findings, scoring))))


def _call_reasons(call: Call) -> list[str]:
    reasons: list[str] = []
    if any(role is Role.UNKNOWN for _, role in call.roles.roles):
        reasons.append(f"未能分清坐席和客户（把握 {call.roles.confidence:.0%}）")
    reasons.extend(call.roles.doubts)
    if not call.utterances:
        reasons.append("录音中没有听到讲话")
    return reasons


def finding_reasons(
    findings: Sequence[Finding], scoring: Scoring, judged: Collection[int] = ()
) -> tuple[str, ...]:
    """Why findings want a person; those at the places in `judged` have had one."""
    reasons: list[str] = []
    for place, finding in enumerate(findings):
        if place in judged:
            continue
        if finding.outcome is Outcome.UNCERTAIN:
            reasons.append(f"待人工判断：{finding.check}")
        elif finding.outcome is Outcome.VIOLATION and finding.severity is Severity.CRITICAL:
            reasons.append(f"一票否决项需人工确认：{finding.check}")
        elif finding.outcome is Outcome.VIOLATION and finding.confidence < scoring.review_below:
            text = f"violation with confidence below {scoring.review_below}: {finding.check}"
            reasons.append(text)
    return tuple(dict.fromkeys(reasons))
