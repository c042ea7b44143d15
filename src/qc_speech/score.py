"""Findings -> the score of a call. Pure.

100 minus the points of violations, each check capped; a call's score can be recomputed by hand
from its findings, whose points are those after the cap. Uncertain outcomes never cost points.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from qc_speech.model import Call, Finding, Outcome, Role, Score, Severity
from qc_speech.rules.rulebook import Check, Rulebook, Scoring


def priced(findings: Sequence[Finding], check: Check) -> tuple[Finding, ...]:
    """Points for the violations of one check, in order, until its cap is reached."""
    left = check.cap
    result = []
    for finding in findings:
        cost = min(check.points, left) if finding.outcome is Outcome.VIOLATION else 0.0
        left -= cost
        result.append(replace(finding, points=-cost if cost else 0.0))
    return tuple(result)


def score_call(call: Call, findings: Sequence[Finding], rulebook: Rulebook) -> Score:
    """The score of a call with its findings."""
    scoring = rulebook.scoring
    critical = any(_is_critical(finding, scoring) for finding in findings)
    lost = sum(finding.points for finding in findings)
    total = max(0.0, 100.0 + lost)
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
            (name, round(max(0.0, value), 2)) for name, value in sorted(dimensions.items())
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
