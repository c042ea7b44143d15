"""Keeps stages and results in SQLite or PostgreSQL. Import it late: it pulls SQLAlchemy."""

from __future__ import annotations

from qc_speech.store.opening import open_store
from qc_speech.store.sql import SqlStore

__all__ = ["SqlStore", "open_store"]
