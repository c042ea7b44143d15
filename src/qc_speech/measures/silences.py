"""Stretches in which nobody speaks, and why; where speech ends."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from qc_speech.measures.floor_words import FloorLexicon
from qc_speech.measures.frames import BLOCK_MS, SILENT_DB, Sound, decibels, speech_mask
from qc_speech.model import Call, Role, Silence, Span, Turn

LEAST_MS = 2000
NOT_THE_AGENT = ("customer_search", "customer_thinks")  # causes that no agent answers for
_SOUNDS_DB = 12  # over the noise floor: music or a voice, not line noise
_MUSIC_SHARE = 0.7  # music sounds nearly all the time, speech does not
_DEAD_DB = 15  # under the line's own noise: nothing comes from the other end
_FOR_ME = re.compile("(帮|给|替|为)我")  # 帮我查一下 asks the agent to search
_BLIP_MS = 400  # a shorter sound without words is no speech
_NEAR_MS = 150  # next to a turn there may be speech
_PAUSES_MS = 500  # of pauses, to know the line's noise
_EDGE_MS = 300  # of a silence: the end of a word
_REACH_MS = 400  # the sound of a turn may outlast what the detector found by this
_SUSTAINED = 5  # blocks around one, of which most must sound
_LAST_MS = 10_000  # the last word is looked for in this much before the last turn's end
_BEFORE_MS = 12_000  # words this long before a silence may announce it
_BEHIND_MS = 3_000  # the first words after it


def silences(
    call: Call,
    words: FloorLexicon,
    sound: Sound | None,
    least_ms: int = LEAST_MS,
) -> tuple[Silence, ...]:
    """Silences of at least `least_ms` with their cause, the ones before the first and after the
    last word too."""
    found: list[Silence] = []
    reached, last = 0, None
    for turn in sorted(_spoken(call, sound), key=lambda turn: turn.span):
        if turn.span.start_ms - reached >= least_ms:
            found.append(_silence(call, (reached, turn.span.start_ms), (last, turn), words, sound))
        if turn.span.end_ms >= reached:
            reached, last = turn.span.end_ms, turn
    duration_ms = call.recording.duration_ms
    if duration_ms - reached >= least_ms:
        found.append(_silence(call, (reached, duration_ms), (last, None), words, sound))
    return tuple(found)


def _spoken(call: Call, sound: Sound | None) -> list[Turn]:
    """Turns that break a silence: with words in them, or long and louder than the line's noise. A
    click, a cough or the noise itself, taken for a voice, breaks none."""
    return [
        turn
        for turn in call.turns
        if _has_words(call, turn)
        or (turn.span.duration_ms >= _BLIP_MS and (sound is None or _sounds(turn, sound)))
    ]


def _has_words(call: Call, turn: Turn) -> bool:
    near = Span(max(0, turn.span.start_ms - _NEAR_MS), turn.span.end_ms + _NEAR_MS)
    return any(
        near.overlap_ms(word.span)
        for utterance in call.utterances
        if utterance.speaker == turn.speaker and utterance.span.overlap_ms(near)
        for word in utterance.words
    )


def _sounds(turn: Turn, sound: Sound) -> bool:
    row = sound.row(turn.speaker)
    levels = decibels(sound.blocks(turn.span, row))
    return bool(levels.size) and float(np.mean(levels > sound.floor_db[row] + 8)) > 0.2


def _silence(
    call: Call,
    edges: tuple[int, int],
    around: tuple[Turn | None, Turn | None],
    words: FloorLexicon,
    sound: Sound | None,
) -> Silence:
    span = Span(*edges)
    after, before = (None if turn is None else call.roles.of(turn.speaker) for turn in around)
    active = 0.0 if sound is None else _active(span, sound)
    silence = Silence(span, after, before, active <= 0.4)
    return replace(silence, cause=_cause(call, silence, active, words, sound))


def _active(span: Span, sound: Sound) -> float:
    """Share of a stretch in which something sounds, in the channel with more of it."""
    shares = [
        float(np.mean(levels > floor + _SOUNDS_DB))
        for row, floor in enumerate(sound.floor_db)
        if (levels := decibels(sound.blocks(_inner(span), row))).size
    ]
    return max(shares, default=0.0)


def _inner(span: Span) -> Span:
    start = min(span.start_ms + _EDGE_MS, span.end_ms)
    return Span(start, max(span.end_ms - _EDGE_MS, start))


def _cause(
    call: Call, silence: Silence, active: float, words: FloorLexicon, sound: Sound | None
) -> str:
    """Why nobody speaks: what the line carries, then what was said before, then whose turn it is
    (who was asked, or was told to wait, makes the silence)."""
    after, before = silence.after, silence.before
    if after is None or before is None:
        return "edge"
    if sound is not None and _dead(call, silence.span, sound):
        return "line_dead"
    if active > _MUSIC_SHARE:
        return "hold_music"
    if not silence.quiet:
        return "sound"
    before_it = Span(max(0, silence.span.start_ms - _BEFORE_MS), silence.span.start_ms)
    behind_it = Span(silence.span.end_ms, silence.span.end_ms + _BEHIND_MS)
    if after is Role.CUSTOMER and before is Role.CUSTOMER:
        said = _FOR_ME.sub("", _said(call, before_it, Role.CUSTOMER))
        return "customer_search" if words.says(words.customer_waits, said) else "agent_silent"
    agent = _said(call, before_it, Role.AGENT)
    if words.says(words.agent_waits, agent):
        return "agent_search"
    asked = after is Role.AGENT and words.says(words.asks, agent[-14:])
    calls_out = words.says(words.calls_out, _said(call, behind_it, before))
    if before is Role.AGENT:
        return "customer_thinks" if asked and calls_out else "agent_silent"
    if calls_out:
        return "agent_silent"
    return "customer_thinks" if asked else "unknown"


def _said(call: Call, window: Span, role: Role) -> str:
    """A role's words that begin in a stretch."""
    return "".join(
        word.text
        for utterance in call.by_role(role)
        if utterance.span.overlap_ms(window)
        for word in utterance.words
        if window.start_ms <= word.span.start_ms < window.end_ms
    )


