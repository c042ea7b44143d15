"""Conditions on what is known of a call besides its sound. What the manifest does not say is
unknown, never guessed."""

from __future__ import annotations

import datetime
import functools
from typing import Annotated, Any, Literal

import pydantic

from qc_speech.model import Metadata
from qc_speech.rules.conditions.answer import Answer, Truth, within
from qc_speech.rules.conditions.operator import (
    TEXT,
    TEXTS,
    Fact,
    Operator,
    listed,
    numbers,
    ordered,
)
from qc_speech.rules.conditions.scene import Scene, Stretch

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_TITLES = "一二三四五六日"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Known(Operator):
    """Base: a question to the metadata alone."""

    PLACED = False
    OF_CALL = True

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        truth, why = self.judge(scene.ctx.call.recording.metadata, scene.ctx.scenario)
        return Answer(truth, 0.5 if truth is Truth.UNKNOWN else 0.99, (), why)

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        raise NotImplementedError


class OneOf(Known):
    """A value that must be one of a list. A text or a list alone will do."""

    SHORT = (TEXT, TEXTS)

    one_of: Annotated[
        tuple[str, ...],
        pydantic.BeforeValidator(listed, json_schema_input_type=tuple[str, ...] | str),
    ] = pydantic.Field(min_length=1)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"one_of": value} if isinstance(value, (str, list, tuple)) else value

    def fact(self) -> Fact | None:
        return type(self).__name__, frozenset(self.one_of)

    def _among(self, value: str | None, title: str) -> tuple[Truth, str]:
        if value is None:
            return Truth.UNKNOWN, f"没有{title}数据"
        truth = Truth.TRUE if value in self.one_of else Truth.FALSE
        return truth, f"{title}是 {value}"


class Direction(OneOf):
    """inbound or outbound."""

    one_of: Annotated[
        tuple[Literal["inbound", "outbound"], ...], pydantic.BeforeValidator(listed)
    ] = pydantic.Field(min_length=1)

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        return self._among(metadata.direction, "呼叫方向")


class Queue(OneOf):
    """The queue of the manifest."""

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        return self._among(metadata.queue, "队列")


class ScenarioIs(OneOf):
    """The scenario the call is judged as."""

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        return self._among(scenario, "场景")


class AgentIs(OneOf):
    """The agent's number."""

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        return self._among(metadata.agent_id, "工号")


class CustomerClass(OneOf):
    """The column customer_class of the manifest (vip, new …)."""

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        return self._among(metadata.customer_class, "客户等级")


class RingTime(Known):
    """How long it rang, in seconds."""

    over_seconds: float | None = pydantic.Field(default=None, ge=0)
    under_seconds: float | None = pydantic.Field(default=None, gt=0)

    @pydantic.model_validator(mode="after")
    def _limits(self) -> RingTime:
        ordered(self.over_seconds, self.under_seconds, ("over_seconds", "under_seconds"))
        return self

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        if metadata.ring_ms is None:
            return Truth.UNKNOWN, "没有振铃时长数据"
        seconds = metadata.ring_ms / 1000
        return within(seconds, self.over_seconds, self.under_seconds), f"振铃 {seconds:.1f} 秒"

    def fact(self) -> Fact | None:
        return "ring", numbers(self.over_seconds, self.under_seconds)


class Tenure(Known):
    """Days from the manifest's agent_since to the call."""

    over_days: float | None = pydantic.Field(default=None, ge=0)
    under_days: float | None = pydantic.Field(default=None, gt=0)

    @pydantic.model_validator(mode="after")
    def _limits(self) -> Tenure:
        ordered(self.over_days, self.under_days, ("over_days", "under_days"))
        return self

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        if metadata.agent_since is None or metadata.started_at is None:
            return Truth.UNKNOWN, "没有坐席入职日期或通话日期"
        days = (metadata.started_at.date() - metadata.agent_since.date()).days
        if days < 0:
            return Truth.UNKNOWN, "坐席入职日期晚于通话日期"
        return within(days, self.over_days, self.under_days), f"坐席入职 {days} 天"

    def fact(self) -> Fact | None:
        return "tenure", numbers(self.over_days, self.under_days)


