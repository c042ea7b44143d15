"""A clip as sound and words, from its call's result and recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from qc_speech.clips import redaction, sound
from qc_speech.clips.cutting import Cut, cut, settle
from qc_speech.clips.guard import Secret, secrets
from qc_speech.clips.redaction import Checked
from qc_speech.clips.values import Hidden, Recipe, RedactionReport, Rendered
from qc_speech.model import Call, CallResult, Chunk, Role, Span
from qc_speech.ports import SAMPLE_RATE_HZ, Audio, Passage, Samples, Transcriber

# What could remain although nothing was made out when the clip was heard again.
REMAINS = {
    "not_heard_again": "nobody and nothing has listened to the result",
    "voices": "the voices themselves: disguise them where people might know them",
    "agent": "the agent's own name and number",
    "still_heard": "something personal is still made out: do not use the clip",
}


@dataclass(frozen=True)
class Hearing:
    """A recognizer and what finds speech for it: how a clip is heard again."""

    transcriber: Callable[[], Transcriber]
    speech_spans: Callable[[Samples], tuple[Span, ...]]


@dataclass(frozen=True)
class Piece:
    """A stretch of a call on its way to a clip. rows: one for each party or one for both; times of
    `span`, `speech` and `pitch` are those of the call."""

    call: Call
    recipe: Recipe
    span: Span
    rows: Samples
    roles: tuple[Role | None, ...]  # of each row; None: both
    focus: tuple[Span, ...]


def piece(result: CallResult, audio: Audio, focus: Span, role: Role | None, r: Recipe) -> Piece:
    """Cut a clip about `focus` out of a call. Raises nothing: an odd focus gives an odd clip."""
    call = result.call
    rows, roles = _audible(call, audio.samples, r)
    found = cut(call, focus, role, r)
    span = settle(rows, found.span, found.room)
    start, end = sound.index(span.start_ms), sound.index(span.end_ms)
    return Piece(call, r, span, rows[:, start:end], roles, _focus_spans(found, focus))


def whole(result: CallResult, audio: Audio, recipe: Recipe) -> Piece:
    """The whole call as a piece."""
    rows, roles = _audible(result.call, audio.samples, recipe)
    span = Span(0, round(rows.shape[1] * 1000 / SAMPLE_RATE_HZ))
    return Piece(result.call, recipe, span, rows, roles, ())


def _focus_spans(found: Cut, focus: Span) -> tuple[Span, ...]:
    return tuple(found.sentences[at].span for at in sorted(found.focus)) or (focus,)


def _audible(
    call: Call, samples: Samples, recipe: Recipe
) -> tuple[Samples, tuple[Role | None, ...]]:
    """The rows that may be heard. Of a mixed recording one party alone is what is left when the
    turns in which only others speak are silent."""
    if len(samples) == 2:
        roles = tuple(call.roles.of(f"ch{n}") for n in range(2))
        chosen = [n for n in range(2) if recipe.hears(roles[n])] or [0, 1]
        return samples[chosen], tuple(roles[n] for n in chosen)
    if recipe.parties == "both":
        return samples, (None,)
    keep = np.zeros(samples.shape[1], bool)
    for turn in call.turns:
        if recipe.hears(call.roles.of(turn.speaker)):
            start = max(0, turn.span.start_ms - 150)
            keep[sound.index(start) : sound.index(turn.span.end_ms + 150)] = True
    return np.where(keep, samples, np.float32(0.0)), (None,)


def reheard(piece_: Piece, hidden: Sequence[Secret], hearing: Hearing) -> Checked:
    """Hear the piece until nothing personal is left in it (redaction.check)."""

    def hear(silent: Sequence[Span]) -> tuple[Chunk, ...]:
        rows = sound.hide(piece_.rows, [(_from(piece_, s), "mute") for s in silent])
        passages = []
        for n, row in enumerate(rows):
            spans = hearing.speech_spans(row)
            if spans:
                passages.append(Passage(row, spans, _channel(piece_, n)))
        if not passages:
            return ()
        heard = hearing.transcriber().transcribe(passages)
        return tuple(_moved(chunk, piece_.span.start_ms) for chunks in heard for chunk in chunks)

    return redaction.check(piece_.call, piece_.span, hidden, hear)


def _channel(piece_: Piece, row: int) -> int | None:
    if piece_.call.recording.channels != 2:
        return None
    names = [n for n in range(2) if piece_.call.roles.of(f"ch{n}") is piece_.roles[row]]
    return names[0] if len(names) == 1 else row


def _from(piece_: Piece, span: Span) -> Span:
    """A span of the call as one of the piece."""
    shift, end = piece_.span.start_ms, piece_.span.duration_ms
    start = min(max(0, span.start_ms - shift), end)
    return Span(start, max(start, min(end, span.end_ms - shift)))


def _moved(chunk: Chunk, by_ms: int) -> Chunk:
    def move(span: Span) -> Span:
        return Span(span.start_ms + by_ms, span.end_ms + by_ms)

    words = tuple(replace(word, span=move(word.span)) for word in chunk.words)
    return replace(chunk, span=move(chunk.span), words=words)


def finish(
    piece_: Piece,
    hidden: Sequence[Hidden],
    rounds: int,
    clean: bool,
    pitch: dict[Role, float | None],
    *,
    apart: bool = False,
) -> Rendered:
    """Hide, disguise, level, mix, slow down, beep, fade. apart: keep one row for each party."""
    recipe, speed = piece_.recipe, piece_.recipe.speed
    places = [(_from(piece_, one.span), one.how) for one in hidden]
    rows = sound.hide(piece_.rows, [(place, "mute") for place, _ in places])
    rows = np.stack([_voiced(piece_, n, row, pitch) for n, row in enumerate(rows)])
    rows = np.stack([sound.levelled(row, _speech(piece_, n, places)) for n, row in enumerate(rows)])
    out = sound.within(rows) if apart else sound.mixed(rows)
    out = sound.stretched(out, speed)
    slow = [(_scaled(place, speed), how) for place, how in places]
    out = sound.faded(sound.hide(out, slow))
    said = redaction.lines(piece_.call, piece_.span, hidden, recipe, piece_.focus)
    said = tuple(replace(line, span=_scaled(line.span, speed)) for line in said)
    shown = tuple(replace(one, span=span) for one, (span, _) in zip(hidden, slow))
    report = RedactionReport(shown, rounds, clean, _notes(recipe, rounds, clean))
    return Rendered(out, piece_.span, said, report)


def _notes(recipe: Recipe, rounds: int, clean: bool) -> tuple[str, ...]:
    notes = [] if rounds or not recipe.redact else ["not_heard_again"]
    if rounds and not clean:
        notes.append("still_heard")
    if not {Role.AGENT, Role.CUSTOMER} <= set(recipe.disguise):
        notes.append("voices")
    if not recipe.agent_too:
        notes.append("agent")
    return tuple(notes)


def _scaled(span: Span, speed: float) -> Span:
    return Span(round(span.start_ms / speed), round(span.end_ms / speed))


def _voiced(piece_: Piece, n: int, row: Samples, pitch: dict[Role, float | None]) -> Samples:
    """A row with the voices changed that the recipe asks for; in a mixed row in their turns."""
    for role in piece_.recipe.disguise:
        if piece_.roles[n] is role:
            return sound.disguised(row, pitch.get(role))
        if piece_.roles[n] is None:
            other = sound.disguised(row, pitch.get(role))
            row = np.where(_turn_mask(piece_, role, len(row)), other, row)
    return row


def _turn_mask(piece_: Piece, role: Role, size: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(size, bool)
    for span in _turns_of(piece_, role):
        mask[sound.index(span.start_ms) : sound.index(span.end_ms)] = True
    return mask


def _turns_of(piece_: Piece, role: Role | None) -> list[Span]:
    """A party's turns inside the piece with 150 ms around them (None: everybody's)."""
    call = piece_.call
    found = []
    for turn in call.turns:
        if role is None or call.roles.of(turn.speaker) is role:
            wide = Span(max(0, turn.span.start_ms - 150), turn.span.end_ms + 150)
            if wide & piece_.span:
                found.append(_from(piece_, wide))
    return found


def _speech(piece_: Piece, n: int, hidden: Sequence[tuple[Span, str]]) -> list[Span]:
    """Where a row's party speaks and is heard: what its loudness is measured over."""
    free = []
    for span in _turns_of(piece_, piece_.roles[n]):
        at = span.start_ms
        for place, _ in sorted(hidden):
            if place.end_ms > at and place.start_ms < span.end_ms:
                free.append((at, place.start_ms))
                at = place.end_ms
        free.append((at, span.end_ms))
    return [Span(start, end) for start, end in free if end > start]


def render(
    result: CallResult,
    audio: Audio,
    focus: Span,
    role: Role | None,
    recipe: Recipe,
    hearing: Hearing | None = None,
) -> Rendered:
    """A clip about `focus`; heard again where there is a `hearing` (else its report says so)."""
    part = piece(result, audio, focus, role, recipe)
    return _rendered(result, part, hearing)


def render_call(
    result: CallResult, audio: Audio, recipe: Recipe, hearing: Hearing | None = None
) -> Rendered:
    """A whole call, parties apart."""
    return _rendered(result, whole(result, audio, recipe), hearing, apart=True)


def _rendered(
    result: CallResult, part: Piece, hearing: Hearing | None, *, apart: bool = False
) -> Rendered:
    found = secrets(result, part.recipe) if part.recipe.redact else ()
    done = Checked(found, 0, False)
    if hearing is not None and part.recipe.redact:
        done = reheard(part, found, hearing)
    hidden = redaction.stretches(done.hidden, part.span)
    return finish(part, hidden, done.rounds, done.clean, pitches(result), apart=apart)


def pitches(result: CallResult) -> dict[Role, float | None]:
    return {party.role: party.pitch_hz for party in result.measures.parties}
