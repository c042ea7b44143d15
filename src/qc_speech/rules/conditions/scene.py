"""A call prepared for conditions: made once per call, what was searched once is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from qc_speech.model import Role, Span, Utterance
from qc_speech.rules.conditions.answer import Answer, Place
from qc_speech.rules.kind import Context
from qc_speech.rules.matcher import Matcher
from qc_speech.rules.phrases import AgentTurn, Found, Phrase, agent_turns, spoken_identity
from qc_speech.text.normalize import normalize

SURE = 0.6  # a wording that sounds like this was said
DOUBT = 0.4  # below this it was not
_MIN_HEARING = 0.69  # a stretch heard worse, on the whole, may hide words
_WORST_HEARING = 0.62  # and so may a single turn heard worse
# On d01-d28 a phrase that was said and not heard left more than this in 15 of 18 cases, one that
# was not said left less in half of those heard badly.
_TRACE = 0.02
_DEAF = 0.45
_WORDS_HEARD = 0.35  # words heard worse are no proof against anybody
_LONG_ENOUGH = 6  # characters in which a wording can hide


@dataclass(frozen=True)
class Stretch:
    """Where a condition looks: from when to when, whose words (None: anybody's), and which
    utterances by index (None: all that lie there)."""

    span: Span
    role: Role | None = None
    chosen: frozenset[int] | None = None


@dataclass
class Scene:
    """Text and times of one call, as conditions read them. `memo` keeps answers by node."""

    ctx: Context
    memo: dict[object, Answer] = field(default_factory=dict)
    _units: dict[Stretch, tuple[Utterance, ...]] = field(default_factory=dict)
    _ears: dict[object, Matcher] = field(default_factory=dict)
    _phrases: dict[tuple[int, str], list[Found]] = field(default_factory=dict)

    @classmethod
    def of(cls, ctx: Context) -> Scene:
        """The one scene of a call, whatever check asks for it."""
        if "scene" not in ctx.prepared:
            ctx.prepared["scene"] = cls(ctx)
        return cast(Scene, ctx.prepared["scene"])

    @property
    def whole(self) -> Stretch:
        return Stretch(Span(0, max(1, self.ctx.call.recording.duration_ms)))

    def utterances(self, where: Stretch) -> tuple[Utterance, ...]:
        """What is said there; an utterance at the edge is cut to the words inside."""
        if where not in self._units:
            cut = (
                _cut(u, where.span)
                for u in self.ctx.call.utterances
                if (where.role is None or u.role is where.role)
                and (where.chosen is None or u.index in where.chosen)
            )
            self._units[where] = tuple(u for u in cut if u is not None)
        return self._units[where]

    def turns(self, where: Stretch) -> tuple[AgentTurn, ...]:
        """What is said there, joined while the other party says no more than a word."""
        inside = {unit.index: unit for unit in self.utterances(where)}
        roles = (where.role,) if where.role else (Role.AGENT, Role.CUSTOMER)
        groups = (
            tuple(inside[u.index] for u in turn.utterances if u.index in inside)
            for role in roles
            for turn in agent_turns(self.ctx.call, role)
        )
        return tuple(AgentTurn(group) for group in groups if group)

    def said(self, wording: str, where: Stretch, absence_costs: bool) -> tuple[Place, ...]:
        """Where a wording is said by ear, at most once per utterance."""
        matcher, inside = self._matcher(where)
        hits = [
            found
            for turn, found in zip(matcher.turns, matcher.wording(_either_you(wording)))
            if _inside(turn, inside)
        ]
        return self._places(hits, absence_costs)

    def phrase(self, phrase: Phrase, where: Stretch, absence_costs: bool) -> tuple[Place, ...]:
        """Where a phrase of the lexicon is said: all its parts in one turn at talk, or (where the
        phrase allows it) anywhere in the stretch."""
        return self._places(self._of_phrase(phrase, where), absence_costs)

    def _of_phrase(self, phrase: Phrase, where: Stretch) -> list[Found]:
        """For each turn there, how surely it says the phrase: the least sure part decides."""
        matcher, inside = self._matcher(where)
        if not phrase.same_turn:
            turns = tuple(turn for turn in matcher.turns if _inside(turn, inside))
            return [matcher.find(phrase, turns)]
        key = (id(matcher), phrase.check)
        if key not in self._phrases:
            tables = [matcher.part(phrase.check, part) for part in phrase.parts]
            self._phrases[key] = [_weakest(parts) for parts in zip(*tables)]
        found = zip(matcher.turns, self._phrases[key])
        return [one for turn, one in found if _inside(turn, inside)]

    def badly_heard(self, where: Stretch) -> bool:
        """Whether words may have been said there that were not heard."""
        return self._heard_below(where, _MIN_HEARING, _WORST_HEARING)

    def may_hide(self, wordings: Sequence[str], where: Stretch) -> bool:
        """Whether one of these wordings may have been said there and garbled: the stretch was heard
        badly and leaves a trace of likeness, or so badly that nothing can be told."""
        matcher, inside = self._matcher(where)
        likeness = (
            found.probability
            for wording in wordings
            for turn, found in zip(matcher.turns, matcher.wording(_either_you(wording)))
            if _inside(turn, inside)
        )
        return self._garbled(where, likeness)

    def phrase_may_hide(self, phrase: Phrase, where: Stretch) -> bool:
        """The same for a phrase of the lexicon."""
        return self._garbled(where, (f.probability for f in self._of_phrase(phrase, where)))

    def _garbled(self, where: Stretch, likeness: Iterable[float]) -> bool:
        if not self.badly_heard(where):
            return False
        deaf = self._heard_below(where, _DEAF, _DEAF)
        return deaf or any(probability > _TRACE for probability in likeness)

    def _heard_below(self, where: Stretch, mean: float, worst: float) -> bool:
        """Whether it was heard worse than this, on the whole or in one turn of some length."""
        turns = [turn for turn in self.turns(where) if turn.text]
        size = sum(len(turn.text) for turn in turns)
        if not size:
            return False
        long = (turn.confidence for turn in turns if len(turn.text) >= _LONG_ENOUGH)
        whole = sum(turn.confidence * len(turn.text) for turn in turns) / size
        return whole < mean or min(long, default=1.0) < worst

    def place(self, utterance: Utterance, confidence: float, *, sure: bool = True) -> Place:
        return Place(
            utterance.span, utterance.role, utterance.index, utterance.text, confidence, sure
        )

    def judged(self, place: Place, absence_costs: bool) -> Place | None:
        """A place with its certainty: heard surely, perhaps, or not at all. Where presence costs,
        words that were heard badly themselves are no more than perhaps."""
        confidence = place.confidence
        if not absence_costs and self._hearing(place) < _WORDS_HEARD:
            confidence = min(confidence, SURE - 0.01)
        if confidence < DOUBT:
            return None
        return replace(place, confidence=round(confidence, 3), sure=confidence >= SURE)

    def _hearing(self, place: Place) -> float:
        if place.utterance is None:
            return 1.0
        utterance = self.ctx.call.utterances[place.utterance]
        known = [
            word.confidence
            for word in utterance.words
            if word.confidence is not None and word.span.overlap_ms(place.span)
        ]
        return sum(known) / len(known) if known else utterance.confidence

    def _places(self, hits: Sequence[Found], absence_costs: bool) -> tuple[Place, ...]:
        best: dict[int, Place] = {}
        for found in hits:
            if found.span is None or found.utterance is None or found.probability < DOUBT:
                continue
            role = self.ctx.call.utterances[found.utterance].role
            raw = Place(found.span, role, found.utterance, found.quote, found.probability)
            place = self.judged(raw, absence_costs)
            old = best.get(found.utterance)
            if place and (old is None or place.confidence > old.confidence):
                best[found.utterance] = place
        return tuple(best.values())

    def _matcher(self, where: Stretch) -> tuple[Matcher, frozenset[int]]:
        """Ears for a stretch and the utterances in it. Stretches of whole utterances share those
        of their role."""
        units = self.utterances(where)
        inside = frozenset(unit.index for unit in units)
        whole = all(unit is self.ctx.call.utterances[unit.index] for unit in units)
        key: object = where.role if whole else where
        if key not in self._ears:
            turns = self._to_hear(where.role) if whole else tuple(AgentTurn((u,)) for u in units)
            metadata = self.ctx.call.recording.metadata
            identity = spoken_identity(metadata.agent_id, metadata.agent_name)
            self._ears[key] = Matcher(turns, identity, self.ctx.call.asked)
        return self._ears[key], inside

    def _to_hear(self, role: Role | None) -> tuple[AgentTurn, ...]:
        """Every utterance, and each party's utterances joined where the other says nothing between
        (a wording may be broken by a pause)."""
        call = self.ctx.call
        single = (AgentTurn((u,)) for u in call.utterances if role is None or u.role is role)
        roles = (role,) if role else (Role.AGENT, Role.CUSTOMER)
        joined = (turn for one in roles for turn in agent_turns(call, one))
        return (*single, *(turn for turn in joined if len(turn.utterances) > 1))


def _weakest(parts: Sequence[Found]) -> Found:
    """All parts of a phrase in one turn: as sure as the least sure, from the first to the last."""
    least = min(parts, key=lambda found: found.probability)
    spans = [found.span for found in parts if found.span]
    if not spans or least.span is None:
        return least
    span = Span(min(s.start_ms for s in spans), max(s.end_ms for s in spans))
    quote = "…".join(dict.fromkeys(found.quote for found in parts))
    first = min(parts, key=lambda found: found.span or span)
    return replace(least, span=span, utterance=first.utterance, quote=quote)


def _either_you(wording: str) -> str:
    """Recognizers write 你 for 您 and the other way round; in a condition they are one word."""
    return wording.replace("您", "你").replace("你", "(您|你)")


def _inside(turn: AgentTurn, allowed: frozenset[int]) -> bool:
    return all(utterance.index in allowed for utterance in turn.utterances)


def _cut(utterance: Utterance, span: Span) -> Utterance | None:
    own = utterance.span
    if span.start_ms <= own.start_ms and own.end_ms <= span.end_ms:
        return utterance
    words = tuple(
        word
        for word in utterance.words
        if span.start_ms <= (word.span.start_ms + word.span.end_ms) // 2 < span.end_ms
    )
    inside = own & span
    if inside is None or not words:
        return None
    return replace(utterance, span=inside, words=words, alternatives=())


def size(text: str) -> int:
    """Characters that count: without punctuation and spaces."""
    return len(normalize(text))
