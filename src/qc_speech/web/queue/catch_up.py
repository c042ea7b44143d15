"""Calls that came into the store before there was an index of what was said are indexed while the
app already serves."""

from __future__ import annotations

import threading

from qc_speech.errors import StoreError
from qc_speech.store.sql import SqlStore
from qc_speech.store.words import put_words, unindexed, words_of


def catch_up(store: SqlStore, stop: threading.Event | None = None) -> int:
    """Index what is not indexed yet, some calls at a time; returns how many. A call that cannot be
    read is indexed as empty, so that it is not tried for ever."""
    done = 0
    while stop is None or not stop.is_set():
        with store.transaction(write=False) as connection:
            ids = connection.execute(unindexed()).scalars().all()
        if not ids:
            return done
        for call_id in ids:
            try:
                result = store.result(call_id)
            except StoreError:
                result = None
            words = words_of(result) if result else ""
            with store.transaction(write=True) as connection:
                if call_id in connection.execute(unindexed(None, call_id)).scalars().all():
                    put_words(connection, call_id, words)
        done += len(ids)
    return done
