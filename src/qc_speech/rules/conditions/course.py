"""Conditions on the course of a call: who begins, how it is answered and ended, how long it is."""

from __future__ import annotations

from typing import Any, Literal

import pydantic

from qc_speech.model import Role, Span
from qc_speech.rules.conditions.answer import Answer, Place, Truth, unknown, within
from qc_speech.rules.conditions.operator import TEXT, Fact, Operator, numbers, ordered
from qc_speech.rules.conditions.scene import Scene, Stretch
from qc_speech.rules.conditions.talk import party

_MARGIN_S = 0.3
_TOGETHER_MS = 300  # who begins within this of the other cannot be told apart


class SpeaksFirst(Operator):
    """Who speaks first."""

    SHORT = (TEXT,)

    OF_CALL = True

    who: Literal["agent", "customer"]

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"who": value} if isinstance(value, str) else value

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        call = scene.ctx.call
        starts = {
            role: min((t.span.start_ms for t in call.role_turns(role)), default=None)
            for role in (Role.AGENT, Role.CUSTOMER)
        }
        own = starts[Role(self.who)]
        other = starts[Role.CUSTOMER if self.who == "agent" else Role.AGENT]
        if own is None and other is None:
            return unknown("没有听到双方说话")
        if own is not None and other is not None and abs(own - other) < _TOGETHER_MS:
            return unknown("双方几乎同时开口")
        first = own is not None and (other is None or own < other)
        title = party(Role(self.who))
        if not first or own is None:
            return Answer(Truth.FALSE, 0.9, (), f"先开口的不是{title}")
        place = Place(Span(own, own + 1), Role(self.who), None, "", 0.9)
        return Answer(Truth.TRUE, 0.9, (place,), f"{title}先开口")

    def fact(self) -> Fact | None:
        return "speaks_first", frozenset({self.who})


class AbnormalAnswer(Operator):
    """The agent does not speak within so many seconds of the beginning, or never."""

    OF_CALL = True

    after_seconds: float = pydantic.Field(default=5, gt=0)

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        call = scene.ctx.call
        if not call.turns:
            return unknown("录音中没有人说话")
        start = min((t.span.start_ms for t in call.role_turns(Role.AGENT)), default=None)
        if start is None:
            why = "坐席一直没有说话"
            place = Place(scene.whole.span, Role.AGENT, None, "", 0.8)
            return Answer(Truth.TRUE, 0.8, (place,), why)
        why = f"接通后 {start / 1000:.1f} 秒坐席才开口，界限 {self.after_seconds:g} 秒"
        truth = within(start / 1000, self.after_seconds, None, _MARGIN_S)
        place = Place(Span(0, start), Role.AGENT, None, "", 0.9, truth is Truth.TRUE)
        return Answer(truth, 0.9, () if truth is Truth.FALSE else (place,), why)


class AbnormalHangup(Operator):
    """The call breaks off within `tail_seconds` of the last word of this party: with `who:
    customer` the agent may have hung up on the customer."""

    OF_CALL = True

    who: Literal["agent", "customer"] = "customer"
    tail_seconds: float = pydantic.Field(default=0.8, gt=0)

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        call, measures = scene.ctx.call, scene.ctx.measures
        tail, end = measures.tail_ms, measures.last_speech_end_ms
        if tail is None or end is None or not call.turns:
            return unknown("测不出最后一句话与结束之间的时间")
        last = call.roles.of(max(call.turns, key=lambda turn: turn.span.end_ms).speaker)
        if last not in (Role.AGENT, Role.CUSTOMER):
            return unknown("不知道最后说话的是谁")
        if last is not Role(self.who):
            return Answer(Truth.FALSE, 0.8, (), f"最后说话的是{party(last)}")
        if "truncated" in call.recording.warnings:
            return unknown("录音不完整，不知道怎样结束")
        why = f"{party(last)}说完 {tail / 1000:.1f} 秒后挂断，界限 {self.tail_seconds:g} 秒"
        truth = within(tail / 1000, None, self.tail_seconds, 0.1)
        place = Place(Span(end, end + tail), last, None, "", 0.85, truth is Truth.TRUE)
        return Answer(truth, 0.85, () if truth is Truth.FALSE else (place,), why)


class Duration(Operator):
    """How long the recording is."""

    PLACED = False
    OF_CALL = True

    over_seconds: float | None = pydantic.Field(default=None, ge=0)
    under_seconds: float | None = pydantic.Field(default=None, gt=0)

    @pydantic.model_validator(mode="after")
    def _limits(self) -> Duration:
        ordered(self.over_seconds, self.under_seconds, ("over_seconds", "under_seconds"))
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        seconds = scene.ctx.call.recording.duration_ms / 1000
        truth = within(seconds, self.over_seconds, self.under_seconds)
        return Answer(truth, 0.99, (), f"通话 {seconds:.0f} 秒")

    def fact(self) -> Fact | None:
        return "duration", numbers(self.over_seconds, self.under_seconds)
