"""The table of the queue, as queries see it. Its migration makes it; a test holds the two equal."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Float, Index, Integer, LargeBinary, String, Table, Text

from qc_speech.store.tables import METADATA

QUEUE = Table(
    "queue",
    METADATA,
    Column("id", String(64), primary_key=True),  # SHA-256 of source and mark
    Column("batch", String(64), nullable=False),  # the name of the profile that found it
    Column("source", Text, nullable=False),  # path or address; MANIFEST:LINE where it is no file
    Column("place", String(24), nullable=False),  # of the source, short enough for an index
    Column("mark", String(128), nullable=False),  # changes when the bytes at the source do
    Column("payload", LargeBinary, nullable=False),  # zlib of UTF-8 JSON of the Found
    Column("digest", String(24), nullable=False),  # of the payload: metadata may be corrected
    Column("call_id", String(255), nullable=False),
    Column("recording_id", String(64)),  # known once its bytes were read
    Column("priority", Integer, nullable=False),  # the highest first
    Column("rank", Float, nullable=False),  # then the highest of these
    Column("state", String(16), nullable=False),  # queue.State
    Column("attempts", Integer, nullable=False),  # ended by a fault that may pass
    Column("crashes", Integer, nullable=False),  # times that it took its process along
    Column("reason", Text, nullable=False),
    Column("not_before", DateTime),  # UTC
    Column("owner", String(64)),  # who works on it; whoever holds the batch's lock may take it back
    Column("leased_at", DateTime),  # UTC
    Column("duration_ms", Integer),
    Column("seconds", Float),  # of work
    Column("found_at", DateTime, nullable=False),  # UTC
    Column("ended_at", DateTime),  # UTC
    Index("ix_queue_next", "batch", "state", "priority", "rank", "id"),
    Index("ix_queue_place", "place"),
    Index("ix_queue_recording_id", "recording_id"),
    Index("ix_queue_call_id", "call_id"),
    Index("ix_queue_ended_at", "batch", "ended_at"),
)
