"""Alembic runs this file. The connection, and its transaction, are the opening store's."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,  # SQLite too, as transactions are begun by hand: all or nothing
)
with context.begin_transaction():
    context.run_migrations()
