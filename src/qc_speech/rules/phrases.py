"""Phrases that must be said: a set of meanings, each with many wordings, matched by ear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pydantic

from qc_speech.errors import RulebookError
from qc_speech.model import Call, Role, Span, Utterance
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.normalize import normalize
from qc_speech.text.template import Corpus, Hit, find_in, parse

_TURN_GAP_MS = 4_000
_ALTERNATIVE_TRUST = 0.93
_REGEX_TRUST = 0.95


def _compiled(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"bad regular expression {pattern!r}: {error}") from None


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
            _compiled(pattern)
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
    hit: tuple[str, ...] = pydantic.Field(min_length=1)
    miss: tuple[str, ...] = ()

    @pydantic.field_validator("hint_regex")
    @classmethod
    def _regex_well_formed(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            _compiled(pattern)
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

    @property
    def span(self) -> Span:
        return Span(self.utterances[0].span.start_ms, self.utterances[-1].span.end_ms)

    @property
    def text(self) -> str:
        return "".join(utterance.text for utterance in self.utterances)

    @property
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


@dataclass(frozen=True)
class _Reading:
    """One reading of one turn: its text and, per character, the utterance and time it has."""

    turn: int
    text: str
    trust: float
    owners: tuple[tuple[int, Span], ...]


class Matcher:
    """Looks for phrases in a party's turns; what was searched once is kept."""

    def __init__(self, turns: tuple[AgentTurn, ...], identity: str | None = None) -> None:
        self.turns = turns
        self._identity = identity
        self._readings = tuple(
            reading for number, turn in enumerate(turns) for reading in _readings(number, turn)
        )
        self._corpus = Corpus([reading.text for reading in self._readings])
        self._hits: dict[str, tuple[Hit, ...]] = {}

    def find(self, phrase: Phrase, turns: tuple[AgentTurn, ...] | None = None) -> Found:
        """How surely the phrase is said in the turns (default: those of its zone)."""
        wanted = zone_of(self.turns, phrase.zone) if turns is None else turns
        numbers = [number for number, turn in enumerate(self.turns) if turn in wanted]
        tables = [self._part(part) for part in phrase.parts]
        if phrase.same_turn:
            options = [_join([table[number] for table in tables]) for number in numbers]
            return max(options, key=lambda found: found.probability, default=Found(0.0))
        best = [
            max((table[n] for n in numbers), key=lambda f: f.probability, default=Found(0.0))
            for table in tables
        ]
        return _join(best)

    def hinted(self, phrase: Phrase) -> bool:
        """Whether what usually stands beside the phrase was heard in its zone."""
        wanted = zone_of(self.turns, phrase.zone)
        if any(
            re.search(expression, reading.text)
            for expression in phrase.hint_regex
            for reading in self._readings
            if self.turns[reading.turn] in wanted
        ):
            return True
        return any(
            found.probability > 0.6
            for hint in phrase.hints
            for turn, found in zip(self.turns, self.wording(hint))
            if turn in wanted
        )

    def wording(self, template: str) -> list[Found]:
        """For each turn, how surely one wording is said in it."""
        best = [Found(0.0, compared=template) for _ in self.turns]
        if template not in self._hits:
            self._hits[template] = find_in(template, self._corpus)
        for reading, hit in zip(self._readings, self._hits[template]):
            if hit.probability * reading.trust > best[reading.turn].probability:
                best[reading.turn] = _found(reading, hit, template)
        return best

    def _part(self, part: Part) -> list[Found]:
        wordings = list(part.any)
        if part.agent_identity and self._identity:
            wordings.append(self._identity)
        best = [Found(0.0) for _ in self.turns]
        for wording in wordings:
            best = [_better(*pair) for pair in zip(best, self.wording(wording))]
        for expression in part.regex:
            for reading in self._readings:
                match = re.search(expression, reading.text)
                if match and _REGEX_TRUST * reading.trust > best[reading.turn].probability:
                    hit = Hit(_REGEX_TRUST, *match.span())
                    best[reading.turn] = _found(reading, hit, part.name)
        for wording in part.unless:
            for number, against in enumerate(self.wording(wording)):
                if against.probability > 0.6 and _covers(against, best[number]):
                    best[number] = Found(0.0, compared=part.name)
        return best


def _covers(against: Found, found: Found) -> bool:
    return bool(against.span and found.span and against.span.overlap_ms(found.span))


def _better(one: Found, other: Found) -> Found:
    return other if other.probability > one.probability else one


def _found(reading: _Reading, hit: Hit, wording: str) -> Found:
    place = reading.owners[hit.start : max(hit.start + 1, hit.end)]
    if not place:
        return Found(hit.probability * reading.trust, compared=wording)
    span = Span(min(s.start_ms for _, s in place), max(s.end_ms for _, s in place))
    quote = reading.text[hit.start : hit.end]
    return Found(hit.probability * reading.trust, span, place[0][0], quote, wording)


def _join(found: list[Found]) -> Found:
    """All parts are needed: the least sure decides; the place is that of all together."""
    weakest = min(found, key=lambda item: item.probability, default=Found(0.0))
    placed = [item for item in found if item.span and item.probability > 0.3]
    if not placed:
        return Found(weakest.probability, compared=weakest.compared)
    spans = [item.span for item in placed if item.span]
    span = Span(min(s.start_ms for s in spans), max(s.end_ms for s in spans))
    first = min(placed, key=lambda item: item.span or span)
    quote = "…".join(dict.fromkeys(item.quote for item in placed))
    return Found(weakest.probability, span, first.utterance, quote, weakest.compared)


def _readings(number: int, turn: AgentTurn) -> tuple[_Reading, ...]:
    text = ""
    owners: list[tuple[int, Span]] = []
    for utterance in turn.utterances:
        for word in utterance.words:
            clean = normalize(word.text)
            step = word.span.duration_ms / max(1, len(clean))
            for i in range(len(clean)):
                start = word.span.start_ms + round(i * step)
                owners.append((utterance.index, Span(start, start + max(1, round(step)))))
            text += clean
    others = {
        (normalize(other.text), utterance.index, utterance.span)
        for utterance in turn.utterances
        for other in utterance.alternatives
    }
    return (
        _Reading(number, text, 1.0, tuple(owners)),
        *(
            _Reading(number, other, _ALTERNATIVE_TRUST, tuple((i, span) for _ in other))
            for other, i, span in sorted(others)
            if other and other not in text
        ),
    )
