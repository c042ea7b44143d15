"""Conditions on how people talk to each other: how much, asking or telling, in what mood."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pydantic

from qc_speech.model import Role, Utterance
from qc_speech.rules.conditions.answer import Answer, Place, Truth, found, unknown, within
from qc_speech.rules.conditions.lexicon import ConditionLexicon
from qc_speech.rules.conditions.operator import TEXT, Fact, Operator, numbers
from qc_speech.rules.conditions.pattern import viewed
from qc_speech.rules.conditions.scene import DOUBT, SURE, Scene, Stretch, size
from qc_speech.text.expression import linear

Mood = Literal["angry", "upset", "satisfied", "worried"]
_MOODS = {"angry": "愤怒", "upset": "不满", "satisfied": "满意", "worried": "担心着急"}


class UtteranceCount(Operator):
    """How many utterances there are (mere 嗯 and 好的 not counted)."""

    PLACED = False

    at_least: int | None = pydantic.Field(default=None, ge=0)
    at_most: int | None = pydantic.Field(default=None, ge=0)
    min_characters: int = pydantic.Field(default=3, ge=1)

    @pydantic.model_validator(mode="after")
    def _limits(self) -> UtteranceCount:
        if self.at_least is None and self.at_most is None:
            raise ValueError("needs at_least or at_most; add one")
        if None not in (self.at_least, self.at_most) and (self.at_least or 0) > (self.at_most or 0):
            raise ValueError(f"at_least {self.at_least} is above at_most {self.at_most}; none fits")
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        units = scene.utterances(where)
        count = sum(size(unit.text) >= self.min_characters for unit in units)
        over = None if self.at_least is None else self.at_least - 0.5
        under = None if self.at_most is None else self.at_most + 0.5
        return Answer(within(count, over, under), 0.9, (), f"共 {count} 句话")

    def fact(self) -> Fact | None:
        over = None if self.at_least is None else self.at_least - 0.5
        under = None if self.at_most is None else self.at_most + 0.5
        return f"utterances/{self.min_characters}", numbers(over, under)


class Sentence(Operator):
    """A question, or a statement that asks nothing."""

    SHORT = (TEXT,)

    is_: Literal["question", "statement"] = pydantic.Field(alias="is")
    min_characters: int = pydantic.Field(default=2, ge=1)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"is": value} if isinstance(value, str) else value

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        title = "问句" if self.is_ == "question" else "陈述句"
        places = []
        for unit in scene.utterances(where):
            if size(unit.text) < self.min_characters:
                continue
            asks = _asks(unit, scene.ctx.lexicons.conditions)
            probability = asks if self.is_ == "question" else 1 - asks
            place = scene.judged(scene.place(unit, probability), absence_costs)
            if place:
                places.append(place)
        answer = found(places, f"说了{title}")
        if answer.truth is Truth.FALSE and absence_costs and scene.badly_heard(where):
            return unknown(f"听不清有没有{title}")
        return answer if answer.truth is not Truth.FALSE else replace(answer, why=f"没有{title}")


def _asks(unit: Utterance, lexicon: ConditionLexicon) -> float:
    """How likely an utterance asks something: by its mark, its particle, its question words."""
    if unit.text.rstrip().endswith(("?", "？")):
        return 0.95
    text, _ = viewed(unit, "spoken")
    questions = lexicon.questions
    for pattern in questions.not_asking:
        text = linear(pattern).sub("", text)
    if any(linear(pattern).search(text) for pattern in questions.asking):
        return 0.9
    if any(linear(pattern).search(text) for pattern in questions.perhaps):
        return 0.5
    return 0.05


class MoodIs(Operator):
    """A mood by words (lexicons/conditions.yaml). For angry and upset a voice that is louder than
    this party's own normal level adds to words heard in doubt; alone it is never more than a
    question to a person. `words_only` leaves the voice out."""

    SHORT = (TEXT,)

    is_: Mood = pydantic.Field(alias="is")
    louder_db: float = pydantic.Field(default=5.0, gt=0)
    words_only: bool = False

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"is": value} if isinstance(value, str) else value

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        title = _MOODS[self.is_]
        words = scene.ctx.lexicons.conditions.moods.get(self.is_, ())
        by_unit: dict[int | None, Place] = {}
        for wording in words:
            for place in scene.said(wording, where, absence_costs):
                old = by_unit.get(place.utterance)
                if old is None or place.confidence > old.confidence:
                    by_unit[place.utterance] = place
        if not self.words_only and self.is_ in ("angry", "upset"):
            self._hear_voices(scene, where, by_unit)
        answer = found(tuple(by_unit.values()), f"情绪：{title}")
        if answer.truth is Truth.FALSE and absence_costs and scene.badly_heard(where):
            return unknown(f"听不清是否{title}")
        if answer.truth is Truth.FALSE:
            return replace(answer, why=f"没有听出{title}")
        return answer

    def _hear_voices(self, scene: Scene, where: Stretch, by_unit: dict[int | None, Place]) -> None:
        loud = {
            m.index
            for m in scene.ctx.measures.utterances
            if m.above_normal_db is not None and m.above_normal_db >= self.louder_db
        }
        for unit in scene.utterances(where):
            if unit.index not in loud:
                continue
            place = by_unit.get(unit.index)
            if place is None:
                by_unit[unit.index] = scene.place(unit, max(DOUBT, 0.45), sure=False)
            elif not place.sure:
                raised = min(0.9, place.confidence + 0.2)
                by_unit[unit.index] = replace(place, confidence=raised, sure=raised >= SURE)


def party(role: Role | None) -> str:
    """How a role is called in reasons."""
    return {Role.AGENT: "坐席", Role.CUSTOMER: "客户"}.get(role, "通话双方") if role else "通话双方"
