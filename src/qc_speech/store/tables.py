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
    collate,
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
    Column("agent_name", Text),
    Column("team", Text),
    Column("queue", Text),
    Column("direction", String(32)),
    Column("duration_ms", Integer, nullable=False),
    Column("agent_talk_ms", Integer),
    Column("customer_talk_ms", Integer),
    Column("snr_db", Float),
    Column("mandarin_share", Float),  # of what the agent says
    Column("risk", Float, nullable=False),  # order of the review queue (reviews.risk)
    # What counts: the machine's score until people have spoken (reviews.settle).
    Column("settled_total", Float, nullable=False),
    Column("settled_grade", String(32), nullable=False),
    Column("settled_critical", Boolean, nullable=False),
    Column("settled_review", Boolean, nullable=False),  # a person still has to look
    Column("reviewed_at", DateTime),  # UTC, of the last verdict that counted
    Column("inspected_at", DateTime, nullable=False),  # UTC, when it first came in
    Index("ix_results_recording_id", "recording_id"),
    Index("ix_results_agent_id_started_at", "agent_id", "started_at"),
    Index("ix_results_started_at", "started_at"),
    Index("ix_results_team_started_at", "team", "started_at"),
    Index("ix_results_queue_started_at", "queue", "started_at"),
    Index("ix_results_settled_total", "settled_total", "call_id"),
    # All that a group's card counts of its calls, so that no payload is passed over.
    Index(
        "ix_results_cards", "started_at", "agent_id", "team", "queue", "scenario", "snr_db",
        "settled_total", "settled_critical", "settled_review", "duration_ms", "agent_talk_ms",
        "mandarin_share", "reviewed_at",
    ),
)  # fmt: skip
Index(
    "ix_results_review_queue",
    RESULTS.c.settled_review,
    RESULTS.c.risk.desc(),
    RESULTS.c.call_id,
)
# Results are read by code points on every server, and not by the rules of its language.
Index("ix_results_code_points", collate(RESULTS.c.call_id, "C")).ddl_if(dialect="postgresql")

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
    Column("agent_id", Text),  # the call's
    Column(
        "started_at", DateTime, nullable=False
    ),  # the call's; its inspected_at where it has none
    Column("settled_outcome", String(32), nullable=False),
    Column("settled_points", Float, nullable=False),
    # A miss that a person added: `n` goes on after the machine's findings, whose outcome, of which
    # there is none, stands as not_applicable.
    Column("added", Boolean, nullable=False),
    Index("ix_findings_agent_id_started_at", "agent_id", "started_at"),
    Index("ix_findings_check_settled", "check", "settled_outcome", "started_at"),
    Index(
        "ix_findings_cards", "started_at", "settled_outcome", "agent_id", "check", "settled_points"
    ),
)

# No foreign key: a verdict outlives the result it was given on.
REVIEWS = Table(
    "reviews",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("call_id", String(255), nullable=False),
    Column("check", String(64), nullable=False),
    Column("start_ms", Integer),  # null: of the whole call
    Column("end_ms", Integer),
    Column("outcome", String(32), nullable=False),
    Column("machine", String(32)),  # null: a miss that the person added
    Column("reviewer", Text, nullable=False),
    Column("at", DateTime, nullable=False),  # UTC
    Column("purpose", String(32), nullable=False),
    Column("note", Text, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Index("ix_reviews_call_id", "call_id"),
    Index("ix_reviews_check_at", "check", "at"),
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
