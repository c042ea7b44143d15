"""Which scenario a call is, when the manifest does not say so: by its queue, else by what is said.

Signs add up as log-odds per scenario (a naive Bayes with weights set by hand); an unknown direction
is inferred in the same way and weighed by its probability. Pure.
"""

from __future__ import annotations

import fnmatch
import functools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pydantic

from qc_speech.errors import RulebookError
from qc_speech.model import Call, Metadata, Role
from qc_speech.rules.matcher import Matcher
from qc_speech.rules.phrases import Phrase, agent_turns
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.likeness import likeness
from qc_speech.text.normalize import normalize
from qc_speech.text.template import Corpus, parse

_HEARD = 0.6  # a sign heard less surely is none
_DIRECTIONS = ("inbound", "outbound")


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Sign(_Model):
    """What speaks for a scenario: a wording, or a phrase check that the agent says."""

    say: str | None = None
    phrase: str | None = None
    by: Literal["agent", "customer"] | None = None
    weight: float

    @pydantic.field_validator("say")
    @classmethod
    def _well_formed(cls, say: str | None) -> str | None:
        if say is None:
            return None
        parse(say if say.startswith("(") else f"({say})")
        return say if "|" not in say or say.startswith(("(", "<")) else f"({say})"

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> Sign:
        if (self.say is None) == (self.phrase is None):
            raise ValueError("needs either `say` or `phrase`")
        return self


class ScenarioSigns(_Model):
    scenario: str
    prior: float
    direction: Literal["inbound", "outbound"]
    signs: tuple[Sign, ...]


class DirectionSigns(_Model):
    """Log-odds that the call went out."""

    prior: float
    customer_first: float
    agent_first: float
    signs: tuple[Sign, ...]


class QueueScenario(_Model):
    queue: str
    scenario: str


class ScenarioEvidence(_Model):
    """lexicons/scenarios.yaml."""

    queues: tuple[QueueScenario, ...] = ()
    scenarios: tuple[ScenarioSigns, ...] = pydantic.Field(min_length=1)
    outbound: DirectionSigns
    direction_weight: float
    temper: float = pydantic.Field(gt=0, le=1)
    unsure_below: float


def load_scenario_evidence(path: Path, rulebooks: Collection[str] = ()) -> ScenarioEvidence:
    """The file's signs and queues; `rulebooks`: the names that there are. Raises RulebookError."""
    evidence = load_yaml(path, ScenarioEvidence)
    named = [one.scenario for one in evidence.queues]
    for name in (*named, *(one.scenario for one in evidence.scenarios)):
        if rulebooks and name not in rulebooks:
            known = ", ".join(sorted(rulebooks))
            raise RulebookError(f"{path}:1: no rulebook is named {name}; write one of {known}")
    return evidence


@dataclass(frozen=True)
class _Talk:
    """What each party says, ready to be searched."""

    call: Call
    phrases: Mapping[str, Phrase]

    @functools.cached_property
    def _matcher(self) -> Matcher:
        known = any(u.role is Role.AGENT for u in self.call.utterances)
        roles = (Role.AGENT,) if known else tuple(Role)
        turns = [turn for role in roles for turn in agent_turns(self.call, role)]
        return Matcher(tuple(turns))

    @functools.cached_property
    def _corpora(self) -> dict[str | None, Corpus]:
        """By whose words; where the roles are unknown, all words stand for either party."""
        known = any(u.role in (Role.AGENT, Role.CUSTOMER) for u in self.call.utterances)
        return {
            by: Corpus(
                [
                    normalize(u.text)
                    for u in self.call.utterances
                    if by is None or not known or u.role.value == by
                ]
            )
            for by in (None, "agent", "customer")
        }

    def weight(self, signs: tuple[Sign, ...]) -> float:
        """The weights of the signs that are heard, each by how surely."""
        total = 0.0
        for sign in signs:
            heard = self._heard(sign)
            total += sign.weight * heard if heard > _HEARD else 0.0
        return total

    def _heard(self, sign: Sign) -> float:
        if sign.say is not None:
            return float(max(likeness(sign.say, self._corpora[sign.by]), default=0.0))
        phrase = self.phrases.get(sign.phrase or "")
        if phrase is None:
            return 0.0
        return self._matcher.find(phrase, self._matcher.turns).probability


def recognize(
    call: Call, phrases: Mapping[str, Phrase], evidence: ScenarioEvidence
) -> tuple[str, float]:
    """The scenario and the probability that it is right. The manifest's word and the queue's are
    taken as they are, with confidence 1."""
    metadata = call.recording.metadata
    given = metadata.scenario or of_queue(metadata, evidence)
    if given:
        return given, 1.0
    talk = _Talk(call, phrases)
    direction = _direction(talk, metadata, evidence)
    scores = {
        one.scenario: evidence.temper * (one.prior + talk.weight(one.signs))
        + direction[one.direction]
        for one in evidence.scenarios
    }
    best = max(scores, key=lambda name: scores[name])
    total = sum(math.exp(score - scores[best]) for score in scores.values())
    return best, round(1.0 / total, 4)


def of_queue(metadata: Metadata, evidence: ScenarioEvidence) -> str | None:
    """The scenario of the call's queue: the first pattern that fits."""
    queue = (metadata.queue or "").casefold()
    for one in evidence.queues:
        if queue and fnmatch.fnmatchcase(queue, one.queue.casefold()):
            return one.scenario
    return None


def _direction(talk: _Talk, metadata: Metadata, evidence: ScenarioEvidence) -> dict[str, float]:
    """What each direction adds to a scenario of it: the manifest's word, or the log-probability."""
    if metadata.direction:
        return {
            name: evidence.direction_weight if name == metadata.direction else 0.0
            for name in _DIRECTIONS
        }
    signs = evidence.outbound
    first = next((u.role for u in talk.call.utterances if normalize(u.text)), None)
    odds = signs.prior + talk.weight(signs.signs)
    odds += {Role.AGENT: signs.agent_first, Role.CUSTOMER: signs.customer_first}.get(
        first or Role.UNKNOWN, 0.0
    )
    outbound = 1.0 / (1.0 + math.exp(-evidence.temper * odds))
    return {"outbound": math.log(outbound), "inbound": math.log(1.0 - outbound)}
