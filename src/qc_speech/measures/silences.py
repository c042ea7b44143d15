"""Stretches in which nobody speaks."""

from __future__ import annotations

import numpy as np

from qc_speech.measures.frames import Sound, decibels
from qc_speech.model import Role, RoleGuess, Silence, Span, Turn

LEAST_MS = 2000
_SOUNDS_DB = 12  # over the noise floor: music or a voice, not line noise


def silences(
    turns: tuple[Turn, ...],
    roles: RoleGuess,
    duration_ms: int,
    sound: Sound | None,
    least_ms: int = LEAST_MS,
) -> tuple[Silence, ...]:
    """Silences of at least `least_ms`, the ones before the first and after the last word too."""
    found: list[Silence] = []
    reached, last = 0, None
    for turn in sorted(turns, key=lambda turn: turn.span):
        if turn.span.start_ms - reached >= least_ms:
            found.append(_silence(reached, turn.span.start_ms, last, turn, roles, sound))
        if turn.span.end_ms >= reached:
            reached, last = turn.span.end_ms, turn
    if duration_ms - reached >= least_ms:
        found.append(_silence(reached, duration_ms, last, None, roles, sound))
    return tuple(found)


def _silence(
    start: int,
    end: int,
    last: Turn | None,
    following: Turn | None,
    roles: RoleGuess,
    sound: Sound | None,
) -> Silence:
    span = Span(start, end)
    after = None if last is None else roles.of(last.speaker)
    before = None if following is None else roles.of(following.speaker)
    return Silence(span, after, before, sound is None or _quiet(span, sound))


def _quiet(span: Span, sound: Sound) -> bool:
    inner = Span(min(span.start_ms + 300, span.end_ms), max(span.end_ms - 300, span.start_ms + 300))
    for row, floor in enumerate(sound.floor_db):
        levels = decibels(sound.blocks(inner, row))
        if levels.size and float(np.mean(levels > floor + _SOUNDS_DB)) > 0.4:
            return False
    return True


def last_speech_end(turns: tuple[Turn, ...], sound: Sound | None, duration_ms: int) -> int | None:
    """Where the last speech of anyone ends, moved to where its sound dies (±400 ms)."""
    if not turns:
        return None
    end = min(duration_ms, max(turn.span.end_ms for turn in turns))
    if sound is None:
        return end
    near = Span(max(0, end - 400), min(duration_ms, end + 400))
    last = near.start_ms
    for row, floor in enumerate(sound.floor_db):
        levels = decibels(sound.blocks(near, row))
        spoken = decibels(sound.blocks(Span(max(0, end - 2000), near.end_ms), row))
        if spoken.size == 0:
            continue
        threshold = max(floor + 8, float(np.percentile(spoken, 90)) - 25)
        on = np.flatnonzero(levels > threshold)
        if on.size:
            last = max(last, near.start_ms + (int(on[-1]) + 1) * 10)
    return min(last, duration_ms) if last > near.start_ms else end


def last_speaker(turns: tuple[Turn, ...], roles: RoleGuess) -> Role | None:
    """The role whose turn ends last."""
    if not turns:
        return None
    return roles.of(max(turns, key=lambda turn: turn.span.end_ms).speaker)
