"""Which scenario a call is, when neither manifest nor queue says so. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pydantic

from qc_speech.model import Metadata, Utterance
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.normalize import normalize
from qc_speech.text.template import Corpus, find_in, parse


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Sign(_Model):
    say: str
    weight: float

    @pydantic.field_validator("say")
    @classmethod
    def _well_formed(cls, say: str) -> str:
        parse(say if say.startswith("(") else f"({say})")
        return say if "|" not in say or say.startswith(("(", "<")) else f"({say})"


class ScenarioSigns(_Model):
    scenario: str
    prior: float
    direction: str
    wordings: tuple[Sign, ...]


class ScenarioEvidence(_Model):
    """lexicons/scenarios.yaml."""

    scenarios: tuple[ScenarioSigns, ...]
    direction_weight: float
    unsure_below: float


def load_scenario_evidence(path: Path) -> ScenarioEvidence:
    return load_yaml(path, ScenarioEvidence)


def recognize(
    utterances: Sequence[Utterance], metadata: Metadata, evidence: ScenarioEvidence
) -> tuple[str, float]:
    """The scenario and the probability that it is right (softmax of the log-odds); the manifest's
    word is taken as it is, with confidence 1."""
    if metadata.scenario:
        return metadata.scenario, 1.0
    corpus = Corpus([normalize(utterance.text) for utterance in utterances])
    scores = {}
    for signs in evidence.scenarios:
        score = signs.prior
        for sign in signs.wordings:
            best = max((hit.probability for hit in find_in(sign.say, corpus)), default=0.0)
            score += sign.weight * best if best > 0.6 else 0.0
        if metadata.direction:
            score += evidence.direction_weight if metadata.direction == signs.direction else 0.0
        scores[signs.scenario] = score
    best_name = max(scores, key=lambda name: scores[name])
    total = sum(math.exp(score - scores[best_name]) for score in scores.values())
    return best_name, round(1.0 / total, 4)
