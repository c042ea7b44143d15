"""Tables of the review app and the index of what was said. Frozen: change the schema in a new
file, never here."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _people()
    _work()
    _appeals()
    _calibrations()
    _webhooks()
    op.create_table(
        "web_settings",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    _words()


def _user(name: str = "user_id", **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE"), **options)


def _call(**options: Any) -> sa.Column[str]:
    results = sa.ForeignKey("results.call_id", ondelete="CASCADE")
    return sa.Column("call_id", sa.String(255), results, **options)


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("shown", sa.String(200), nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("agent_id", sa.Text),
        sa.Column("teams", sa.Text, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("must_change", sa.Boolean, nullable=False),
        sa.Column("oidc_subject", sa.String(255), unique=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("last_login_at", sa.DateTime),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        _user(nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("seen_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer, primary_key=True),
        _user(nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("used_at", sa.DateTime),
        sa.Column("revoked_at", sa.DateTime),
    )
    op.create_table(
        "login_failures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_login_failures_key_at", "login_failures", ["key", "at"])


def _work() -> None:
    op.create_table(
        "assignments",
        _call(primary_key=True),
        _user(),
        sa.Column("assigned_by", sa.String(100)),
        sa.Column("assigned_at", sa.DateTime),
        sa.Column("due_at", sa.DateTime),
        _user("locked_by"),
        sa.Column("locked_until", sa.DateTime),
        sa.Column("done_by", sa.String(100)),
        sa.Column("done_at", sa.DateTime),
    )
    op.create_index("ix_assignments_user_id_done_at", "assignments", ["user_id", "done_at"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer, primary_key=True),
        _user(nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("shared", sa.Boolean, nullable=False),
    )
    op.create_index("ix_saved_views_user_id", "saved_views", ["user_id"])


def _appeals() -> None:
    op.create_table(
        "appeals",
        sa.Column("id", sa.String(32), primary_key=True),
        _call(nullable=False),
        sa.Column("check", sa.String(64), nullable=False),
        sa.Column("start_ms", sa.Integer),
        sa.Column("end_ms", sa.Integer),
        sa.Column("points", sa.Float, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("answer", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("filed_by", sa.String(100), nullable=False),
        sa.Column("filed_at", sa.DateTime, nullable=False),
        sa.Column("decision", sa.String(16)),
        sa.Column("decided_by", sa.String(100)),
        sa.Column("decided_at", sa.DateTime),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("told_at", sa.DateTime),
    )
    op.create_index("ix_appeals_call_id", "appeals", ["call_id"])
    op.create_index("ix_appeals_agent_id_filed_at", "appeals", ["agent_id", "filed_at"])
    op.create_index("ix_appeals_answer_decision", "appeals", ["answer", "decision", "filed_at"])


def _calibrations() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("due_at", sa.DateTime),
        sa.Column("closed_at", sa.DateTime),
    )
    for table, other in (("calibration_calls", _call), ("calibration_people", _user)):
        calibration = sa.ForeignKey("calibrations.id", ondelete="CASCADE")
        op.create_table(
            table,
            sa.Column("calibration_id", sa.Integer, calibration, primary_key=True),
            other(primary_key=True),
        )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    webhook = sa.ForeignKey("webhooks.id", ondelete="CASCADE")
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("webhook_id", sa.Integer, webhook, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime),
        sa.Column("done_at", sa.DateTime),
        sa.Column("answer", sa.Text, nullable=False),
    )
    op.create_index("ix_webhook_deliveries_next_at", "webhook_deliveries", ["next_at"])


def _words() -> None:
    op.create_table(
        "call_words",
        sa.Column("n", sa.Integer, primary_key=True),
        _call(nullable=False, unique=True),
        sa.Column("words", sa.Text, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX ix_call_words_words ON call_words "
            "USING gin (array_to_tsvector(string_to_array(words, ' ')))"
        )
        return
    op.execute(
        "CREATE VIRTUAL TABLE call_words_fts USING fts5(words, content='call_words', "
        "content_rowid='n', tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\")"
    )
    put = "INSERT INTO call_words_fts(rowid, words) VALUES (new.n, new.words);"
    drop = (
        "INSERT INTO call_words_fts(call_words_fts, rowid, words) "
        "VALUES ('delete', old.n, old.words);"
    )
    for when, what in (("INSERT", put), ("DELETE", drop), ("UPDATE", drop + put)):
        op.execute(
            f"CREATE TRIGGER call_words_{when.lower()} AFTER {when} ON call_words BEGIN {what} END"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE call_words_fts")
    for table in (
        "call_words", "web_settings", "webhook_deliveries", "webhooks", "calibration_people",
        "calibration_calls", "calibrations", "appeals", "saved_views", "assignments",
        "login_failures", "api_tokens", "sessions", "users",
    ):  # fmt: skip
        op.drop_table(table)
