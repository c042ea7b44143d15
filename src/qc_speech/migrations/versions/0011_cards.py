"""Indexes that hold all that cards count. Frozen: change the schema in a new file, never here."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index(
        "ix_results_cards",
        "results",
        [
            "started_at", "agent_id", "team", "queue", "scenario", "snr_db", "settled_total",
            "settled_critical", "settled_review", "duration_ms", "agent_talk_ms",
            "mandarin_share", "reviewed_at",
        ],
    )  # fmt: skip
    op.create_index(
        "ix_findings_cards",
        "findings",
        ["started_at", "settled_outcome", "agent_id", "check", "settled_points"],
    )


def downgrade() -> None:
    op.drop_index("ix_findings_cards", "findings")
    op.drop_index("ix_results_cards", "results")
