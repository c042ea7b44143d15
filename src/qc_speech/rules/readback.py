"""Readback: does the agent repeat what the customer gave, and is it the same?

Numbers are compared digit by digit and by ear (digit_runs), other content (address, name, fault) by
ear: a stretch of the customer's words that sounds again in a later turn of the agent's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pydantic

from qc_speech.model import Evidence, Outcome, Role
from qc_speech.rules.digit_runs import Comparison, Run, Slot, compare, numbers_given, runs
from qc_speech.rules.doors import mismatches
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.phrases import AgentTurn
from qc_speech.rules.required import hearing_of, worst_of
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import Heard, Pattern, search

_FRAMES = (
    "<(核对|确认|核实|复述|重复)>[一]下",
    "<(跟|和|与|给)您>…<(核对|确认|核实|复述|重复)>",
    "<(对吗|对吧|没错吧|是吗|是吧|对不对|是不是|没问题吧|正确吗)>$",
    "您<(说的是|是说|报的是|留的是)>",
    "<记下了>",
    "<(地址|电话|号码)>是…<(对吗|对吧|没错吧|是吗|是吧)>",
)
_COMMON = set("的了是我你您他她吗呢吧啊哦嗯那这个就都也在有不没要去来到说好对行一下什么怎样们给把")
_NUMERALS = set("零一二三四五六七八九")  # numbers are compared digit by digit
_CORRECTS = re.compile("说错|记错|报错|弄错|更正|不对|不是|应该是|改一下|错了")
_HOTLINES = ("400", "800", "95", "96", "123", "110", "119", "120")
_WORST_FIRST = (Outcome.VIOLATION, Outcome.UNCERTAIN, Outcome.PASS)
_PHONE_LIKE = 8  # slots of a number that can only be a telephone's


class ReadbackParams(Params):
    """`least_digits`: a number with fewer written digits is not compared. `alike`: how much of the
    shorter number must agree for the two to be one. A difference is charged in a number of
    `long_digits` or more, `sure_equal` of it written the same, both digits heard as surely as
    `sure_digits`; digits that sound alike count as different from `sure_alike` on."""

    least_digits: int = pydantic.Field(default=4, ge=3)
    alike: float = pydantic.Field(default=0.55, gt=0, le=1)
    long_digits: int = pydantic.Field(default=7, ge=3)
    sure_digits: float = pydantic.Field(default=0.4, ge=0, le=1)
    sure_alike: float = pydantic.Field(default=0.8, ge=0, le=1)
    sure_equal: float = pydantic.Field(default=0.7, gt=0, le=1)
    sure_door: float = pydantic.Field(default=0.8, ge=0, le=1)  # a wrong house number is charged
    doubt_door: float = pydantic.Field(default=0.65, ge=0, le=1)  # from here on a person decides
    window: int = pydantic.Field(default=5, ge=3)  # syllables of a stretch of content
    strength: float = pydantic.Field(default=0.84, gt=0, le=1)
    min_hearing: float = pydantic.Field(default=0.69, ge=0, le=1)  # heard worse: a person decides
    worst_hearing: float = pydantic.Field(
        default=0.62, ge=0, le=1
    )  # a turn heard worse may hide it


@dataclass(frozen=True)
class _Repeated:
    """A number of the agent's with the one of the customer's that it repeats."""

    said: Run
    given: Run
    comparison: Comparison


def _run(ctx: Context, params: ReadbackParams) -> tuple[Draft, ...]:
    agent, customer = ctx.matcher.turns, ctx.customer.turns
    if not any(role is Role.AGENT for _, role in ctx.call.roles.roles) or not agent:
        return (Draft(Outcome.UNCERTAIN, 0.5, "未能分清或听到坐席，需人工判断是否复述"),)
    if not customer:
        return (Draft(Outcome.NOT_APPLICABLE, 1.0, "没有听到客户报出信息"),)
    given = list(numbers_given(customer, params.least_digits))
    said = list(numbers_given(agent, params.least_digits))
    repeated = [one for run in said if (one := _repeats_number(ctx, run, given, params))]
    if repeated:
        drafts = [_judged(ctx, group, params) for group in _by_number(repeated, params)]
    else:
        drafts = [_content(ctx, agent, customer, given, said, params)]
    drafts += _doors(ctx, params)
    return (min(drafts, key=lambda draft: _WORST_FIRST.index(draft.outcome)),)


def _by_number(repeated: list[_Repeated], params: ReadbackParams) -> list[list[_Repeated]]:
    """What repeats the same number of the customer's (he may give it twice), together."""
    groups: list[list[_Repeated]] = []
    for one in repeated:
        for group in groups:
            first = group[0].given
            if _alike(compare(first, one.given), first, one.given, params):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _doors(ctx: Context, params: ReadbackParams) -> list[Draft]:
    """House, unit or room numbers that are repeated wrongly."""
    drafts = []
    for one in mismatches(ctx.matcher.turns, ctx.customer.turns):
        if one.confidence < params.doubt_door:
            continue
        reason = (
            f"复述的门牌与客户所报不同：客户报「{one.given.said}」，坐席复述「{one.said.said}」"
        )
        text = next(u.text for u in ctx.call.utterances if u.index == one.said.utterance)
        evidence = Evidence(one.said.span, Role.AGENT, one.said.utterance, text)
        if one.confidence >= params.sure_door:
            confidence = round(0.35 + 0.4 * one.confidence, 3)
            drafts.append(Draft(Outcome.VIOLATION, confidence, reason, evidence))
        else:
            reason += "；数字听得不够清楚，请对照录音"
            drafts.append(Draft(Outcome.UNCERTAIN, 0.5, reason, evidence))
    return drafts


