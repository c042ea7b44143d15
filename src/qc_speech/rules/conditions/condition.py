"""A condition as it is written in YAML: one operator, or all / any / not of conditions, and where
it looks. docs/rulebooks.md shows each with an example."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic

from qc_speech.rules.conditions.alike import Repeats, Similar
from qc_speech.rules.conditions.course import AbnormalAnswer, AbnormalHangup, Duration, SpeaksFirst
from qc_speech.rules.conditions.entities import Entity
from qc_speech.rules.conditions.metadata import (
    AgentIs,
    CustomerClass,
    DateIs,
    Direction,
    Holiday,
    Queue,
    RingTime,
    ScenarioIs,
    Tenure,
)
from qc_speech.rules.conditions.operator import Operator
from qc_speech.rules.conditions.sound import Interruption, Rate, Silence, Tone, Volume
from qc_speech.rules.conditions.talk import MoodIs, Sentence, UtteranceCount
from qc_speech.rules.conditions.where import Anchor, Extent
from qc_speech.rules.conditions.words import Keywords, PhraseSaid, Regex
from qc_speech.rules.kind import Params

Name = Annotated[str, pydantic.StringConstraints(pattern=r"^[^\W\d][\w-]*$", max_length=60)]
_PLACES = ("role", "first", "last", "after", "before", "around", "within")


def _named(value: Any) -> Any:
    """A name alone stands for the condition of that name."""
    return {"ref": value} if isinstance(value, str) else value


def _words(value: Any) -> Any:
    return {"any": value} if isinstance(value, (str, list, tuple)) else value


class Condition(Params):
    """Exactly one operator (or all, any, not, ref), and where it looks: whose words, which end of
    the call, near what another condition found."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    all: tuple[Written, ...] | None = pydantic.Field(default=None, min_length=1)
    any: tuple[Written, ...] | None = pydantic.Field(default=None, min_length=1)
    not_: Written | None = pydantic.Field(default=None, alias="not")
    ref: str | None = None

    keywords: (
        Annotated[
            Keywords,
            pydantic.BeforeValidator(
                _words, json_schema_input_type=Keywords | tuple[str, ...] | str
            ),
        ]
        | None
    ) = None
    phrase: PhraseSaid | None = None
    similar: Similar | None = None
    regex: Regex | None = None
    repeats: Repeats | None = None
    entity: Entity | None = None
    utterances: UtteranceCount | None = None
    sentence: Sentence | None = None
    mood: MoodIs | None = None

    silence: Silence | None = None
    rate: Rate | None = None
    interruption: Interruption | None = None
    volume: Volume | None = None
    tone: Tone | None = None
    speaks_first: SpeaksFirst | None = None
    abnormal_answer: AbnormalAnswer | None = None
    abnormal_hangup: AbnormalHangup | None = None
    duration: Duration | None = None

    direction: Direction | None = None
    queue: Queue | None = None
    ring: RingTime | None = None
    date: DateIs | None = None
    holiday: Holiday | None = None
    tenure: Tenure | None = None
    customer_class: CustomerClass | None = None
    scenario: ScenarioIs | None = None
    agent: AgentIs | None = None

    role: Literal["agent", "customer"] | None = None
    first: Extent | None = None
    last: Extent | None = None
    after: Anchor | None = None
    before: Anchor | None = None
    around: Anchor | None = None
    within: Anchor | None = None

    @pydantic.model_validator(mode="after")
    def _one_operator(self) -> Condition:
        given = [name for name in self.model_fields_set if name not in _PLACES]
        given = [name.rstrip("_") for name in given if getattr(self, name) is not None]
        if not given:
            raise ValueError("says nothing; give one operator (keywords, all, any, not …)")
        if len(given) > 1:
            both = " and ".join(sorted(given))
            raise ValueError(f"has {both}; a condition has one operator, join two with `all`")
        operator = self.operator
        if operator is not None and operator.OF_CALL and self.placed:
            raise ValueError(f"{given[0]} is about the whole call; remove {min(self.placed)}")
        return self

    @property
    def operator(self) -> Operator | None:
        """The operator; None for all, any, not and ref."""
        for name in self.model_fields_set:
            value = getattr(self, name)
            if isinstance(value, Operator):
                return value
        return None

    @property
    def placed(self) -> list[str]:
        """The names of where it looks, as far as given."""
        return [name for name in _PLACES if getattr(self, name) is not None]

    @property
    def anchors(self) -> tuple[tuple[str, Anchor], ...]:
        """(relation, anchor) in a fixed order."""
        given = ((name, getattr(self, name)) for name in ("after", "before", "around", "within"))
        return tuple((name, anchor) for name, anchor in given if anchor is not None)


Written = Annotated[
    Condition, pydantic.BeforeValidator(_named, json_schema_input_type=Condition | str)
]
Condition.model_rebuild()
