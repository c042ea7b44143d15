"""What speaks for the agent: lexicons/roles.yaml, and the facts of each speaker it is held against.

A fact is a number per speaker (a wording was said, questions asked, who spoke first); its weight is
the log-odds for being the agent and not the customer. Weights are learned on labelled calls about
what knowledge expects (`prior`): benchmarks/roles.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pydantic

from qc_speech.model import Metadata, Turn, Utterance
from qc_speech.rules.matcher import Matcher
from qc_speech.rules.phrases import AgentTurn, Phrase, spoken_identity
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.normalize import normalize
from qc_speech.text.template import Corpus, find_in, parse

HEARD = 0.5  # a wording less probable than this was not said
_QUESTION = re.compile(
    "吗|呢$|什么|哪|多少|几(号|点|位|个|分|单元|栋|楼)|怎么|是不是|有没有|能不能|可不可以|可以不"
    "|行不行|好不好|对不对|对吧|请问|贵姓|谁"
)
_COUNTED = {"您": re.compile("您"), "你们": re.compile("你们"), "喂": re.compile("^喂|喂$")}

Facts = dict[str, float]


class _Shape(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Weighed(_Shape):
    """Log-odds for the agent: as knowledge expects it, and as learned (none: not yet learned)."""

    prior: float
    weight: float | None = None

    @property
    def value(self) -> float:
        return self.prior if self.weight is None else self.weight


class Wording(Weighed):
    say: str

    @pydantic.field_validator("say")
    @classmethod
    def _well_formed(cls, say: str) -> str:
        parse(say)
        return say


class Counted(Weighed):
    at_most: float = pydantic.Field(gt=0)


class MachineWording(_Shape):
    say: str
    weight: float

    @pydantic.field_validator("say")
    @classmethod
    def _well_formed(cls, say: str) -> str:
        parse(say)
        return say


class Announcements(_Shape):
    """Log-odds that an utterance is a machine's: what machines say, and what only people say."""

    prior: float = pydantic.Field(lt=0)  # of any utterance
    at_start: float = pydantic.Field(ge=0)  # more for the first of a call
    wordings: tuple[MachineWording, ...]


class Voice(_Shape):
    """Log-odds from the likeness (cosine) of the speakers to the agent's voiceprint. How like two
    voices are depends on line and codec, so the speakers of a call are held against each other:
    slope * (likeness - their mean); one alone against `even`. Never beyond -at_most..at_most."""

    slope: float = pydantic.Field(gt=0)
    even: float = pydantic.Field(gt=-1, lt=1)
    at_most: float = pydantic.Field(gt=0)
    strange_below: float = pydantic.Field(ge=-1, lt=1)  # a person looks who spoke

    def log_odds(self, likeness: Mapping[str, float]) -> Facts:
        centre = sum(likeness.values()) / len(likeness) if len(likeness) > 1 else self.even
        return {
            speaker: max(-self.at_most, min(self.at_most, self.slope * (value - centre)))
            for speaker, value in likeness.items()
        }


class Handover(_Shape):
    """What is said when a call goes to a colleague, and when the colleague takes it."""

    transfer: str
    introduction: str

    @pydantic.field_validator("transfer", "introduction")
    @classmethod
    def _well_formed(cls, say: str) -> str:
        parse(say)
        return say


class RoleEvidence(_Shape):
    """lexicons/roles.yaml."""

    wordings: tuple[Wording, ...]
    phrases: tuple[str, ...]  # checks whose phrases are the agent's
    counted: dict[str, Counted]
    first: dict[str, Weighed]  # who speaks first, by direction
    talk: Weighed  # per factor e of talk more than the other
    alone: Weighed  # of a speaker whose only company is himself
    usual_channel: float = pydantic.Field(ge=0)  # a site's habit, where the manifest is silent
    named_channel: float = pydantic.Field(ge=0)  # the manifest's word; it may be wrong, seldom
    odd_company: float = pydantic.Field(le=0)  # log-odds of each party too many or missing
    temperature: float = pydantic.Field(gt=0)
    at_most: float = pydantic.Field(gt=0.5, lt=1)  # what is heard is never surer than this
    unsure_below: float = pydantic.Field(gt=0.5, lt=1)
    voice: Voice
    handover: Handover
    announcements: Announcements

    def weights(self, prior: bool = False) -> Facts:
        """The weight of every fact by its name. `prior`: as it was before anything was learned."""
        weighed: dict[str, Weighed] = {
            **{f"说 {wording.say}": wording for wording in self.wordings},
            **self.counted,
            **{f"先开口 {name}": item for name, item in self.first.items()},
            "讲话多少": self.talk,
            "只录到一方": self.alone,
        }
        return {name: item.prior if prior else item.value for name, item in weighed.items()}


