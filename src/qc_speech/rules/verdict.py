"""Drafts that many checks share: guards for unknown roles, and probability to outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from qc_speech.model import Evidence, Outcome, Role, RoleGuess, Span, Utterance
from qc_speech.rules.kind import Context, Draft

SURE = 0.6  # below this a violation goes to a person
DOUBT = 0.35  # below this there is nothing to ask a person about

Run = Callable[[Context, Any], tuple[Draft, ...]]


def passed(reason: str, confidence: float = 0.9) -> tuple[Draft, ...]:
    return (Draft(Outcome.PASS, round(confidence, 3), reason),)


def not_applicable(reason: str) -> tuple[Draft, ...]:
    return (Draft(Outcome.NOT_APPLICABLE, 1.0, reason),)


def uncertain(reason: str, evidence: Evidence | None = None) -> tuple[Draft, ...]:
    return (Draft(Outcome.UNCERTAIN, 0.5, reason, evidence),)


def judged(probability: float, reason: str, evidence: Evidence | None) -> Draft | None:
    """A violation, a question to a person, or nothing, by the probability of a violation."""
    if probability >= SURE:
        return Draft(Outcome.VIOLATION, round(min(probability, 0.99), 3), reason, evidence)
    if probability >= DOUBT:
        return Draft(Outcome.UNCERTAIN, round(probability, 3), reason, evidence)
    return None


def heard(utterance: Utterance, span: Span | None = None) -> Evidence:
    """An utterance (or a stretch of it) as evidence."""
    return Evidence(span or utterance.span, utterance.role, utterance.index, utterance.text)


def by_agent(run: Run) -> Run:
    """Guard of checks of the agent's manner: without a known agent nobody is charged."""

    def guarded(ctx: Context, params: Any) -> tuple[Draft, ...]:
        roles = ctx.call.roles
        if not any(role is Role.AGENT for _, role in roles.roles):
            return uncertain("未能分清哪一方是坐席，需人工判断")
        if not ctx.call.by_role(Role.AGENT):
            return not_applicable("录音中没有听到坐席的话")
        return doubted(run(ctx, params), roles)

    return guarded


def doubted(drafts: tuple[Draft, ...], roles: RoleGuess) -> tuple[Draft, ...]:
    """Nobody is charged for what may be another's doing: where it is not sure which party is the
    agent (or which of two agents is meant), a violation goes to a person."""
    if roles.confidence >= SURE:
        return drafts
    return tuple(
        replace(
            draft,
            outcome=Outcome.UNCERTAIN,
            confidence=round(min(draft.confidence, roles.confidence), 3),
            reason=f"{draft.reason}；但哪一方是坐席不能确定",
        )
        if draft.outcome is Outcome.VIOLATION
        else draft
        for draft in drafts
    )


def seconds(ms: float) -> str:
    return f"{ms / 1000:.1f}"
