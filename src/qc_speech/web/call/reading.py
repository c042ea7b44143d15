"""All that is known of a call, read for one visitor."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import sha256

from fastapi import Request
from sqlalchemy import select

from qc_speech.codec import from_json
from qc_speech.errors import StoreError, UsageError
from qc_speech.model import CallResult
from qc_speech.privacy.detect import personal
from qc_speech.reviews import settle, unreviewed
from qc_speech.rules.rulebook import Rulebook
from qc_speech.settling import book_of
from qc_speech.setup import load_rules
from qc_speech.store.notes import notes
from qc_speech.store.rows import DAMAGED, unpack
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import RESULTS
from qc_speech.store.web_tables import SAMPLES
from qc_speech.web.call.picture import by_utterance
from qc_speech.web.call.state import Hide, Known, hiding
from qc_speech.web.calls import NotFound
from qc_speech.web.guard import Visit
from qc_speech.web.permission import CallKey, may
from qc_speech.web.state import state_of

_KEPT = 24  # calls that were read last: page, transcript and verdicts follow one another


class _Calls:
    """Results by what the store holds for them: a result that was made anew is read anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, CallResult] = OrderedDict()

    def read(self, packed: bytes) -> CallResult:
        mark = sha256(packed).digest()
        with self._lock:
            if mark in self._kept:
                self._kept.move_to_end(mark)
                return self._kept[mark]
        result = from_json(CallResult, unpack(packed))
        with self._lock:
            self._kept[mark] = result
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return result


_CALLS = _Calls()


def read_result(store: SqlStore, key: CallKey) -> CallResult:
    """A call's result. Raises NotFound and StoreError."""
    query = select(RESULTS.c.payload).where(RESULTS.c.call_id == key.call_id)
    with store.transaction(write=False) as connection:
        packed = connection.execute(query).scalar_one_or_none()
    if packed is None:
        raise NotFound
    try:
        return _CALLS.read(packed)
    except DAMAGED:
        raise StoreError(f"the result of call {key.call_id} cannot be read") from None


def rulebook_of(result: CallResult) -> Rulebook | None:
    """The rulebook that prices a call; None: it is there no more, and nobody can judge."""
    try:
        return book_of(result, load_rules().rulebooks)
    except UsageError:
        return None


def read_known(request: Request, key: CallKey) -> Known:
    """A call with people's verdicts and notes. Raises NotFound and StoreError."""
    store = state_of(request).store
    result = read_result(store, key)
    reviews, book = tuple(store.reviews(key.call_id)), rulebook_of(result)
    settled = unreviewed(result) if book is None else settle(result, reviews, book)
    return Known(result, settled, reviews, notes(store, key.call_id))


def is_sample(store: SqlStore, call_id: str) -> bool:
    """Whether a call was drawn at random: verdicts on it say what the machine misses."""
    query = select(SAMPLES.c.call_id).where(SAMPLES.c.call_id == call_id)
    with store.transaction(write=False) as connection:
        return connection.execute(query).first() is not None


def hide_for(visit: Visit, key: CallKey, result: CallResult) -> Hide:
    """Masks personal data in texts, unless the visitor may see it."""
    if may(visit.user, "personal.see", key):
        return str
    texts = {one.index: one.text for one in result.call.utterances}
    found = by_utterance(personal(result.call))
    return hiding(
        texts[index][one.start : one.end] for index, places in found.items() for one in places
    )
