"""Training clips: what can be found, and what trainers keep. Frozen: change the schema in a new
file, never here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    _examples()
    _clips()
    _collections()


def _examples() -> None:
    op.create_table(
        "clip_examples",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("call_id", sa.String(255), nullable=False),
        sa.Column("recording_id", sa.String(64), nullable=False),
        sa.Column("check", sa.String(64), nullable=False),
        sa.Column("family", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("start_ms", sa.Integer, nullable=False),
        sa.Column("end_ms", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("heard", sa.Text, nullable=False),
        sa.Column("sound", sa.Text, nullable=False),
        sa.Column("spoken", sa.Text, nullable=False),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("agent_id", sa.Text),
        sa.Column("started_at", sa.DateTime),
        sa.Column("mood", sa.String(32), nullable=False),
        sa.Column("snr_db", sa.Float),
        sa.Column("clean", sa.Float, nullable=False),
        sa.Column("points", sa.Float, nullable=False),
    )
    table = "clip_examples"
    op.create_index("ix_clip_examples_check", table, ["check", "outcome", "confidence"])
    op.create_index("ix_clip_examples_call_id", table, ["call_id"])
    op.create_index("ix_clip_examples_recording_id", table, ["recording_id"])
    op.create_index("ix_clip_examples_agent_id", table, ["agent_id", "started_at"])
    op.create_table(
        "clip_sources",
        sa.Column("call_id", sa.String(255), primary_key=True),
        sa.Column("mark", sa.Text, nullable=False),
    )


def _clips() -> None:
    op.create_table(
        "clips",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("call_id", sa.String(255), nullable=False),
        sa.Column("recording_id", sa.String(64), nullable=False),
        sa.Column("check", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("start_ms", sa.Integer, nullable=False),
        sa.Column("end_ms", sa.Integer, nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("sound", sa.Text, nullable=False),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("expires", sa.Date),
        sa.Column("added_by", sa.Text, nullable=False),
        sa.Column("added_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("hidden", sa.Text, nullable=False),
    )
    op.create_index("ix_clips_recording_id", "clips", ["recording_id"])
    op.create_index("ix_clips_check", "clips", ["check", "outcome"])


def _collections() -> None:
    op.create_table(
        "clip_collections",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "clip_members",
        sa.Column("collection_id", sa.String(40), primary_key=True),
        sa.Column("clip_id", sa.String(40), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_index("ix_clip_members_clip_id", "clip_members", ["clip_id"])
    op.create_table(
        "clip_questions",
        sa.Column("clip_id", sa.String(40), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("question", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in (
        *("clip_questions", "clip_members", "clip_collections"),
        *("clips", "clip_sources", "clip_examples"),
    ):
        op.drop_table(table)
