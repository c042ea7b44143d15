"""Phrases that are due on an occasion: when the customer asks for a manager, when nobody heard."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

import pydantic
from rapidfuzz import fuzz

from qc_speech.model import Evidence, Outcome, Role, Utterance
from qc_speech.rules.kind import Context, Draft, Kind
from qc_speech.rules.phrases import AgentTurn, Phrase, zone_of
from qc_speech.rules.required import PhraseParams, condition, no_agent, outcome
from qc_speech.rules.situations import Occurrence, Situation, occurrences
from qc_speech.rules.verdict import SURE, by_agent, not_applicable
from qc_speech.text.normalize import normalize

_LAST_FIRST = (Outcome.PASS, Outcome.UNCERTAIN, Outcome.VIOLATION)
# An agent's whole utterance that asks again without asking politely.
_BLUNT = re.compile(
    "^(啊|哎|诶|喂|嗯|哦)*(什么|啥|啥子|你说什么|你说啥|说什么|说啥|什么呀|没听清[楚]?|听不清[楚]?|没听见|听不见|"
    "再说一遍|你再说一遍|再说一次|大声点|大点声|声音大点)(啊|呀|吗|嘛|呢)*$"
)
_HUH = re.compile("^(啊|哎|诶|嗯|哈){1,2}$")


class OccasionParams(PhraseParams):
    """`check`: the phrase that is due. `within_turns`: so many of the agent's turns from the
    situation on may hold it; None: any turn of the call. `always_in`: in these scenarios the
    phrase is due without the situation."""

    check: str
    within_turns: int | None = pydantic.Field(default=3, ge=1)
    always_in: tuple[str, ...] = ()


class RepeatParams(PhraseParams):
    """`repeats`: how alike (0..100) two turns of the customer are when one repeats the other."""

    repeats: float = pydantic.Field(default=75, gt=0, le=100)


def kinds_of(situations: Mapping[str, Situation], phrases: Mapping[str, Phrase]) -> Iterator[Kind]:
    """One kind per situation, named when_SITUATION; its `check` must be a phrase that exists."""
    known: Any = Literal[tuple(sorted(phrases))] if phrases else str
    params = pydantic.create_model("OccasionParams", __base__=OccasionParams, check=(known, ...))
    for situation in situations.values():
        run = functools.partial(_on_occasion, situation)
        yield Kind(f"when_{situation.name}", params, run)


def _on_occasion(situation: Situation, ctx: Context, params: OccasionParams) -> tuple[Draft, ...]:
    phrase = ctx.lexicons.phrases[params.check]
    nobody = no_agent(ctx, phrase)
    if nobody:
        return (nobody,)
    return by_agent(functools.partial(_due, situation, phrase))(ctx, params)


def _due(
    situation: Situation, phrase: Phrase, ctx: Context, params: OccasionParams
) -> tuple[Draft, ...]:
    why_not = condition(ctx, params)
    if why_not:
        return not_applicable(why_not)
    if ctx.scenario in params.always_in:
        zone = zone_of(ctx.matcher.turns, phrase.zone)
        hinted = ctx.matcher.hinted(phrase)
        return (outcome(ctx.matcher.find(phrase), phrase, zone, params, hinted=hinted),)
    drafts = [
        _answered(ctx, one, phrase, situation.meaning, params)
        for one in occurrences(ctx, situation)
    ]
    due = [draft for draft in drafts if draft is not None]
    if not due:
        return not_applicable(f"通话中没有出现这种情形：{situation.meaning}")
    return (min(due, key=lambda draft: _LAST_FIRST.index(draft.outcome)),)


def _answered(
    ctx: Context, one: Occurrence, phrase: Phrase, meaning: str, params: OccasionParams
) -> Draft | None:
    """Whether the phrase follows; None: the agent says nothing more."""
    turns = ctx.matcher.turns if params.within_turns is None else _from(ctx, one, params)
    if not turns:
        return None
    draft = outcome(ctx.matcher.find(phrase, turns), phrase, turns, params)
    if draft.outcome is not Outcome.VIOLATION:
        return replace(draft, reason=f"{meaning}：{draft.reason}")
    return Draft(
        Outcome.VIOLATION,
        round(draft.confidence * one.found.probability, 3),
        f"{meaning}，{draft.reason}",
        Evidence(one.span, one.role, one.found.utterance, one.found.quote),
    )


def _from(ctx: Context, one: Occurrence, params: OccasionParams) -> tuple[AgentTurn, ...]:
    """The agent's turns that may answer: those that go on after the situation begins."""
    later = [turn for turn in ctx.matcher.turns if turn.span.end_ms > one.span.start_ms]
    return tuple(later[: params.within_turns])


def _repeat_request(ctx: Context, params: RepeatParams) -> tuple[Draft, ...]:
    phrase = ctx.lexicons.phrases["repeat_request"]
    nobody = no_agent(ctx, phrase)
    return (nobody,) if nobody else by_agent(_asked_again)(ctx, params)


def _asked_again(ctx: Context, params: RepeatParams) -> tuple[Draft, ...]:
    phrase = ctx.lexicons.phrases["repeat_request"]
    polite = ctx.matcher.find(phrase)
    drafts = list(_blunt(ctx, phrase, params))
    if drafts:
        return (max(drafts, key=lambda draft: draft.confidence),)
    if polite.probability >= params.pass_from and polite.span:
        evidence = Evidence(polite.span, Role.AGENT, polite.utterance, polite.quote)
        return (Draft(Outcome.PASS, round(polite.probability, 3), "礼貌地请客户重复", evidence),)
    return not_applicable("通话中没有出现这种情形：坐席没听清，请客户再说")


def _blunt(ctx: Context, phrase: Phrase, params: RepeatParams) -> Iterator[Draft]:
    """Each time the agent asks again in one bare word."""
    for at, utterance in enumerate(ctx.call.utterances):
        if utterance.role is not Role.AGENT:
            continue
        text = normalize(utterance.text)
        repeated = _said_again(ctx.call.utterances, at, params)
        if not (_BLUNT.match(text) or (_HUH.match(text) and repeated)):
            continue
        reach = [t for t in ctx.matcher.turns if t.span.end_ms >= utterance.span.start_ms][:2]
        if ctx.matcher.find(phrase, tuple(reach)).probability >= params.missing_below:
            continue
        confidence = utterance.confidence * (0.95 if repeated else 0.8)
        kind = Outcome.VIOLATION if confidence >= SURE else Outcome.UNCERTAIN
        reason = f"没听清时只说了「{utterance.text.strip()}」，没有礼貌地请客户重复"
        evidence = Evidence(utterance.span, Role.AGENT, utterance.index, utterance.text)
        yield Draft(kind, round(confidence, 3), reason, evidence)


def _said_again(utterances: tuple[Utterance, ...], at: int, params: RepeatParams) -> bool:
    """Whether the customer says after utterance `at` what he said before it."""
    before = next((u for u in utterances[at::-1] if u.role is Role.CUSTOMER), None)
    after = next((u for u in utterances[at:] if u.role is Role.CUSTOMER), None)
    if before is None or after is None:
        return False
    one, other = normalize(before.text), normalize(after.text)
    if min(len(one), len(other)) < 4:
        return False
    return bool(fuzz.partial_ratio(one, other) >= params.repeats)


KINDS: tuple[Kind, ...] = (Kind("repeat_request", RepeatParams, _repeat_request),)
