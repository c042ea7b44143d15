"""Checks of the clock: answering, dead air, hanging up, long calls."""

from __future__ import annotations

import pydantic

from qc_speech.measures.silences import NOT_THE_AGENT
from qc_speech.model import Evidence, Outcome, Role, Silence, Span, Utterance
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.verdict import (
    DOUBT,
    SURE,
    by_agent,
    judged,
    not_applicable,
    passed,
    seconds,
    uncertain,
)
from qc_speech.text.normalize import normalize

_CUT_MS = 100  # a recording that ends this soon ends in the customer's word


class SlowAnswerParams(Params):
    max_ring_seconds: float = pydantic.Field(default=12, gt=0)  # three rings
    max_rings: int = pydantic.Field(default=3, gt=0)  # heard in the recording, without metadata


class DeadAirParams(Params):
    seconds: float = pydantic.Field(default=10, gt=0)
    announced_by: str = "hold_request"  # the phrase check that announces a wait
    announced_within_seconds: float = pydantic.Field(default=20, gt=0)
    customer_waits: tuple[str, ...] = ()  # a customer who says so makes the silence; besides
    # those of lexicons/floor.yaml


class EarlyHangupParams(Params):
    tail_seconds: float = pydantic.Field(default=0.8, gt=0)
    farewell_check: str = "farewell"
    within_seconds: float = pydantic.Field(default=15, gt=0)  # the last part of the call


class LongCallParams(Params):
    max_seconds: float | None = pydantic.Field(default=None, gt=0)


def _slow_answer(ctx: Context, params: SlowAnswerParams) -> tuple[Draft, ...]:
    meta = ctx.call.recording.metadata
    if meta.direction == "outbound":
        return not_applicable("外呼电话，不考核接听时长")
    if meta.ring_ms is None:
        return _rings_heard(ctx, params)
    reason = f"振铃 {seconds(meta.ring_ms)} 秒，上限 {params.max_ring_seconds:.0f} 秒"
    if meta.ring_ms <= params.max_ring_seconds * 1000:
        return passed(reason, 0.99)
    return (Draft(Outcome.VIOLATION, 0.99, reason),)


def _rings_heard(ctx: Context, params: SlowAnswerParams) -> tuple[Draft, ...]:
    """Ring-back tones in the recording stand for the metadata, where the direction is known: in an
    outgoing call it is the customer who lets it ring."""
    floor = ctx.measures.floor
    if floor is None or not floor.rings or ctx.call.recording.metadata.direction != "inbound":
        return not_applicable("没有振铃时长，录音里也没有铃声，无法判断")
    reason = f"录音里听到铃声 {floor.rings} 次，上限 {params.max_rings} 次"
    if floor.rings <= params.max_rings:
        return passed(reason, 0.8)
    return (Draft(Outcome.VIOLATION, 0.85, reason),)


def _dead_air(ctx: Context, params: DeadAirParams) -> tuple[Draft, ...]:
    longest, drafts = 0, []
    for silence in ctx.measures.silences:
        if silence.after is None or silence.before is None:
            continue  # before the first or after the last word
        longest = max(longest, silence.span.duration_ms)
        if silence.span.duration_ms > params.seconds * 1000:
            draft = _silent(ctx, silence, params)
            if draft:
                drafts.append(draft)
    if drafts:
        return tuple(drafts)
    limit = f"上限 {params.seconds:.0f} 秒"
    if longest > params.seconds * 1000:
        return passed(f"最长静音 {seconds(longest)} 秒（{limit}），事先已说明或由客户造成")
    return passed(f"最长静音 {seconds(longest)} 秒，{limit}" if longest else f"没有长静音，{limit}")


_CAUSES = {
    "line_dead": "；其间线路上没有任何声音，可能断线或静音",
    "hold_music": "；其间线路上有声响，可能是等待音乐",
    "sound": "；其间线路上有声响",
    "agent_search": "；之前似乎请客户等待",
    "unknown": "；看不出该谁说话",
}


