"""What comes first: priorities by rule, then the newest, the oldest or the riskiest. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qc_speech.model import Metadata
from qc_speech.nightly.profile import PriorityRule

_PRIOR_CALLS = 5.0  # an agent's record counts as much as it has calls, beside so many average ones
_PRIOR_RISK = 0.15
_COMPLAINT = 0.5
_FIELDS = ("queue", "scenario", "customer_class", "agent_id")


@dataclass(frozen=True)
class AgentRecord:
    """What the store knows of an agent: calls, and how many were critical or need a person."""

    calls: int
    critical: int
    review: int


def priority_of(metadata: Metadata, source: str, rules: Sequence[PriorityRule]) -> int:
    """The sum of all rules that fit. A rule that names nothing fits nothing."""
    total = 0
    for rule in rules:
        asked = {name: getattr(rule, name) for name in _FIELDS if getattr(rule, name)}
        fits = all(getattr(metadata, name) == wanted for name, wanted in asked.items())
        if rule.source:
            fits = fits and rule.source == source
        if fits and (asked or rule.source):
            total += rule.add
    return total


def rank_of(
    order: str, metadata: Metadata, changed: float, agents: Mapping[str, AgentRecord]
) -> float:
    """The higher, the earlier. `changed`: when the file was written (seconds), for a call whose
    beginning is not known."""
    when = metadata.started_at.timestamp() if metadata.started_at else changed
    if order == "riskiest":
        return risk_of(metadata, agents) + when * 1e-13  # equals: the newest first
    return -when if order == "oldest" else when


def risk_of(metadata: Metadata, agents: Mapping[str, AgentRecord]) -> float:
    """How likely a call is to need a person, before it is heard: 0 to 1.5. From the agent's calls
    so far (critical ones count whole, those to review half) and whether it is a complaint."""
    record = agents.get(metadata.agent_id or "", AgentRecord(0, 0, 0))
    bad = record.critical + 0.5 * max(0, record.review - record.critical)
    share = (bad + _PRIOR_RISK * _PRIOR_CALLS) / (record.calls + _PRIOR_CALLS)
    return share + (_COMPLAINT if metadata.scenario == "complaint" else 0.0)