class DateIs(Known):
    """When the call was: from a day up to and with a day, on days of the week, between two times of
    day (from, up to but not with; over midnight when the first is later)."""

    from_: datetime.date | None = pydantic.Field(default=None, alias="from")
    to: datetime.date | None = None
    days: tuple[Day, ...] = ()
    from_time: datetime.time | None = None
    to_time: datetime.time | None = None

    @pydantic.field_validator("from_time", "to_time", mode="before")
    @classmethod
    def _clock(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):  # YAML reads 9:30 as 570
            if not 0 <= value < 24 * 60:
                raise ValueError("is no time of day; write it like '09:30'")
            return datetime.time(value // 60, value % 60)
        return value

    @pydantic.model_validator(mode="after")
    def _limits(self) -> DateIs:
        if not (self.from_ or self.to or self.days or self.from_time or self.to_time):
            raise ValueError("needs from, to, days, from_time or to_time; add one")
        if self.from_ and self.to and self.from_ > self.to:
            raise ValueError(f"from {self.from_} is after to {self.to}; no day fits")
        if self.from_time is not None and self.from_time == self.to_time:
            raise ValueError("from_time and to_time are the same; no time fits")
        return self

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        when = metadata.started_at
        if when is None:
            return Truth.UNKNOWN, "没有通话日期"
        day = when.date()
        fits = (
            (self.from_ is None or self.from_ <= day)
            and (self.to is None or day <= self.to)
            and (not self.days or _DAYS[day.weekday()] in self.days)
            and self._in_time(when.time())
        )
        why = f"通话在 {day.isoformat()} 星期{_DAY_TITLES[day.weekday()]} {when:%H:%M}"
        return (Truth.TRUE if fits else Truth.FALSE), why

    def _in_time(self, time: datetime.time) -> bool:
        start = self.from_time or datetime.time.min
        if self.to_time is None:
            return start <= time
        if start < self.to_time:
            return start <= time < self.to_time
        return time >= start or time < self.to_time

    def fact(self) -> Fact | None:
        if self.days or self.from_time or self.to_time:
            return None
        low = float("-inf") if self.from_ is None else self.from_.toordinal() - 0.5
        high = float("inf") if self.to is None else self.to.toordinal() + 0.5
        return "date", (low, high)


class Holiday(Known):
    """A public holiday in China (the holidays library, lunar ones and the government's days off
    included), any or one whose name holds a text (春节, 国庆 …). `true` is any."""

    SHORT = ({"const": True}, TEXT, TEXTS)

    any: bool = True
    names: Annotated[
        tuple[str, ...],
        pydantic.BeforeValidator(listed, json_schema_input_type=tuple[str, ...] | str),
    ] = ()

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if value is True:
            return {}
        if value is False:
            raise ValueError("write `not: {holiday: true}` for days that are none")
        return {"names": value} if isinstance(value, (str, list)) else value

    def judge(self, metadata: Metadata, scenario: str) -> tuple[Truth, str]:
        if metadata.started_at is None:
            return Truth.UNKNOWN, "没有通话日期"
        day = metadata.started_at.date()
        name = _holidays(day.year).get(day)
        if name is None:
            return Truth.FALSE, f"{day.isoformat()} 不是节假日"
        fits = not self.names or any_in(self.names, name)
        return (Truth.TRUE if fits else Truth.FALSE), f"{day.isoformat()} 是{name}"


def any_in(parts: tuple[str, ...], text: str) -> bool:
    return any(part in text for part in parts)


@functools.lru_cache(maxsize=64)
def _holidays(year: int) -> dict[datetime.date, str]:
    import holidays

    return dict(holidays.country_holidays("CN", years=year, language="zh_CN"))
