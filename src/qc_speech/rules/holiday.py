"""Good wishes on holidays and weekends, by the date of the call."""

from __future__ import annotations

import datetime
import functools
from typing import Any

from qc_speech.rules.kind import Context, Draft, Kind
from qc_speech.rules.required import PhraseParams, is_festival, outcome
from qc_speech.rules.verdict import by_agent, not_applicable

_NO_WISHES = ("Tomb", "Qingming", "victory", "Victory")  # days of mourning or memory


class WishParams(PhraseParams):
    """On which days a wish is due. The five festivals of the rule documents are always among
    them; `public_holidays` adds the other days off, `weekends` the weekends that are not worked."""

    public_holidays: bool = False
    weekends: bool = False


def wish_due(day: datetime.date, *, public_holidays: bool, weekends: bool) -> str | None:
    """Why a wish is due on this day (节日, 节假日, 周末), or None. Mainland China's calendar, lunar
    days and exchanged working days included (the holidays package)."""
    if is_festival(day):
        return "节日"
    calendar = _calendar(day.year)
    name = calendar.get(day)
    if name and any(word in name for word in _NO_WISHES):
        return None
    if public_holidays and name:
        return "节假日"
    if weekends and day.weekday() >= 5 and not calendar.is_working_day(day):
        return "周末"
    return None


def working_days_after(moment: datetime.datetime, days: int) -> datetime.datetime:
    """The end (18:00) of the n-th working day after a moment, by mainland China's calendar."""
    day = moment.date()
    while days > 0:
        day += datetime.timedelta(days=1)
        days -= _calendar(day.year).is_working_day(day)
    return datetime.datetime.combine(day, datetime.time(18), moment.tzinfo)


@functools.lru_cache(maxsize=64)
def _calendar(year: int) -> Any:
    import holidays

    return holidays.country_holidays("CN", years=year, language="en_US")


def _holiday_wish(ctx: Context, params: WishParams) -> tuple[Draft, ...]:
    started = ctx.call.recording.metadata.started_at
    if started is None:
        return not_applicable("没有通话日期，无法判断是否节假日")
    why = wish_due(started.date(), public_holidays=params.public_holidays, weekends=params.weekends)
    if why is None:
        return not_applicable("当天不是要求祝福的节假日或周末")
    phrase = ctx.lexicons.phrases["festival"]
    turns = ctx.matcher.turns  # a weekend is wished at the end, a festival at the beginning
    return (outcome(ctx.matcher.find(phrase, turns), phrase, turns, params),)


KINDS: tuple[Kind, ...] = (Kind("holiday_wish", WishParams, by_agent(_holiday_wish)),)
