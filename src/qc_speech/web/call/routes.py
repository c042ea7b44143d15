"""The addresses of the call page."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from qc_speech.errors import AudioError, QcError, UsageError
from qc_speech.report.explanation import explanation
from qc_speech.setup import load_rules
from qc_speech.store.sql import utc_now
from qc_speech.web import trail, work
from qc_speech.web.call import sound
from qc_speech.web.call.actions import (
    Desk,
    Looked,
    Miss,
    NewNote,
    StaleError,
    Undo,
    Verdict,
)
from qc_speech.web.call.page import HELP, missable, names, script_texts
from qc_speech.web.call.picture import by_utterance, picture, transcript
from qc_speech.web.call.reading import (
    hide_for,
    is_sample,
    read_known,
    read_result,
    rulebook_of,
)
from qc_speech.web.call.state import state
from qc_speech.web.calls import HeardCall, ReviewedCall, SeenCall
from qc_speech.web.guard import Visit, Visitor
from qc_speech.web.pages import language_of, page
from qc_speech.web.permission import CallKey, may
from qc_speech.web.queue.filters import read_filters
from qc_speech.web.state import state_of
from qc_speech.web.texts import text

router = APIRouter(include_in_schema=False)  # the page itself
api = APIRouter(tags=["call"])  # for the page's scripts, and under /api for programs


def warm_up() -> None:
    """Read the rules before the first page needs them: that takes a second or two."""

    def read() -> None:
        with contextlib.suppress(QcError):  # said to whoever opens a call
            load_rules()

    threading.Thread(target=read, name="rules", daemon=True).start()


@router.get("/calls/{call_id}")
def call_page(
    request: Request,
    visit: Visitor,
    key: SeenCall,
    view: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """The call's page; `view` is the queue's filters that it was opened from."""
    known = read_known(request, key)
    result, book = known.result, rulebook_of(known.result)
    web = state_of(request)
    trail.record(web.store, visit.user.name, "call.see", f"call:{key.call_id}")
    now = state(known, visit.user.name, utc_now(), hide_for(visit, key, result))
    audio = may(visit.user, "call.hear", key) and sound.has_sound(web, result)
    address = request.url_for("call_page", call_id=key.call_id).path
    queue, next_ = _way_on(visit, key, view)
    reviewer = book is not None and may(visit.user, "call.review", key)
    data = {
        **picture(result),
        "address": address,
        "state": now,
        "names": names(result, book),
        "checks": missable(book),
        "text": script_texts(),
        "can": {"review": reviewer},
    }
    return page(
        request,
        "call.html",
        visit,
        call=result,
        meta=result.call.recording.metadata,
        reviewer=reviewer,
        state=now,
        audio=audio,
        address=address,
        queue=queue,
        next=next_,
        help=HELP,
        page_data=data,
    )


def _way_on(visit: Visit, key: CallKey, view: str) -> tuple[str | None, str | None]:
    """Where the queue is, and its next call."""
    if not may(visit.user, "queue.see"):
        return None, None
    try:
        pairs = dict(parse_qsl(view, max_num_fields=50))
    except ValueError:
        pairs = {}
    filters = read_filters(pairs).query()
    current = urlencode({"current": key.call_id})
    return f"/queue?{filters}", f"/queue/next?{filters}&{current}"


@api.get("/calls/{call_id}/state")
def call_state(request: Request, visit: Visitor, key: SeenCall) -> dict[str, Any]:
    """The call's findings with people's verdicts, and its score. Every change has to name the
    `version` that it was made on."""
    known = read_known(request, key)
    return state(known, visit.user.name, utc_now(), hide_for(visit, key, known.result))


@api.get("/calls/{call_id}/transcript")
def call_transcript(request: Request, visit: Visitor, key: SeenCall) -> JSONResponse:
    """The lines: [index, start ms, end ms, role, speaker, confidence, language, text, words];
    words are flat: start ms, end ms, length, 1 if badly heard."""
    from qc_speech.privacy.detect import personal

    result = read_result(state_of(request).store, key)
    hidden = {}
    if not may(visit.user, "personal.see", key):
        hidden = by_utterance(personal(result.call))
    return JSONResponse({"lines": transcript(result.call.utterances, hidden)})


@api.get("/calls/{call_id}/peaks")
def call_peaks(request: Request, key: HeardCall) -> JSONResponse:
    """The waveform of each channel: a byte for every `step_ms`, base64."""
    web = state_of(request)
    return JSONResponse(_heard(lambda: sound.peaks(web, read_result(web.store, key))))


@api.api_route("/calls/{call_id}/audio", methods=["GET", "HEAD"], response_class=Response)
def call_audio(request: Request, visit: Visitor, key: HeardCall) -> Response:
    """The recording, or the bytes of it that a Range header asks for (at most 1 MiB at once)."""
    web = state_of(request)
    played = _heard(lambda: sound.playable(web, read_result(web.store, key)))
    if request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        trail.record(web.store, visit.user.name, "call.hear", f"call:{key.call_id}")
    return sound.answer(request, played)


@api.get("/calls/{call_id}/why")
def call_why(
    request: Request,
    visit: Visitor,
    key: SeenCall,
    check: Annotated[str, Query(max_length=64)],
    language: Literal["zh", "en"] = "zh",
) -> dict[str, list[str]]:
    """Why a check came out as it did: what was compared with what."""
    result = read_result(state_of(request).store, key)
    hide = hide_for(visit, key, result)
    lines = explanation(result, check, load_rules(), language)
    return {"lines": [hide(line) for line in lines]}


@api.post("/calls/{call_id}/verdict")
def call_verdict(
    request: Request, visit: Visitor, key: ReviewedCall, verdict: Verdict
) -> JSONResponse:
    """A person's verdict on a finding; the answer is the new state. 409: somebody else has changed
    the call since `version`; nothing was kept, the answer holds the state as it is."""
    return _changed(request, visit, key, "call.judge", lambda desk: desk.judge(verdict))


@api.post("/calls/{call_id}/miss")
def call_miss(request: Request, visit: Visitor, key: ReviewedCall, miss: Miss) -> JSONResponse:
    """A violation that the machine did not find."""
    return _changed(request, visit, key, "call.miss", lambda desk: desk.add_miss(miss))


@api.post("/calls/{call_id}/note")
def call_note(request: Request, visit: Visitor, key: ReviewedCall, note: NewNote) -> JSONResponse:
    """A correction of text or speaker, or a comment."""
    return _changed(request, visit, key, f"call.{note.kind}", lambda desk: desk.write(note))


@api.post("/calls/{call_id}/undo")
def call_undo(request: Request, visit: Visitor, key: ReviewedCall, undo: Undo) -> JSONResponse:
    """Take back a verdict or a note of one's own."""
    answer = _changed(request, visit, key, "call.undo", lambda desk: desk.undo(undo))
    if answer.status_code == 200 and not json.loads(bytes(answer.body))["looked"]:
        work.finish(state_of(request).store, visit.user, [key.call_id], done=False)
    return answer


