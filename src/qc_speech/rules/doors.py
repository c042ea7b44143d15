"""House, unit and room numbers in an address, by what they number: 七号楼二单元五零一."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qc_speech.model import Span
from qc_speech.rules.phrases import AgentTurn
from qc_speech.text.normalize import normalize

_NUMERAL = "零一二三四五六七八九十百两"
# What a number is followed by, or follows: the names of one thing count as one.
_THINGS = {
    "期": "期",
    "号楼": "楼",
    "栋": "楼",
    "幢": "楼",
    "座": "楼",
    "单元": "单元",
    "号院": "院",
    "层": "层",
}
_PART = re.compile(
    rf"(?P<number>[{_NUMERAL}]+)(?P<thing>号楼|号院|单元|栋|幢|座|期|层)"
    rf"|(?<=[栋幢座楼院元])(?P<room>[{_NUMERAL}]{{2,5}})(?![号栋幢单元期层点块])(?:室|房)?"
)


@dataclass(frozen=True)
class Door:
    """`thing`: what is numbered; `said`: the words; `confidence`: of the worst digit."""

    thing: str
    number: int
    said: str
    confidence: float
    span: Span
    utterance: int


@dataclass(frozen=True)
class Mismatch:
    """A number of the agent's that the customer did not give for this thing."""

    given: Door
    said: Door

    @property
    def confidence(self) -> float:
        return min(self.given.confidence, self.said.confidence)


def doors(turn: AgentTurn) -> tuple[Door, ...]:
    """All numbers of an address in a party's turn, in order."""
    text, sure, spans, owners = "", [], [], []
    for utterance in turn.utterances:
        for word in utterance.words:
            clean = normalize(word.text)
            text += clean
            sure += [0.5 if word.confidence is None else word.confidence] * len(clean)
            spans += [word.span] * len(clean)
            owners += [utterance.index] * len(clean)
    found = []
    for match in _PART.finditer(text):
        start, end = match.span("number") if match["number"] else match.span("room")
        thing = _THINGS[match["thing"]] if match["thing"] else "室"
        span = Span(spans[start].start_ms, max(one.end_ms for one in spans[start:end]))
        found.append(
            Door(thing, value(text[start:end]), match[0], min(sure[start:end]), span, owners[start])
        )
    return tuple(found)


def value(said: str) -> int:
    """A number as counted (二百二十, 十六) or digit by digit (二零四)."""
    if not set(said) & set("十百"):
        return int("".join(str(_NUMERAL.replace("两", "").index(_plain(char))) for char in said))
    total, digit = 0, 0
    for char in said:
        if char == "百":
            total, digit = total + (digit or 1) * 100, 0
        elif char == "十":
            total, digit = total + (digit or 1) * 10, 0
        else:
            digit = _NUMERAL.index(_plain(char))
    return total + digit


def _plain(char: str) -> str:
    return "二" if char == "两" else char


def mismatches(agent: Sequence[AgentTurn], customer: Sequence[AgentTurn]) -> tuple[Mismatch, ...]:
    """What the agent repeats of an address with another number than the customer gave. A turn
    repeats an address when another of its numbers is the same; a number that the agent says
    rightly in some later turn is right."""
    found: list[Mismatch] = []
    given = [door for turn in customer for door in doors(turn)]
    repeated = [(turn, doors(turn)) for turn in agent]
    right = {
        (door.thing, door.number)
        for _, said in repeated
        for door in said
        if any(_same(one, door) and one.span.start_ms < door.span.start_ms for one in given)
    }
    for _, said in repeated:
        known = [door for door in said if (door.thing, door.number) in right]
        for door in said:
            before = [
                one
                for one in given
                if one.thing == door.thing and one.span.end_ms <= door.span.start_ms
            ]
            missed = before and not any(_same(one, door) for one in before)
            if known and missed and not any((door.thing, one.number) in right for one in before):
                found.append(Mismatch(before[-1], door))
    return tuple(found)


def _same(one: Door, other: Door) -> bool:
    return (one.thing, one.number) == (other.thing, other.number)
