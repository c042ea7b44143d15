"""Who came in while the other spoke, and whether it was an interruption or a listener's "mm"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qc_speech.measures.frames import Sound, decibels
from qc_speech.measures.lexicon import SpeechLexicons
from qc_speech.model import Call, Overlap, Role, Span, Turn

_JOIN_MS = 400  # pauses within one stretch of talk
_TOGETHER_MS = 400  # who started this much earlier does not yet hold the floor
_SHORT_MS = 1200  # a listener's signal is not longer
_LISTENER_MS = 1800  # ... unless it is nothing but listener's words
_SLIP_MS = 950  # too short to take the floor, whatever was said
_AGAIN_MS = 1500  # the floor is taken up again within this
_DROP_MS = 100  # shorter overlaps are the edges of turns
_EVEN_MS = 350  # overlap at which a clash is as likely an untimely start as a smooth change
_SLOPE_MS = {True: 70.0, False: 110.0}  # by whether each party has its own channel
_PARTICLES = "吗呢吧嘛啊呀哦啦"


@dataclass(frozen=True)
class _Talk:
    """Connected talk of one role, with what was heard in it."""

    span: Span
    role: Role
    text: str


def overlaps(
    call: Call, turns: tuple[Turn, ...], lexicons: SpeechLexicons, sound: Sound | None
) -> tuple[Overlap, ...]:
    """Every stretch in which one party came in while the other was speaking, judged.

    `turns` are the call's turns, with sharpened ends where there are any.
    """
    sides = {
        Role.AGENT: _talks(call, turns, Role.AGENT, Role.CUSTOMER),
        Role.CUSTOMER: _talks(call, turns, Role.CUSTOMER, Role.AGENT),
    }
    found: list[Overlap] = []
    for first, second in ((Role.AGENT, Role.CUSTOMER), (Role.CUSTOMER, Role.AGENT)):
        for holder in sides[first]:
            for comer in sides[second]:
                if not holder.span.start_ms < comer.span.start_ms < holder.span.end_ms:
                    continue
                span = holder.span & comer.span
                if span is None or span.duration_ms < _DROP_MS:
                    continue
                if sound is not None and _is_echo(call, span, first, second, sound):
                    continue
                found.append(_judge(call, span, holder, comer, sides, lexicons))
    return tuple(sorted(found, key=lambda overlap: overlap.span))


def _talks(call: Call, turns: Sequence[Turn], role: Role, other: Role) -> tuple[_Talk, ...]:
    own = sorted(turn.span for turn in turns if call.roles.of(turn.speaker) is role)
    starts = [turn.span.start_ms for turn in turns if call.roles.of(turn.speaker) is other]
    joined: list[Span] = []
    for span in own:
        last = joined[-1] if joined else None
        if last and (
            span.start_ms <= last.end_ms
            or (
                span.start_ms - last.end_ms <= _JOIN_MS
                and not any(last.end_ms <= start < span.start_ms for start in starts)
            )
        ):
            joined[-1] = Span(last.start_ms, max(last.end_ms, span.end_ms))
        else:
            joined.append(span)
    return tuple(_Talk(span, role, _heard(call, span, role)) for span in joined)


def _heard(call: Call, span: Span, role: Role) -> str:
    """The words of a role whose middle lies in the span."""
    return "".join(
        word.text
        for utterance in call.utterances
        if utterance.role is role and utterance.span.overlap_ms(span)
        for word in utterance.words
        if span.start_ms <= (word.span.start_ms + word.span.end_ms) // 2 < span.end_ms
    )


def _is_echo(call: Call, span: Span, first: Role, second: Role, sound: Sound) -> bool:
    """The second voice is the first leaking into the second's channel: far below both."""
    rows = {call.roles.of(turn.speaker): sound.row(turn.speaker) for turn in call.turns}
    if rows[first] == rows[second]:
        return False
    level = {row: float(decibels(sound.blocks(span, row).mean())) for row in set(rows.values())}
    own = [
        float(decibels(sound.blocks(turn.span, rows[second]).mean()))
        for turn in call.role_turns(second)
        if turn.span.duration_ms >= 300
    ]
    far_below_other = level[rows[second]] < level[rows[first]] - 15
    return bool(own) and far_below_other and level[rows[second]] < float(np.median(own)) - 12


