"""Conditions on words: keywords, phrases of the lexicon, regular expressions."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal

import pydantic

from qc_speech.rules.conditions.answer import Answer, Place, Truth, all_of, found, negated, unknown
from qc_speech.rules.conditions.operator import TEXT, Operator, listed, wordings
from qc_speech.rules.conditions.pattern import Pattern, as_pattern, search
from qc_speech.rules.conditions.scene import Scene, Stretch
from qc_speech.text.expression import linear
from qc_speech.text.template import readable

Texts = Annotated[
    tuple[str, ...],
    pydantic.BeforeValidator(listed, json_schema_input_type=tuple[str, ...] | str),
]


class Keywords(Operator):
    """Words, by ear (or, with `by: text`, by the very characters): `any`, `all` or `none` of a
    list, or at least so many `of` a list. A list alone is `any`. Each may be a template:
    `(a|b)` one of, `[x]` perhaps, `…` some words between, `<x>` must be heard well."""

    any: Texts = ()
    all: Texts = ()
    none: Texts = ()
    of: Texts = ()
    at_least: int | None = pydantic.Field(default=None, ge=1)
    together: bool = False  # all that is asked for in one utterance
    except_: Texts = pydantic.Field(default=(), alias="except")  # wordings that a hit is no hit in
    by: Literal["sound", "text"] = "sound"
    whole_words: bool = False  # with by: text, only where a word begins and ends

    @pydantic.field_validator("any", "all", "none", "of", "except_")
    @classmethod
    def _templates(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return wordings(value)

    @pydantic.model_validator(mode="after")
    def _well_formed(self) -> Keywords:
        if not (self.any or self.all or self.none or self.of):
            raise ValueError("needs any, all, none or of with words; add one")
        if bool(self.of) != (self.at_least is not None):
            raise ValueError("`of` and `at_least` belong together; give both")
        if self.at_least is not None and self.at_least > len(self.of):
            raise ValueError(f"at_least {self.at_least} of {len(self.of)} words can never be said")
        if self.whole_words and self.by != "text":
            raise ValueError("whole_words needs `by: text`; add it")
        both = set(self.none) & {*self.any, *self.all, *self.of}
        if both and len(self.any) <= 1:
            raise ValueError(f"{min(both)} is both asked for and forbidden; remove one")
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        wanted = [(self.any, 1), (self.all, len(self.all)), (self.of, self.at_least or 0)]
        parts = [
            self._counted(scene, where, absence_costs, words, least)
            for words, least in wanted
            if words
        ]
        if self.none:
            parts.append(negated(self._counted(scene, where, not absence_costs, self.none, 1)))
        return all_of(parts)

    def _counted(
        self, scene: Scene, where: Stretch, absence_costs: bool, words: tuple[str, ...], least: int
    ) -> Answer:
        hits = {word: self._said(scene, where, word, absence_costs) for word in words}
        label = _label(words)
        if self.together and least > 1:
            answer = _together(hits, least, label)
        else:
            sure = sum(any(p.sure for p in places) for places in hits.values())
            perhaps = sum(bool(places) for places in hits.values())
            every = tuple({p: None for places in hits.values() for p in places})
            if sure >= least:
                answer = found(every, f"说了{label}")
            elif perhaps >= least:
                answer = unknown(f"似乎说了{label}，听不清", every)
            else:
                answer = Answer(Truth.FALSE, 0.9, (), f"没有听到{label}")
        if answer.truth is Truth.FALSE and absence_costs and self._may_hide(scene, where, words):
            return unknown(f"听不清是否说了{label}")
        return answer

    def _may_hide(self, scene: Scene, where: Stretch, words: tuple[str, ...]) -> bool:
        if self.by == "text":
            return scene.badly_heard(where)
        return scene.may_hide(words, where)

    def _said(
        self, scene: Scene, where: Stretch, word: str, absence_costs: bool
    ) -> tuple[Place, ...]:
        if self.by == "text":
            pattern, innocent = as_pattern(word), tuple(as_pattern(w) for w in self.except_)
            borders = self.whole_words
            return search(
                scene, where, Pattern(pattern, innocent, "spoken", borders), absence_costs
            )
        against = [p for w in self.except_ for p in scene.said(w, where, True) if p.sure]
        return tuple(
            place
            for place in scene.said(word, where, absence_costs)
            if not any(place.span.overlap_ms(other.span) for other in against)
        )


def _label(words: tuple[str, ...]) -> str:
    shown = "".join(f"「{readable(word)}」" for word in words[:3])
    return shown if len(words) <= 3 else f"{shown}等 {len(words)} 种说法"


def _together(hits: dict[str, tuple[Place, ...]], least: int, label: str) -> Answer:
    by_utterance: dict[int | None, list[Place]] = {}
    for places in hits.values():
        for place in places:
            by_utterance.setdefault(place.utterance, []).append(place)
    answers = [
        found(places, f"一句话里说了{label}", needed=least) for places in by_utterance.values()
    ]
    best = max(answers, key=lambda answer: answer.truth, default=None)
    if best is None or best.truth is Truth.FALSE:
        return Answer(Truth.FALSE, 0.9, (), f"没有一句话里同时说了{label}")
    return best


class PhraseSaid(Operator):
    """A phrase of lexicons/phrases by its check: all its meanings in one turn at talk."""

    SHORT = (TEXT,)

    check: str

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"check": value} if isinstance(value, str) else value

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        phrase = scene.ctx.lexicons.phrases.get(self.check)
        if phrase is None:
            return unknown(f"词库里没有用语 {self.check}")
        answer = found(scene.phrase(phrase, where, absence_costs), f"说了：{phrase.meaning}")
        if answer.truth is Truth.TRUE:
            return answer
        hidden = absence_costs and scene.phrase_may_hide(phrase, where)
        if answer.truth is Truth.FALSE and not hidden:
            return Answer(Truth.FALSE, answer.confidence, (), f"没有听到：{phrase.meaning}")
        return unknown(f"听不清是否说了：{phrase.meaning}", answer.places)


class Regex(Operator):
    """A regular expression (RE2: no look-around and no back-references, never slow) with an
    excluding one. `form`: "spoken" numbers as 一二三 and no punctuation, "digits" the same with
    123, "written" as the recognizer wrote it."""

    SHORT = (TEXT,)

    match: str
    except_: str | None = pydantic.Field(default=None, alias="except")
    form: Literal["spoken", "digits", "written"] = "spoken"

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"match": value} if isinstance(value, str) else value

    @pydantic.field_validator("match", "except_")
    @classmethod
    def _good(cls, value: str | None) -> str | None:
        if value is not None and linear(value).search(""):
            raise ValueError("also fits where nothing is said; make it ask for a word")
        return value

    @functools.cached_property
    def _pattern(self) -> Pattern:
        innocent = (self.except_,) if self.except_ else ()
        return Pattern(self.match, innocent, self.form)

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        answer = found(search(scene, where, self._pattern, absence_costs), "说了符合表达式的话")
        if answer.truth is Truth.FALSE:
            if absence_costs and scene.badly_heard(where):
                return unknown("听不清是否说了符合表达式的话")
            return Answer(Truth.FALSE, answer.confidence, (), "没有听到符合表达式的话")
        return answer
