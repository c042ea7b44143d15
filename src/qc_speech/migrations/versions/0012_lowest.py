"""An index for the queue's order by score. Frozen: change the schema in a new file, never here."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_index("ix_results_settled_total", "results", ["settled_total", "call_id"])


def downgrade() -> None:
    op.drop_index("ix_results_settled_total", "results")
