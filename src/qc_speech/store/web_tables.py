"""The tables of the review app: who may enter, what was assigned, appealed and agreed on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)
from sqlalchemy import Text as LongText

from qc_speech.store.tables import METADATA


def _of_call(**options: Any) -> Column[str]:
    return Column(
        "call_id", String(255), ForeignKey("results.call_id", ondelete="CASCADE"), **options
    )


def _of_user(name: str = "user_id", **options: Any) -> Column[int]:
    return Column(name, Integer, ForeignKey("users.id", ondelete="CASCADE"), **options)


USERS = Table(
    "users",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),  # what is typed to enter, lower case
    Column("shown", String(200), nullable=False),
    Column("password", LongText),  # argon2id with its salt; None: enters by OIDC only
    Column("role", String(32), nullable=False),
    Column("agent_id", LongText),  # whose calls an agent may see
    Column("teams", LongText, nullable=False),  # JSON list; empty: all teams
    Column("language", String(8), nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("must_change", Boolean, nullable=False),  # the password was chosen by somebody else
    Column("oidc_subject", String(255), unique=True),
    Column("created_at", DateTime, nullable=False),  # all times UTC
    Column("last_login_at", DateTime),
)

# Only the SHA-256 of a session's or token's secret is kept: who reads the store cannot enter.
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("token_hash", String(64), primary_key=True),
    _of_user(nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("seen_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Index("ix_sessions_user_id", "user_id"),
)

API_TOKENS = Table(
    "api_tokens",
    METADATA,
    Column("id", Integer, primary_key=True),
    _of_user(nullable=False),
    Column("name", String(200), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("used_at", DateTime),
    Column("revoked_at", DateTime),
)

LOGIN_FAILURES = Table(
    "login_failures",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", String(300), nullable=False),
    Column("at", DateTime, nullable=False),
    Index("ix_login_failures_key_at", "key", "at"),
)

ASSIGNMENTS = Table(
    "assignments",
    METADATA,
    _of_call(primary_key=True),
    _of_user(),  # None: only locked or done
    Column("assigned_by", String(100)),
    Column("assigned_at", DateTime),
    Column("due_at", DateTime),
    _of_user("locked_by"),
    Column("locked_until", DateTime),
    Column("done_by", String(100)),
    Column("done_at", DateTime),
    Index("ix_assignments_user_id_done_at", "user_id", "done_at"),
)

# Calls drawn for people at random, so that what the machine does not flag is heard too.
SAMPLES = Table(
    "samples",
    METADATA,
    _of_call(primary_key=True),
    Column("week", String(8), nullable=False),  # ISO week, as 2026-W05
    Column("drawn_at", DateTime, nullable=False),
    Index("ix_samples_week", "week"),
)

SAVED_VIEWS = Table(
    "saved_views",
    METADATA,
    Column("id", Integer, primary_key=True),
    _of_user(nullable=False),
    Column("name", String(200), nullable=False),
    Column("query", LongText, nullable=False),  # the filters as they stand in the address
    Column("shared", Boolean, nullable=False),
    Index("ix_saved_views_user_id", "user_id"),
)

# What an agent answered to a deduction, and what a second inspector decided.
APPEALS = Table(
    "appeals",
    METADATA,
    Column("id", String(32), primary_key=True),
    _of_call(nullable=False),
    Column("check", String(64), nullable=False),
    Column("start_ms", Integer),
    Column("end_ms", Integer),
    Column("points", Float, nullable=False),
    Column("agent_id", LongText, nullable=False),
    Column("answer", String(16), nullable=False),  # accept | appeal
    Column("reason", LongText, nullable=False),
    Column("filed_by", String(100), nullable=False),
    Column("filed_at", DateTime, nullable=False),
    Column("decision", String(16)),  # upheld | overturned; None: still open
    Column("decided_by", String(100)),
    Column("decided_at", DateTime),
    Column("note", LongText, nullable=False),
    Column("told_at", DateTime),  # when the agent first saw the decision
    Index("ix_appeals_call_id", "call_id"),
    Index("ix_appeals_agent_id_filed_at", "agent_id", "filed_at"),
    Index("ix_appeals_answer_decision", "answer", "decision", "filed_at"),
)

CALIBRATIONS = Table(
    "calibrations",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("due_at", DateTime),
    Column("closed_at", DateTime),
)

CALIBRATION_CALLS = Table(
    "calibration_calls",
    METADATA,
    Column(
        "calibration_id",
        Integer,
        ForeignKey("calibrations.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    _of_call(primary_key=True),
)

CALIBRATION_PEOPLE = Table(
    "calibration_people",
    METADATA,
    Column(
        "calibration_id",
        Integer,
        ForeignKey("calibrations.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    _of_user(primary_key=True),
)

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("url", LongText, nullable=False),
    Column("secret", String(64), nullable=False),
    Column("events", LongText, nullable=False),  # JSON list
    Column("active", Boolean, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("created_at", DateTime, nullable=False),
)

WEBHOOK_DELIVERIES = Table(
    "webhook_deliveries",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("webhook_id", Integer, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event", String(64), nullable=False),
    Column("body", LongText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", DateTime),  # None: done or given up
    Column("done_at", DateTime),
    Column("answer", LongText, nullable=False),
    Index("ix_webhook_deliveries_next_at", "next_at"),
)

WEB_SETTINGS = Table(
    "web_settings",
    METADATA,
    Column("name", String(100), primary_key=True),
    Column("value", LongText, nullable=False),
)

# What was said, as tokens to search in (see web/words.py). On SQLite an FTS5 index lies over it.
CALL_WORDS = Table(
    "call_words",
    METADATA,
    Column("n", Integer, primary_key=True),
    _of_call(nullable=False, unique=True),
    Column("words", LongText, nullable=False),
)

# What people write on a call beside what was heard there (see store/notes.py).
NOTES = Table(
    "notes",
    METADATA,
    Column("id", String(32), primary_key=True),
    _of_call(nullable=False),
    Column("kind", String(16), nullable=False),
    Column("start_ms", Integer),
    Column("end_ms", Integer),
    Column("speaker", String(64)),
    Column("value", LargeBinary, nullable=False),  # zlib of UTF-8 JSON: it may hold spoken words
    Column("author", String(100), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Index("ix_notes_call_id", "call_id"),
    info={"holds": "transcript"},  # goes when the transcript does (store/retention.py)
)
