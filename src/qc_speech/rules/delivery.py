"""Checks of the voice: shouting, arguing, monotone, unclear; and those that need a model that
is not there, which say so."""

from __future__ import annotations

import math
import statistics

import pydantic

from qc_speech.model import Measures, Outcome, PartyMeasures, Role, Span, Utterance
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.verdict import (
    Run,
    by_agent,
    heard,
    judged,
    not_applicable,
    passed,
    uncertain,
)


class ShoutingParams(Params):
    above_normal_db: float = pydantic.Field(default=5.0, gt=0)  # half of such are shouts
    slope_db: float = pydantic.Field(default=0.6, gt=0)
    least_seconds: float = pydantic.Field(default=1.0, ge=0)
    merge_seconds: float = pydantic.Field(default=3.0, ge=0)
    above_customer_db: float = pydantic.Field(default=12.0, gt=0)  # loud all through: ask a person


class ArgumentParams(Params):
    heated_turns: int = pydantic.Field(default=3, ge=2)
    loud_turns: int = pydantic.Field(default=2, ge=1)
    loud_db: float = pydantic.Field(default=5.0, gt=0)
    raised_db: float = pydantic.Field(default=2.5, gt=0)  # with hostile words or an interruption
    hostile: float = pydantic.Field(default=0.5, gt=0, le=1)


class MonotoneParams(Params):
    min_spread_semitones: float = pydantic.Field(default=0.6, gt=0)
    doubt_spread_semitones: float = pydantic.Field(default=1.0, gt=0)


class UnclearParams(Params):
    max_confidence: float = pydantic.Field(default=0.45, gt=0, le=1)
    below_customer: float = pydantic.Field(default=0.25, gt=0, le=1)
    least_snr_db: float = 12.0
    max_clipped_share: float = pydantic.Field(default=0.01, gt=0)  # more: the line distorts
    max_cut_outs_per_minute: float = pydantic.Field(default=3.0, gt=0)
    least_turns: int = pydantic.Field(default=3, ge=1)


def _above(measures: Measures) -> dict[int, float]:
    return {
        m.index: m.above_normal_db for m in measures.utterances if m.above_normal_db is not None
    }


def _shouting(ctx: Context, params: ShoutingParams) -> tuple[Draft, ...]:
    above = _above(ctx.measures)
    known = [u for u in ctx.call.by_role(Role.AGENT) if u.index in above]
    if not known:
        return not_applicable("没有足够的坐席语音来确定其平常音量")
    drafts: list[Draft] = []
    for run in _loud_runs(ctx.call.utterances, above, params):
        peak = max(run, key=lambda u: above[u.index])
        odds = (above[peak.index] - params.above_normal_db) / params.slope_db
        reason = (
            f"音量比坐席平常高 {above[peak.index]:.1f} 分贝，上限 {params.above_normal_db:.0f} 分贝"
        )
        draft = judged(1 / (1 + math.exp(-odds)), reason, heard(peak))
        if draft:
            drafts.append(draft)
    if drafts:
        return tuple(drafts)
    agent, customer = ctx.measures.party(Role.AGENT), ctx.measures.party(Role.CUSTOMER)
    if agent and customer and agent.loudness_dbfs is not None:
        louder = agent.loudness_dbfs - (customer.loudness_dbfs or 0.0)
        clipped = (ctx.measures.clipped_share or 0.0) > 0.001
        if customer.loudness_dbfs is not None and louder >= params.above_customer_db and clipped:
            return uncertain(f"坐席全程比客户高 {louder:.0f} 分贝且有削波，可能大声或线路过响")
    top = max(above[u.index] for u in known)
    return passed(f"最响一句比平常高 {top:.1f} 分贝，上限 {params.above_normal_db:.0f} 分贝")


def _loud_runs(
    utterances: tuple[Utterance, ...], above: dict[int, float], params: ShoutingParams
) -> list[list[Utterance]]:
    """The agent's loud utterances; neighbours without the customer between them are one."""
    runs: list[list[Utterance]] = []
    previous: Utterance | None = None
    for utterance in utterances:
        loud = (
            utterance.role is Role.AGENT
            and utterance.span.duration_ms >= params.least_seconds * 1000
            and above.get(utterance.index, 0.0) >= params.above_normal_db - params.slope_db
        )
        if loud:
            near = previous is not None and (
                utterance.span.start_ms - previous.span.end_ms <= params.merge_seconds * 1000
            )
            if runs and near and runs[-1][-1] is previous:
                runs[-1].append(utterance)
            else:
                runs.append([utterance])
        previous = utterance
    return runs


