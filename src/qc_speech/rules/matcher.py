"""Phrases looked for in one party's turns, in all readings, with what the audio itself answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qc_speech.model import Asked, Span
from qc_speech.rules.phrases import AgentTurn, Found, Part, Phrase, zone_of
from qc_speech.text.evidence import posterior
from qc_speech.text.expand import spelled
from qc_speech.text.expression import search
from qc_speech.text.normalize import normalize
from qc_speech.text.template import EXACT, SLOPE, Corpus, Hit, find_in

_ALTERNATIVE_TRUST = 0.93
_REGEX_TRUST = 0.95
_CLEARLY_NOT = -2.0  # a log-likelihood ratio
_LEAST_SEARCHED = 40  # characters
_ANSWERED = 0.7  # that a phrase was said which the customer answers
_TAKEN_BACK = 0.85  # how surely what takes a wording back must be heard
_UNHEARD = 0.05  # that a phrase was said where the text shows nothing like it


@dataclass(frozen=True)
class Resemblance:
    """Characters [start, end) of an utterance (normalized) that sound like a template."""

    turn: AgentTurn
    utterance: int
    start: int
    end: int
    template: str
    probability: float


@dataclass(frozen=True)
class _Reading:
    """One reading of one turn: its text and, per character, the utterance and time it has."""

    turn: int
    text: str
    trust: float
    first: bool  # the recognizer's best; its characters have their own times
    owners: tuple[tuple[int, Span], ...]


class Matcher:
    """Looks for phrases in a party's turns; what was searched once is kept."""

    def __init__(
        self,
        turns: tuple[AgentTurn, ...],
        identity: str | None = None,
        asked: Sequence[Asked] = (),
        replies: Sequence[AgentTurn] = (),
    ) -> None:
        self.turns = turns
        self._identity = identity
        self._asked = tuple(asked)
        self._replies = _replies(turns, replies)
        self._readings = tuple(
            reading for number, turn in enumerate(turns) for reading in _readings(number, turn)
        )
        self._best_readings = {one.turn: one for one in self._readings if one.first}
        searched = sum(len(reading.text) for reading in self._readings if reading.first)
        self._corpus = Corpus([reading.text for reading in self._readings], searched)
        self._hits: dict[str, tuple[Hit, ...]] = {}

    def find(self, phrase: Phrase, turns: tuple[AgentTurn, ...] | None = None) -> Found:
        """How surely the phrase is said in the turns (default: those of its zone)."""
        wanted = zone_of(self.turns, phrase.zone) if turns is None else turns
        numbers = [number for number, turn in enumerate(self.turns) if turn in wanted]
        plain = None if self._asked else self._plainly(phrase, numbers)
        if plain:
            return plain
        narrow = self._narrowness(wanted)
        tables = [
            [_narrowed(found, narrow) for found in self.part(phrase.check, part)]
            for part in phrase.parts
        ]
        if phrase.same_turn:
            options = [_join([table[number] for table in tables]) for number in numbers]
            return max(options, key=lambda found: found.probability, default=Found(0.0))
        best = [
            max((table[n] for n in numbers), key=lambda f: f.probability, default=Found(0.0))
            for table in tables
        ]
        return _join(best)

    def _plainly(self, phrase: Phrase, numbers: Sequence[int]) -> Found | None:
        """The phrase in the very words of its wordings: most are, and need no search by ear."""
        rows = [[self._spelled(part, number) for number in numbers] for part in phrase.parts]
        if not phrase.same_turn:
            firsts = [next((found for found in row if found), None) for row in rows]
            rows = [[found] for found in firsts]
        for column in zip(*rows):
            if all(column):
                return _join([found for found in column if found])
        return None

    def _spelled(self, part: Part, number: int) -> Found | None:
        reading = self._best_readings[number]
        for wording in self.wordings(part):
            match = spelled(wording).search(reading.text)
            if not match or match.end() == match.start():
                continue
            found = _found(reading, Hit(EXACT, *match.span()), wording)
            taken_back = (self.wording(against)[number] for against in part.unless)
            if not any(a.probability > _TAKEN_BACK and _covers(a, found) for a in taken_back):
                return found
        return None

    def _narrowness(self, wanted: Sequence[AgentTurn]) -> float:
        """Evidence (in units of log odds) that a likeness is worth more where less is searched."""
        everything = sum(len(turn.text) for turn in self.turns)
        searched = sum(len(turn.text) for turn in wanted)
        return math.log(everything / max(_LEAST_SEARCHED, searched)) / SLOPE if everything else 0.0

    def refuted(self, phrase: Phrase) -> bool:
        """Whether the audio was asked for a part of the phrase and clearly says no everywhere."""
        for part in phrase.parts:
            key = (phrase.check, part.name)
            ratios = [one.ratio for one in self._asked if (one.check, one.part) == key]
            if ratios and max(ratios) <= _CLEARLY_NOT:
                return True
        return False

    def answer(self, phrase: Phrase) -> Found:
        """The customer's words that answer the phrase, so that it was said though not heard."""
        for expression in phrase.replies:
            for turn, text in self._replies:
                match = search(expression, text)
                if match:
                    first = turn.utterances[0]
                    return Found(_ANSWERED, turn.span, first.index, match.group(), phrase.meaning)
        return Found(0.0)

    def hinted(self, phrase: Phrase) -> bool:
        """Whether what usually stands beside the phrase, or answers it, was heard, so that it may
        have been garbled beyond recognition; not where the audio refutes it."""
        if self.refuted(phrase):
            return False
        if any(search(one, text) for one in phrase.reply_hints for _, text in self._replies):
            return True
        wanted = zone_of(self.turns, phrase.zone)
        if any(
            search(expression, reading.text)
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

    def wordings(self, part: Part) -> tuple[str, ...]:
        """The templates of a part, with the agent's own name or number where it asks for them."""
        own = (self._identity,) if part.agent_identity and self._identity else ()
        return part.any + own

    def resemblances(self, part: Part, turns: Sequence[AgentTurn]) -> tuple[Resemblance, ...]:
        """Where the recognizer's best reading of these turns is most like a part: for each turn
        the likeliest template, likeliest first. What lies over two utterances is cut at the end of
        the first."""
        best: dict[int, Resemblance] = {}
        for template in self.wordings(part):
            self.wording(template)
            for reading, hit in zip(self._readings, self._hits[template]):
                turn = self.turns[reading.turn]
                known = best.get(reading.turn)
                if not reading.first or turn not in turns or hit.end <= hit.start:
                    continue
                if known is None or hit.probability > known.probability:
                    best[reading.turn] = _resembling(reading, turn, template, hit)
        return tuple(sorted(best.values(), key=lambda one: -one.probability))

    def part(self, check: str, part: Part) -> list[Found]:
        """For each turn, how surely one meaning is said in it, by text and by what was asked."""
        best = [Found(0.0) for _ in self.turns]
        for wording in self.wordings(part):
            best = [_better(*pair) for pair in zip(best, self.wording(wording))]
        for expression in part.regex:
            for reading in self._readings:
                match = search(expression, reading.text)
                if match and _REGEX_TRUST * reading.trust > best[reading.turn].probability:
                    hit = Hit(_REGEX_TRUST, *match.span())
                    best[reading.turn] = _found(reading, hit, part.name)
        for wording in part.unless:
            for number, against in enumerate(self.wording(wording)):
                if against.probability > _TAKEN_BACK and _covers(against, best[number]):
                    best[number] = Found(0.0, compared=part.name)
        answers = [one for one in self._asked if (one.check, one.part) == (check, part.name)]
        for number, turn in enumerate(self.turns):
            best[number] = _answered(best[number], turn, answers)
        return best


def _replies(
    turns: Sequence[AgentTurn], others: Sequence[AgentTurn]
) -> tuple[tuple[AgentTurn, str], ...]:
    """What the other party says after this one has spoken; its first words in the call are no
    answer to a question."""
    start = min((turn.span.start_ms for turn in turns), default=0)
    later = [turn for turn in others[1:] if turn.span.start_ms > start]
    return tuple((turn, normalize(turn.text)) for turn in later)


def _answered(found: Found, turn: AgentTurn, answers: Sequence[Asked]) -> Found:
    """Text and audio together: the words that the audio likes best in this turn decide. A no
    speaks of these words only: others that mean the same may still have been said."""
    here = [one for one in answers if one.span.overlap_ms(turn.span)]
    best = max(here, key=lambda one: one.ratio, default=None)
    if best is None or best.ratio <= 0:
        return found
    probability = posterior(max(_UNHEARD, found.probability), best.ratio)
    owner = max(turn.utterances, key=lambda utterance: utterance.span.overlap_ms(best.span))
    quote = found.quote if found.span and found.span.overlap_ms(best.span) else owner.text
    return Found(probability, best.span, owner.index, quote, best.words)


def _resembling(reading: _Reading, turn: AgentTurn, template: str, hit: Hit) -> Resemblance:
    owner = reading.owners[hit.start][0]
    own = [at for at, (index, _) in enumerate(reading.owners) if index == owner]
    start, end = hit.start - own[0], min(hit.end, own[-1] + 1) - own[0]
    return Resemblance(turn, owner, start, end, template, hit.probability)


def _narrowed(found: Found, narrow: float) -> Found:
    if narrow <= 0 or not 0 < found.probability < EXACT:
        return found
    return replace(found, probability=min(EXACT, posterior(found.probability, narrow)))


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
        _Reading(number, text, 1.0, True, tuple(owners)),
        *(
            _Reading(number, other, _ALTERNATIVE_TRUST, False, tuple((i, span) for _ in other))
            for other, i, span in sorted(others)
            if other and other not in text
        ),
    )
