"""What one kind of check is: parameters from the rulebook, a call, and drafts of findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pydantic

from qc_speech.model import Call, Evidence, Measures, Outcome, Role, Severity
from qc_speech.rules.banned_judge import Scene, scenes_of
from qc_speech.rules.matcher import Matcher
from qc_speech.rules.phrases import agent_turns, spoken_identity

if TYPE_CHECKING:
    from qc_speech.rules.lexicons import Lexicons


class Params(pydantic.BaseModel):
    """Base of a check's parameters: unknown names are refused, values do not change."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Context:
    """What a check may read. `scenario` is the one the rulebook is used for."""

    call: Call
    measures: Measures
    scenario: str
    lexicons: Lexicons
    # What checks prepared of this very call; a changed copy of the context starts anew.
    prepared: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    @cached_property
    def matcher(self) -> Matcher:
        """The agent's turns made ready for searching phrases; made once per call."""
        metadata = self.call.recording.metadata
        identity = spoken_identity(metadata.agent_id, metadata.agent_name)
        replies = agent_turns(self.call, Role.CUSTOMER)
        return Matcher(agent_turns(self.call), identity, self.call.asked, replies)

    @cached_property
    def customer(self) -> Matcher:
        """The customer's turns, made ready in the same way."""
        return Matcher(agent_turns(self.call, Role.CUSTOMER))

    @cached_property
    def scenes(self) -> tuple[Scene, ...]:
        """The agent's utterances with what was said before each; made once per call."""
        return tuple(scenes_of(self.call.utterances))


@dataclass(frozen=True)
class Draft:
    """An outcome before points: the rulebook adds points, cap, clause and dimension.

    `severity` overrides the rulebook's (tiers of a lexicon). `reason` is Chinese, one sentence,
    shown to the agent: what was compared with what.
    """

    outcome: Outcome
    confidence: float
    reason: str
    evidence: Evidence | None = None
    severity: Severity | None = None


@dataclass(frozen=True)
class Kind:
    """One implementation of checks, by its name in rulebooks. `verify` says what is wrong with
    parameters beyond their own values; it raises ParamsFault."""

    name: str
    params: type[Params]
    run: Callable[[Context, Any], tuple[Draft, ...]]
    verify: Callable[[Any], None] | None = None


class ParamsFault(Exception):
    """Parameters that cannot work; `path` says where in them."""

    def __init__(self, path: tuple[str | int, ...], text: str) -> None:
        super().__init__(text)
        self.path = path
