"""Where a condition looks: an end of the call, and near what another condition found."""

from __future__ import annotations

from typing import Literal

import pydantic

from qc_speech.model import Role, Span, Utterance
from qc_speech.rules.conditions.answer import Place
from qc_speech.rules.conditions.scene import Scene, Stretch, size
from qc_speech.rules.kind import Params

Relation = Literal["after", "before", "around", "within"]
_WORDLESS = 2  # characters: a 嗯 or a 好的 is not counted as an utterance
_NEVER = Span(0, 0)


class Extent(Params):
    """The first or last part of a call: so many utterances (of `role`, where one is given), seconds
    or percent of its length. Exactly one of the three."""

    utterances: int | None = pydantic.Field(default=None, ge=1)
    seconds: float | None = pydantic.Field(default=None, gt=0)
    percent: float | None = pydantic.Field(default=None, gt=0, le=100)

    @pydantic.model_validator(mode="after")
    def _one(self) -> Extent:
        given = [v for v in (self.utterances, self.seconds, self.percent) if v is not None]
        if len(given) != 1:
            raise ValueError("needs exactly one of utterances, seconds or percent")
        return self

    def ms(self, duration_ms: int) -> float:
        if self.seconds is not None:
            return self.seconds * 1000
        return duration_ms * (self.percent or 0) / 100


class Anchor(Params):
    """Near what the condition named `of` found: its first, last or n-th hit (from the end with
    -1, -2 …), any of its hits, or each of them. Without `utterances` and `seconds`: as far as the
    call goes. `absent`: where to look when the anchor was not found."""

    of: str
    hit: Literal["any", "each", "first", "last"] | int = "any"
    utterances: int | None = pydantic.Field(default=None, ge=1)
    seconds: float | None = pydantic.Field(default=None, gt=0)
    absent: Literal["nowhere", "anywhere"] = "nowhere"

    @pydantic.field_validator("hit")
    @classmethod
    def _counted(cls, value: str | int) -> str | int:
        if value == 0:
            raise ValueError("hits are counted from 1 (or from the end with -1); 0 is none")
        return value

    @property
    def number(self) -> int | None:
        """Which hit, counted from 0 (negative from the end); None: any or each."""
        if isinstance(self.hit, int):
            return self.hit - 1 if self.hit > 0 else self.hit
        return {"first": 0, "last": -1}.get(self.hit)


def ends(scene: Scene, where: Stretch, first: Extent | None, last: Extent | None) -> Stretch:
    """The part of a stretch that lies in the first and in the last part of the call."""
    duration = scene.ctx.call.recording.duration_ms
    for extent, at_start in ((first, True), (last, False)):
        if extent is None:
            continue
        if extent.utterances is not None:
            units = scene.utterances(Stretch(scene.whole.span, where.role))
            part = units[: extent.utterances] if at_start else units[-extent.utterances :]
            where = _chosen(where, part)
        else:
            length = round(extent.ms(duration))
            span = Span(0, length) if at_start else Span(max(0, duration - length), duration)
            where = _clipped(where, span)
    return where


def near(scene: Scene, where: Stretch, place: Place, relation: Relation, anchor: Anchor) -> Stretch:
    """The part of a stretch that lies so near to a place."""
    if relation == "within":
        return _own(scene, where, place)
    whole = scene.whole.span
    before = Span(0, place.span.start_ms)
    after = Span(place.span.end_ms, max(place.span.end_ms, whole.end_ms))
    if anchor.seconds is not None:
        reach = round(anchor.seconds * 1000)
        before = Span(max(0, before.end_ms - reach), before.end_ms)
        after = Span(after.start_ms, after.start_ms + reach)
    if relation == "around":
        span = Span(before.start_ms, after.end_ms)
        chosen = (
            *_next(scene, where, place, anchor, forward=False),
            *_next(scene, where, place, anchor, forward=True),
        )
    else:
        span = after if relation == "after" else before
        chosen = _next(scene, where, place, anchor, forward=relation == "after")
    clipped = _clipped(where, span)
    return clipped if anchor.utterances is None else _chosen(clipped, chosen)


def _own(scene: Scene, where: Stretch, place: Place) -> Stretch:
    if place.utterance is None:
        return _clipped(where, place.span)
    own = scene.ctx.call.utterances[place.utterance].span
    return _clipped(where, Span(min(own.start_ms, place.span.start_ms), own.end_ms))


def _next(
    scene: Scene, where: Stretch, place: Place, anchor: Anchor, *, forward: bool
) -> tuple[Utterance, ...]:
    """The rest of the place's own utterance and so many utterances from there on. Mere
    acknowledgements lie there too, but are not counted."""
    found: list[Utterance] = []
    counted = 0
    units = scene.utterances(Stretch(scene.whole.span, where.role))
    for unit in units if forward else reversed(units):
        if unit.index == place.utterance:
            found.append(unit)
            continue
        middle = (unit.span.start_ms + unit.span.end_ms) // 2
        beyond = middle >= place.span.end_ms if forward else middle < place.span.start_ms
        if not beyond:
            continue
        if counted >= (anchor.utterances or 0):
            break
        found.append(unit)
        counted += size(unit.text) > _WORDLESS
    return tuple(found)


def _chosen(where: Stretch, units: tuple[Utterance, ...]) -> Stretch:
    """A stretch narrowed to utterances, in words and in time."""
    if not units:
        return Stretch(_NEVER, where.role, frozenset())
    indexes = frozenset(unit.index for unit in units)
    if where.chosen is not None:
        indexes &= where.chosen
    span = Span(min(u.span.start_ms for u in units), max(u.span.end_ms for u in units))
    return Stretch(where.span & span or _NEVER, where.role, indexes)


def _clipped(where: Stretch, span: Span) -> Stretch:
    return Stretch(where.span & span or _NEVER, where.role, where.chosen)


def with_role(where: Stretch, role: Role | None) -> Stretch:
    """The same stretch for the words of one party."""
    return where if role is None else Stretch(where.span, role, where.chosen)
