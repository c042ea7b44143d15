"""Collections and calls handed out: a folder, a zip, a SCORM package, a vCon."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from qc_speech.clips import desk, library, rendering, scorm, sound
from qc_speech.clips.files import put, report_json, vtt
from qc_speech.clips.lesson import Item, Lesson, file_name, index_html, playlist, sheet_pdf
from qc_speech.clips.rendering import Hearing
from qc_speech.clips.values import Clip, Collection, Recipe
from qc_speech.clips.vcon import vcon
from qc_speech.errors import QcError, UsageError
from qc_speech.store import SqlStore, audit

FORMATS = ("folder", "zip", "scorm")


@dataclass(frozen=True)
class Wish:
    """How a collection is handed out. fmt: of the sound. pdf: with a lesson sheet."""

    form: str = "zip"
    fmt: str = "mp3"
    language: str = "zh"
    pdf: bool = True

    def __post_init__(self) -> None:
        if self.form not in FORMATS:
            raise UsageError(f"export as {self.form}: one of {', '.join(FORMATS)}")
        if self.fmt not in sound.ENCODERS:
            raise UsageError(f"sound as {self.fmt}: one of {', '.join(sound.ENCODERS)}")


def usable(store: SqlStore, collection: Collection, today: date) -> tuple[Clip, ...]:
    """The clips of a collection. Raises UsageError naming the first that may not be given out."""
    clips = library.clips(store, collection=collection.id, limit=10_000)
    if not clips:
        raise UsageError(f"collection {collection.title}: is empty; put clips in first")
    for clip in clips:
        if not clip.recipe.redact:
            raise UsageError(f"clip {clip.id}: personal data was left in on purpose; not given out")
        problem = library.usable(clip, today)
        if problem:
            raise UsageError(problem)
    return clips


def lesson(store: SqlStore, collection: Collection, clips: Sequence[Clip], wish: Wish) -> Lesson:
    """A collection with its sound."""
    asked = library.questions(store, [clip.id for clip in clips])
    made = Lesson(collection, (), wish.fmt, wish.language)
    items = []
    for number, clip in enumerate(clips, 1):
        rendered = desk.hear_clip(store, clip)
        bare = Item(number, "", clip, rendered)
        name = file_name(number, made.title(bare))
        items.append(Item(number, name, clip, rendered, asked.get(clip.id, ())))
    return Lesson(collection, tuple(items), wish.fmt, wish.language)


def files(made: Lesson, wish: Wish) -> dict[str, bytes]:
    """All files of a lesson by their paths in it."""
    found: dict[str, bytes] = {}
    for item in made.items:
        samples = item.rendered.samples
        found[f"audio/{item.name}.{made.fmt}"] = sound.ENCODERS[made.fmt](samples)
        found[f"subtitles/{item.name}.vtt"] = vtt(item.rendered.lines).encode()
    found["index.html"] = index_html(made).encode()
    names = [f"audio/{item.name}.{made.fmt}" for item in made.items]
    found["playlist.m3u8"] = playlist(made, names).encode()
    reports = {item.name: report_json(item.rendered.report) for item in made.items}
    text = json.dumps(reports, ensure_ascii=False, indent=1)
    found["redaction.json"] = text.encode()
    if wish.pdf:
        found["lesson.pdf"] = sheet_pdf(made)
    if wish.form == "scorm":
        title, id_ = made.collection.title, made.collection.id
        found[scorm.MANIFEST] = scorm.manifest(id_, title, "index.html", list(found))
    return found


def zipped(found: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in found.items():
            archive.writestr(path, data)
    return out.getvalue()


def export(
    store: SqlStore, collection: Collection, to: Path, wish: Wish, who: str, now: datetime
) -> Path:
    """Hand a collection out, and note who took it; returns the file or folder. Raises QcError."""
    clips = usable(store, collection, now.date())
    found = files(lesson(store, collection, clips, wish), wish)
    note_takeout(store, collection, clips, who, wish.form)
    try:
        if wish.form == "folder":
            for path, data in found.items():
                target = to / path
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                put(target, data)
        else:
            to.parent.mkdir(parents=True, exist_ok=True)
            put(to, zipped(found))
    except OSError as error:
        raise _unwritable(to, error) from None
    return to


def note_takeout(
    store: SqlStore, collection: Collection, clips: Sequence[Clip], who: str, form: str
) -> None:
    """Who took what out, in the audit log: one entry for the collection with its clips' ids."""
    ids = [clip.id for clip in clips]
    calls = sorted({clip.call_id for clip in clips})
    detail = {"clips": ids, "calls": calls, "form": form}
    audit.record(store, who, "clips.export", f"collection:{collection.id}", detail)


def export_call(
    store: SqlStore, call_id: str, to: Path, recipe: Recipe, hearing: Hearing, who: str,
    now: datetime,
) -> Path:  # fmt: skip
    """A whole call as a vCon, heard again. Raises QcError when personal data stays in doubt."""
    result, audio = desk.load(store, call_id)
    rendered = rendering.render_call(result, audio, recipe, hearing)
    if not rendered.report.clean:
        raise QcError(f"call {call_id}: personal data may still be heard in it; not exported")
    made = vcon(result, rendered, now, shared=recipe.agent_too)
    audit.record(store, who, "clips.export", f"call:{call_id}", {"form": "vcon"})
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        put(to, json.dumps(made, ensure_ascii=False).encode())
    except OSError as error:
        raise _unwritable(to, error) from None
    return to


def _unwritable(to: Path, error: OSError) -> QcError:
    reason = error.strerror or os.strerror(error.errno or 0)
    return QcError(f"{to}: cannot be written ({reason}); check path and space")


def takeouts(store: SqlStore) -> Iterator[audit.Entry]:
    """Who took what out, the newest first."""
    newest = audit.entries(store, newest=100_000)
    return (entry for entry in newest if entry.action == "clips.export")
