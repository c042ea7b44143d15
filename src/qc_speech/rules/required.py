"""Checks of phrases that must be said, with the conditions under which they must be."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence

import pydantic

from qc_speech.model import Evidence, Outcome, Role, Silence, Span
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.phrases import AgentTurn, Found, Phrase, zone_of
from qc_speech.text.normalize import normalize
from qc_speech.text.template import readable

_CUSTOMER_WAITS = ("等一下", "稍等", "等等", "我找一下", "我看一下", "我看看", "我查一下", "别挂")


class PhraseParams(Params):
    """From `pass_from` on: said; below `missing_below`: missing; between, a person decides."""

    pass_from: float = pydantic.Field(default=0.6, gt=0, le=1)
    missing_below: float = pydantic.Field(default=0.25, ge=0, le=1)
    min_hearing: float = pydantic.Field(default=0.69, ge=0, le=1)  # heard worse: a person decides
    worst_hearing: float = pydantic.Field(
        default=0.62, ge=0, le=1
    )  # a turn heard worse may hide it
    directions: tuple[str, ...] = ()  # only in these; empty: any
    min_ring_seconds: float | None = None  # only when it rang longer
    festivals: bool = False  # only on the holidays of the rule documents


class WaitParams(PhraseParams):
    """A wait is a silence that the agent makes."""

    silence_seconds: float = pydantic.Field(default=10, gt=0)
    within_seconds: float = pydantic.Field(default=20, gt=0)


def outcome(
    found: Found,
    phrase: Phrase,
    turns: Sequence[AgentTurn],
    params: PhraseParams,
    *,
    hinted: bool = False,
) -> Draft:
    """A probability of having been said as a finding. `turns`: those it should have been in."""
    evidence = (
        Evidence(found.span, Role.AGENT, found.utterance, found.quote)
        if found.span and found.probability >= params.missing_below
        else None
    )
    if found.probability >= params.pass_from:
        confidence = round(max(0.5, found.probability), 3)
        return Draft(Outcome.PASS, confidence, f"说了：{phrase.meaning}", evidence)
    if found.probability >= params.missing_below:
        return Draft(
            Outcome.UNCERTAIN,
            round(found.probability, 3),
            f"似乎说了「{readable(found.compared)}」，听不清，需人工判断：{phrase.meaning}",
            evidence,
        )
    if hinted:
        reason = f"听到了相邻的话，但没有听清是否说了：{phrase.meaning}"
        return Draft(Outcome.UNCERTAIN, 0.5, reason)
    hearing = hearing_of(turns[-1:] if phrase.zone == "closing" else turns)
    hidden = phrase.zone == "anywhere" and worst_of(turns) < params.worst_hearing
    if hearing < params.min_hearing or hidden:
        return Draft(Outcome.UNCERTAIN, 0.5, f"这一段听不清，无法判断是否说了：{phrase.meaning}")
    confidence = (1.0 - found.probability) * min(1.0, 0.55 + 0.5 * hearing)
    return Draft(Outcome.VIOLATION, round(confidence, 3), f"没有听到：{phrase.meaning}", evidence)


def hearing_of(turns: Sequence[AgentTurn]) -> float:
    """How well the turns were heard, weighted by their length."""
    weight = sum(len(turn.text) for turn in turns)
    return sum(turn.confidence * len(turn.text) for turn in turns) / weight if weight else 0.0


def worst_of(turns: Sequence[AgentTurn]) -> float:
    """How well the worst of the turns was heard that are long enough to hold a phrase."""
    return min((turn.confidence for turn in turns if len(turn.text) >= 6), default=1.0)


def no_agent(ctx: Context, phrase: Phrase) -> Draft | None:
    if not any(role is Role.AGENT for _, role in ctx.call.roles.roles):
        return Draft(Outcome.UNCERTAIN, 0.5, f"未能分清哪一方是坐席，需人工判断：{phrase.meaning}")
    if not ctx.matcher.turns:
        return Draft(Outcome.UNCERTAIN, 0.5, f"没有听到坐席讲话，需人工判断：{phrase.meaning}")
    return None


def condition(ctx: Context, params: PhraseParams) -> str | None:
    """Why the phrase need not be said in this call; None: it must."""
    metadata = ctx.call.recording.metadata
    if params.directions and metadata.direction not in params.directions:
        return "只适用于" + "、".join(
            {"inbound": "呼入", "outbound": "呼出"}[d] for d in params.directions
        )
    if params.min_ring_seconds is not None:
        if metadata.ring_ms is None:
            return "没有振铃时长数据"
        if metadata.ring_ms <= params.min_ring_seconds * 1000:
            return f"振铃 {metadata.ring_ms / 1000:.0f} 秒，未超过 {params.min_ring_seconds:.0f} 秒"
    if params.festivals:
        if metadata.started_at is None:
            return "没有通话日期"
        if not is_festival(metadata.started_at.date()):
            return "当天不是要求祝福的节日"
    return None


def is_festival(day: datetime.date) -> bool:
    """元旦, 春节 (first to third day), 劳动节 (1-3 May), 中秋, 国庆 (1-3 October)."""
    if (day.month, day.day) == (1, 1) or (day.month in (5, 10) and day.day <= 3):
        return True
    return day in _lunar_festivals(day.year)


@functools.lru_cache(maxsize=64)
def _lunar_festivals(year: int) -> frozenset[datetime.date]:
    """Mid-Autumn, and the first three days of the lunar year (days off round them are none)."""
    import holidays

    named = holidays.country_holidays("CN", years=year, language="en_US")
    days = {d for d, name in named.items() if "Mid-Autumn" in name and "observed" not in name}
    spring = sorted(
        day
        for day, name in named.items()
        if "Spring Festival" in name and "Eve" not in name and "observed" not in name
    )
    return frozenset(days.union(spring[:3]))


def _phrase(ctx: Context, params: PhraseParams, check: str) -> tuple[Draft, ...]:
    why_not = condition(ctx, params)
    if why_not:
        return (Draft(Outcome.NOT_APPLICABLE, 1.0, why_not),)
    phrase = ctx.lexicons.phrases[check]
    nobody = no_agent(ctx, phrase)
    if nobody:
        return (nobody,)
    (zone,) = places(ctx, params, check)
    hinted = ctx.matcher.hinted(phrase)
    return (outcome(ctx.matcher.find(phrase, zone), phrase, zone, params, hinted=hinted),)


def places(ctx: Context, params: PhraseParams, check: str) -> tuple[tuple[AgentTurn, ...], ...]:
    """Where the phrase must be said in this call: the turns of each place, no place when it need
    not be said or nobody knows who the agent is."""
    phrase = ctx.lexicons.phrases[check]
    if condition(ctx, params) or no_agent(ctx, phrase):
        return ()
    if not isinstance(params, WaitParams):
        return (zone_of(ctx.matcher.turns, phrase.zone),)
    after = check == "hold_thanks"
    return tuple(_beside(ctx, wait, params, after) for wait in _waits(ctx, params))


def _waits(ctx: Context, params: WaitParams) -> tuple[Silence, ...]:
    """Long silences in the call that the agent has to answer for."""
    return tuple(
        silence
        for silence in ctx.measures.silences
        if silence.span.duration_ms > params.silence_seconds * 1000
        and silence.after is not None
        and silence.before is not None
        and not _customer_asked(ctx, silence)
    )


def _customer_asked(ctx: Context, silence: Silence) -> bool:
    """The customer makes the wait: looks something up, says so and speaks again."""
    if silence.after is not Role.CUSTOMER or silence.before is not Role.CUSTOMER:
        return False
    reach = Span(max(0, silence.span.start_ms - 8_000), silence.span.start_ms)
    said = [u.text for u in ctx.call.by_role(Role.CUSTOMER) if u.span.overlap_ms(reach)]
    return any(word in normalize("".join(said)) for word in _CUSTOMER_WAITS)


def _beside(ctx: Context, wait: Silence, params: WaitParams, after: bool) -> tuple[AgentTurn, ...]:
    """The agent's turns shortly after or before a wait."""
    reach = round(params.within_seconds * 1000)
    window = (
        Span(wait.span.end_ms, wait.span.end_ms + reach)
        if after
        else Span(max(0, wait.span.start_ms - reach), wait.span.start_ms)
    )
    return tuple(turn for turn in ctx.matcher.turns if turn.span.overlap_ms(window))


