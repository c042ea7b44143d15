"""What all checks of forbidden words share: parameters, and certainty turned into an outcome."""

from __future__ import annotations

import pydantic

from qc_speech.model import Call, Evidence, Outcome, Role, Severity
from qc_speech.rules.kind import Draft, Params


class BannedParams(Params):
    """Certainties 0..1: from `min_confidence` a violation, from `unsure_confidence` a case for a
    person; below `min_role_confidence` it is not known who is the agent."""

    min_confidence: float = pydantic.Field(default=0.6, ge=0, le=1)
    unsure_confidence: float = pydantic.Field(default=0.4, ge=0, le=1)
    min_role_confidence: float = pydantic.Field(default=0.75, ge=0, le=1)
    quote_characters: int = pydantic.Field(default=10, ge=0, le=200)

    @pydantic.model_validator(mode="after")
    def _order(self) -> BannedParams:
        if self.unsure_confidence > self.min_confidence:
            raise ValueError("unsure_confidence: above min_confidence; make it smaller")
        return self


def unfit(call: Call, name: str) -> Draft | None:
    """An uncertain draft when the agent was not heard or not recognized as such."""
    spoken = any(utterance.words for utterance in call.by_role(Role.AGENT))
    if not spoken:
        return Draft(Outcome.UNCERTAIN, 0.0, f"没有听到坐席的话，无法判断有没有{name}")
    return None


def draft(
    call: Call,
    params: BannedParams,
    confidence: float,
    reason: str,
    evidence: Evidence,
    severity: Severity | None,
) -> Draft:
    """A violation when it is sure enough, else uncertain."""
    if call.roles.confidence < params.min_role_confidence:
        reason = f"{reason}；但分不清哪一方是坐席（把握{call.roles.confidence:.0%}）"
        return Draft(
            Outcome.UNCERTAIN, confidence * call.roles.confidence, reason, evidence, severity
        )
    if confidence < params.min_confidence:
        reason = f"可能{reason}；听得不够清楚（把握{confidence:.0%}），请人工听取"
        return Draft(Outcome.UNCERTAIN, confidence, reason, evidence, severity)
    return Draft(Outcome.VIOLATION, confidence, reason, evidence, severity)


def nothing_found(call: Call, reason: str) -> Draft:
    """The one pass of a check, as sure as the agent was heard."""
    spoken = [(len(one.text), one.confidence) for one in call.by_role(Role.AGENT) if one.words]
    characters = sum(count for count, _ in spoken) or 1
    mean = sum(count * confidence for count, confidence in spoken) / characters
    return Draft(Outcome.PASS, mean, reason)
