"""Tables for the audit log and for what was sealed, as queries see them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Integer, LargeBinary, String, Table, Text

from qc_speech.store.tables import METADATA

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 … without a gap
    Column("at", DateTime, nullable=False),  # UTC
    Column("who", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", Text, nullable=False),
    Column("detail", Text, nullable=False),  # canonical JSON
    Column("keyed", Boolean, nullable=False),  # the hash is an HMAC under the operator's key
    Column("hash", String(64), nullable=False),  # of this entry and the hash before it
)

# The whole result of a call whose transcript was masked; only the key's owner can read it.
SEALED = Table(
    "sealed",
    METADATA,
    Column("call_id", String(255), primary_key=True),
    Column("payload", LargeBinary, nullable=False),  # a Fernet token of zlib of UTF-8 JSON
    Column("at", DateTime, nullable=False),  # UTC
)

# What retention has removed from a call that is still there (retention.py).
REMOVALS = Table(
    "removals",
    METADATA,
    Column("call_id", String(255), primary_key=True),
    Column("what", String(16), primary_key=True),  # audio | transcript | mask
    Column("at", DateTime, nullable=False),  # UTC
)
