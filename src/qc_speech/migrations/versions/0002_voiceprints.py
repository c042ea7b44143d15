"""A table for the voiceprints of agents. Frozen: change the schema in a new file, never here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "voiceprints",
        sa.Column("agent_id", sa.String(255), primary_key=True),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("enrolled_at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("voiceprints")
