"""Tables of training clips: what can be found, and what trainers keep."""

from __future__ import annotations

from sqlalchemy import Column, Date, DateTime, Float, Index, Integer, String, Table, Text

from qc_speech.store.tables import METADATA

# What can be heard in stored calls, one row each: made from results, and made again when they
# change. No foreign key to results: a row whose call is gone is found and removed by its mark.
CLIP_EXAMPLES = Table(
    "clip_examples",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("call_id", String(255), nullable=False),
    Column("recording_id", String(64), nullable=False),
    Column("check", String(64), nullable=False),  # empty: an utterance
    Column("family", String(64), nullable=False),
    Column("outcome", String(32), nullable=False),  # settled; empty: an utterance
    Column("confidence", Float, nullable=False),
    Column("role", String(32), nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer, nullable=False),
    Column("text", Text, nullable=False),  # personal data masked
    Column("heard", Text, nullable=False),  # the same, normalized
    Column("sound", Text, nullable=False),  # its pinyin, confusions of telephone speech folded
    Column("spoken", Text, nullable=False),  # its syllables, a space between
    Column("scenario", String(64), nullable=False),
    Column("agent_id", Text),
    Column("started_at", DateTime),
    Column("mood", String(32), nullable=False),
    Column("snr_db", Float),
    Column("clean", Float, nullable=False),
    Column("points", Float, nullable=False),
    Index("ix_clip_examples_check", "check", "outcome", "confidence"),
    Index("ix_clip_examples_call_id", "call_id"),
    Index("ix_clip_examples_recording_id", "recording_id"),
    Index("ix_clip_examples_agent_id", "agent_id", "started_at"),
    info={"holds": "transcript"},  # goes when the transcript does (store/retention.py)
)

CLIP_SOURCES = Table(
    "clip_sources",
    METADATA,
    Column("call_id", String(255), primary_key=True),
    Column("mark", Text, nullable=False),  # which result its examples were made from
    info={"holds": "transcript"},
)

CLIPS = Table(
    "clips",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("call_id", String(255), nullable=False),
    Column("recording_id", String(64), nullable=False),
    Column("check", String(64), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("role", String(32), nullable=False),
    Column("start_ms", Integer, nullable=False),
    Column("end_ms", Integer, nullable=False),
    Column("recipe", Text, nullable=False),  # JSON
    Column("title", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("words", Text, nullable=False),  # title, note and masked text, normalized: for searching
    Column("sound", Text, nullable=False),
    Column("consent", Text, nullable=False),
    Column("expires", Date),
    Column("added_by", Text, nullable=False),
    Column("added_at", DateTime, nullable=False),  # UTC
    Column("state", String(32), nullable=False),
    Column("hidden", Text, nullable=False),  # JSON: stretches of the call, once it was checked
    Index("ix_clips_recording_id", "recording_id"),
    Index("ix_clips_check", "check", "outcome"),
)

CLIP_COLLECTIONS = Table(
    "clip_collections",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("title", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime, nullable=False),  # UTC
)

CLIP_MEMBERS = Table(
    "clip_members",
    METADATA,
    Column("collection_id", String(40), primary_key=True),
    Column("clip_id", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Index("ix_clip_members_clip_id", "clip_id"),
)

CLIP_QUESTIONS = Table(
    "clip_questions",
    METADATA,
    Column("clip_id", String(40), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("question", Text, nullable=False),  # JSON of clips.values.Question
)
