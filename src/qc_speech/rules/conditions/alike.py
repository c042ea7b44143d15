"""Conditions on likeness: similar meaning, and saying the same again.

Similar meaning is no language model. A sentence is compared with the samples by ear (edit distance
over syllables, and how many of the sample's content syllables are said) and by words (jieba words,
rare ones weighing more), and the better counts. Other words for the same thing are not recognized:
give a sample of each way to say it.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections import Counter
from dataclasses import replace
from typing import Any, Literal

import pydantic
from rapidfuzz import fuzz

from qc_speech.model import Role, Utterance
from qc_speech.rules.banned_text import as_sounds
from qc_speech.rules.conditions.answer import Answer, Truth, found, unknown
from qc_speech.rules.conditions.lexicon import ConditionLexicon
from qc_speech.rules.conditions.operator import TEXT, TEXTS, Operator, wordings
from qc_speech.rules.conditions.pattern import as_pattern
from qc_speech.rules.conditions.scene import Scene, Stretch, size
from qc_speech.rules.conditions.words import Texts
from qc_speech.text.expression import linear
from qc_speech.text.normalize import normalize

_CLAUSES = re.compile(r"[,.!?;，。！？；、\s]+")
_MARGIN = 0.08  # this much below the threshold a person decides
_RARE = 9.0  # weight of a word that the table of frequencies does not have
_LEAST = 4


class Similar(Operator):
    """Sentences that say about what one of the samples says. `at_least` 0..1: 0.9 nearly the same
    words, 0.7 most of the same content."""

    SHORT = (TEXT, TEXTS)

    to: Texts = pydantic.Field(min_length=1)
    at_least: float = pydantic.Field(default=0.7, ge=0.5, le=1)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"to": value} if isinstance(value, (str, list)) else value

    @pydantic.field_validator("to")
    @classmethod
    def _long_enough(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if size(text) < _LEAST:
                raise ValueError(f"sample {text!r} is shorter than {_LEAST} characters: keywords?")
        return value

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        lexicon = scene.ctx.lexicons.conditions
        places, best = [], 0.0
        for unit in scene.utterances(where):
            score = max(self._score(text, lexicon) for text in _readings(unit))
            best = max(best, score)
            if score >= self.at_least - _MARGIN:
                raw = scene.place(unit, max(score, 0.61))
                place = scene.judged(raw, absence_costs)
                if place:
                    sure = place.sure and score >= self.at_least
                    places.append(replace(place, sure=sure))
        limit = f"最像的相似度 {best:.2f}，阈值 {self.at_least:.2f}"
        answer = found(places, f"说了与示例句相近的话（{limit}）")
        if answer.truth is not Truth.FALSE:
            return answer
        if absence_costs and scene.badly_heard(where):
            return unknown(f"听不清是否说了与示例句相近的话（{limit}）")
        return replace(answer, why=f"没有与示例句相近的话（{limit}）")

    def _score(self, text: str, lexicon: ConditionLexicon) -> float:
        pieces = _pieces(text)
        return max(
            (_likeness(sample, piece, lexicon) for sample in self.to for piece in pieces),
            default=0.0,
        )


def _readings(unit: Utterance) -> tuple[str, ...]:
    return (unit.text, *(other.text for other in unit.alternatives[:2]))


@functools.lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str, ...]:
    """A sentence, its clauses, and neighbouring clauses together."""
    clauses = [clause for clause in map(normalize, _CLAUSES.split(text)) if len(clause) >= 2]
    pairs = [one + other for one, other in itertools.pairwise(clauses)]
    return tuple(dict.fromkeys((normalize(text), *clauses, *pairs)))


@functools.lru_cache(maxsize=65536)
def _likeness_plain(sample: str, piece: str, stop_words: frozenset[str]) -> float:
    sounds = as_sounds(piece)
    order = _by_ear(as_sounds(sample), sounds)
    content = _covered(_content(sample, stop_words), sounds)
    return max(math.sqrt(order * content), _by_words(sample, piece, stop_words))


def _likeness(sample: str, piece: str, lexicon: ConditionLexicon) -> float:
    """0..1. A denial on one side only turns the meaning round: never alike enough to be sure."""
    clean = normalize(sample)
    score = _likeness_plain(clean, piece, lexicon.stop_words)
    if lexicon.negations(clean) % 2 != lexicon.negations(piece) % 2:
        return score - 0.3
    return score


def _by_ear(sample: str, piece: str) -> float:
    """The sample within the piece; a shorter piece must stand for the whole sample."""
    if len(piece) <= len(sample):
        return float(fuzz.ratio(sample, piece)) / 100
    return float(fuzz.partial_ratio(sample, piece)) / 100


@functools.lru_cache(maxsize=8192)
def _content(text: str, stop_words: frozenset[str]) -> str:
    """The sounds of a text's words but the little ones."""
    return "".join(as_sounds(word) for word in _words(text) if word not in stop_words)


