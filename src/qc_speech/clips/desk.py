"""A trainer's desk: from what was found to sound, and the library's clips checked by hearing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qc_speech import audio as audio_files
from qc_speech.clips import library, redaction, rendering
from qc_speech.clips.guard import Secret, secrets
from qc_speech.clips.rendering import Hearing
from qc_speech.clips.values import Clip, Example, Recipe, Rendered
from qc_speech.errors import AudioError, QcError
from qc_speech.model import CallResult
from qc_speech.ports import Audio
from qc_speech.publish import SOURCE_STAGE
from qc_speech.store import SqlStore


class RecordingGone(QcError):
    """A call, or its recording, is not there any more; the message says what to do."""


@dataclass(frozen=True)
class CheckedClip:
    """What hearing a clip again came to. problem: why it could not be checked."""

    clip: Clip
    state: str
    rounds: int = 0
    problem: str = ""


def source(store: SqlStore, call_id: str) -> tuple[CallResult, Path]:
    """A call's result and where its recording lies. Raises RecordingGone."""
    result = store.result(call_id)
    if result is None:
        raise RecordingGone(f"call {call_id}: not in the store any more; choose another example")
    kept = store.stage(result.call.recording.id, SOURCE_STAGE, call_id)
    path = Path(kept["path"]) if kept else None
    if path is None or not path.is_file():
        raise RecordingGone(
            f"call {call_id}: its recording is not where it was; put it back or inspect it again"
        )
    return result, path


def load(store: SqlStore, call_id: str) -> tuple[CallResult, Audio]:
    """A call's result and sound, refused when the file is not the one that was inspected."""
    result, path = source(store, call_id)
    sound = audio_files.load(path, result.call.recording.metadata)
    if sound.recording.id != result.call.recording.id:
        raise AudioError(f"{path.name}: is not the recording that was inspected; inspect it again")
    return result, sound


def hear(
    store: SqlStore, example: Example, recipe: Recipe, hearing: Hearing | None = None
) -> Rendered:
    """An example at once, without the library."""
    result, sound = load(store, example.call_id)
    return rendering.render(result, sound, example.span, example.role, recipe, hearing)


def hear_clip(store: SqlStore, clip: Clip) -> Rendered:
    """A clip of the library. What was found when it was checked is hidden; before that, what is
    known from the words."""
    result, sound = load(store, clip.call_id)
    part = rendering.piece(result, sound, clip.focus, clip.role, clip.recipe)
    hidden: Sequence[Secret] = ()
    if clip.recipe.redact:
        checked = clip.state != "waiting"
        hidden = library.hidden_of(store, clip.id) if checked else secrets(result, clip.recipe)
    places = redaction.stretches(hidden, part.span)
    heard = 1 if clip.state != "waiting" else 0
    clean = clip.state == "checked"
    return rendering.finish(part, places, heard, clean, rendering.pitches(result))


def check_waiting(
    store: SqlStore, hearing: Hearing, clips: Sequence[Clip] | None = None
) -> Iterator[CheckedClip]:
    """Hear the waiting clips of the library again, one after the other."""
    waiting = library.clips(store, state="waiting", limit=100_000) if clips is None else clips
    for clip in waiting:
        try:
            result, sound = load(store, clip.call_id)
        except QcError as error:
            yield CheckedClip(clip, "waiting", problem=str(error))
            continue
        part = rendering.piece(result, sound, clip.focus, clip.role, clip.recipe)
        found = secrets(result, clip.recipe)
        done = rendering.reheard(part, found, hearing)
        library.mark_checked(store, clip.id, done.hidden, clean=done.clean)
        state = "checked" if done.clean else "refused"
        yield CheckedClip(clip, state, done.rounds)
