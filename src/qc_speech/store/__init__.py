"""Keeps stages and results in SQLite or PostgreSQL. Import it late: it pulls SQLAlchemy."""

from __future__ import annotations

from qc_speech.store.opening import open_store
from qc_speech.store.queue import Queue
from qc_speech.store.sql import SqlStore

__all__ = ["Queue", "SqlStore", "open_store"]
