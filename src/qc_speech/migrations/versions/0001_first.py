"""The first schema. Frozen: change the schema in a new file, never here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("source_name", sa.Text, nullable=False),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.Column("sample_rate_hz", sa.Integer, nullable=False),
        sa.Column("channels", sa.Integer, nullable=False),
    )
    op.create_table(
        "stages",
        sa.Column("recording_id", sa.String(64), primary_key=True),
        sa.Column("stage", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    _create_results()
    _create_findings()
    op.create_table(
        "failures",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )


def _create_results() -> None:
    op.create_table(
        "results",
        sa.Column("call_id", sa.String(255), primary_key=True),
        sa.Column("recording_id", sa.String(64), sa.ForeignKey("recordings.id"), nullable=False),
        sa.Column("agent_id", sa.Text),
        sa.Column("scenario", sa.String(64), nullable=False),
        sa.Column("started_at", sa.DateTime),
        sa.Column("total", sa.Float, nullable=False),
        sa.Column("grade", sa.String(32), nullable=False),
        sa.Column("critical", sa.Boolean, nullable=False),
        sa.Column("review", sa.Boolean, nullable=False),
        sa.Column("rulebook", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_results_recording_id", "results", ["recording_id"])
    op.create_index("ix_results_agent_id_started_at", "results", ["agent_id", "started_at"])
    op.create_index("ix_results_started_at", "results", ["started_at"])


def _create_findings() -> None:
    results = sa.ForeignKey("results.call_id", ondelete="CASCADE")
    op.create_table(
        "findings",
        sa.Column("call_id", sa.String(255), results, primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("check", sa.String(64), nullable=False),
        sa.Column("family", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("severity", sa.String(32), nullable=False),
        sa.Column("points", sa.Float, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("start_ms", sa.Integer),
        sa.Column("end_ms", sa.Integer),
        sa.Column("speaker", sa.String(32)),
        sa.Column("clause", sa.Text, nullable=False),
        sa.Column("dimension", sa.Text, nullable=False),
    )
    op.create_index("ix_findings_check_outcome", "findings", ["check", "outcome"])


def downgrade() -> None:
    for table in ("failures", "findings", "results", "stages", "recordings"):
        op.drop_table(table)
