"""lexicons/conditions.yaml: the word lists that operators rest on."""

from __future__ import annotations

from typing import Annotated

import pydantic

from qc_speech.rules.conditions.operator import wordings
from qc_speech.text.expression import linear

Patterns = tuple[str, ...]
Wordings = Annotated[tuple[str, ...], pydantic.AfterValidator(wordings)]


def _good(patterns: Patterns) -> Patterns:
    for pattern in patterns:
        linear(pattern)
    return patterns


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Questions(_Model):
    """What makes a sentence a question: surely, perhaps, and what asks nothing after all."""

    asking: Annotated[Patterns, pydantic.AfterValidator(_good)]
    perhaps: Annotated[Patterns, pydantic.AfterValidator(_good)]
    not_asking: Annotated[Patterns, pydantic.AfterValidator(_good)]


class ConditionLexicon(_Model):
    """The whole file."""

    moods: dict[str, Wordings]
    questions: Questions
    negators: str
    not_negating: str
    stop_words: frozenset[str]
    surnames: str
    double_surnames: tuple[str, ...]

    @pydantic.field_validator("negators", "not_negating")
    @classmethod
    def _pattern(cls, value: str) -> str:
        linear(value)
        return value

    @pydantic.field_validator("surnames")
    @classmethod
    def _characters(cls, value: str) -> str:
        return "".join(value.split())

    def negations(self, text: str) -> int:
        """How often a normalized text denies something."""
        return len(linear(self.negators).findall(linear(self.not_negating).sub("", text)))
