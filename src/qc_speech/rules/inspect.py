"""Call + Measures + rulebook -> findings. Pure."""

from __future__ import annotations

from qc_speech.model import Finding
from qc_speech.rules import banned, readback, required, speech
from qc_speech.rules.kind import Context, Draft, Kind
from qc_speech.rules.lexicons import Lexicons
from qc_speech.rules.rulebook import Check, Rulebook
from qc_speech.score import priced


def all_kinds(lexicons: Lexicons) -> dict[str, Kind]:
    """Every kind of check a rulebook may name: the built-in ones and one per phrase."""
    kinds = {check: required.phrase_kind(check) for check in lexicons.phrases}
    for kind in (*required.KINDS, *readback.KINDS, *speech.KINDS, *banned.KINDS):
        kinds[kind.name] = kind
    return kinds


def find_all(ctx: Context, rulebook: Rulebook) -> tuple[Finding, ...]:
    """All findings of a call, check by check in the rulebook's order, with their points."""
    findings: list[Finding] = []
    for check in rulebook.checks:
        drafts = check.kind.run(ctx, check.params)
        findings.extend(priced([_finding(draft, check) for draft in drafts], check))
    return tuple(findings)


def _finding(draft: Draft, check: Check) -> Finding:
    return Finding(
        check=check.check,
        family=check.family,
        outcome=draft.outcome,
        severity=draft.severity or check.severity,
        confidence=draft.confidence,
        clause=check.clause,
        reason=draft.reason,
        dimension=check.dimension,
        evidence=draft.evidence,
    )
