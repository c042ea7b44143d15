"""Clips: the search, the library, and their sound. Nothing here needs an engine: what is heard is
freed of personal data by its words; before a clip is handed out `clips check` hears it again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from qc_speech.clips import desk, export, index, library, sound
from qc_speech.clips.desk import RecordingGone
from qc_speech.clips.export import Wish
from qc_speech.clips.lesson import LANGUAGES
from qc_speech.clips.values import Clip, Collection, Example, Question, Rendered
from qc_speech.errors import AudioError, UsageError
from qc_speech.model import SCENARIOS, Role, Span
from qc_speech.report.labels import tables
from qc_speech.store.sql import SqlStore
from qc_speech.web import trail
from qc_speech.web.calls import NotFound
from qc_speech.web.clips.ask import (
    OUTCOMES,
    SPEEDS,
    reachable_calls,
    read_asked,
    read_recipe,
    recipe_query,
)
from qc_speech.web.guard import Visit, allowed
from qc_speech.web.pages import language_of, page
from qc_speech.web.people import User
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
ClipVisit = Annotated[Visit, Depends(allowed("clips.use"))]
_MOST_AT_ONCE = 50
_rendering = threading.Semaphore(2)  # cutting takes a core: others wait their turn


@router.get("/clips")
def search(request: Request, visit: ClipVisit, error: str = "") -> Response:
    store = state_of(request).store
    asked, recipe = read_asked(request.query_params), read_recipe(request.query_params)
    found = index.find(store, asked.wanted(visit.user)) if asked.anything else ()
    return page(
        request,
        "clips.html",
        visit,
        asked=asked,
        recipe=recipe,
        recipe_query=recipe_query(recipe),
        found=found,
        collections=library.collections(store),
        checks=sorted(tables()["checks"]),
        scenarios=SCENARIOS,
        outcomes=OUTCOMES,
        speeds=SPEEDS,
        roles=(Role.CUSTOMER.value, Role.AGENT.value),
    )


@router.post("/clips/refresh")
def refresh(request: Request, visit: ClipVisit) -> Response:
    from qc_speech.rules.absence import load_absence
    from qc_speech.setup import load_rules

    index.refresh(state_of(request).store, load_rules().lexicons, load_absence())
    return RedirectResponse("/clips", 303)


@router.get("/clips/sound/{example_id}.mp3")
def example_sound(request: Request, visit: ClipVisit, example_id: str) -> Response:
    store = state_of(request).store
    example = _example(store, visit.user, example_id)
    recipe = read_recipe(request.query_params)
    with _rendering:
        rendered = _heard(lambda: desk.hear(store, example, recipe))
    trail.record(store, visit.user.name, "clips.hear", f"call:{example.call_id}", clip=example_id)
    return _sound(rendered)


def _heard(work: Callable[[], Rendered]) -> Rendered:
    try:
        return work()
    except (AudioError, RecordingGone) as error:
        raise UsageError(str(error)) from None


def _sound(rendered: Rendered) -> Response:
    data = sound.mp3(rendered.samples)
    return Response(data, media_type="audio/mpeg", headers={"accept-ranges": "none"})


def _example(store: SqlStore, user: User, example_id: str) -> Example:
    example = index.example(store, example_id)
    if example is None or example.call_id not in reachable_calls(store, user, [example.call_id]):
        raise NotFound
    return example


@router.post("/clips/collect")
async def collect(request: Request, visit: ClipVisit) -> Response:
    """Put chosen examples into the library and a collection, an old one or a new one."""
    form = await request.form()
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    ids = [str(value) for value in form.getlist("example")][:_MOST_AT_ONCE]
    store, user = state_of(request).store, visit.user
    if not ids:
        raise UsageError("clips: choose at least one example")
    title = given.get("title", "").strip()[:200]
    if title:
        chosen = library.new_collection(store, title, "", user.name)
    else:
        chosen = library.collection(store, given.get("collection", ""))
    recipe = read_recipe(given)
    draft = Clip(
        *("", "", "", "", ""), Role.AGENT, Span(0, 0), recipe,
        consent=given.get("consent", "")[:200], added_by=user.name,
        expires=_expiry(given.get("expires", "")),
    )  # fmt: skip
    made = [library.add(store, _example(store, user, id_), draft) for id_ in ids]
    library.put_in(store, chosen.id, [clip.id for clip in made])
    trail.record(
        store, user.name, "clips.collect", f"collection:{chosen.id}", clips=[c.id for c in made]
    )
    return RedirectResponse(f"/clips/library/{chosen.id}", 303)


def _expiry(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"expiry {text[:20]}: write a day as 2026-01-31") from None


@router.get("/clips/library")
def shelves(request: Request, visit: ClipVisit, q: str = "") -> Response:
    store = state_of(request).store
    clips = library.clips(store, text=q[:200])
    mine = reachable_calls(store, visit.user, {clip.call_id for clip in clips})
    return page(
        request,
        "clips_library.html",
        visit,
        collections=library.collections(store),
        clips=[clip for clip in clips if clip.call_id in mine],
        q=q[:200],
        today=_today(),
    )


@router.get("/clips/library/{collection_id}")
def shelf(request: Request, visit: ClipVisit, collection_id: str) -> Response:
    store = state_of(request).store
    chosen = _collection(store, collection_id)
    clips = _members(store, visit.user, chosen)
    return page(
        request,
        "clips_collection.html",
        visit,
        collection=chosen,
        clips=clips,
        hidden_members=len(chosen.clip_ids) - len(clips),
        questions=library.questions(store, [clip.id for clip in clips]),
        problems={clip.id: library.usable(clip, _today()) for clip in clips},
        languages=LANGUAGES,
    )


def _collection(store: SqlStore, collection_id: str) -> Collection:
    found = [one for one in library.collections(store) if one.id == collection_id]
    if not found:
        raise NotFound
    return found[0]


def _members(store: SqlStore, user: User, chosen: Collection) -> list[Clip]:
    clips = library.clips(store, collection=chosen.id, limit=1000)
    mine = reachable_calls(store, user, {clip.call_id for clip in clips})
    return [clip for clip in clips if clip.call_id in mine]


def _clip(store: SqlStore, user: User, clip_id: str) -> Clip:
    try:
        clip = library.clip(store, clip_id)
    except UsageError:
        raise NotFound from None
    if clip.call_id not in reachable_calls(store, user, [clip.call_id]):
        raise NotFound
    return clip


@router.get("/clips/kept/{clip_id}.mp3")
def clip_sound(request: Request, visit: ClipVisit, clip_id: str) -> Response:
    store = state_of(request).store
    clip = _clip(store, visit.user, clip_id)
    with _rendering:
        rendered = _heard(lambda: desk.hear_clip(store, clip))
    trail.record(store, visit.user.name, "clips.hear", f"call:{clip.call_id}", clip=clip_id)
    return _sound(rendered)


@router.post("/clips/library/{collection_id}/drop")
def drop(
    request: Request, visit: ClipVisit, collection_id: str, clip: Annotated[str, Form()]
) -> Response:
    store = state_of(request).store
    chosen = _collection(store, collection_id)
    library.take_out(store, chosen.id, [_clip(store, visit.user, clip).id])
    return RedirectResponse(f"/clips/library/{chosen.id}", 303)


@router.post("/clips/library/{collection_id}/ask")
def ask(
    request: Request,
    visit: ClipVisit,
    collection_id: str,
    clip: Annotated[str, Form()],
    question: Annotated[str, Form(min_length=1, max_length=500)],
    choices: Annotated[str, Form(max_length=2000)] = "",
    answer: Annotated[str, Form(max_length=3)] = "",
    explanation: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """One more question; choices one a line, `answer` the number of the right one."""
    store = state_of(request).store
    chosen = _collection(store, collection_id)
    kept = _clip(store, visit.user, clip)
    lines = tuple(line.strip() for line in choices.splitlines() if line.strip())
    right = int(answer) - 1 if answer.isdigit() else None
    library.ask(store, Question(kept.id, question.strip(), lines, right, explanation.strip()))
    return RedirectResponse(f"/clips/library/{chosen.id}", 303)


@router.post("/clips/library/{collection_id}/export")
def take_away(
    request: Request,
    visit: ClipVisit,
    collection_id: str,
    form: Annotated[str, Form()] = "zip",
) -> Response:
    """The collection as a zip or a SCORM package; who took it is in the audit log."""
    store = state_of(request).store
    chosen = _collection(store, collection_id)
    if len(_members(store, visit.user, chosen)) != len(chosen.clip_ids):
        raise NotFound  # it holds clips of calls that he may not reach
    wish = Wish(
        "scorm" if form == "scorm" else "zip", "mp3", language_of(request, visit), _has_pdf()
    )
    clips = export.usable(store, chosen, _today())
    with _rendering:
        found = _files(store, chosen, clips, wish)
    export.note_takeout(store, chosen, clips, visit.user.name, wish.form)
    name = quote(f"{chosen.title}.zip", safe="")
    disposition = f"attachment; filename=\"lesson.zip\"; filename*=UTF-8''{name}"
    return Response(found, media_type="application/zip",
                    headers={"content-disposition": disposition})  # fmt: skip


def _files(store: SqlStore, chosen: Collection, clips: tuple[Clip, ...], wish: Wish) -> bytes:
    try:
        return export.zipped(export.files(export.lesson(store, chosen, clips, wish), wish))
    except (AudioError, RecordingGone) as error:
        raise UsageError(str(error)) from None


def _has_pdf() -> bool:
    """A lesson sheet where WeasyPrint is installed."""
    from importlib.util import find_spec

    return find_spec("weasyprint") is not None


def _today() -> date:
    return datetime.now(timezone.utc).date()