def _repeats_number(
    ctx: Context, said: Run, given: list[Run], params: ReadbackParams
) -> _Repeated | None:
    """The customer's number that this one repeats; one that he corrected does not count."""
    before = [run for run in given if _follows(said, run)]
    stands = [
        run
        for at, run in enumerate(before)
        if not any(_corrected(ctx, run, later) for later in before[at + 1 :])
    ]
    options = [
        _Repeated(said, run, comparison)
        for run in stands
        if _alike(comparison := compare(run, said), run, said, params)
    ]
    return max(
        options, key=lambda one: (one.comparison.score, one.given.span.start_ms), default=None
    )


def _follows(said: Run, given: Run) -> bool:
    """After it, or piece by piece with it."""
    start, end = given.span.start_ms, given.span.end_ms
    return start < said.span.start_ms and end < said.span.end_ms


def _alike(comparison: Comparison, one: Run, other: Run, params: ReadbackParams) -> bool:
    shorter = min(len(one.slots), len(other.slots), 11)
    return comparison.equal >= 3 and comparison.score >= max(2.5, params.alike * shorter)


def _corrected(ctx: Context, before: Run, after: Run) -> bool:
    """Whether the customer says that the number before was wrong and gives another."""
    if after.written < 0.6 * before.written:
        return False
    said = "".join(
        normalize(u.text)
        for u in ctx.call.by_role(Role.CUSTOMER)
        if before.utterance <= u.index <= after.utterance
    )
    return bool(_CORRECTS.search(said))


def _judged(ctx: Context, repeated: list[_Repeated], params: ReadbackParams) -> Draft:
    """The last word counts: what is repeated rightly after a mistake is right. A difference is
    charged where both numbers are long and whole, both digits were heard surely and sound unlike;
    digits that sound alike (一 and 七, 六 and 九) are taken for each other unless both are sure."""
    right = [one for one in repeated if not _wrong(one.comparison, params)]
    last = max(right or repeated, key=lambda one: (one.comparison.score, one.said.span.start_ms))
    said, comparison = last.said, last.comparison
    quote = next((u.text for u in ctx.call.utterances if u.index == said.utterance), said.digits)
    evidence = Evidence(said.span, Role.AGENT, said.utterance, quote)
    heard = f"客户报「{last.given.digits}」，坐席复述「{said.digits}」"
    share = comparison.equal / len(comparison.pairs)
    if right and comparison.gaps >= 1 and _all_sure(comparison, params):
        reason = f"复述的号码与客户所报位数不同，请对照录音：{heard}"
        return Draft(Outcome.UNCERTAIN, 0.5, reason, evidence)
    if right:
        same = "复述的号码与客户所报一致"
        full = comparison.equal == len(comparison.pairs) and not comparison.gaps
        reason = same if full else f"复述了客户报的号码，听清的各位一致：{heard}"
        return Draft(Outcome.PASS, round(0.6 + 0.33 * share, 3), reason, evidence)
    wrong = _wrong(comparison, params)
    sure = min(_surely(pair) for pair in wrong)
    reason = f"复述的号码与客户所报有 {len(wrong)} 处不同：{heard}"
    doubted = (
        comparison.gaps > 0
        or len(comparison.pairs) < params.long_digits
        or share < params.sure_equal
        or sure < params.sure_digits
        or _otherwise_heard(ctx, last)
    )
    if doubted:
        return Draft(Outcome.UNCERTAIN, 0.5, reason + "；数字听得不够清楚，请对照录音", evidence)
    return Draft(Outcome.VIOLATION, round(0.6 + 0.3 * sure * share, 3), reason, evidence)