def _covered(content: str, piece: str) -> float:
    """The share of a sample's content syllables that are said, in whatever order."""
    said = Counter(content) & Counter(piece)
    return said.total() / len(content) if content else 1.0


def _by_words(sample: str, piece: str, stop_words: frozenset[str]) -> float:
    """Cosine of the bags of words, compared by sound, rare words weighing more."""
    one, other = _bag(sample, stop_words), _bag(piece, stop_words)
    if len(one) < 2 or len(other) < 2:
        return 0.0
    common = sum(one[word] * other[word] for word in one.keys() & other.keys())
    norms = math.sqrt(sum(w * w for w in one.values())) * math.sqrt(
        sum(w * w for w in other.values())
    )
    return common / norms if norms else 0.0


@functools.lru_cache(maxsize=8192)
def _bag(text: str, stop_words: frozenset[str]) -> dict[str, float]:
    weights = _rareness()
    return {
        as_sounds(word): weights.get(word, _RARE) for word in _words(text) if word not in stop_words
    }


def _words(text: str) -> list[str]:
    import jieba

    jieba.setLogLevel(60)
    return list(jieba.cut(text))


@functools.lru_cache(maxsize=1)
def _rareness() -> dict[str, float]:
    """Inverse document frequencies that come with jieba."""
    from jieba.analyse.tfidf import TFIDF

    return dict(TFIDF().idf_freq)


class Repeats(Operator):
    """Saying (nearly) the same again: the `times`-th time that a party says it, within so many of
    its utterances. `of: other` is what the other party said before."""

    times: int = pydantic.Field(default=2, ge=2, le=20)
    within_utterances: int | None = pydantic.Field(default=None, ge=1)
    similarity: float = pydantic.Field(default=0.85, ge=0.5, le=1)
    min_characters: int = pydantic.Field(default=6, ge=2)
    of: Literal["own", "other"] = "own"
    except_: Texts = pydantic.Field(default=(), alias="except")  # sentences with these words

    @pydantic.field_validator("except_")
    @classmethod
    def _templates(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return wordings(value)

    @pydantic.model_validator(mode="after")
    def _possible(self) -> Repeats:
        if self.within_utterances is not None and self.within_utterances < self.times - 1:
            raise ValueError(
                f"{self.times} times do not fit into {self.within_utterances} utterances and one"
            )
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        units = [u for u in scene.utterances(where) if self._counts(u)]
        places = []
        for number, unit in enumerate(units):
            before = self._before(scene, units, number)
            likeness = sorted((_same(unit, other) for other in before), reverse=True)
            score = likeness[self.times - 2] if len(likeness) >= self.times - 1 else 0.0
            if score < self.similarity - _MARGIN:
                continue
            place = scene.judged(scene.place(unit, score), absence_costs)
            if place:
                places.append(replace(place, sure=place.sure and score >= self.similarity))
        answer = found(places, f"同样的话说了 {self.times} 次")
        if answer.truth is Truth.FALSE:
            return replace(answer, why=f"没有同样的话说 {self.times} 次")
        return answer

    def _counts(self, unit: Utterance) -> bool:
        text = normalize(unit.text)
        if len(text) < self.min_characters:
            return False
        return not any(linear(as_pattern(wording)).search(text) for wording in self.except_)

    def _before(self, scene: Scene, units: list[Utterance], number: int) -> list[Utterance]:
        unit = units[number]
        if self.of == "own":
            before = [u for u in units[:number] if u.role is unit.role]
        else:
            other = Role.CUSTOMER if unit.role is Role.AGENT else Role.AGENT
            before = [
                u
                for u in scene.utterances(Stretch(scene.whole.span, other))
                if u.span.start_ms < unit.span.start_ms and self._counts(u)
            ]
        return before[-self.within_utterances :] if self.within_utterances else before


def _same(one: Utterance, other: Utterance) -> float:
    return float(fuzz.ratio(as_sounds(one.text), as_sounds(other.text))) / 100
