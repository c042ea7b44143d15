"""The check that the agent speaks Mandarin. A customer's dialect never counts."""

from __future__ import annotations

import math
from dataclasses import replace

import pydantic

from qc_speech.model import Outcome, Role, Utterance, UtteranceMeasures
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.verdict import by_agent, heard, judged, passed

_Said = list[tuple[Utterance, UtteranceMeasures]]
_CHARGED = Outcome.VIOLATION
_NAMES = {"en": "英语", "yue": "粤语", "ja": "日语", "ko": "韩语"}


class NotMandarinParams(Params):
    max_foreign_share: float = pydantic.Field(default=0.6, gt=0, le=1)
    least_foreign_syllables: int = pydantic.Field(default=4, ge=1)
    least_language_confidence: float = pydantic.Field(default=0.8, ge=0, le=1)
    least_seconds: float = pydantic.Field(default=1.2, ge=0)  # shorter: the language is a guess
    mixed_foreign_share: float = pydantic.Field(default=0.3, gt=0, le=1)  # inside a sentence
    mixed_turns: int = pydantic.Field(default=2, ge=1)  # so many such turns are a habit
    dialect_floor: float = pydantic.Field(default=0.3, ge=0)  # evidence that comes by chance
    dialect_middle: float = pydantic.Field(default=0.7, gt=0)  # so much over it is an even chance
    dialect_slope: float = pydantic.Field(default=3.0, gt=0)
    dialect_turns: int = pydantic.Field(default=8, ge=1)  # the clearest turns that are counted
    answering_allowed: bool = False  # to answer a customer in the customer's own language


def _not_mandarin(ctx: Context, params: NotMandarinParams) -> tuple[Draft, ...]:
    measured = {m.index: m for m in ctx.measures.utterances}
    said: _Said = [
        (u, measured[u.index]) for u in ctx.call.by_role(Role.AGENT) if u.index in measured
    ]
    drafts = [draft for u, m in said if (draft := _foreign(u, m, params))]
    drafts += [draft for draft in (_dialect(ctx, said, params), _mixed(ctx, said, params)) if draft]
    if drafts:
        return tuple(drafts)
    party = ctx.measures.party(Role.AGENT)
    share = party.mandarin_share if party else None
    return passed("坐席使用普通话" + ("" if share is None else f"，普通话比例 {share:.0%}"))


def _foreign(utterance: Utterance, m: UtteranceMeasures, params: NotMandarinParams) -> Draft | None:
    foreign = m.foreign_share * m.characters
    by_text = (
        m.foreign_share > params.max_foreign_share and foreign >= params.least_foreign_syllables
    )
    long_enough = utterance.span.duration_ms >= params.least_seconds * 1000
    by_sound = (
        utterance.language not in ("zh", "")
        and utterance.language_confidence >= params.least_language_confidence
        and long_enough
    )
    name = _NAMES.get(utterance.language, "外语") if by_sound else "外语"
    text = f"整句使用{name}（外语音节占 {m.foreign_share:.0%}）"
    if by_text and by_sound:
        return judged(0.95, text, heard(utterance))
    if by_text and long_enough:
        return judged(0.75 if utterance.confidence >= 0.4 else 0.5, text, heard(utterance))
    if by_sound and m.characters == 0:
        return judged(0.65, f"这句话听来是{name}", heard(utterance))
    if by_sound:  # the words are Chinese, the sound is not: one of the two is mistaken
        return judged(0.45, f"这句话的语种判为{name}，但听写为中文", heard(utterance))
    return None


def _dialect(ctx: Context, said: _Said, params: NotMandarinParams) -> Draft | None:
    """One finding per call: dialect is a manner of speaking, its words are the evidence."""
    found = sorted(
        (pair for pair in said if pair[1].dialect_evidence > 0),
        key=lambda pair: -pair[1].dialect_evidence,
    )[: params.dialect_turns]
    if not found:
        return None
    # by chance the clearest of many turns shows more than the clearest of a few
    floor = params.dialect_floor + 0.1 * math.log2(max(1.0, len(said) / 20))
    counted = [(u, m) for u, m in found if m.dialect_evidence > floor]
    total = sum(m.dialect_evidence - floor for _, m in counted)
    written = dict.fromkeys(word for _, m in counted for word in m.dialect)
    others = dict.fromkeys(
        word for _, m in counted for word in (*m.dialect_doubtful, *m.dialect_weak)
    )
    distinct = len({*written, *others})
    if not written and distinct < 2 and total < 1:
        return None  # one word that only sounds like dialect is a slip of the recognizer
    odds = params.dialect_slope * (total - params.dialect_middle) + min(2, distinct - 1)
    probability = 1 / (1 + math.exp(-odds))
    words = "、".join(dict.fromkeys([*written, *others]))
    region = _region(counted)
    kind = f"使用方言（{region}）" if written else f"疑似使用方言（{region}，按读音）"
    draft = judged(min(0.97, probability), f"{kind}：{words}", heard(found[0][0]))
    if draft and draft.outcome is _CHARGED and _customers(ctx) == region:
        if params.answering_allowed:
            return None
        return replace(draft, reason=draft.reason + "；客户说的也是这种方言")
    return draft


def _region(said: _Said) -> str:
    """The region most of the evidence points to."""
    weights: dict[str, float] = {}
    for _, m in said:
        weights[m.dialect_region] = weights.get(m.dialect_region, 0.0) + m.dialect_evidence
    return max(weights, key=lambda region: weights[region], default="")


def _customers(ctx: Context) -> str:
    """The region of the customer's dialect, empty where the customer speaks none."""
    measured = {m.index: m for m in ctx.measures.utterances}
    said = [
        (u, measured[u.index])
        for u in ctx.call.by_role(Role.CUSTOMER)
        if u.index in measured and measured[u.index].dialect_evidence >= 1
    ]
    return _region(said)


def _mixed(ctx: Context, said: _Said, params: NotMandarinParams) -> Draft | None:
    """Foreign words inside Chinese sentences: one is a question, a habit is not Mandarin."""
    mixed = [
        u
        for u, m in said
        if params.mixed_foreign_share <= m.foreign_share <= params.max_foreign_share
    ]
    if not mixed:
        return None
    share = max(m.foreign_share for u, m in said if u in mixed)
    text = f"{len(mixed)} 句话里夹用外语，外语音节最多占 {share:.0%}"
    return judged(0.65 if len(mixed) >= params.mixed_turns else 0.45, text, heard(mixed[0]))


KINDS: tuple[Kind, ...] = (Kind("not_mandarin", NotMandarinParams, by_agent(_not_mandarin)),)