def _wrong(comparison: Comparison, params: ReadbackParams) -> tuple[tuple[Slot, Slot], ...]:
    """Differences that a mishearing does not explain well."""
    return tuple(
        pair
        for pair in comparison.differing
        if pair in comparison.unlike or _surely(pair) >= params.sure_alike
    )


def _all_sure(comparison: Comparison, params: ReadbackParams) -> bool:
    return comparison.equal == len(comparison.pairs) and all(
        _surely(pair) >= params.sure_alike for pair in comparison.pairs
    )


def _surely(pair: tuple[Slot, Slot]) -> float:
    return min(slot.confidence for slot in pair)


def _otherwise_heard(ctx: Context, one: _Repeated) -> bool:
    """Whether another reading of either utterance has the other party's digits after all."""
    pairs = one.comparison.pairs
    given, said = ([pair[side] for pair in pairs] for side in (0, 1))
    for at, (a, b) in enumerate(pairs):
        if (a, b) not in one.comparison.differing:
            continue
        near = slice(max(0, at - 2), at + 3)
        if _read(ctx, b.utterance, given[near]) or _read(ctx, a.utterance, said[near]):
            return True
    return False


def _read(ctx: Context, utterance: int, slots: list[Slot]) -> bool:
    if any(slot.digit is None for slot in slots):
        return False
    wanted = "".join("零一二三四五六七八九"[slot.likeliest] for slot in slots)
    return any(
        wanted in normalize(other.text)
        for one in ctx.call.utterances
        if one.index == utterance
        for other in one.alternatives
    )


def _content(
    ctx: Context,
    agent: tuple[AgentTurn, ...],
    customer: tuple[AgentTurn, ...],
    given: list[Run],
    said: list[Run],
    params: ReadbackParams,
) -> Draft:
    """Without a number to compare: content repeated by ear, in the frame of a confirmation."""
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
    phone = _phone_after(customer, said)
    comparable = [run for run in given if run.written >= params.least_digits + 2]
    if phone and not comparable:
        reason = f"复述了号码「{phone.digits}」，客户所报听不清，未能逐位核对"
        return Draft(Outcome.PASS, 0.6, reason, Evidence(phone.span, Role.AGENT, phone.utterance))
    if phone:
        heard_as = f"客户报「{comparable[-1].digits}」，坐席说「{phone.digits}」"
        reason = f"复述的号码与客户所报对不上，可能听错，请对照录音：{heard_as}"
        return Draft(
            Outcome.UNCERTAIN, 0.5, reason, Evidence(phone.span, Role.AGENT, phone.utterance)
        )
    if best >= 0.3:
        return Draft(Outcome.UNCERTAIN, 0.5, "似乎复述了部分内容，需人工判断", evidence)
    return _missing(agent, given, params)


def _phone_after(customer: tuple[AgentTurn, ...], said: list[Run]) -> Run | None:
    """A telephone number, not a hotline's, that the agent says after the customer spoke."""
    first = customer[0].span.end_ms
    for run in said:
        long = run.written >= 6 and len(run.slots) >= _PHONE_LIKE
        if long and run.span.start_ms >= first and not run.digits.startswith(_HOTLINES):
            return run
    return None


def _missing(agent: tuple[AgentTurn, ...], given: list[Run], params: ReadbackParams) -> Draft:
    """Nothing is repeated. A turn that was heard badly may hide an address, but hardly a number:
    of a long number some digits are always heard."""
    reason = "没有听到坐席复述客户报的地址、姓名、电话或问题"
    long = max(given, key=lambda run: run.written, default=None)
    if long is not None and long.written >= 5:
        after = [turn for turn in agent if turn.span.end_ms > long.span.end_ms]
        if hearing_of(after) >= params.worst_hearing and not any(runs(t, 3) for t in after):
            return Draft(Outcome.VIOLATION, 0.75, f"{reason}（客户报了「{long.digits}」）")
    if hearing_of(agent) < params.min_hearing or worst_of(agent) < params.worst_hearing:
        return Draft(Outcome.UNCERTAIN, 0.5, "坐席的话听不清，无法判断是否复述")
    return Draft(Outcome.VIOLATION, 0.75, reason)


def _repeats(other: AgentTurn, heard: Heard, params: ReadbackParams) -> int:
    """How many separate stretches of a customer's turn sound again in the agent's."""
    text = normalize(other.text)
    found, position, size = 0, 0, params.window
    while position + size <= len(text):
        piece = text[position : position + size]
        says = sum(char in _COMMON or char in _NUMERALS for char in piece) <= size // 2
        if says and len(set(piece)) >= 3:
            match = search(Pattern.of(piece), heard)
            if match and match.strength >= params.strength:
                found += 1
                position += size
                continue
        position += 1
    return found


KINDS: tuple[Kind, ...] = (Kind("readback", ReadbackParams, _run),)
