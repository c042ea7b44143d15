"""The check that the agent lets the customer finish."""

from __future__ import annotations

import pydantic

from qc_speech.model import Call, Evidence, Overlap, Role, Span, Utterance
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.verdict import by_agent, heard, judged, passed, seconds, uncertain

_PROTESTS = (
    "没说完", "没讲完", "把话说完", "让我说完", "听我说完", "听我把话", "让我把话",
    "打断我", "别打断", "别插嘴", "别插话", "别抢话",
)  # fmt: skip


class InterruptsParams(Params):
    merge_seconds: float = pydantic.Field(default=1.5, ge=0)  # clashes this near are one
    protest_seconds: float = pydantic.Field(default=12, ge=0)  # "let me finish" within this
    protests: tuple[str, ...] = _PROTESTS
    touching_ms: int = pydantic.Field(default=120, ge=0)  # no pause at all between two speakers


def _interrupts(ctx: Context, params: InterruptsParams) -> tuple[Draft, ...]:
    drafts: list[Draft] = []
    counted: list[Overlap] = []
    listening = 0
    for overlap in ctx.measures.overlaps:
        if overlap.second is not Role.AGENT or overlap.first is not Role.CUSTOMER:
            continue
        listening += overlap.kind == "backchannel"
        draft = _draft(ctx.call, overlap, params)
        if draft is None or _same(overlap, counted, params):
            continue
        counted.append(overlap)
        drafts.append(draft)
    drafts += _touching(ctx.call, counted, params)
    if drafts:
        return tuple(drafts)
    return passed(f"没有打断客户；客户讲话时的附和 {listening} 次，不算打断")


def _draft(call: Call, overlap: Overlap, params: InterruptsParams) -> Draft | None:
    if overlap.kind == "interruption":
        probability = overlap.confidence
    elif overlap.kind == "overlap":
        probability = 1 - overlap.confidence
    else:
        return None
    reason = f"客户话未说完坐席开口，两人同时说话 {seconds(overlap.span.duration_ms)} 秒"
    if overlap.yielded:
        reason += "，客户被迫停下"
    if _protest(call, overlap.span.start_ms, params):
        probability += (1 - probability) / 2
        reason += "，客户随后表示没说完"
    return judged(probability, reason, _evidence(call, overlap.span))


def _same(overlap: Overlap, counted: list[Overlap], params: InterruptsParams) -> bool:
    return bool(counted) and (
        overlap.span.start_ms - counted[-1].span.end_ms < params.merge_seconds * 1000
    )


def _protest(call: Call, since_ms: int, params: InterruptsParams) -> bool:
    until = since_ms + params.protest_seconds * 1000
    return any(
        word in utterance.text
        for utterance in call.by_role(Role.CUSTOMER)
        if since_ms + 500 <= utterance.span.start_ms <= until
        for word in params.protests
    )


def _touching(call: Call, counted: list[Overlap], params: InterruptsParams) -> tuple[Draft, ...]:
    """In a mixed channel a short overlap may be missed: an agent who starts without any pause
    and a customer who then protests is a question to a person."""
    if call.recording.channels > 1:
        return ()
    drafts: list[Draft] = []
    for before, after in zip(call.utterances, call.utterances[1:]):
        gap = after.span.start_ms - before.span.end_ms
        if before.role is not Role.CUSTOMER or after.role is not Role.AGENT:
            continue
        near = any(abs(o.span.start_ms - after.span.start_ms) < 1000 for o in counted)
        if near or gap > params.touching_ms or not _protest(call, after.span.start_ms, params):
            continue
        drafts += uncertain("坐席紧接着客户的话开口，客户随后表示没说完", heard(after))
    return tuple(drafts)


def _evidence(call: Call, span: Span) -> Evidence:
    speaking: list[Utterance] = [
        u for u in call.by_role(Role.AGENT) if u.span.overlap_ms(Span(span.start_ms, span.end_ms))
    ]
    if not speaking:
        return Evidence(span, Role.AGENT)
    return heard(max(speaking, key=lambda u: u.span.overlap_ms(span)), span)


KINDS: tuple[Kind, ...] = (Kind("agent_interrupts", InterruptsParams, by_agent(_interrupts)),)
