"""What may happen in a call and make a phrase due: the customer asks for a manager, and so on."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import pydantic

from qc_speech.errors import RulebookError
from qc_speech.model import Role, Span
from qc_speech.rules.kind import Context
from qc_speech.rules.phrases import Found, Part, Phrase
from qc_speech.rules.yamlfile import load_yaml

DUE_FROM = 0.7  # a situation that is only half heard asks for nothing


class Situation(pydantic.BaseModel):
    """One entry of lexicons/situations.yaml: who says what when it happens."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    name: str = pydantic.Field(pattern=r"^[a-z_]+$")
    meaning: str
    agent: Part | None = None
    customer: Part | None = None
    hit: tuple[str, ...] = pydantic.Field(min_length=1)
    miss: tuple[str, ...] = pydantic.Field(min_length=1)

    @pydantic.model_validator(mode="after")
    def _somebody(self) -> Situation:
        if self.agent is None and self.customer is None:
            raise ValueError("needs `agent` or `customer`; say who says what")
        return self

    @functools.cached_property
    def phrases(self) -> tuple[tuple[Role, Phrase], ...]:
        """What is looked for in whose words."""
        return tuple(
            (role, Phrase(check=self.name, meaning=self.meaning, parts=(part,), hit=self.hit))
            for role, part in ((Role.AGENT, self.agent), (Role.CUSTOMER, self.customer))
            if part is not None
        )


class SituationFile(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    situations: tuple[Situation, ...]


@dataclass(frozen=True)
class Occurrence:
    """Where a situation was heard, how surely, and by whom it was said."""

    found: Found
    role: Role
    span: Span


def load_situations(path: Path) -> dict[str, Situation]:
    """All situations by name. Raises RulebookError with file and line."""
    found: dict[str, Situation] = {}
    for situation in load_yaml(path, SituationFile).situations:
        if situation.name in found:
            raise RulebookError(f"{path}:1: situation {situation.name} is defined twice; keep one")
        found[situation.name] = situation
    return found


def occurrences(ctx: Context, situation: Situation) -> tuple[Occurrence, ...]:
    """Each turn in which the situation is heard, in order of time."""
    found = []
    for role, phrase in situation.phrases:
        matcher = ctx.matcher if role is Role.AGENT else ctx.customer
        for one in matcher.each(phrase, DUE_FROM):
            if one.probability >= DUE_FROM and one.span is not None:
                found.append(Occurrence(one, role, one.span))
    return tuple(sorted(found, key=lambda one: one.span))
