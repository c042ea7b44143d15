"""What the app does by itself while it serves: index older calls, draw the sample, tell others."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from qc_speech.errors import QcError
from qc_speech.store.cards import CardRows
from qc_speech.store.sql import SqlStore
from qc_speech.web.hooks.delivery import announce_calls, send_due
from qc_speech.web.queue.catch_up import catch_up
from qc_speech.web.supervise.sampling import draw

_LOG = logging.getLogger("qc_speech.web")
_STEP_S, _DRAW_S = 20.0, 3600.0


def keep(store: SqlStore) -> threading.Event:
    """Work in a thread of its own until the event is set. Several processes may do so at once."""
    stop = threading.Event()
    threading.Thread(target=_run, args=(store, stop), name="keeper", daemon=True).start()
    return stop


def _run(store: SqlStore, stop: threading.Event) -> None:
    drawn = -_DRAW_S
    while not stop.is_set():
        try:
            catch_up(store, stop)
            if time.monotonic() - drawn >= _DRAW_S:
                drawn = time.monotonic()
                draw_newest(store)
            announce_calls(store)
            send_due(store)
        except Exception as error:  # nothing may end this thread unnoticed while pages are served
            if not stop.is_set():
                # A message of ours is fit for a log; another one may hold what was said.
                what = error if isinstance(error, QcError) else type(error).__name__
                _LOG.error("work beside the pages failed, it is tried again: %s", what)
        stop.wait(_STEP_S)


def draw_newest(store: SqlStore) -> int:
    """Draw the newest week with calls, and the one before it."""
    last = CardRows(store).last_day()
    return draw(store, last) + draw(store, last - timedelta(days=7)) if last else 0
