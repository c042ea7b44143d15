"""Three-valued answers (Kleene 1938: strong logic of true, false and unknown) with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from qc_speech.model import Role, Span


class Truth(IntEnum):
    """Ordered: `and` is the least, `or` the greatest, `not` the mirror."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2


@dataclass(frozen=True)
class Place:
    """Where a condition was found. `sure` False: perhaps; `confidence` 0..1."""

    span: Span
    role: Role | None = None
    utterance: int | None = None
    quote: str = ""
    confidence: float = 1.0
    sure: bool = True


@dataclass(frozen=True)
class Answer:
    """`confidence` (0..1) is of the truth; `why` is Chinese and holds no words of the call; `at` is
    where something was looked for in vain."""

    truth: Truth
    confidence: float = 1.0
    places: tuple[Place, ...] = ()
    why: str = ""
    at: Place | None = None


def unknown(why: str, places: tuple[Place, ...] = ()) -> Answer:
    return Answer(Truth.UNKNOWN, 0.5, places, why)


def found(places: Sequence[Place], why: str, *, needed: int = 1) -> Answer:
    """TRUE with `needed` sure places, UNKNOWN when the doubtful ones would be needed."""
    ordered = tuple(sorted(places, key=lambda place: place.span))
    sure = sorted((p.confidence for p in ordered if p.sure), reverse=True)
    if len(sure) >= needed:
        return Answer(Truth.TRUE, sure[needed - 1] if needed else 1.0, ordered, why)
    if len(ordered) >= needed:
        return unknown(why, ordered)
    return Answer(Truth.FALSE, 0.9, (), why)


def negated(answer: Answer) -> Answer:
    """The opposite. What was found is no place of the opposite, but shows why it is false."""
    truth = Truth(2 - answer.truth)
    at = answer.places[0] if truth is Truth.FALSE and answer.places else answer.at
    places = answer.places if truth is Truth.UNKNOWN else ()
    return replace(answer, truth=truth, places=places, at=at)


def all_of(answers: Sequence[Answer]) -> Answer:
    """And: the least true decides; true places are those of all parts together."""
    return _joined(answers, min((a.truth for a in answers), default=Truth.TRUE), Truth.TRUE)


def any_of(answers: Sequence[Answer]) -> Answer:
    """Or: the most true decides."""
    return _joined(answers, max((a.truth for a in answers), default=Truth.FALSE), Truth.FALSE)


def _joined(answers: Sequence[Answer], truth: Truth, whole: Truth) -> Answer:
    """`whole`: the value that only all answers together can give; any other is one answer's."""
    deciding = [answer for answer in answers if answer.truth is truth]
    if truth is Truth.UNKNOWN:
        confidence = 0.5
    elif truth is whole:
        confidence = min((a.confidence for a in deciding), default=1.0)
    else:
        confidence = max((a.confidence for a in deciding), default=1.0)
    places = {place: None for answer in deciding for place in answer.places}
    ordered = tuple(sorted(places, key=lambda place: place.span))
    reasons = dict.fromkeys(answer.why for answer in deciding if answer.why)
    at = next((answer.at for answer in deciding if answer.at), None)
    return Answer(truth, confidence, ordered, "；".join(list(reasons)[:3]), at)


def within(
    value: float | None, over: float | None, under: float | None, margin: float = 0.0
) -> Truth:
    """Whether a measured value is above `over` and below `under`. UNKNOWN when it was not measured
    or lies within `margin` of a limit."""
    if value is None:
        return Truth.UNKNOWN
    above = [value - over] if over is not None else []
    below = [under - value] if under is not None else []
    room = min((*above, *below), default=1.0)
    if margin and abs(room) < margin:
        return Truth.UNKNOWN
    return Truth.TRUE if room > 0 else Truth.FALSE
