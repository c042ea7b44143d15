"""What the agent promises by when: the words, and the moment they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from qc_speech.model import Evidence, Promise, Role
from qc_speech.rules.holiday import working_days_after
from qc_speech.rules.kind import Context
from qc_speech.text.normalize import normalize

_SURE = 0.6
_DIGIT = "零一二三四五六七八九十两"
_NUMBER = f"[{_DIGIT}]{{1,3}}|半|几"
_UNITS = {"分钟": 1, "小时": 60, "钟头": 60, "天": 1440, "周": 10080, "星期": 10080, "礼拜": 10080}
_DURATION = re.compile(
    rf"(?P<number>{_NUMBER})(?P<more>多)?个?(?P<half>半)?(?P<unit>分钟|小时|钟头|工作日|天|周|星期|礼拜)"
    r"(?P<rest>半)?(之内|以内|内|左右|之后|以后|后|就|之前|以前|前)?"
)
_DAYS = {"今": 0, "明": 1, "后": 2, "大后": 3}
_WEEK = "一二三四五六日"
_PARTS = {
    "早上": 0,
    "上午": 0,
    "中午": 12,
    "下午": 12,
    "傍晚": 12,
    "晚上": 12,
    "夜里": 12,
    "晚": 12,
    "早": 0,
}
_ENDS = {
    "早上": 10,
    "早": 10,
    "上午": 12,
    "中午": 14,
    "下午": 18,
    "傍晚": 20,
    "晚上": 22,
    "夜里": 23,
    "晚": 22,
}
_CLOCK = re.compile(
    rf"((?P<day>大后|今|明|后)(天|日|(?=早|晚))|(?P<next>下)?个?(周|星期|礼拜)(?P<weekday>[{_WEEK}天]))?"
    r"(?P<part>早上|上午|中午|下午|傍晚|晚上|夜里|早|晚)?"
    rf"((?P<hour>[{_DIGIT}]{{1,3}})点(钟)?((?P<half>半)|(?P<minute>[{_DIGIT}]{{1,3}})分?)?)?"
    rf"(?:[到至](?P<until>[{_DIGIT}]{{1,3}})点(钟)?)?(?P<before>之前|以前|前|左右)?"
)
_SOON = re.compile("尽快|马上|立刻|立即|第一时间")


def promises(ctx: Context) -> tuple[Promise, ...]:
    """Each promise of a time in the agent's words, in order. A promise is a turn that holds the
    phrase followup_promise; the times in it are what is promised."""
    phrase = ctx.lexicons.phrases.get("followup_promise")
    if phrase is None:
        return ()
    found = []
    for turn, heard in zip(ctx.matcher.turns, ctx.matcher.each(phrase, _SURE)):
        probability = heard.probability
        if probability < _SURE:
            continue
        said_at = _moment(ctx, turn.span.start_ms)
        for words, due in times(normalize(turn.text), said_at):
            first = turn.utterances[0]
            evidence = Evidence(turn.span, Role.AGENT, first.index, turn.text)
            sure = round(probability * (0.5 + 0.5 * turn.confidence), 3)
            found.append(Promise(words, due, sure, evidence))
    return tuple(found)


def _moment(ctx: Context, at_ms: int) -> datetime | None:
    started = ctx.call.recording.metadata.started_at
    return None if started is None else started + timedelta(milliseconds=at_ms)


def times(text: str, now: datetime | None) -> Iterator[tuple[str, datetime | None]]:
    """The times named in a normalized text and the latest moment each means, None where it cannot
    be told (no date of the call, "a few days", "as soon as possible")."""
    taken: list[tuple[int, int]] = []
    for match in _DURATION.finditer(text):
        taken.append(match.span())
        yield match.group(), None if now is None else _after(match, now)
    before: dict[str, str] = {}  # 今天夜里十一点来电，十一点半之前回电: the second is tonight too
    for match in _CLOCK.finditer(text):
        start, end = match.span()
        timed = match["hour"] or match["until"] or match["day"] or match["weekday"]
        if not timed or any(start < stop and begin < end for begin, stop in taken):
            continue
        taken.append((start, end))
        named = {name: value for name, value in match.groupdict().items() if value}
        if not ({"day", "weekday", "part"} & set(named)):
            named = {**before, **named}
        before = {name: named[name] for name in ("day", "weekday", "next", "part") if name in named}
        yield match.group(), None if now is None else _at(named, now)
    if not taken:
        soon = _SOON.search(text)
        if soon:
            yield soon.group(), None


def _after(match: re.Match[str], now: datetime) -> datetime | None:
    number = match["number"]
    if number == "几":
        return None
    amount = 0.5 if number == "半" else float(_value(number))
    if match["half"] or match["rest"]:
        amount += 0.5
    if match["unit"] == "工作日":
        return working_days_after(now, int(amount))
    return (now + timedelta(minutes=amount * _UNITS[match["unit"]])).replace(microsecond=0)


def _at(named: dict[str, str], now: datetime) -> datetime | None:
    day = _day(named, now)
    part = named.get("part", "")
    hour_said = named.get("until") or named.get("hour")
    if hour_said is None:
        return day + timedelta(hours=_ENDS.get(part, 23))
    hour = _value(hour_said)
    if hour < 12 and _PARTS.get(part) == 12 and not (part == "中午" and hour > 9):
        hour += 12
    elif hour < 8 and not part:
        hour += 12  # 六点之前 in working hours
    minute = 30 if "half" in named else _value(named["minute"]) if "minute" in named else 0
    if hour > 24 or minute > 59:
        return None
    return day + timedelta(hours=hour, minutes=0 if "until" in named else minute)


def _day(named: dict[str, str], now: datetime) -> datetime:
    """The midnight at which the day that is meant begins."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if "day" in named:
        return midnight + timedelta(days=_DAYS[named["day"]])
    if "weekday" in named:
        wanted = _WEEK.index("日" if named["weekday"] == "天" else named["weekday"])
        ahead = wanted - now.weekday()
        return midnight + timedelta(days=ahead + (7 if "next" in named or ahead < 0 else 0))
    return midnight


def _value(said: str) -> int:
    """A number below 100 in characters: 十一, 二十, 两, 四十五."""
    tens, mark, ones = said.replace("两", "二").rpartition("十")
    low = _DIGIT.index(ones[-1]) if ones else 0
    if not mark:
        return low
    return (_DIGIT.index(tens[-1]) if tens else 1) * 10 + low
