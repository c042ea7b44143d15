"""A table for the queue of nightly batches. Frozen: change the schema in a new file, never here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "queue",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("batch", sa.String(64), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("place", sa.String(24), nullable=False),
        sa.Column("mark", sa.String(128), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(24), nullable=False),
        sa.Column("call_id", sa.String(255), nullable=False),
        sa.Column("recording_id", sa.String(64)),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("rank", sa.Float, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("not_before", sa.DateTime),
        sa.Column("owner", sa.String(64)),
        sa.Column("leased_at", sa.DateTime),
        sa.Column("duration_ms", sa.Integer),
        sa.Column("seconds", sa.Float),
        sa.Column("found_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
    )
    op.create_index("ix_queue_next", "queue", ["batch", "state", "priority", "rank", "id"])
    op.create_index("ix_queue_place", "queue", ["place"])
    op.create_index("ix_queue_recording_id", "queue", ["recording_id"])
    op.create_index("ix_queue_call_id", "queue", ["call_id"])
    op.create_index("ix_queue_ended_at", "queue", ["batch", "ended_at"])


def downgrade() -> None:
    op.drop_table("queue")
