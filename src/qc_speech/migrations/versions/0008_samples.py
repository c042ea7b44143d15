"""Calls drawn at random for people. Frozen: change the schema in a new file, never here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    results = sa.ForeignKey("results.call_id", ondelete="CASCADE")
    op.create_table(
        "samples",
        sa.Column("call_id", sa.String(255), results, primary_key=True),
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("drawn_at", sa.DateTime, nullable=False),
    )
    op.create_index("ix_samples_week", "samples", ["week"])


def downgrade() -> None:
    op.drop_table("samples")
