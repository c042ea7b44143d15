"""Checks of the pace: too fast, too slow, uneven, by the speaking rate (short pauses count).

The norm is the 240 syllables a minute that the Putonghua proficiency test calls normal in free
speech; a rulebook may set others. Where text and sound disagree an utterance has no rate: it
charges nobody, but if its sound alone is too fast a person is asked.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import pydantic

from qc_speech.model import Role, Utterance
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.verdict import by_agent, heard, judged, not_applicable, passed, uncertain

_Rated = list[tuple[float, Utterance]]


class PaceParams(Params):
    norm: str = "普通话水平测试所说的正常语速约每分钟 240 个音节"  # shown beside the limit
    usual_per_minute: dict[str, float] = pydantic.Field(default_factory=dict)  # agent id: rate


class TooFastParams(PaceParams):
    max_characters_per_minute: float = pydantic.Field(default=300, gt=0)
    margin_share: float = pydantic.Field(default=0.07, ge=0)  # over the limit: clearly over it
    doubt_share: float = pydantic.Field(default=0.03, ge=0)  # from here on a person decides
    long_characters: int = pydantic.Field(default=18, ge=1)
    long_turns: int = pydantic.Field(default=2, ge=1)  # so many long turns must be too fast
    long_seconds: float = pydantic.Field(default=4.0, gt=0)  # of turns rated by sound alone


class TooSlowParams(PaceParams):
    min_characters_per_minute: float = pydantic.Field(default=150, gt=0)
    doubt_characters_per_minute: float = pydantic.Field(default=165, gt=0)
    least_characters: int = pydantic.Field(default=4, ge=1)  # of a turn that counts
    least_turns: int = pydantic.Field(default=3, ge=1)
    least_total: int = pydantic.Field(default=30, ge=1)  # characters in all such turns
    max_digit_share: float = pydantic.Field(default=0.3, ge=0, le=1)  # dictating is slow


class UnevenParams(PaceParams):
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


def _compared(ctx: Context, params: PaceParams) -> str:
    """What the limit is held beside: the norm, the customer's rate, the agent's own usual rate."""
    parts = [params.norm]
    customer = ctx.measures.party(Role.CUSTOMER)
    if customer and customer.characters_per_minute:
        parts.append(f"客户每分钟 {customer.characters_per_minute:.0f} 字")
    usual = params.usual_per_minute.get(ctx.call.recording.metadata.agent_id or "")
    if usual:
        parts.append(f"该坐席平常每分钟 {usual:.0f} 字")
    return "（" + "；".join(parts) + "）"


def _fast_by_sound(ctx: Context, params: TooFastParams) -> list[Utterance]:
    """Long turns without a rate whose syllable nuclei alone are over the limit."""
    measured = {m.index: m for m in ctx.measures.utterances}
    limit = params.max_characters_per_minute * (1 + params.doubt_share)
    return [
        u
        for u in ctx.call.by_role(Role.AGENT)
        if (m := measured.get(u.index)) is not None
        and m.characters_per_minute is None
        and (m.nuclei_per_minute or 0.0) >= limit
        and m.speech_ms >= params.long_seconds * 1000
    ]


def _too_fast(ctx: Context, params: TooFastParams) -> tuple[Draft, ...]:
    rated = _rated(ctx, params.long_characters)
    limit = params.max_characters_per_minute
    unread = _fast_by_sound(ctx, params)
    fast = [u for rate, u in rated if rate >= limit * (1 + params.margin_share)]
    if len(fast) < params.long_turns <= len(fast) + len(unread):
        text = f"{len(unread)} 个长句按声音的音节数超过每分钟 {limit:.0f} 字，但文字听得不清"
        return uncertain(text, heard(unread[0]))
    if not rated:
        return not_applicable(f"坐席没有可测语速的长句（{params.long_characters} 字以上）")
    top = rated[0][0]
    if len(rated) < params.long_turns:
        return passed(f"可测的长句只有 {len(rated)} 句，最快每分钟 {top:.0f} 字", 0.6)
    deciding = rated[params.long_turns - 1][0]
    over = deciding / limit - 1
    beside = _compared(ctx, params)
    if over >= params.margin_share:
        reason = f"{len(fast)} 个长句超速，最快每分钟 {top:.0f} 字，上限 {limit:.0f} 字{beside}"
        probability = 0.7 + 2 * (over - params.margin_share)
    elif over >= params.doubt_share:
        reason = f"语速在上限附近：每分钟 {deciding:.0f} 字，上限 {limit:.0f} 字{beside}"
        probability = 0.5
    else:
        middle = statistics.median(rate for rate, _ in rated)
        return passed(f"长句语速中位每分钟 {middle:.0f} 字，最快 {top:.0f} 字，上限 {limit:.0f} 字")
    draft = judged(probability, reason, heard(rated[0][1]))
    return (draft,) if draft else ()


def _too_slow(ctx: Context, params: TooSlowParams) -> tuple[Draft, ...]:
    rated = _rated(ctx, params.least_characters, params.max_digit_share)
    lengths = {m.index: m.characters for m in ctx.measures.utterances}
    weights = [lengths[u.index] for _, u in rated]
    limit, total = params.min_characters_per_minute, sum(weights)
    if len(rated) < params.least_turns or total < params.least_total:
        return not_applicable(
            f"坐席可测语速的话不足 {params.least_turns} 句或 {params.least_total} 字"
            "（报号码的不算）"
        )
    middle = _weighted_median([rate for rate, _ in rated], weights)
    slow = sum(weight for (rate, _), weight in zip(rated, weights) if rate < limit) / total
    beside = _compared(ctx, params)
    if middle < limit and slow >= 0.6:
        probability = 0.7 + 2 * (1 - middle / limit)
    elif middle < params.doubt_characters_per_minute:
        probability = 0.5
    else:
        return passed(f"语速中位每分钟 {middle:.0f} 字，下限 {limit:.0f} 字")
    reason = f"语速中位每分钟 {middle:.0f} 字，下限 {limit:.0f} 字（{slow:.0%} 的话过慢）{beside}"
    draft = judged(probability, reason, heard(rated[-1][1]))
    return (draft,) if draft else ()


def _weighted_median(values: Sequence[float], weights: Sequence[int]) -> float:
    """The value that half of the weight lies below; a long turn counts for more than a short."""
    reached, half = 0, sum(weights) / 2
    for value, weight in sorted(zip(values, weights)):
        reached += weight
        if reached >= half:
            return value
    return max(values)


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
