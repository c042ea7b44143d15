"""Checks of the clock: answering, dead air, hanging up, long calls."""

from __future__ import annotations

import pydantic

from qc_speech.model import Evidence, Outcome, Role, Silence, Span
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

_ASKS = ("吗", "呢", "多少", "什么", "几号", "哪里", "哪个", "哪位", "贵姓", "怎么称呼")
_WAIT = ("等一下", "等下", "等等", "稍等", "等会", "我找", "我看一下", "我看看", "我拿", "我点一下")


class SlowAnswerParams(Params):
    max_ring_seconds: float = pydantic.Field(default=12, gt=0)  # three rings


class DeadAirParams(Params):
    seconds: float = pydantic.Field(default=10, gt=0)
    announced_by: str = "hold_request"  # the phrase check that announces a wait
    announced_within_seconds: float = pydantic.Field(default=20, gt=0)
    customer_waits: tuple[str, ...] = _WAIT  # a customer who asks to wait makes the silence


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
        return not_applicable("没有振铃时长，无法判断")
    reason = f"振铃 {seconds(meta.ring_ms)} 秒，上限 {params.max_ring_seconds:.0f} 秒"
    if meta.ring_ms <= params.max_ring_seconds * 1000:
        return passed(reason, 0.99)
    return (Draft(Outcome.VIOLATION, 0.99, reason),)


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


def _silent(ctx: Context, silence: Silence, params: DeadAirParams) -> Draft | None:
    start = silence.span.start_ms
    window = Span(max(0, start - round(params.announced_within_seconds * 1000)), start)
    announced = ctx.lexicons.said(ctx, params.announced_by, window)
    if announced >= SURE:
        return None
    before = [u for u in ctx.call.utterances if window.overlap_ms(u.span)]
    last = max(before, key=lambda u: u.span.end_ms, default=None)
    plain = normalize(last.text) if last else ""
    probability = 0.92 - announced
    if silence.after is Role.CUSTOMER and any(word in plain for word in params.customer_waits):
        if silence.before is Role.CUSTOMER:
            return None
        probability = min(probability, 0.5)
    elif silence.after is Role.AGENT and silence.before is Role.CUSTOMER:
        asked = any(word in plain[-12:] for word in _ASKS)
        probability = min(probability, 0.45 if asked else 0.7)
    if not silence.quiet:
        probability = min(probability, 0.5)
    if announced >= DOUBT:
        probability = min(probability, 0.5)
    if ctx.call.roles.of(last.speaker if last else "") is Role.OTHER:
        probability = min(probability, 0.5)
    reason = (
        f"无提示静音 {seconds(silence.span.duration_ms)} 秒，上限 {params.seconds:.0f} 秒"
        + ("" if silence.quiet else "；其间线路上有声响，可能是等待音乐")
        + ("；之前似乎请客户等待，未听清" if announced >= DOUBT else "")
    )
    return judged(probability, reason, Evidence(silence.span, Role.AGENT))


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
    draft = judged(0.5 if said >= DOUBT else 0.85, reason, evidence)
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
