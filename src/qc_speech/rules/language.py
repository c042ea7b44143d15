"""The check that the agent speaks Mandarin. A customer's dialect never counts."""

from __future__ import annotations

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
    dialect_words: int = pydantic.Field(default=2, ge=1)  # different strong words
    dialect_hits: int = pydantic.Field(default=3, ge=1)  # or so many in all


def _not_mandarin(ctx: Context, params: NotMandarinParams) -> tuple[Draft, ...]:
    measured = {m.index: m for m in ctx.measures.utterances}
    said: _Said = [
        (u, measured[u.index]) for u in ctx.call.by_role(Role.AGENT) if u.index in measured
    ]
    drafts = [draft for u, m in said if (draft := _foreign(u, m, params))]
    dialect = _dialect(said, params)
    if dialect:
        drafts.append(dialect)
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


def _dialect(said: _Said, params: NotMandarinParams) -> Draft | None:
    """One finding per call: dialect is a manner of speaking, its words are the evidence."""
    strong = [label for _, m in said for label in m.dialect]
    doubtful = [label for _, m in said for label in m.dialect_doubtful]
    best = max(said, key=lambda pair: _weight(pair[1]), default=None)
    if best is None or not (strong or doubtful):
        return None
    support = set(doubtful) - set(strong)
    weak = {label for _, m in said if m.dialect for label in m.dialect_weak}
    distinct = len(set(strong))
    if distinct >= params.dialect_words or len(strong) >= params.dialect_hits:
        probability = min(0.97, 0.85 + 0.04 * len(strong))
    elif distinct and (support or weak):
        probability = 0.7
    elif distinct:
        probability = 0.5
    elif len(support) >= params.dialect_words and len(doubtful) >= params.dialect_hits:
        probability = 0.62
    elif len(support) >= params.dialect_words:
        probability = 0.45
    else:
        return None  # one word that only sounds like dialect is a slip of the recognizer
    words = "、".join(dict.fromkeys([*strong, *sorted(weak), *sorted(support)]))
    kind = "使用方言词" if distinct else "疑似使用方言词（按读音）"
    draft = judged(probability, f"{kind}：{words}", heard(best[0]))
    if draft and best[0].confidence < 0.25 and probability < 0.8 and draft.outcome is _CHARGED:
        return judged(0.55, draft.reason + "，但这句听得不清", draft.evidence)
    return draft


def _weight(m: UtteranceMeasures) -> float:
    return len(m.dialect) + 0.5 * len(m.dialect_doubtful) + 0.1 * len(m.dialect_weak)


KINDS: tuple[Kind, ...] = (Kind("not_mandarin", NotMandarinParams, by_agent(_not_mandarin)),)
