"""Who ended the call: the last words, how soon the line closed, which channel fell silent."""

from __future__ import annotations

import numpy as np

from qc_speech.measures.floor_words import FloorLexicon
from qc_speech.measures.frames import BLOCK_MS, SILENT_DB, Floats, Sound, decibels
from qc_speech.measures.silences import line_noise_db
from qc_speech.measures.tones import busy_tone
from qc_speech.model import Call, HangUp, Role, Span, Utterance

_DROP_DB = 12  # a line that is cut loses its noise
_DROP_LEAST_MS = 150
_WINDOW_MS = 20  # the noise of a pause is judged over this
_AT_ONCE_MS = 300  # nobody reacts to another's last word faster and hangs up


def hang_up(call: Call, end_ms: int | None, words: FloorLexicon, sound: Sound | None) -> HangUp:
    """Who hung up, as far as the recording shows; `by` None: it does not.

    In order of proof: a busy tone or one channel going dead before the other (the far end left),
    a customer who says that he is leaving, and a recording that ends in or right behind somebody's
    words (the other one cut it).
    """
    if end_ms is None:
        return HangUp(None, 0.0, "no_speech", None)
    duration = call.recording.duration_ms
    last = max(call.turns, key=lambda turn: turn.span.end_ms)
    role = call.roles.of(last.speaker)
    said = _last_words(call, role)
    if sound is not None:
        left = _left_first(call, sound, end_ms)
        if left is not None:
            return HangUp(left, 0.85, "line_dropped", role)
        if busy_tone(sound.samples, Span(end_ms, duration)):
            return HangUp(Role.CUSTOMER, 0.85, "busy_tone", role)
    if role is Role.CUSTOMER and _takes_leave(call, said, words):
        return HangUp(Role.CUSTOMER, 0.6, "said_so", role)
    if duration - end_ms < _AT_ONCE_MS and role in (Role.AGENT, Role.CUSTOMER):
        other = Role.CUSTOMER if role is Role.AGENT else Role.AGENT
        return HangUp(other, 0.7, "cut_at_once", role)
    return HangUp(None, 0.0, "not_shown", role)


def _takes_leave(call: Call, said: str, words: FloorLexicon) -> bool:
    """The customer says that he hangs up, or says goodbye to an agent who did not."""
    if words.says(words.leaves, said):
        return True
    agent = _last_words(call, Role.AGENT)
    return words.says(words.goodbyes, said) and not words.says(words.goodbyes, agent)


def _last_words(call: Call, role: Role) -> str:
    """The end of what a role said last: its last two utterances."""
    own: tuple[Utterance, ...] = call.by_role(role)
    return "".join(utterance.text for utterance in own[-2:])[-24:]


def _left_first(call: Call, sound: Sound, end_ms: int) -> Role | None:
    """The party whose own channel loses its noise before the other's does, after the last word."""
    if len(sound.power) < 2:
        return None
    roles = {sound.row(turn.speaker): call.roles.of(turn.speaker) for turn in call.turns}
    span = Span(min(end_ms + 50, call.recording.duration_ms), call.recording.duration_ms)
    gone = [row for row in roles if _goes_dead(call, sound, span, row)]
    return roles[gone[0]] if len(gone) == 1 else None


def _goes_dead(call: Call, sound: Sound, span: Span, row: int) -> bool:
    """Whether a channel loses its noise in a stretch and stays without it to the end."""
    noise = line_noise_db(call, sound, row, span)
    if noise is None or noise - _DROP_DB <= SILENT_DB:
        return False  # a line without noise cannot lose it
    alive = np.flatnonzero(_smooth(decibels(sound.blocks(span, row))) >= noise - _DROP_DB)
    since = 0 if alive.size == 0 else int(alive[-1]) + 1
    return span.duration_ms - since * BLOCK_MS >= _DROP_LEAST_MS


def _smooth(levels: Floats) -> Floats:
    width = _WINDOW_MS // BLOCK_MS
    if len(levels) < width:
        return levels
    return np.asarray(np.convolve(levels, np.ones(width) / width, "same"))