def _dead(call: Call, span: Span, sound: Sound) -> bool:
    """No channel carries anything, not even the line's own noise."""
    shares = []
    for row in range(len(sound.power)):
        noise = line_noise_db(call, sound, row, span)
        levels = decibels(sound.blocks(_inner(span), row))
        if levels.size == 0 or noise is None or noise - _DEAD_DB <= SILENT_DB:
            return False
        shares.append(float(np.mean(levels < noise - _DEAD_DB)))
    return bool(shares) and min(shares) > 0.8


def line_noise_db(call: Call, sound: Sound, row: int, apart: Span) -> float | None:
    """Median level of a channel where nobody speaks, a stretch left out that it is compared with.
    Digital silence where the line is coded so; None without half a second of pauses."""
    quiet = ~speech_mask(call.turns, sound.power.shape[1], margin_ms=_NEAR_MS)
    quiet[apart.start_ms // BLOCK_MS : -(-apart.end_ms // BLOCK_MS)] = False
    if int(quiet.sum()) * BLOCK_MS < _PAUSES_MS:
        return None
    return float(np.median(decibels(sound.power[row][quiet])))


def last_speech_end(turns: tuple[Turn, ...], sound: Sound | None, duration_ms: int) -> int | None:
    """Where the last speech of anyone ends: the last sound in or near (±400 ms) a turn. A turn in
    which nothing sounds above the line's noise is none."""
    if not turns:
        return None
    end = min(duration_ms, max(turn.span.end_ms for turn in turns))
    if sound is None:
        return end
    first = max(0, end - _LAST_MS)
    last = -1
    for row, floor in enumerate(sound.floor_db):
        mask = speech_mask(turns, sound.power.shape[1], margin_ms=_REACH_MS)
        levels = decibels(sound.power[row])
        spoken = levels[mask]
        if spoken.size == 0:
            continue
        threshold = max(floor + 8, float(np.percentile(spoken, 90)) - 25)
        mask[: first // BLOCK_MS] = False
        loud = mask & (levels > threshold)
        held = np.convolve(loud, np.ones(_SUSTAINED), "same") > _SUSTAINED // 2
        on = np.flatnonzero(loud & held)  # a single block is noise
        if on.size:
            last = max(last, (int(on[-1]) + 1) * BLOCK_MS)
    return min(last, duration_ms) if last > 0 else end
