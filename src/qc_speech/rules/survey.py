"""What the customer answered to the questions of a call-back survey."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pydantic

from qc_speech.errors import RulebookError
from qc_speech.model import Evidence, Role, Span, SurveyAnswer
from qc_speech.rules.kind import Context
from qc_speech.rules.matcher import Matcher
from qc_speech.rules.phrases import AgentTurn, Found, Part, Phrase
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import distance, syllables

QUESTIONS = ("survey_resolved", "survey_attitude", "survey_charged", "survey_score")
_ASKED_FROM = 0.6
_HEARD_FROM = 0.6
_ASKS_AGAIN = 6  # characters of the agent between two replies that are more than a nod
_TURNS = 2  # the answer is in the customer's next turn, or in the one after a listener's word
_NUMBERS = {char: value for value, char in enumerate("零一二三四五六七八九十")} | {
    "两": 2,
    "满": 10,
}
_POINTS = re.compile("(?P<number>[零一二三四五六七八九十两满])(?P<half>分半|点五分|分)")
# 扣一分 is no score, also where the recognizer wrote another character of its sound.
_NO_SCORE = re.compile("(扣|口|抠|叩|寇|少|差|减|除|加|掉|丢|一到|至|就打|就给|满分)$")
_BARE = re.compile(
    "^(嗯|呃|啊|那|那就|就|打|给|我给|我打|大概|差不多)*(?P<number>[零一二三四五六七八九十])(吧|啊|嘛|个|的)*$"
)
_FULL = re.compile("满分|一百分|百分之百|满分满分")
_ALIKE = 0.25  # how unlike a digit the character before 分 may sound


class Value(pydantic.BaseModel):
    """One value of a question with the words that stand for it."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    value: str
    part: Part


class Question(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    question: str
    values: tuple[Value, ...]

    @functools.cached_property
    def phrases(self) -> tuple[tuple[str, Phrase], ...]:
        return tuple(
            (one.value, Phrase(check=self.question, meaning="", parts=(one.part,), hit=("x",)))
            for one in self.values
        )


class AnswerFile(pydantic.BaseModel):
    """lexicons/answers.yaml."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    questions: tuple[Question, ...]


def load_answers(path: Path) -> dict[str, Question]:
    """The questions by name. Raises RulebookError with file and line."""
    questions = {one.question: one for one in load_yaml(path, AnswerFile).questions}
    for name in questions:
        if name not in QUESTIONS:
            raise RulebookError(f"{path}:1: no question {name}; one of {', '.join(QUESTIONS)}")
    return questions


def survey_answers(ctx: Context, questions: Sequence[str]) -> tuple[SurveyAnswer, ...]:
    """The customer's answers to those questions that the agent asked. A reply that was not
    understood has value None: a person reads it."""
    asked = {name: found for name in questions if (found := _asked(ctx, name))}
    return tuple(
        answer for name, found in asked.items() if (answer := _answer(ctx, name, found, asked))
    )


def _asked(ctx: Context, question: str) -> Found | None:
    phrase = ctx.lexicons.phrases.get(question)
    found = ctx.matcher.find(phrase, ctx.matcher.turns) if phrase else Found(0.0)
    return found if found.probability >= _ASKED_FROM and found.span else None


def _answer(
    ctx: Context, question: str, found: Found, asked: dict[str, Found]
) -> SurveyAnswer | None:
    span = found.span or Span(0, 0)
    later = [
        other.span.start_ms
        for other in asked.values()
        if other.span and other.span.start_ms > span.end_ms and other.utterance != found.utterance
    ]
    turns = _replies(ctx.customer, span, min(later, default=None))
    if not turns:
        return None
    if question == "survey_score":
        value, sure, turn = _score(ctx, turns, span)
    else:
        value, sure, turn = _value(ctx, question, turns)
    return SurveyAnswer(question, value, round(sure * min(1.0, found.probability + 0.1), 3), turn)


def _replies(customer: Matcher, asked: Span, until: int | None) -> tuple[AgentTurn, ...]:
    """The customer's turns after a question, before the next one is asked. A turn that began
    before the question was over answers it too when it goes on after it."""
    after = [
        turn
        for turn in customer.turns
        if turn.span.end_ms > asked.end_ms and turn.span.start_ms >= asked.start_ms
    ]
    return tuple(t for t in after if until is None or t.span.start_ms < until)[:_TURNS]


def _value(
    ctx: Context, question: str, turns: tuple[AgentTurn, ...]
) -> tuple[str | None, float, Evidence]:
    """The first value, in the order of the lexicon, that is heard surely in the first turn that
    has one; where none is sure, the surest that is not quite."""
    known = ctx.lexicons.answers.get(question)
    for turn in _last_asked_first(ctx, turns):
        for value, phrase in known.phrases if known else ():
            found = ctx.customer.find(phrase, (turn,))
            if found.probability >= _HEARD_FROM:
                return value, found.probability, _evidence(turn)
    return None, 0.0, _evidence(turns[0])


def _last_asked_first(ctx: Context, turns: tuple[AgentTurn, ...]) -> tuple[AgentTurn, ...]:
    """The replies in the order in which they count: where the agent asks again between two, the
    later one is the answer; after a mere listener's word the first is."""
    if len(turns) < 2:
        return turns
    between = Span(turns[0].span.end_ms, max(turns[0].span.end_ms, turns[1].span.start_ms))
    said = "".join(
        normalize(turn.text) for turn in ctx.matcher.turns if turn.span.overlap_ms(between)
    )
    return turns[::-1] if len(said) > _ASKS_AGAIN else turns


def _score(
    ctx: Context, turns: tuple[AgentTurn, ...], asked: Span
) -> tuple[str | None, float, Evidence]:
    """The score the customer gives, 0 to 10, or what the agent repeats of it."""
    for turn in turns:
        for value, sure in _points(normalize(turn.text)):
            return value, sure * (0.5 + 0.5 * turn.confidence), _evidence(turn)
    end = turns[0].span.start_ms
    for turn in ctx.matcher.turns:
        if turn.span.start_ms >= end and turn.span.start_ms > asked.start_ms:
            for value, sure in _points(normalize(turn.text)[:12]):
                return value, 0.85 * sure * (0.5 + 0.5 * turn.confidence), _evidence(turn)
            break
    return None, 0.0, _evidence(turns[0])


def _points(text: str) -> Iterator[tuple[str, float]]:
    """Scores named in a text, with how surely each is one. What is taken off (扣一分) is none."""
    for match in _POINTS.finditer(text):
        if not _NO_SCORE.search(text[: match.start()]):
            half = ".5" if match["half"] != "分" else ""
            yield f"{_NUMBERS[match['number']]}{half}", 0.95
    if _FULL.search(text):
        yield "10", 0.9
    bare = _BARE.match(text)
    if bare:
        yield str(_NUMBERS[bare["number"]]), 0.8
    for at, char in enumerate(text):
        if char == "分" and at and text[at - 1] not in _NUMBERS:
            near = _sounds_like(text[at - 1])
            if near is not None and not _NO_SCORE.search(text[: at - 1]):
                yield str(near), 0.6


def _sounds_like(char: str) -> int | None:
    """The number from 0 to 10 that a character sounds most like, if any."""
    (sound,) = syllables(char)
    known = {syllables(name)[0]: value for name, value in _NUMBERS.items() if name not in "两满"}
    best = min(known, key=lambda name: distance(sound, name))
    return known[best] if distance(sound, best) <= _ALIKE else None


def _evidence(turn: AgentTurn) -> Evidence:
    first = turn.utterances[0]
    return Evidence(turn.span, Role(first.role), first.index, turn.text)
