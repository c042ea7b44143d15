"""The store's schema, step by step (Alembic). Applied when a store is opened."""