@api.post("/calls/{call_id}/looked")
def call_looked(
    request: Request, visit: Visitor, key: ReviewedCall, looked: Looked
) -> JSONResponse:
    """The whole call has been heard: its doubts are settled, it leaves the queue."""
    answer = _changed(request, visit, key, "call.looked", lambda desk: desk.look(looked))
    if answer.status_code == 200:
        work.finish(state_of(request).store, visit.user, [key.call_id])
    return answer


def _changed(
    request: Request, visit: Visit, key: CallKey, action: str, change: Callable[[Desk], None]
) -> JSONResponse:
    store = state_of(request).store
    result = read_result(store, key)
    book = rulebook_of(result)
    if book is None:
        raise UsageError(f"rulebook {result.rulebook}: is not in the rules folder")
    status, extra = 200, {}
    try:
        purpose = "sample" if is_sample(store, key.call_id) else "flagged"
        change(Desk(store, result, book, visit.user.name, purpose))
        trail.record(store, visit.user.name, action, f"call:{key.call_id}")
    except StaleError as stale:
        said = text("call_stale_by" if stale.by else "call_stale", language_of(request, visit))
        status, extra = 409, {"detail": said.replace("{0}", stale.by)}
    now = state(read_known(request, key), visit.user.name, utc_now())
    return JSONResponse({**extra, "state": now} if extra else now, status)


def _heard(work: Callable[[], Any]) -> Any:
    """Raises UsageError for a recording that cannot be read any more, in one line."""
    try:
        return work()
    except AudioError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"the playable copy cannot be written ({error.strerror})") from None
