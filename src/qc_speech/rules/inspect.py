"""Call + Measures + rulebook -> findings. Pure."""

from __future__ import annotations

from qc_speech.model import Finding, Outcome
from qc_speech.rules import (
    banned,
    courtesy,
    holiday,
    meaning,
    occasion,
    readback,
    required,
    sequence,
    speech,
)
from qc_speech.rules.conditions.check import custom_kind
from qc_speech.rules.kind import Context, Draft, Kind
from qc_speech.rules.lexicons import Lexicons
from qc_speech.rules.rulebook import Check, Rulebook
from qc_speech.rules.verdict import doubted
from qc_speech.score import price

_NOT_ASKED = Draft(Outcome.NOT_APPLICABLE, 1.0, "这类通话（场景）不考核本项")


def all_kinds(lexicons: Lexicons) -> dict[str, Kind]:
    """Every kind of check a rulebook may name: the built-in ones and one per phrase."""
    kinds = {check: required.phrase_kind(check) for check in lexicons.phrases}
    rooms = (required, readback, occasion, holiday, courtesy, sequence, speech, banned, meaning)
    kinds.update((kind.name, kind) for room in rooms for kind in room.KINDS)
    situated = occasion.kinds_of(lexicons.situations, lexicons.phrases)
    kinds.update((kind.name, kind) for kind in situated)
    custom = custom_kind(lexicons.phrases)
    kinds[custom.name] = custom
    return kinds


def find_all(ctx: Context, rulebook: Rulebook) -> tuple[Finding, ...]:
    """All findings of a call, check by check in the rulebook's order, with their points."""
    findings: list[Finding] = []
    for check in rulebook.checks:
        drafts = check.kind.run(ctx, check.params) if applies(ctx, check) else (_NOT_ASKED,)
        if check.family != "timing":  # ringing and length are nobody's words
            drafts = doubted(drafts, ctx.call.roles)
        findings.extend(_finding(draft, check) for draft in drafts)
    return price(findings, rulebook)


def applies(ctx: Context, check: Check) -> bool:
    """Whether the rulebook asks for a check in calls of this scenario."""
    return not check.scenarios or ctx.scenario in check.scenarios


def _finding(draft: Draft, check: Check) -> Finding:
    return Finding(
        check=check.check,
        family=check.family,
        outcome=draft.outcome,
        severity=draft.severity or check.severity,
        confidence=draft.confidence,
        clause=check.clause,
        reason=_reason(draft, check),
        dimension=check.dimension,
        evidence=draft.evidence,
    )


def _reason(draft: Draft, check: Check) -> str:
    """What the agent reads: the supervisor's own wording first, then what was found."""
    if check.shown is None or draft.outcome not in (Outcome.VIOLATION, Outcome.UNCERTAIN):
        return draft.reason
    return f"{check.shown}（{draft.reason}）"
