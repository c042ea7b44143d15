"""What retention removed from calls. Frozen: change the schema in a new file, never here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "removals",
        sa.Column("call_id", sa.String(255), primary_key=True),
        sa.Column("what", sa.String(16), primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("removals")