def _silent(ctx: Context, silence: Silence, params: DeadAirParams) -> Draft | None:
    start = silence.span.start_ms
    window = Span(max(0, start - round(params.announced_within_seconds * 1000)), start)
    announced = ctx.lexicons.said(ctx, params.announced_by, window)
    if announced >= SURE or silence.cause in NOT_THE_AGENT:
        return None
    before = [u for u in ctx.call.utterances if window.overlap_ms(u.span)]
    last = max(before, key=lambda u: u.span.end_ms, default=None)
    if last is not None and _customer_asks(last, silence, params):
        return None
    doubtful = (
        announced >= DOUBT
        or (silence.cause in _CAUSES and ctx.measures.floor is not None)
        or ctx.call.roles.of(last.speaker if last else "") is Role.OTHER
    )
    probability = min(0.5, 0.92 - announced) if doubtful else 0.92 - announced
    reason = (
        f"无提示静音 {seconds(silence.span.duration_ms)} 秒，上限 {params.seconds:.0f} 秒"
        + _CAUSES.get(silence.cause, "")
        + ("；之前似乎请客户等待，未听清" if announced >= DOUBT else "")
    )
    return judged(probability, reason, Evidence(silence.span, Role.AGENT))


def _customer_asks(last: Utterance, silence: Silence, params: DeadAirParams) -> bool:
    """The rulebook's own words for a customer who makes the agent wait."""
    plain = normalize(last.text)
    return silence.before is Role.CUSTOMER and any(word in plain for word in params.customer_waits)


def _early_hangup(ctx: Context, params: EarlyHangupParams) -> tuple[Draft, ...]:
    tail, end = ctx.measures.tail_ms, ctx.measures.last_speech_end_ms
    if tail is None or end is None:
        return not_applicable("录音中没有人说话")
    window = Span(max(0, end - round(params.within_seconds * 1000)), end)
    said = ctx.lexicons.said(ctx, params.farewell_check, window)
    limit = f"{params.tail_seconds:.1f} 秒"
    if said >= SURE:
        return passed("坐席说了结束语")
    if tail >= params.tail_seconds * 1000:
        return passed(f"最后一句话之后 {seconds(tail)} 秒才结束（下限 {limit}）")
    last = max(ctx.call.turns, key=lambda turn: turn.span.end_ms)
    if ctx.call.roles.of(last.speaker) is not Role.CUSTOMER:
        return passed("最后说话的是坐席，没有抢先挂断", 0.7)
    reason = f"坐席没有结束语，客户说完 {seconds(tail)} 秒就挂断（下限 {limit}）"
    evidence = Evidence(Span(end, ctx.call.recording.duration_ms), Role.AGENT)
    if "truncated" in ctx.call.recording.warnings:
        return uncertain(reason + "；但录音不完整", evidence)
    return _who_hung_up(ctx, (said, tail), reason, evidence)


def _who_hung_up(
    ctx: Context, heard: tuple[float, int], reason: str, evidence: Evidence
) -> tuple[Draft, ...]:
    """A call that ends at the customer's last word was ended by the agent, unless the line or the
    customer's own words say otherwise. A caller does not hang up in the middle of his own word."""
    said, tail = heard
    hang_up = ctx.measures.floor.hang_up if ctx.measures.floor else None
    by_customer = hang_up is not None and hang_up.by is Role.CUSTOMER
    if hang_up is not None and by_customer and hang_up.evidence != "said_so":
        return passed("坐席没有结束语，但先断线的是客户一方", 0.8)
    if by_customer:
        return uncertain(reason + "；但客户先告别，可能是客户挂断", evidence)
    probability = 0.9 if tail < _CUT_MS else 0.85
    draft = judged(0.5 if said >= DOUBT else probability, reason, evidence)
    return (draft,) if draft else ()


def _long_call(ctx: Context, params: LongCallParams) -> tuple[Draft, ...]:
    if params.max_seconds is None:
        return not_applicable("这类电话不限时长")
    duration = ctx.call.recording.duration_ms
    reason = f"通话 {duration / 1000:.0f} 秒，上限 {params.max_seconds:.0f} 秒"
    if duration <= params.max_seconds * 1000:
        return passed(reason, 0.99)
    return (Draft(Outcome.VIOLATION, 0.99, reason),)


KINDS: tuple[Kind, ...] = (
    Kind("slow_answer", SlowAnswerParams, _slow_answer),
    Kind("dead_air", DeadAirParams, by_agent(_dead_air)),
    Kind("early_hangup", EarlyHangupParams, by_agent(_early_hangup)),
    Kind("long_call", LongCallParams, _long_call),
)
