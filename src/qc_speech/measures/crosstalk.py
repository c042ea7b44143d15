"""What one channel carries of the other party: bleed, and channels out of step.

A voice that leaks into the other channel is the same wave, later and weaker; two people are not.
So the normalized cross-correlation of the waves tells an echo from an answer, and its lag tells
whether the recorder wrote the channels out of step: an effect cannot come before its cause.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qc_speech.measures.frames import Floats, Sound, decibels
from qc_speech.model import Call, Role, Span, Turn
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

_REACH_MS = 500  # echo delays of telephone lines (ITU-T G.131: talker echo) stay below
_SAME = 0.65  # correlation at which two waves are one
_LEAST_MS = 200  # shorter stretches correlate by chance
_PROMINENT = 8.0  # a peak over the other lags' spread
_STRETCHES = 6  # stretches of one voice to listen to for the lag
_STEP_MS = 20  # channels this far out of step are put right
_PER_MS = SAMPLE_RATE_HZ // 1000
_EACH = 2  # of the samples every second one: telephone sound ends at 4 kHz
_SIZE = 1 << 15  # of the transform: stretches of two seconds, and room for the lags
_LAGS = _REACH_MS * _PER_MS // _EACH


def is_bleed(call: Call, span: Span, first: Role, second: Role, sound: Sound) -> bool:
    """Whether what the second's channel holds in a stretch is only the first one's voice."""
    rows = {call.roles.of(turn.speaker): sound.row(turn.speaker) for turn in call.turns}
    source, into = rows[first], rows[second]
    if source == into:
        return False
    loud, weak = (float(decibels(sound.blocks(span, row).mean())) for row in (source, into))
    if weak >= loud:
        return False
    if span.duration_ms >= _LEAST_MS and _likeness(span, source, into, sound) >= _SAME:
        return True
    own = [
        float(decibels(sound.blocks(turn.span, into).mean()))
        for turn in call.role_turns(second)
        if turn.span.duration_ms >= 300
    ]
    return bool(own) and weak < loud - 15 and weak < float(np.median(own)) - 12


def _likeness(span: Span, source: int, into: int, sound: Sound) -> float:
    """Greatest correlation (0..1) of a stretch with the other channel a little before it."""
    early = Span(max(0, span.start_ms - _REACH_MS), span.end_ms)
    heard = sound.cut(span, into).astype(np.float64)
    said = sound.cut(early, source).astype(np.float64)
    if len(heard) < _LEAST_MS * _PER_MS or len(said) < len(heard):
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(said**2)])
    energy = total[len(heard) :] - total[: -len(heard)]
    product = _correlate(said, heard)[: len(energy)]
    norm = np.sqrt(np.maximum(energy * float(np.square(heard).sum()), 1e-12))
    return float(np.max(np.abs(product) / norm))


def _correlate(signal: Floats, part: Floats) -> Floats:
    """Inner products of `part` with `signal` at every whole place of it."""
    size = 1 << (len(signal) + len(part) - 1).bit_length()
    spectrum = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(part, size))
    return np.asarray(np.fft.irfft(spectrum, size)[: len(signal) - len(part) + 1])


def aligned(call: Call, turns: tuple[Turn, ...], sound: Sound | None) -> tuple[Call, int]:
    """The call with the customer's channel moved to the agent's clock, and by how many ms.

    0 where the channels are in step, or where nothing leaks by which one could know. Only what is
    impossible is put right (a voice in the other channel before it was said in its own): a late
    echo is the line's own delay, and the agent hears the customer when the recorder does.
    """
    if sound is None or len(sound.power) < 2:
        return replace(call, turns=turns), 0
    rows = {call.roles.of(turn.speaker): sound.row(turn.speaker) for turn in turns}
    if Role.AGENT not in rows or Role.CUSTOMER not in rows:
        return replace(call, turns=turns), 0
    shift = 0
    for mine, other, sign in (
        (Role.AGENT, Role.CUSTOMER, 1),
        (Role.CUSTOMER, Role.AGENT, -1),
    ):
        lag = bleed_lag_ms(call, turns, (mine, other), sound)
        if lag is not None and lag < -_STEP_MS and abs(lag) > abs(shift):
            shift = -sign * lag
    if not shift:
        return replace(call, turns=turns), 0
    return _moved(call, turns, shift), shift


def bleed_lag_ms(
    call: Call, turns: tuple[Turn, ...], roles: tuple[Role, Role], sound: Sound
) -> int | None:
    """How much later the first role's voice is heard in the second's channel; None: not heard."""
    mine = [turn for turn in turns if call.roles.of(turn.speaker) is roles[0]]
    others = [turn.span for turn in turns if call.roles.of(turn.speaker) is roles[1]]
    if not mine or not others:
        return None
    into = next(
        sound.row(turn.speaker) for turn in turns if call.roles.of(turn.speaker) is roles[1]
    )
    alone = sorted(
        (turn for turn in mine if not any(turn.span.overlap_ms(span) for span in others)),
        key=lambda turn: -turn.span.duration_ms,
    )
    sums = np.zeros(2 * _LAGS + 1)
    for turn in alone[:_STRETCHES]:
        sums += _lagged(*(sound.cut(turn.span, row) for row in (sound.row(turn.speaker), into)))
    if not sums.any():
        return None
    peak = int(np.argmax(np.abs(sums)))
    if abs(sums[peak]) < _PROMINENT * float(np.median(np.abs(sums))):
        return None
    return round((peak - _LAGS) * _EACH / _PER_MS)


def _lagged(said: Samples, heard: Samples) -> Floats:
    """Normalized correlation of two channels at lags of -_LAGS.._LAGS samples, at 8 kHz."""
    one, two = (part[::_EACH][: _SIZE // 2].astype(np.float64) for part in (said, heard))
    if len(one) < SAMPLE_RATE_HZ // _EACH or len(one) != len(two):
        return np.zeros(2 * _LAGS + 1)
    cross = np.fft.irfft(np.conj(np.fft.rfft(one, _SIZE)) * np.fft.rfft(two, _SIZE), _SIZE)
    norm = max(float(np.sqrt(np.square(one).sum() * np.square(two).sum())), 1e-9)
    return np.asarray(np.concatenate([cross[-_LAGS:], cross[: _LAGS + 1]]) / norm)


def _moved(call: Call, turns: tuple[Turn, ...], shift: int) -> Call:
    """The customer's turns and words `shift` ms later (earlier when negative)."""

    def move(span: Span) -> Span:
        return Span(max(0, span.start_ms + shift), max(0, span.end_ms + shift))

    return replace(
        call,
        turns=tuple(
            replace(turn, span=move(turn.span))
            if call.roles.of(turn.speaker) is Role.CUSTOMER
            else turn
            for turn in turns
        ),
        utterances=tuple(
            replace(
                utterance,
                span=move(utterance.span),
                words=tuple(replace(word, span=move(word.span)) for word in utterance.words),
            )
            if utterance.role is Role.CUSTOMER
            else utterance
            for utterance in call.utterances
        ),
    )
