"""Why a check passed or failed on one call, as lines of text in Chinese or English."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qc_speech.errors import UsageError
from qc_speech.model import CallResult, Finding, Span
from qc_speech.pipeline import Rules, rescore, scored_with
from qc_speech.report.labels import label
from qc_speech.rules.explain import Compared, asked_for, compared
from qc_speech.rules.kind import Context
from qc_speech.rules.rulebook import Check, choose

LANGUAGES = ("zh", "en")
_LIMITS = ("pass_from", "missing_below", "min_confidence", "unsure_confidence")


def explanation(
    result: CallResult, check: str, rules: Rules, language: str = "zh", rulebook: str | None = None
) -> Iterator[str]:
    """Lines about a stored call under today's rules: the findings, what was compared with what,
    and whether the stored outcome was another one. `rulebook` None: the one the call was scored
    with. Raises UsageError when the rulebook has no such check."""
    at = LANGUAGES.index(language)
    fresh = rescore(result, rules, rulebook or scored_with(result))
    rule = _rule(rules, fresh.rulebook.partition("@")[0], check)
    ctx = Context(fresh.call, fresh.measures, fresh.scenario, rules.lexicons)
    names = (fresh.rulebook, label("scenarios", fresh.scenario)[at])
    yield f"{result.call_id} · {check} {label('checks', check)[at]}"
    yield _said("book", at, *names, f"{rule.points:g}", f"{rule.cap:g}", rule.clause)
    for finding in _of(fresh, check):
        yield from _finding(finding, at)
    yield from _comparison(compared(ctx, rule), at)
    for one in asked_for(ctx, rule):
        yield "  " + _said("asked", at, one.words, f"{one.ratio:+.1f}", _seconds(one.span, at))
    limits = [f"{name} {value:g}" for name in _LIMITS
              if (value := getattr(rule.params, name, None)) is not None]  # fmt: skip
    if limits:
        yield _said("limits", at, ", ".join(limits))
    before, now = _outcomes(_of(result, check), at), _outcomes(_of(fresh, check), at)
    if before != now:
        yield _said("stored", at, before or _said("none", at), result.rulebook)


def _rule(rules: Rules, book: str, check: str) -> Check:
    checks = {one.check: one for one in choose(rules.rulebooks, book).checks}
    if check not in checks:
        known = ", ".join(sorted(checks))
        raise UsageError(f"check {check}: not in rulebook {book}; one of {known}")
    return checks[check]


def _of(result: CallResult, check: str) -> list[Finding]:
    return [finding for finding in result.findings if finding.check == check]


def _finding(finding: Finding, at: int) -> Iterator[str]:
    outcome = label("outcomes", finding.outcome.value)[at]
    severity = label("severities", finding.severity.value)[at]
    place = finding.evidence
    where = _said("whole", at)
    if place:
        who = label("roles", place.speaker.value)[at] if place.speaker else ""
        where = f"{_seconds(place.span, at)} {who}".rstrip()
    sure = f"{finding.confidence:.2f}"
    yield _said("finding", at, outcome, f"{finding.points:g}", sure, severity, where)
    yield "  " + _said("reason", at, finding.reason)
    if place and place.quote:
        yield "  " + _said("quote", at, place.quote)


def _comparison(rows: Sequence[Compared], at: int) -> Iterator[str]:
    yield _said("compared" if rows else "measured", at)
    for row in rows:
        who = label("roles", row.role.value)[at]
        sure, hearing = f"{row.probability:.2f}", f"{row.hearing:.2f}"
        if row.span and row.heard:
            place = _seconds(row.span, at)
            yield "  " + _said(
                "near", at, row.what, row.wording, row.heard, who, place, sure, hearing
            )
        else:
            yield "  " + _said("far", at, row.what, who, sure, hearing)


def _outcomes(findings: Sequence[Finding], at: int) -> str:
    return ", ".join(label("outcomes", one.outcome.value)[at] for one in findings)


def _seconds(span: Span, at: int) -> str:
    return _said("seconds", at, f"{span.start_ms / 1000:.1f}", f"{span.end_ms / 1000:.1f}")


def _said(key: str, at: int, *values: str) -> str:
    return label("explain", key)[at].format(*values)