def _judge(
    call: Call,
    span: Span,
    holder: _Talk,
    comer: _Talk,
    sides: dict[Role, tuple[_Talk, ...]],
    lexicons: SpeechLexicons,
) -> Overlap:
    again = _resumes(holder, comer, sides)
    kind, confidence = _kind(call, span, holder, comer, sides, lexicons, again)
    yielded = holder.span.end_ms - comer.span.start_ms <= 800 and comer.span.end_ms > (
        holder.span.end_ms
    )
    return Overlap(
        span,
        holder.role,
        comer.role,
        kind,
        round(confidence, 3),
        yielded and kind == "interruption",
        comer.span.duration_ms,
    )


def _kind(
    call: Call,
    span: Span,
    holder: _Talk,
    comer: _Talk,
    sides: dict[Role, tuple[_Talk, ...]],
    lexicons: SpeechLexicons,
    again: bool,
) -> tuple[str, float]:
    talk = comer.span.duration_ms
    cutting = lexicons.is_cut_in(comer.text)
    if not cutting:
        if talk <= _LISTENER_MS and lexicons.is_backchannel(comer.text):
            return "backchannel", 0.95 if talk <= _SHORT_MS else 0.85
        if talk <= _SHORT_MS and again:
            return "backchannel", 0.8
        if talk <= _SLIP_MS:
            return "backchannel", 0.65
    held = comer.span.start_ms - holder.span.start_ms
    if held < _TOGETHER_MS:
        return "overlap", 0.8
    if holder.span.duration_ms <= _SHORT_MS and lexicons.is_backchannel(holder.text):
        return "overlap", 0.85  # the holder was only listening aloud
    if _takes_back(holder, comer, sides[comer.role]):
        return "overlap", 0.7
    return _clash(call, span, holder, comer, again, cutting)


def _clash(
    call: Call, span: Span, holder: _Talk, comer: _Talk, again: bool, cutting: bool
) -> tuple[str, float]:
    """An interruption, or a start a little too early where the other was ending anyway."""
    odds = (span.duration_ms - _EVEN_MS) / _SLOPE_MS[call.recording.channels == 2]
    if holder.text[-1:] in _PARTICLES and holder.text and span.duration_ms < 500:
        odds -= 0.6  # the sentence was finished
    if again:
        odds += 0.5  # it was not: the holder goes on
    if cutting:
        odds += 1.0
    if comer.span.duration_ms <= _SHORT_MS:
        odds -= 0.6
    probability = 1 / (1 + math.exp(-odds))
    if probability >= 0.5:
        return "interruption", min(probability, 0.97)
    return "overlap", min(1 - probability, 0.97)


def _resumes(holder: _Talk, comer: _Talk, sides: dict[Role, tuple[_Talk, ...]]) -> bool:
    """The holder talks through, or takes the floor up again before the comer speaks again."""
    end = comer.span.end_ms
    if holder.span.end_ms - end >= 250:
        return True
    following = [t.span.start_ms for t in sides[holder.role] if t.span.start_ms > end - 100]
    own = [t.span.start_ms for t in sides[comer.role] if t.span.start_ms > end]
    return (
        bool(following) and following[0] - end <= _AGAIN_MS and (not own or following[0] < own[0])
    )


def _takes_back(holder: _Talk, comer: _Talk, own: tuple[_Talk, ...]) -> bool:
    """The comer was speaking when the holder came in, and only goes on."""
    return any(
        earlier.span.start_ms < holder.span.start_ms < earlier.span.end_ms
        and comer.span.start_ms - earlier.span.end_ms <= _AGAIN_MS
        and holder.span.end_ms - earlier.span.end_ms <= 3 * _AGAIN_MS
        for earlier in own
        if earlier.span.end_ms <= comer.span.start_ms
    )
