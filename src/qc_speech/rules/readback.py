"""Readback: does the agent repeat what the customer gave, and is it the same?

Numbers are compared digit by digit, other content (address, name, fault) by ear: a stretch of the
customer's words that sounds again in a later turn of the agent's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pydantic
from rapidfuzz.distance import Levenshtein

from qc_speech.model import Evidence, Outcome, Role, Span, Utterance, Word
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.phrases import AgentTurn, agent_turns
from qc_speech.rules.required import hearing_of, worst_of
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import Heard, Pattern, search

_DIGITS = re.compile("[零一二三四五六七八九]{4,}")
_FRAMES = (
    "<(核对|确认|核实|复述|重复)>[一]下",
    "<(跟|和|与|给)您>…<(核对|确认|核实|复述|重复)>",
    "<(对吗|对吧|没错吧|是吗|是吧|对不对|是不是|没问题吧|正确吗)>$",
    "您<(说的是|是说|报的是|留的是)>",
    "<记下了>",
    "<(地址|电话|号码)>是…<(对吗|对吧|没错吧|是吗|是吧)>",
)
_COMMON = set("的了是我你您他她吗呢吧啊哦嗯那这个就都也在有不没要去来到说好对行一下什么怎样们给把")


class ReadbackParams(Params):
    """`least_digits`: a number shorter than this is not worth comparing."""

    least_digits: int = pydantic.Field(default=4, ge=3)
    window: int = pydantic.Field(default=5, ge=3)  # syllables of a stretch of content
    strength: float = pydantic.Field(default=0.84, gt=0, le=1)
    min_hearing: float = pydantic.Field(default=0.69, ge=0, le=1)  # heard worse: a person decides
    worst_hearing: float = pydantic.Field(
        default=0.62, ge=0, le=1
    )  # a turn heard worse may hide it
    sure_digits: float = pydantic.Field(default=0.6, ge=0, le=1)  # heard well enough to charge


@dataclass(frozen=True)
class _Number:
    digits: str
    span: Span
    utterance: int
    confidence: float


def _run(ctx: Context, params: ReadbackParams) -> tuple[Draft, ...]:
    agent = ctx.matcher.turns
    customer = agent_turns(ctx.call, Role.CUSTOMER)
    if not any(role is Role.AGENT for _, role in ctx.call.roles.roles) or not agent:
        return (Draft(Outcome.UNCERTAIN, 0.5, "未能分清或听到坐席，需人工判断是否复述"),)
    if not customer:
        return (Draft(Outcome.NOT_APPLICABLE, 1.0, "没有听到客户报出信息"),)
    number = _numbers(ctx, agent, customer, params)
    if number is not None:
        return (number,)
    return (_content(ctx, agent, customer, params),)


def _numbers(
    ctx: Context,
    agent: tuple[AgentTurn, ...],
    customer: tuple[AgentTurn, ...],
    params: ReadbackParams,
) -> Draft | None:
    """Compare each number the agent repeats with the one the customer gave before."""
    given = [n for turn in customer for n in numbers_of(turn, params.least_digits)]
    best: tuple[int, _Number, _Number] | None = None
    for turn in agent:
        for said in numbers_of(turn, params.least_digits):
            for one in given:
                if one.span.end_ms > said.span.start_ms:
                    continue
                away = part_distance(said.digits, one.digits)
                if away <= max(2, len(said.digits) // 3) and (best is None or away <= best[0]):
                    best = (away, said, one)
    if best is None:
        return None
    away, said, one = best
    evidence = Evidence(said.span, Role.AGENT, said.utterance, said.digits)
    if away == 0:
        return Draft(Outcome.PASS, 0.93, "复述的号码与客户所报一致", evidence)
    sure = min(said.confidence, one.confidence)
    reason = f"复述的号码与客户所报有 {away} 处不同，请对照录音"
    if away <= 2 and len(said.digits) == len(one.digits) and sure >= params.sure_digits:
        return Draft(Outcome.VIOLATION, round(min(0.9, 0.35 + 0.55 * sure), 3), reason, evidence)
    return Draft(Outcome.UNCERTAIN, 0.5, reason + "；数字听得不够清楚", evidence)


def _content(
    ctx: Context,
    agent: tuple[AgentTurn, ...],
    customer: tuple[AgentTurn, ...],
    params: ReadbackParams,
) -> Draft:
    """Without a number: content repeated by ear, with or without the frame of a confirmation."""
    frames = [max((f.probability for f in found), default=0.0) for found in zip(*(
        ctx.matcher.wording(frame) for frame in _FRAMES
    ))]  # fmt: skip
    best, where, quote = 0.0, None, ""
    for turn, frame in zip(agent, frames):
        heard = Heard.of(turn.text)
        shared = sum(
            _repeats(other, heard, params)
            for other in customer
            if other.span.start_ms < turn.span.start_ms
        )
        score = min(1.0, 0.3 * shared) * (1.0 if frame > 0.5 else 0.6)
        if frame > 0.5 and shared:
            score = max(score, 0.62)
        if score > best:
            best, where, quote = score, turn, turn.text
    evidence = Evidence(where.span, Role.AGENT, where.utterances[0].index, quote) if where else None
    if best >= 0.6:
        return Draft(Outcome.PASS, round(best, 3), "复述了客户报的内容", evidence)
    if best >= 0.3:
        return Draft(Outcome.UNCERTAIN, 0.5, "似乎复述了部分内容，需人工判断", evidence)
    if hearing_of(agent) < params.min_hearing or worst_of(agent) < params.worst_hearing:
        return Draft(Outcome.UNCERTAIN, 0.5, "坐席的话听不清，无法判断是否复述")
    return Draft(Outcome.VIOLATION, 0.75, "没有听到坐席复述客户报的地址、姓名、电话或问题")


def _repeats(other: AgentTurn, heard: Heard, params: ReadbackParams) -> int:
    """How many separate stretches of a customer's turn sound again in the agent's."""
    text = normalize(other.text)
    found, position, size = 0, 0, params.window
    while position + size <= len(text):
        piece = text[position : position + size]
        if sum(char in _COMMON for char in piece) <= size // 2 and len(set(piece)) >= 3:
            match = search(Pattern.of(piece), heard)
            if match and match.strength >= params.strength:
                found += 1
                position += size
                continue
        position += 1
    return found


def numbers_of(turn: AgentTurn, least: int) -> list[_Number]:
    """Numbers said digit by digit in a turn, joined over pauses, with how well they were heard."""
    text = ""
    owners: list[tuple[Utterance, Word]] = []
    for utterance in turn.utterances:
        for word in utterance.words:
            clean = normalize(word.text)
            text += clean
            owners.extend((utterance, word) for _ in clean)
    return [
        _number(match.group(), owners[match.start() : match.end()])
        for match in _DIGITS.finditer(text)
        if len(match.group()) >= least
    ]


def _number(digits: str, owners: list[tuple[Utterance, Word]]) -> _Number:
    words = [word for _, word in owners]
    heard = [word.confidence for word in words if word.confidence is not None]
    span = Span(words[0].span.start_ms, max(word.span.end_ms for word in words))
    return _Number(digits, span, owners[0][0].index, min(heard, default=0.5))


def part_distance(said: str, given: str) -> int:
    """Digits that differ; an agent who repeats only part of a number repeats that part."""
    if len(said) >= len(given):
        return int(Levenshtein.distance(said, given))
    return min(
        int(Levenshtein.distance(said, given[i : i + len(said)]))
        for i in range(len(given) - len(said) + 1)
    )


KINDS: tuple[Kind, ...] = (Kind("readback", ReadbackParams, _run),)