def _around_waits(
    ctx: Context, params: WaitParams, check: str, *, after: bool
) -> tuple[Draft, ...]:
    phrase = ctx.lexicons.phrases[check]
    nobody = no_agent(ctx, phrase)
    if nobody:
        return (nobody,)
    waits = _waits(ctx, params)
    if not waits:
        limit = f"{params.silence_seconds:.0f} 秒"
        return (Draft(Outcome.NOT_APPLICABLE, 1.0, f"没有超过 {limit}的等待"),)
    drafts = []
    for wait in waits:
        turns = _beside(ctx, wait, params, after)
        draft = outcome(ctx.matcher.find(phrase, turns), phrase, turns or ctx.matcher.turns, params)
        if draft.evidence is None:
            draft = Draft(
                draft.outcome, draft.confidence, draft.reason, Evidence(wait.span, Role.AGENT)
            )
        drafts.append(draft)
    order = (Outcome.VIOLATION, Outcome.UNCERTAIN, Outcome.PASS)
    return (min(drafts, key=lambda draft: order.index(draft.outcome)),)


def _hold_request(ctx: Context, params: WaitParams) -> tuple[Draft, ...]:
    return _around_waits(ctx, params, "hold_request", after=False)


def _hold_thanks(ctx: Context, params: WaitParams) -> tuple[Draft, ...]:
    return _around_waits(ctx, params, "hold_thanks", after=True)


def phrase_kind(check: str) -> Kind:
    """The kind of a phrase that is simply looked for, under the rulebook's conditions."""

    def run(ctx: Context, params: PhraseParams) -> tuple[Draft, ...]:
        return _phrase(ctx, params, check)

    return Kind(check, PhraseParams, run)


KINDS: tuple[Kind, ...] = (
    Kind("hold_request", WaitParams, _hold_request),
    Kind("hold_thanks", WaitParams, _hold_thanks),
)
