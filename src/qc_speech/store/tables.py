"""The tables as queries see them. The migrations make them; a test holds the two equal."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

RECORDINGS = Table(
    "recordings",
    METADATA,
    Column("id", String(64), primary_key=True),  # SHA-256 of the bytes
    Column("source_name", Text, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("sample_rate_hz", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
)

# No foreign key to recordings: a stage is kept before there is any result.
STAGES = Table(
    "stages",
    METADATA,
    Column("recording_id", String(64), primary_key=True),
    Column("stage", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("payload", LargeBinary, nullable=False),  # zlib of UTF-8 JSON
    Column("created_at", DateTime, nullable=False),  # UTC
)

# recording_id is not unique: one file may be inspected under two call ids.
RESULTS = Table(
    "results",
    METADATA,
    Column("call_id", String(255), primary_key=True),
    Column("recording_id", String(64), ForeignKey("recordings.id"), nullable=False),
    Column("agent_id", Text),
    Column("scenario", String(64), nullable=False),
    Column("started_at", DateTime),
    Column("total", Float, nullable=False),
    Column("grade", String(32), nullable=False),
    Column("critical", Boolean, nullable=False),
    Column("review", Boolean, nullable=False),
    Column("rulebook", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # zlib of UTF-8 JSON of the CallResult
    Index("ix_results_recording_id", "recording_id"),
    Index("ix_results_agent_id_started_at", "agent_id", "started_at"),
    Index("ix_results_started_at", "started_at"),
)

FINDINGS = Table(
    "findings",
    METADATA,
    Column(
        "call_id",
        String(255),
        ForeignKey("results.call_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("n", Integer, primary_key=True),  # its place in CallResult.findings, from 0
    Column("check", String(64), nullable=False),
    Column("family", String(64), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("severity", String(32), nullable=False),
    Column("points", Float, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("start_ms", Integer),
    Column("end_ms", Integer),
    Column("speaker", String(32)),
    Column("clause", Text, nullable=False),
    Column("dimension", Text, nullable=False),
    Index("ix_findings_check_outcome", "check", "outcome"),
)

FAILURES = Table(
    "failures",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("message", Text, nullable=False),
    Column("at", DateTime, nullable=False),  # UTC
)

VOICEPRINTS = Table(
    "voiceprints",
    METADATA,
    Column("agent_id", String(255), primary_key=True),
    Column("payload", LargeBinary, nullable=False),  # zlib of UTF-8 JSON of the Voiceprint
    Column("enrolled_at", DateTime, nullable=False),  # UTC
)