def load_role_evidence(path: Path) -> RoleEvidence:
    """Raises RulebookError with file and line."""
    return load_yaml(path, RoleEvidence)


@dataclass(frozen=True)
class Marks:
    """What one utterance shows: wordings with their probability, and counts."""

    said: Facts
    counts: Facts
    phrases: frozenset[str] = frozenset()


def mark(
    utterances: Sequence[Utterance],
    metadata: Metadata,
    evidence: RoleEvidence,
    phrases: Mapping[str, Phrase],
) -> tuple[Marks, ...]:
    """The marks of each utterance."""
    texts = [normalize(utterance.text) for utterance in utterances]
    corpus = Corpus(texts)
    said: list[Facts] = [{} for _ in texts]
    for wording in evidence.wordings:
        for place, hit in enumerate(find_in(wording.say, corpus)):
            if hit.probability > HEARD:
                said[place][f"说 {wording.say}"] = hit.probability
    identity = _identity(metadata)
    turns = tuple(AgentTurn((replace(u, alternatives=()),)) for u in utterances)
    matcher = Matcher(turns, identity)
    wanted = [phrases[check] for check in evidence.phrases if check in phrases]
    marks = []
    for place, (text, turn) in enumerate(zip(texts, turns)):
        found = frozenset(
            phrase.check for phrase in wanted if matcher.find(phrase, (turn,)).probability > HEARD
        )
        marks.append(Marks(said[place], _counts(text, identity), found))
    return tuple(marks)


def _identity(metadata: Metadata) -> str | None:
    """The agent's own number or name as a template; a short number is anybody's."""
    number = metadata.agent_id if len(metadata.agent_id or "") >= 3 else None
    return spoken_identity(number, metadata.agent_name)


def _counts(text: str, identity: str | None) -> Facts:
    counts = {name: float(len(pattern.findall(text))) for name, pattern in _COUNTED.items()}
    counts["提问"] = float(bool(_QUESTION.search(text)))
    if identity and text:
        (hit,) = find_in(identity, Corpus([text]))
        counts["报自己的工号姓名"] = float(hit.probability > 0.8)
    return {name: count for name, count in counts.items() if count}


def gather(marks: Iterable[Marks], evidence: RoleEvidence) -> Facts:
    """The facts of a speaker from the marks of his utterances: a wording counts once, as its
    surest hit; counts add up to their limit."""
    facts: Facts = {}
    phrases: set[str] = set()
    for item in marks:
        for name, probability in item.said.items():
            facts[name] = max(facts.get(name, 0.0), probability)
        for name, count in item.counts.items():
            facts[name] = facts.get(name, 0.0) + count
        phrases |= item.phrases
    facts["规范用语"] = float(len(phrases))
    for name, counted in evidence.counted.items():
        facts[name] = min(facts.get(name, 0.0), counted.at_most)
    return facts


def in_company(
    facts: Mapping[str, Facts], turns: Sequence[Turn], direction: str | None
) -> dict[str, Facts]:
    """The facts of each speaker with those that only the others' talk makes: who speaks first,
    who talks more."""
    if len(facts) == 1:
        return {speaker: {**own, "只录到一方": 1.0} for speaker, own in facts.items()}
    talk = {
        speaker: sum(t.span.duration_ms for t in turns if t.speaker == speaker) for speaker in facts
    }
    first = min(
        (turn for turn in turns if turn.speaker in facts),
        key=lambda turn: turn.span,
        default=None,
    )
    whole = sum(talk.values()) + 1
    found = {}
    for speaker, own in facts.items():
        share = max(0.02, talk[speaker] / whole)
        found[speaker] = {**own, "讲话多少": math.log(share)}
        if first is not None and first.speaker == speaker:
            found[speaker][f"先开口 {direction or 'unknown'}"] = 1.0
    return found
