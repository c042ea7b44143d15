"""The check that the agent lets the customer finish."""

from __future__ import annotations

import pydantic

from qc_speech.model import Call, Evidence, Overlap, Role, Span
from qc_speech.rules.kind import Context, Draft, Kind, Params
from qc_speech.rules.verdict import by_agent, heard, judged, passed, seconds

_BLAMELESS = ("start_up", "resumption", "completion", "listener")
_AT_MOST = 0.5  # what is nobody's fault by its form is at most a question
_PLACE_MS = 600  # the moment of a silent interruption is shown with this much after it


class InterruptsParams(Params):
    merge_seconds: float = pydantic.Field(default=1.5, ge=0)  # clashes this near are one
    protest_seconds: float = pydantic.Field(default=12, ge=0)  # "let me finish" within this
    protests: tuple[str, ...] = ()  # besides those of lexicons/floor.yaml


def _interrupts(ctx: Context, params: InterruptsParams) -> tuple[Draft, ...]:
    drafts: list[Draft] = []
    counted: list[Overlap] = []
    for overlap in _by_agent(ctx):
        draft = _draft(ctx, overlap, params)
        if draft is None or _same(overlap, counted, params):
            continue
        counted.append(overlap)
        drafts.append(draft)
    if drafts:
        return tuple(drafts)
    listening = sum(
        overlap.kind == "backchannel"
        for overlap in ctx.measures.overlaps
        if overlap.second is Role.AGENT
    )
    return passed(f"没有打断客户；客户讲话时的附和 {listening} 次，不算打断")


def _by_agent(ctx: Context) -> list[Overlap]:
    """Where the agent came in while the customer had the floor, in order of time."""
    silent = ctx.measures.floor.silent if ctx.measures.floor else ()
    found = [
        overlap
        for overlap in (*ctx.measures.overlaps, *silent)
        if overlap.second is Role.AGENT and overlap.first is Role.CUSTOMER
    ]
    return sorted(found, key=lambda overlap: overlap.span)


def _draft(ctx: Context, overlap: Overlap, params: InterruptsParams) -> Draft | None:
    if overlap.kind == "backchannel":
        return None
    probability = overlap.confidence if overlap.kind == "interruption" else 1 - overlap.confidence
    reason = _reason(overlap)
    if _protest(ctx, overlap.span.start_ms, params):
        if overlap.form != "silent":  # there it is counted already
            probability += (1 - probability) / 2
        reason += "，客户随后表示没说完"
    if overlap.form in _BLAMELESS:
        probability = min(probability, _AT_MOST)
    return judged(probability, reason, _evidence(ctx.call, overlap.span))


def _reason(overlap: Overlap) -> str:
    together = f"两人同时说话 {seconds(overlap.span.duration_ms)} 秒"
    if overlap.form == "silent":
        return "客户的话停在半句，坐席紧接着开口"
    if overlap.form == "butting_in":
        return f"客户正在说话，坐席插话，{together}，客户没有停"
    reason = f"客户话未说完坐席开口，{together}"
    return reason + "，客户被迫停下" if overlap.yielded else reason


def _same(overlap: Overlap, counted: list[Overlap], params: InterruptsParams) -> bool:
    return bool(counted) and (
        overlap.span.start_ms - counted[-1].span.end_ms < params.merge_seconds * 1000
    )


def _protest(ctx: Context, since_ms: int, params: InterruptsParams) -> bool:
    until = since_ms + params.protest_seconds * 1000
    words = ctx.lexicons.speech.floor
    return any(
        words.says((*words.protests, *params.protests), utterance.text)
        for utterance in ctx.call.by_role(Role.CUSTOMER)
        if since_ms + 500 <= utterance.span.start_ms <= until
    )


def _evidence(call: Call, span: Span) -> Evidence:
    place = Span(span.start_ms, max(span.end_ms, span.start_ms + _PLACE_MS))
    speaking = [u for u in call.by_role(Role.AGENT) if u.span.overlap_ms(place)]
    shown = span if span.duration_ms else place
    if not speaking:
        return Evidence(shown, Role.AGENT)
    return heard(max(speaking, key=lambda u: u.span.overlap_ms(place)), shown)


KINDS: tuple[Kind, ...] = (Kind("agent_interrupts", InterruptsParams, by_agent(_interrupts)),)
