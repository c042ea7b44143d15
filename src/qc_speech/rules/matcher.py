"""Phrases looked for in one party's turns, in all readings, with what the audio itself answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from qc_speech.model import Asked, Span
from qc_speech.rules.phrases import AgentTurn, Found, Part, Phrase, zone_of
from qc_speech.text.evidence import posterior
from qc_speech.text.expression import search
from qc_speech.text.likeness import Probabilities, holders, likeness, spelled
from qc_speech.text.normalize import normalize
from qc_speech.text.template import EXACT, SLOPE, Corpus, Hit, find_in, parse

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
class _Likely:
    """How surely a part is said in a turn, and what decided: a wording (or the part's name and the
    place of a regular expression) in a reading. No reading: nothing like it, or taken back."""

    probability: float
    reading: int | None = None
    compared: str = ""
    hit: Hit | None = None


@dataclass(frozen=True)
class _Reading:
    """One reading of one turn: its text and, per character, the utterance and time it has."""

    turn: int
    text: str
    trust: float
    first: bool  # the recognizer's best; its characters have their own times
    owners: tuple[tuple[int, Span], ...]


_Sure = TypeVar("_Sure", _Likely, Found, "_Likely | Found")


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
        self._best_readings = [n for n, one in enumerate(self._readings) if one.first]
        self._trust = np.array([reading.trust for reading in self._readings])
        ends = [*self._best_readings[1:], len(self._readings)]
        self._readings_of = [range(*pair) for pair in zip(self._best_readings, ends)]
        self._numbers = {id(turn): number for number, turn in enumerate(turns)}
        self._lengths = [len(turn.text) for turn in turns]
        searched = sum(len(self._readings[best].text) for best in self._best_readings)
        self._corpus = Corpus([reading.text for reading in self._readings], searched)
        self._corpora: dict[tuple[int, ...], Corpus] = {}
        self._likeness: dict[str, Probabilities] = {}
        self._holders: dict[str, int] = {}
        self._hits: dict[tuple[str, int], Hit] = {}
        self._tables: dict[tuple[str, int], tuple[Part, dict[int, _Likely]]] = {}

    def find(self, phrase: Phrase, turns: tuple[AgentTurn, ...] | None = None) -> Found:
        """How surely the phrase is said in the turns (default: those of its zone)."""
        wanted = zone_of(self.turns, phrase.zone) if turns is None else turns
        numbers = self._numbers_of(wanted)
        plain = None if self._was_asked(phrase) else self._plainly(phrase, numbers)
        if plain:
            return plain
        return self._by_ear(phrase, numbers)

    def _by_ear(self, phrase: Phrase, numbers: Sequence[int], least: float = 0.0) -> Found:
        narrow = self._narrowness(numbers)
        tables = [self._table(phrase.check, part, numbers, narrow) for part in phrase.parts]
        places = [
            max(numbers, key=lambda n: table[n].probability, default=None) for table in tables
        ]
        if phrase.same_turn:
            together = max(
                numbers, key=lambda n: min(table[n].probability for table in tables), default=None
            )
            places = [together for _ in tables]
        likely = [_Likely(0.0) if n is None else table[n] for table, n in zip(tables, places)]
        weakest = min(likely, key=lambda one: one.probability)
        if weakest.probability < least:
            return Found(weakest.probability)
        return _join([self._placed(one) for one in likely])

    def _was_asked(self, phrase: Phrase) -> bool:
        return any(one.check == phrase.check for one in self._asked)

    def each(self, phrase: Phrase, least: float) -> list[Found]:
        """For each turn alone what `find` says; only where it is at least so sure with a place."""
        every = list(range(len(self.turns)))
        asked = self._was_asked(phrase)
        plain = {} if asked else {n: self._plainly(phrase, (n,)) for n in every}
        rest = [n for n in every if not plain.get(n)]
        for part in phrase.parts:
            for wording in (*self.wordings(part), *part.unless):
                self._likely(wording, rest)
        return [plain.get(n) or self._by_ear(phrase, [n], least) for n in every]

    def _numbers_of(self, wanted: Sequence[AgentTurn]) -> list[int]:
        numbers = [self._numbers.get(id(turn), -1) for turn in wanted]
        if -1 in numbers:  # equal turns, made anew
            return [number for number, turn in enumerate(self.turns) if turn in wanted]
        return sorted(set(numbers))

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
        best = self._best_readings[number]
        reading = self._readings[best]
        for wording in self.wordings(part):
            if not self._holding(wording) >> best & 1:
                continue
            match = spelled(wording).search(reading.text)
            if not match or match.end() == match.start():
                continue
            found = _found(reading, Hit(EXACT, *match.span()), wording)
            if not self._taken_back(part, number, found):
                return found
        return None

    def _holding(self, wording: str) -> int:
        """The readings (as bits) that have all characters of a wording."""
        if wording not in self._holders:
            every = (1 << len(self._readings)) - 1
            self._holders[wording] = holders(parse(wording), self._corpus.texts_with, every)
        return self._holders[wording]

    def _taken_back(self, part: Part, number: int, found: Found) -> bool:
        for wording in part.unless:
            against = self._surest(wording, number)
            if against.probability > _TAKEN_BACK and _covers(self._found(against), found):
                return True
        return False

    def _narrowness(self, numbers: Sequence[int]) -> float:
        """Evidence (in units of log odds) that a likeness is worth more where less is searched."""
        everything = sum(self._lengths)
        searched = sum(self._lengths[number] for number in numbers)
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
        every = range(len(self.turns))
        self._likely(template, every)
        return [self._found(self._surest(template, number)) for number in every]

    def _surest(self, template: str, number: int) -> _Likely:
        """The reading of a turn that sounds most like a wording."""
        likely = self._likely(template, (number,))
        best = max(self._readings_of[number], key=lambda reading: likely[reading])
        if not likely[best]:
            return _Likely(0.0, compared=template)
        return _Likely(float(likely[best]), best, template)

    def _likely(self, template: str, numbers: Sequence[int]) -> Probabilities:
        """How surely a wording is said in each reading of these turns, by how far the reading is
        trusted; nothing (NaN) where no other turn was asked for."""
        known = self._likeness.get(template)
        if known is None:
            known = self._likeness[template] = np.full(len(self._readings), np.nan)
        new = tuple(n for n in numbers if math.isnan(known[self._best_readings[n]]))
        if new:
            at = [reading for number in new for reading in self._readings_of[number]]
            known[at] = likeness(template, self._part_of_corpus(new, at)) * self._trust[at]
        return known

    def _part_of_corpus(self, numbers: tuple[int, ...], readings: Sequence[int]) -> Corpus:
        if len(numbers) == len(self.turns):
            return self._corpus
        if numbers not in self._corpora:
            texts = [self._readings[reading].text for reading in readings]
            self._corpora[numbers] = self._corpus.like(texts)
        return self._corpora[numbers]

    def _found(self, likely: _Likely) -> Found:
        """With its place in the call."""
        if likely.reading is None:
            return Found(likely.probability, compared=likely.compared)
        reading = self._readings[likely.reading]
        hit = likely.hit or self._hit(likely.compared, likely.reading)
        return replace(_found(reading, hit, likely.compared), probability=likely.probability)

    def _placed(self, found: _Likely | Found) -> Found:
        return found if isinstance(found, Found) else self._found(found)

    def _hit(self, template: str, reading: int) -> Hit:
        key = (template, reading)
        if key not in self._hits:
            alone = self._corpus.like([self._readings[reading].text])
            (self._hits[key],) = find_in(template, alone)
        return self._hits[key]

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
            likely = self._likely(template, range(len(self.turns)))
            for number, at in enumerate(self._best_readings):
                turn, known = self.turns[number], best.get(number)
                if turn not in turns or (known and likely[at] <= known.probability):
                    continue
                hit = self._hit(template, at)
                if hit.end > hit.start:
                    best[number] = _resembling(self._readings[at], turn, template, hit)
        return tuple(sorted(best.values(), key=lambda one: -one.probability))

    def part(self, check: str, part: Part) -> list[Found]:
        """For each turn, how surely one meaning is said in it, by text and by what was asked."""
        every = range(len(self.turns))
        table = self._table(check, part, every, 0.0)
        return [self._placed(table[number]) for number in every]

    def _table(
        self, check: str, part: Part, numbers: Sequence[int], narrow: float
    ) -> dict[int, _Likely | Found]:
        """For each of these turns how surely one meaning is said in it; with its place only where
        the audio was asked for it."""
        _, known = self._tables.setdefault((check, id(part)), (part, {}))
        new = [number for number in numbers if number not in known]
        if new:
            known.update(zip(new, self._by_text(part, new)))
        answers = [one for one in self._asked if (one.check, one.part) == (check, part.name)]
        table: dict[int, _Likely | Found] = {}
        for number in numbers:
            found: _Likely | Found = known[number]
            if answers:
                found = _answered(self._found(known[number]), self.turns[number], answers)
            table[number] = _narrowed(found, narrow)
        return table

    def _by_text(self, part: Part, numbers: Sequence[int]) -> list[_Likely]:
        wordings = self.wordings(part)
        rows = [self._likely(wording, numbers) for wording in wordings]
        found = []
        for number in numbers:
            best = _Likely(0.0)
            readings = self._readings_of[number]
            if rows:
                block = np.array([row[readings.start : readings.stop] for row in rows])
                which, at = divmod(int(np.argmax(block)), len(readings))
                if block[which, at] > 0:
                    best = _Likely(float(block[which, at]), readings.start + at, wordings[which])
            best = self._by_regex(part, readings, best)
            if part.unless and self._taken_back(part, number, self._found(best)):
                best = _Likely(0.0, compared=part.name)
            found.append(best)
        return found

    def _by_regex(self, part: Part, readings: Sequence[int], best: _Likely) -> _Likely:
        for expression in part.regex:
            for at in readings:
                sure = _REGEX_TRUST * self._readings[at].trust
                if sure <= best.probability:
                    continue
                match = search(expression, self._readings[at].text)
                if match:
                    best = _Likely(sure, at, part.name, Hit(_REGEX_TRUST, *match.span()))
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


def _narrowed(found: _Sure, narrow: float) -> _Sure:
    if narrow <= 0 or not 0 < found.probability < EXACT:
        return found
    return replace(found, probability=min(EXACT, posterior(found.probability, narrow)))


def _covers(against: Found, found: Found) -> bool:
    return bool(against.span and found.span and against.span.overlap_ms(found.span))


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
