"""Checks of phrases that must be said, with the conditions under which they must be."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence

import pydantic

from qc_speech.measures.silences import NOT_THE_AGENT
from qc_speech.model import Evidence, Outcome, Role, Silence, Span
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.phrases import AgentTurn, Found, Phrase, zone_of
from qc_speech.rules.said import lost, probability_said
from qc_speech.text.template import readable

_NO_ANSWER = Found(0.0)
_ALIKE = 0.25  # from this resemblance on there is something to show


class PhraseParams(Params):
    """Said: the text resembles it from `pass_from` on. Missing: the probability that it was said
    all the same, given how well the agent was heard, is below `missing_below`. Between: a person
    decides. `usually_said`: the share of calls in which the phrase is said."""

    pass_from: float = pydantic.Field(default=0.6, gt=0, le=1)
    missing_below: float = pydantic.Field(default=0.45, ge=0, le=1)
    usually_said: float = pydantic.Field(default=0.83, gt=0, lt=1)
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
    refuted: bool = False,
    answer: Found = _NO_ANSWER,
) -> Draft:
    """What was found as a finding. `turns`: those the phrase should have been in; `hinted`: what
    usually stands beside it was heard there; `refuted`: the audio was asked and says no;
    `answer`: the customer's words that answer it."""
    alike = found.probability >= _ALIKE
    evidence = (
        Evidence(found.span, Role.AGENT, found.utterance, found.quote)
        if found.span and alike
        else None
    )
    share = lost(turns, phrase.zone, hinted=hinted, refuted=refuted)
    said = probability_said(found.probability, share, params.usually_said)
    if found.probability >= params.pass_from:
        return Draft(Outcome.PASS, round(max(0.5, said), 3), f"说了：{phrase.meaning}", evidence)
    if answer.probability >= params.pass_from:
        heard = Evidence(answer.span or Span(0, 0), Role.CUSTOMER, answer.utterance, answer.quote)
        reason = f"没有听清，但客户的回答「{answer.quote}」表明问过：{phrase.meaning}"
        return Draft(Outcome.PASS, answer.probability, reason, heard)
    if said < params.missing_below:
        also = "（对照录音也没有）" if refuted else ""
        reason = f"没有听到：{phrase.meaning}{also}"
        return Draft(Outcome.VIOLATION, round(1.0 - said, 3), reason, evidence)
    if alike:
        words = readable(found.compared)
        reason = f"似乎说了「{words}」，听不清，需人工判断：{phrase.meaning}"
    elif hinted:
        reason = f"听到了相邻的话，但没有听清是否说了：{phrase.meaning}"
    else:
        reason = f"这一段听不清，无法判断是否说了：{phrase.meaning}"
    return Draft(Outcome.UNCERTAIN, round(said, 3), reason, evidence)


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
    matcher = ctx.matcher
    found = matcher.find(phrase, zone)
    if found.probability >= params.pass_from:
        return (outcome(found, phrase, zone, params),)
    hinted, answer = matcher.hinted(phrase), matcher.answer(phrase)
    refuted = matcher.refuted(phrase)
    return (outcome(found, phrase, zone, params, hinted=hinted, refuted=refuted, answer=answer),)


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
        and silence.cause not in NOT_THE_AGENT
    )


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
        found, refuted = ctx.matcher.find(phrase, turns), ctx.matcher.refuted(phrase)
        draft = outcome(found, phrase, turns or ctx.matcher.turns, params, refuted=refuted)
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