def _argument(ctx: Context, params: ArgumentParams) -> tuple[Draft, ...]:
    above = _above(ctx.measures)
    heated: list[Utterance] = []
    loud = 0
    for utterance in ctx.call.by_role(Role.AGENT):
        level = above.get(utterance.index, 0.0)
        signs = (ctx.lexicons.hostile(utterance.text) >= params.hostile) + _comes_in(ctx, utterance)
        if level >= params.loud_db or (signs and level >= params.raised_db) or signs >= 2:
            heated.append(utterance)
        loud += level >= params.loud_db
    turns = _alternating(ctx, heated)
    said = f"坐席 {turns} 个回合情绪激烈（其中 {loud} 次提高嗓门）"
    if turns >= 2 and loud >= params.loud_turns:
        probability = 0.75 if turns < params.heated_turns else 0.85
    elif turns >= params.heated_turns and loud >= 1:
        probability = 0.7
    elif turns >= params.heated_turns:
        probability = 0.45
    else:
        return passed(f"没有与客户争吵：{said}", 0.8)
    span = Span(heated[0].span.start_ms, heated[-1].span.end_ms)
    draft = judged(probability, f"与客户争吵：{said}", heard(heated[-1], span))
    return (draft,) if draft else ()


def _comes_in(ctx: Context, utterance: Utterance) -> bool:
    return any(
        overlap.kind == "interruption"
        and overlap.second is Role.AGENT
        and abs(overlap.span.start_ms - utterance.span.start_ms) < 1000
        for overlap in ctx.measures.overlaps
    )


def _alternating(ctx: Context, heated: list[Utterance]) -> int:
    """Heated turns with the customer answering between them."""
    customer = [u.span.start_ms for u in ctx.call.by_role(Role.CUSTOMER)]
    count, last = 0, -1
    for utterance in heated:
        if count == 0 or any(last < start < utterance.span.start_ms for start in customer):
            count += 1
        last = utterance.span.start_ms
    return count


def _monotone(ctx: Context, params: MonotoneParams) -> tuple[Draft, ...]:
    party = ctx.measures.party(Role.AGENT)
    spread = party.pitch_spread_semitones if party else None
    if spread is None:
        return not_applicable("坐席浊音不足五秒，无法测音高起伏")
    reason = f"音高起伏 {spread:.1f} 个半音，下限 {params.min_spread_semitones:.1f}"
    if spread < params.min_spread_semitones:
        return (Draft(Outcome.VIOLATION, 0.65, "语调单一：" + reason),)
    if spread < params.doubt_spread_semitones:
        return uncertain("语调较平：" + reason)
    return passed(reason, 0.7)


def _unclear(ctx: Context, params: UnclearParams) -> tuple[Draft, ...]:
    """Mumbling is only ever a question to a person: a recognizer hears some accents worse."""
    agent = [u.confidence for u in ctx.call.by_role(Role.AGENT) if u.words]
    customer = [u.confidence for u in ctx.call.by_role(Role.CUSTOMER) if u.words]
    if min(len(agent), len(customer)) < params.least_turns:
        return not_applicable("话太少，无法比较双方的清晰度")
    fault = _line_fault(ctx.measures.party(Role.AGENT), params)
    if fault:
        return not_applicable(f"{fault}，听不清不能归于坐席")
    own, other = statistics.median(agent), statistics.median(customer)
    reason = f"坐席的识别可信度 {own:.2f}，客户 {other:.2f}"
    if own < params.max_confidence and other - own > params.below_customer:
        return uncertain("吐字可能不清：" + reason)
    return passed(reason, 0.6)


def _line_fault(party: PartyMeasures | None, params: UnclearParams) -> str:
    """What is wrong with the agent's line, if anything: then mumbling cannot be told from it."""
    if party is None or party.snr_db is None:
        return "没有声音可测"
    if party.snr_db < params.least_snr_db:
        return f"坐席线路信噪比 {party.snr_db:.0f} 分贝，噪声大"
    if (party.clipped_share or 0.0) > params.max_clipped_share:
        return f"坐席线路有削波（{party.clipped_share:.1%} 的样点）"
    minutes = max(party.speech_ms / 60_000, 0.1)
    if (party.cut_outs or 0) / minutes > params.max_cut_outs_per_minute:
        return f"坐席线路断音 {party.cut_outs} 次"
    return ""


def _unmeasured(reason: str) -> Run:
    def run(ctx: Context, params: Params) -> tuple[Draft, ...]:
        return not_applicable(reason)

    return run


KINDS: tuple[Kind, ...] = (
    Kind("shouting", ShoutingParams, by_agent(_shouting)),
    Kind("argument", ArgumentParams, by_agent(_argument)),
    Kind("monotone", MonotoneParams, by_agent(_monotone)),
    Kind("unclear", UnclearParams, by_agent(_unclear)),
    Kind("cold", Params, _unmeasured("判断冷漠需要语音情感模型，没有配置，不作评价")),
    Kind(
        "vocal_noise",
        Params,
        _unmeasured("辨认咳嗽、哈欠、叹气、大笑需要声音事件模型，没有配置，不作评价"),
    ),
    Kind("speakerphone", Params, _unmeasured("辨认免提需要混响检测模型，没有配置，不作评价")),
)
