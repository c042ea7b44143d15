"""Speaker -> agent or customer: several kinds of evidence in one probability. Pure.

What is said (the house's phrases, questions, 您 against 你们), how the call opens and its direction
add up as log-odds; below a threshold the roles stay UNKNOWN and the call goes to a person.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pydantic

from qc_speech.model import Metadata, Role, RoleGuess, Turn, Utterance
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.normalize import normalize
from qc_speech.text.template import Corpus, find_in, parse

UNSURE_BELOW = 0.8
_TEMPER = 0.55  # evidence of one call is not independent: temper the log-odds


class Wording(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    say: str
    weight: float

    @pydantic.field_validator("say")
    @classmethod
    def _well_formed(cls, say: str) -> str:
        parse(say)
        return say


class RoleEvidence(pydantic.BaseModel):
    """lexicons/roles.yaml: log-odds for being the agent."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    wordings: tuple[Wording, ...]
    per_nin: float = pydantic.Field(alias="per_您")
    per_nimen: float = pydantic.Field(alias="per_你们")
    opening_inbound: float
    opening_outbound: float


def load_role_evidence(path: Path) -> RoleEvidence:
    return load_yaml(path, RoleEvidence)


def guess_roles(
    utterances: Sequence[Utterance],
    turns: Sequence[Turn],
    metadata: Metadata,
    evidence: RoleEvidence,
) -> RoleGuess:
    """Which speaker is the agent, with the probability that this is right."""
    speakers = _by_talk(turns)
    if not speakers:
        return RoleGuess((), 0.0, ("没有听到讲话",))
    if metadata.agent_channel is not None and speakers[0].startswith("ch"):
        return _by_channel(metadata.agent_channel)
    scores = {s: _score(s, utterances, metadata, evidence) for s in speakers[:2]}
    if len(scores) == 1:
        return _one_sided(speakers[0], scores[speakers[0]])
    ranked = sorted(scores, key=lambda s: -scores[s])
    gap = scores[ranked[0]] - scores[ranked[1]]
    # A guess is never as sure as what a manifest says.
    probability = min(0.99, 1.0 / (1.0 + math.exp(-_TEMPER * gap)))
    shown = tuple(f"{s}: {scores[s]:+.1f}" for s in ranked)
    others = tuple((s, Role.OTHER) for s in speakers[2:])
    if probability < UNSURE_BELOW:
        unknown = tuple((s, Role.UNKNOWN) for s in ranked)
        return RoleGuess((*unknown, *others), round(probability, 4), shown)
    return RoleGuess(
        ((ranked[0], Role.AGENT), (ranked[1], Role.CUSTOMER), *others), round(probability, 4), shown
    )


def _by_talk(turns: Sequence[Turn]) -> list[str]:
    """Speakers, the one who talks most first."""
    talk: dict[str, int] = {}
    for turn in turns:
        talk[turn.speaker] = talk.get(turn.speaker, 0) + turn.span.duration_ms
    return sorted(talk, key=lambda speaker: (-talk[speaker], speaker))


def _by_channel(agent: int) -> RoleGuess:
    return RoleGuess(
        ((f"ch{agent}", Role.AGENT), (f"ch{1 - agent}", Role.CUSTOMER)),
        1.0,
        ("录音清单指定坐席声道",),
    )


def _one_sided(speaker: str, score: float) -> RoleGuess:
    probability = 1.0 / (1.0 + math.exp(-_TEMPER * abs(score)))
    role = Role.AGENT if score > 0 else Role.CUSTOMER
    if probability < UNSURE_BELOW:
        role = Role.UNKNOWN
    return RoleGuess(
        ((speaker, role),), round(probability, 4), (f"{speaker}: {score:+.1f}", "只录到一方")
    )


def _score(
    speaker: str, utterances: Sequence[Utterance], metadata: Metadata, evidence: RoleEvidence
) -> float:
    own = [normalize(u.text) for u in utterances if u.speaker == speaker]
    corpus = Corpus(own)
    score = 0.0
    for wording in evidence.wordings:
        hits = find_in(wording.say, corpus)
        best = max((hit.probability for hit in hits), default=0.0)
        score += wording.weight * (best if best > 0.5 else 0.0)
    score += evidence.per_nin * min(8, sum(text.count("您") for text in own))
    score += evidence.per_nimen * min(4, sum(text.count("你们") for text in own))
    first = next((u for u in utterances if normalize(u.text)), None)
    if first is not None and first.speaker == speaker:
        if metadata.direction == "inbound":
            score += evidence.opening_inbound
        elif metadata.direction == "outbound":
            score += evidence.opening_outbound
    return score


def with_roles(utterances: Sequence[Utterance], guess: RoleGuess) -> tuple[Utterance, ...]:
    """The utterances with the roles of their speakers."""
    return tuple(replace(utterance, role=guess.of(utterance.speaker)) for utterance in utterances)
