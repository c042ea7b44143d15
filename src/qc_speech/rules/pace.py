"""Checks of the pace: too fast, too slow, uneven. They use the speaking rate (short pauses
count), per utterance; where text and sound disagree there is no rate and nothing is charged."""

from __future__ import annotations

import statistics

import pydantic

from qc_speech.model import Role, Utterance
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.verdict import by_agent, heard, judged, not_applicable, passed

_Rated = list[tuple[float, Utterance]]


class TooFastParams(Params):
    max_characters_per_minute: float = pydantic.Field(default=300, gt=0)
    margin_share: float = pydantic.Field(default=0.07, ge=0)  # over the limit: clearly over it
    doubt_share: float = pydantic.Field(default=0.03, ge=0)  # from here on a person decides
    long_characters: int = pydantic.Field(default=18, ge=1)
    long_turns: int = pydantic.Field(default=2, ge=1)  # so many long turns must be too fast


class TooSlowParams(Params):
    min_characters_per_minute: float = pydantic.Field(default=145, gt=0)
    doubt_characters_per_minute: float = pydantic.Field(default=160, gt=0)
    least_characters: int = pydantic.Field(default=8, ge=1)
    least_turns: int = pydantic.Field(default=3, ge=1)
    max_digit_share: float = pydantic.Field(default=0.3, ge=0, le=1)  # dictating is slow


class UnevenParams(Params):
    max_spread_share: float = pydantic.Field(default=0.8, gt=0)  # (90 % - 10 %) / median rate
    doubt_spread_share: float = pydantic.Field(default=0.7, gt=0)
    long_characters: int = pydantic.Field(default=12, ge=1)
    least_turns: int = pydantic.Field(default=5, ge=2)
    max_digit_share: float = pydantic.Field(default=0.3, ge=0, le=1)


def _rated(ctx: Context, least_characters: int, max_digit_share: float = 1.0) -> _Rated:
    """The agent's utterances that are long enough and have a rate, fastest first."""
    measured = {m.index: m for m in ctx.measures.utterances}
    found: _Rated = []
    for utterance in ctx.call.by_role(Role.AGENT):
        m = measured.get(utterance.index)
        if m is None or m.characters_per_minute is None or m.characters < least_characters:
            continue
        if m.digit_share <= max_digit_share:
            found.append((m.characters_per_minute, utterance))
    return sorted(found, key=lambda pair: -pair[0])


def _too_fast(ctx: Context, params: TooFastParams) -> tuple[Draft, ...]:
    rated = _rated(ctx, params.long_characters)
    limit = params.max_characters_per_minute
    if not rated:
        return not_applicable(f"坐席没有可测语速的长句（{params.long_characters} 字以上）")
    top = rated[0][0]
    if len(rated) < params.long_turns:
        return passed(f"可测的长句只有 {len(rated)} 句，最快每分钟 {top:.0f} 字", 0.6)
    deciding = rated[params.long_turns - 1][0]
    over = deciding / limit - 1
    fast = sum(1 for rate, _ in rated if rate >= limit * (1 + params.margin_share))
    if over >= params.margin_share:
        reason = f"{fast} 个长句超速，最快每分钟 {top:.0f} 字，上限 {limit:.0f} 字"
        probability = 0.7 + 2 * (over - params.margin_share)
    elif over >= params.doubt_share:
        reason = f"语速在上限附近：每分钟 {deciding:.0f} 字，上限 {limit:.0f} 字"
        probability = 0.5
    else:
        middle = statistics.median(rate for rate, _ in rated)
        return passed(f"长句语速中位每分钟 {middle:.0f} 字，最快 {top:.0f} 字，上限 {limit:.0f} 字")
    draft = judged(probability, reason, heard(rated[0][1]))
    return (draft,) if draft else ()


def _too_slow(ctx: Context, params: TooSlowParams) -> tuple[Draft, ...]:
    rated = _rated(ctx, params.least_characters, params.max_digit_share)
    limit = params.min_characters_per_minute
    if len(rated) < params.least_turns:
        return not_applicable(f"坐席可测语速的话不足 {params.least_turns} 句（报号码的不算）")
    middle = statistics.median(rate for rate, _ in rated)
    slow = sum(1 for rate, _ in rated if rate < limit)
    if middle < limit and slow * 10 >= len(rated) * 6:
        probability = 0.7 + 2 * (1 - middle / limit)
    elif middle < params.doubt_characters_per_minute:
        probability = 0.5
    else:
        return passed(f"语速中位每分钟 {middle:.0f} 字，下限 {limit:.0f} 字")
    reason = (
        f"语速中位每分钟 {middle:.0f} 字，下限 {limit:.0f} 字（{len(rated)} 句中 {slow} 句过慢）"
    )
    draft = judged(probability, reason, heard(rated[-1][1]))
    return (draft,) if draft else ()


def _uneven(ctx: Context, params: UnevenParams) -> tuple[Draft, ...]:
    rated = _rated(ctx, params.long_characters, params.max_digit_share)
    if len(rated) < params.least_turns:
        return not_applicable(f"坐席可测语速的长句不足 {params.least_turns} 句")
    rates = sorted(rate for rate, _ in rated)
    tenths = statistics.quantiles(rates, n=10, method="inclusive")
    spread = (tenths[-1] - tenths[0]) / statistics.median(rates)
    said = f"每分钟 {tenths[0]:.0f} 至 {tenths[-1]:.0f} 字，差距为中位的 {spread:.0%}"
    limit = f"上限 {params.max_spread_share:.0%}"
    if spread >= params.max_spread_share:
        draft = judged(0.75, f"语速忽快忽慢：{said}，{limit}", heard(rated[0][1]))
    elif spread >= params.doubt_spread_share:
        draft = judged(0.5, f"语速起伏较大：{said}，{limit}", heard(rated[0][1]))
    else:
        return passed(f"语速平稳：{said}，{limit}")
    return (draft,) if draft else ()


KINDS: tuple[Kind, ...] = (
    Kind("too_fast", TooFastParams, by_agent(_too_fast)),
    Kind("too_slow", TooSlowParams, by_agent(_too_slow)),
    Kind("uneven", UnevenParams, by_agent(_uneven)),
)
