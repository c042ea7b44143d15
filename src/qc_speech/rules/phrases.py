"""Phrases that must be said: a set of meanings, each with many wordings, matched by ear."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pydantic

from qc_speech.errors import RulebookError
from qc_speech.model import Call, Role, Span, Utterance
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.expression import compiled
from qc_speech.text.normalize import normalize
from qc_speech.text.template import parse

_TURN_GAP_MS = 4_000


class Part(pydantic.BaseModel):
    """One meaning that belongs to a phrase; any of its wordings will do."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    name: str
    any: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()  # over normalized characters; no sound
    agent_identity: bool = False  # the job number or name of the manifest, as it sounds
    unless: tuple[str, ...] = ()

    @pydantic.model_validator(mode="after")
    def _well_formed(self) -> Part:
        if not (self.any or self.regex):
            raise ValueError("a part needs `any` or `regex`; add wordings")
        for wording in (*self.any, *self.unless):
            parse(wording)
        for pattern in self.regex:
            compiled(pattern)
        return self


class Phrase(pydantic.BaseModel):
    """What counts as said for one check."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    check: str
    meaning: str
    zone: Literal["opening", "closing", "anywhere"] = "anywhere"
    parts: tuple[Part, ...] = pydantic.Field(min_length=1)
    same_turn: bool = True
    hints: tuple[str, ...] = ()  # heard where the phrase belongs: it may be there, only garbled
    hint_regex: tuple[str, ...] = ()  # the same over normalized characters
    replies: tuple[str, ...] = ()  # a customer who begins so was asked (regex, normalized)
    reply_hints: tuple[str, ...] = ()  # a customer who says so may have been asked
    hit: tuple[str, ...] = pydantic.Field(min_length=1)
    miss: tuple[str, ...] = ()

    @pydantic.field_validator("hint_regex", "replies", "reply_hints")
    @classmethod
    def _regex_well_formed(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            compiled(pattern)
        return patterns

    @pydantic.field_validator("hints")
    @classmethod
    def _hints_well_formed(cls, hints: tuple[str, ...]) -> tuple[str, ...]:
        for hint in hints:
            parse(hint)
        return hints


class PhraseFile(pydantic.BaseModel):
    """One file of lexicons/phrases/."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    phrases: tuple[Phrase, ...]


def load_phrases(folder: Path) -> dict[str, Phrase]:
    """All phrases of a lexicon folder by check. Raises RulebookError with file and line."""
    found: dict[str, Phrase] = {}
    for path in sorted(folder.glob("*.yaml")):
        for phrase in load_yaml(path, PhraseFile).phrases:
            if phrase.check in found:
                raise RulebookError(f"{path}:1: phrase {phrase.check} is defined twice; keep one")
            found[phrase.check] = phrase
    return found


@dataclass(frozen=True)
class Found:
    """How surely a phrase was said (0..1) and where it sounds most like it."""

    probability: float
    span: Span | None = None
    utterance: int | None = None
    quote: str = ""
    compared: str = ""  # the wording or meaning that decided


@dataclass(frozen=True)
class AgentTurn:
    """What one party says until the other takes over; may be several utterances."""

    utterances: tuple[Utterance, ...]

    @functools.cached_property
    def span(self) -> Span:
        return Span(self.utterances[0].span.start_ms, self.utterances[-1].span.end_ms)

    @functools.cached_property
    def text(self) -> str:
        return "".join(utterance.text for utterance in self.utterances)

    @functools.cached_property
    def confidence(self) -> float:
        weight = sum(len(utterance.text) for utterance in self.utterances)
        if not weight:
            return 0.0
        return sum(u.confidence * len(u.text) for u in self.utterances) / weight


def agent_turns(call: Call, role: Role = Role.AGENT) -> tuple[AgentTurn, ...]:
    """A party's utterances joined where the other says nothing, or only a word, between."""
    turns: list[list[Utterance]] = []
    between = 0
    for utterance in call.utterances:
        if utterance.role is not role:
            between += len(normalize(utterance.text))
            continue
        gap = utterance.span.start_ms - turns[-1][-1].span.end_ms if turns else 0
        if turns and between <= 2 and gap <= _TURN_GAP_MS:
            turns[-1].append(utterance)
        else:
            turns.append([utterance])
        between = 0
    return tuple(AgentTurn(tuple(group)) for group in turns)


def zone_of(turns: tuple[AgentTurn, ...], zone: str) -> tuple[AgentTurn, ...]:
    """The turns of a zone: the opening is the first two (a hello may stand alone) and whatever
    starts within 15 s of the first; the closing is the last three."""
    if zone == "opening":
        start = turns[0].span.start_ms if turns else 0
        return tuple(t for i, t in enumerate(turns) if i < 2 or t.span.start_ms < start + 15_000)
    if zone == "closing":
        return turns[-3:]
    return turns


def spoken_identity(agent_id: str | None, agent_name: str | None) -> str | None:
    """A template for how the agent would name himself, from the manifest. In a number 一 is also
    said 幺 (written here by a word that sounds like it, since texts are normalized to 一)."""
    forms: list[str] = []
    digits = normalize(agent_id or "")
    if digits and not set(digits) - set("零一二三四五六七八九十百千"):
        said = digits.replace("一", "(一|腰)").replace("二", "(二|两)")
        forms.extend((f"工号{said}", f"号{said}", f"{said}号"))
        if len(digits) > 2:
            forms.append(said)
    elif len(digits) >= 2:
        forms.append(f"<{digits}>")
    if agent_name and len(normalize(agent_name)) >= 2:
        forms.append(f"<{normalize(agent_name)}>")
    return f"({'|'.join(forms)})" if forms else None
