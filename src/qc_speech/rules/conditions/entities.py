"""Conditions on entities: numbers, amounts, dates, addresses and names as they are spoken."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import pydantic

from qc_speech.model import Span
from qc_speech.rules.conditions.answer import Answer, Place, Truth, found, unknown, within
from qc_speech.rules.conditions.lexicon import ConditionLexicon
from qc_speech.rules.conditions.operator import TEXT, Operator
from qc_speech.rules.conditions.pattern import viewed
from qc_speech.rules.conditions.scene import Scene, Stretch
from qc_speech.rules.numbers_said import numbers
from qc_speech.rules.phrases import AgentTurn

EntityKind = Literal["phone", "id_card", "bank_card", "amount", "date", "address", "name"]
_TITLES = {
    "phone": "电话号码", "id_card": "身份证号", "bank_card": "银行卡号", "amount": "金额",
    "date": "日期", "address": "地址", "name": "姓名",
}  # fmt: skip
_SURE, _PERHAPS = 0.9, 0.5

_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}\d{7,8}|[48]00\d{7}|9[56]\d{3,6}|100\d{2}|123\d{2}")
_ID_DATE = re.compile(r"\d{6}(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}")
_NUMBER = "零一二三四五六七八九十百千万亿两"
_AMOUNT = re.compile(
    rf"(?P<whole>[{_NUMBER}]+(?:点[{_NUMBER}]+)?|半)(?P<unit>万块|万元|块|元|毛|角)(?:钱)?"
    rf"(?P<rest>[{_NUMBER[:10]}](?=毛|角|$|[^{_NUMBER}号点个]))?"
)
_ONES = "一二三四五六七八九"
_DAY = f"(?:三十一?|二?十[{_ONES}]?|[{_ONES}])"
_DATE = re.compile(
    rf"(?P<sure>[零{_ONES}]{{4}}年|[今明去前后]年|(?:十[一二]?|[{_ONES}])月(?:{_DAY}[号日]?|份|底|初)"
    r"|大?[今明后昨前][天日]|[这那上下本]个?(?:周|星期|礼拜)[一二三四五六日天末]?"
    r"|(?:周|星期|礼拜)[一二三四五六日天末]|[月年][底初末])"
    rf"|(?<![零{_NUMBER}月]){_DAY}[号日](?=[^楼线码院店机栋房]|$)"
)
_REGIONS = "省|市|区|县|镇|乡|街道|路|大街|街|巷|胡同"
_ESTATES = "小区|花园|家园|苑|村|大厦|广场|公寓"
_LEVELS = re.compile(
    rf"(?P<region>(?<![哪什几])[\u4e00-\u9fff](?<![的在这那个是我你他有还真超])(?:{_REGIONS}))"
    rf"|(?P<estate>(?<![哪什几])[\u4e00-\u9fff](?<![的在这那个是老我你他有])(?:{_ESTATES}))"
    rf"|(?P<door>[{_NUMBER}0-9a-z]{{1,5}}(?:号楼|栋|幢|座|单元|号院|弄|室))"
    rf"|(?P<number>[{_NUMBER}0-9a-z]{{1,4}}(?:号(?=[^码线]|$)(?!为您|客服|坐席|话务)|层|楼))"
)
_ADDRESS_GAP = 4  # characters between the parts of one address


class Entity(Operator):
    """Something named in speech: a phone, ID card or bank card number (digit by digit, also over
    pauses), an amount of money, a date, an address, a name. `over`, `under`: the amount in yuan."""

    SHORT = (TEXT,)

    kind: EntityKind
    at_least: int = pydantic.Field(default=1, ge=1)
    over: float | None = None
    under: float | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @pydantic.model_validator(mode="after")
    def _limits(self) -> Entity:
        given = self.over is not None or self.under is not None
        if given and self.kind != "amount":
            raise ValueError("over and under are for `kind: amount` only; remove them")
        if self.over is not None and self.under is not None and self.over >= self.under:
            raise ValueError(f"over {self.over:g} is not below under {self.under:g}; none fits")
        return self

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        title = _TITLES[self.kind]
        places = tuple(
            place
            for turn in scene.turns(where)
            for mention in mentions(self.kind, turn, scene.ctx.lexicons.conditions)
            if (place := self._place(scene, mention, absence_costs))
        )
        answer = found(places, f"提到了{title}", needed=self.at_least)
        if answer.truth is not Truth.FALSE:
            return answer
        if absence_costs and scene.badly_heard(where):
            return unknown(f"听不清是否提到{title}")
        return replace(answer, why=f"没有听到{title}")

    def _place(self, scene: Scene, mention: Mention, absence_costs: bool) -> Place | None:
        limit = Truth.TRUE
        if self.over is not None or self.under is not None:
            limit = within(mention.value, self.over, self.under)
        if limit is Truth.FALSE:
            return None
        place = scene.judged(mention.place, absence_costs)
        return place and replace(place, sure=place.sure and limit is Truth.TRUE)


@dataclass(frozen=True)
class Mention:
    """One entity as it was said; `value` in yuan for amounts."""

    place: Place
    value: float | None = None


@dataclass(frozen=True)
class _Hit:
    start: int
    end: int
    confidence: float
    value: float | None = None


def mentions(kind: EntityKind, turn: AgentTurn, lexicon: ConditionLexicon) -> Iterator[Mention]:
    """The entities of one kind in one turn at talk, in order."""
    text, owners = "", list[tuple[int, int]]()
    for unit, utterance in enumerate(turn.utterances):
        part, of_word = viewed(utterance, "spoken")
        text += part
        owners.extend((unit, word) for word in of_word)
    for hit in _finder(kind, lexicon)(text):
        own = owners[hit.start : hit.end]
        words = [turn.utterances[unit].words[word] for unit, word in own]
        first = turn.utterances[own[0][0]]
        span = Span(words[0].span.start_ms, max(word.span.end_ms for word in words))
        quote = text[hit.start : hit.end]
        yield Mention(Place(span, first.role, first.index, quote, hit.confidence), hit.value)


def _finder(kind: EntityKind, lexicon: ConditionLexicon) -> Callable[[str], Iterator[_Hit]]:
    if kind == "name":
        return functools.partial(_names, lexicon=lexicon)
    return {
        "phone": _phones, "id_card": _id_cards, "bank_card": _bank_cards, "amount": _amounts,
        "date": _dates, "address": _addresses,
    }[kind]  # fmt: skip


def _phones(text: str) -> Iterator[_Hit]:
    for number in numbers(text, 5):
        if _PHONE.fullmatch(number.digits):
            yield _Hit(number.start, number.end, _SURE)
        elif len(number.digits) in (10, 11, 12) and number.digits[0] in "01":
            yield _Hit(number.start, number.end, _PERHAPS)  # a digit lost or misheard


def _id_cards(text: str) -> Iterator[_Hit]:
    for number in numbers(text, 14):
        digits = number.digits
        if len(digits) == 17 and text[number.end : number.end + 1] in ("x", "叉"):
            digits += "x"
        if _is_id(digits):
            yield _Hit(number.start, number.end, _SURE if _id_sum(digits) else 0.7)
        elif len(digits) in (17, 18, 19) and digits[6:8] in ("19", "20"):
            yield _Hit(number.start, number.end, _PERHAPS)


def _is_id(digits: str) -> bool:
    return len(digits) == 18 and bool(_ID_DATE.match(digits[:17]))


def _id_sum(digits: str) -> bool:
    """The check digit (GB 11643-1999, ISO 7064 mod 11-2)."""
    total = sum(int(digit) * (2 ** (17 - i) % 11) for i, digit in enumerate(digits[:17]))
    return "10x98765432"[total % 11] == digits[17]


def _bank_cards(text: str) -> Iterator[_Hit]:
    for number in numbers(text, 15):
        digits = number.digits
        if not 16 <= len(digits) <= 19 or _is_id(digits):
            continue
        if _luhn(digits):
            yield _Hit(number.start, number.end, _SURE)
        else:  # most likely one misheard digit
            yield _Hit(number.start, number.end, 0.65 if digits[0] in "3456" else _PERHAPS)


def _luhn(digits: str) -> bool:
    """The check digit of bank cards (ISO/IEC 7812-1)."""
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if i % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _amounts(text: str) -> Iterator[_Hit]:
    for match in _AMOUNT.finditer(text):
        yield _Hit(match.start(), match.end(), _SURE, _yuan(match))


def _yuan(match: re.Match[str]) -> float | None:
    """三百八十块五 -> 380.5. None where the words are no number."""
    import cn2an

    whole, unit, rest = match["whole"], match["unit"], match["rest"]
    try:
        value = 0.5 if whole == "半" else float(cn2an.cn2an(whole, "smart"))
    except (ValueError, KeyError, IndexError):
        return None
    value *= {"万": 10_000, "毛": 0.1, "角": 0.1}.get(unit[0], 1)
    if rest and unit in ("块", "元"):
        value += _NUMBER.index(rest) / 10
    return round(value, 2)


def _dates(text: str) -> Iterator[_Hit]:
    for match in _DATE.finditer(text):
        yield _Hit(*match.span(), _SURE if match["sure"] else _PERHAPS)  # 三号: a day or a door


def _addresses(text: str) -> Iterator[_Hit]:
    """Two kinds of parts near each other (a road and a number, an estate and a building) make an
    address; an estate or a building alone may be part of one; a bare road or number is none."""
    groups: list[list[re.Match[str]]] = []
    for match in _LEVELS.finditer(text):
        if groups and match.start() - groups[-1][-1].end() <= _ADDRESS_GAP:
            groups[-1].append(match)
        else:
            groups.append([match])
    for parts in groups:
        kinds = {str(part.lastgroup) for part in parts}
        if len(kinds) > 1:
            yield _Hit(parts[0].start(), parts[-1].end(), _SURE)
        elif kinds & {"estate", "door"}:
            yield _Hit(parts[0].start(), parts[-1].end(), _PERHAPS)


def _names(text: str, lexicon: ConditionLexicon) -> Iterator[_Hit]:
    for match in _name_pattern(lexicon.surnames, lexicon.double_surnames).finditer(text):
        yield _Hit(*match.span(), _SURE if match["sure"] else _PERHAPS)


@functools.lru_cache(maxsize=4)
def _name_pattern(surnames: str, doubles: tuple[str, ...]) -> re.Pattern[str]:
    surname = f"(?:{'|'.join(doubles)}|[{surnames}])"
    titles = "(?:先生|女士|小姐|太太|师傅|老师|经理|主任|工程师|阿姨|大爷|大哥|大姐)"
    return re.compile(
        f"(?P<sure>(?:免贵)?姓{surname}|(?:我叫|名字[是叫]|姓名[是叫]|本人叫|户主[是叫]){surname}[\u4e00-\u9fff]{{1,2}}"
        f"|{surname}(?:[\u4e00-\u9fff]{{1,2}})?{titles})|(?:我是){surname}[\u4e00-\u9fff]{{1,2}}"
    )
