"""Database errors as one clear line: which store, what is wrong, what to do."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from qc_speech.errors import StoreError

# While a connection is being made SQLAlchemy passes the driver's own errors on.
DATABASE_ERRORS = (SQLAlchemyError, sqlite3.Error)

# What a driver says -> what a person reads. Texts and not codes: Python 3.10 shows no codes.
_CURES = (
    ("disk is full", "the disk is full; free some space and run again"),
    ("disk i/o error", "the disk failed or is full; check the disk and run again"),
    ("is locked", "another program holds it locked; wait for it to end and run again"),
    ("readonly database", "no permission to write it; check the owner of file and folder"),
    ("unable to open", "it cannot be opened; check that you may write the file and its folder"),
    ("not a database", "this file is not a store; name another file"),
    ("malformed", "the file is damaged; restore a backup, or remove it and inspect again"),
    ("no space left", "the database's disk is full; free some space and run again"),
    ("lock timeout", "another program holds it locked; wait for it to end and run again"),
    ("deadlock", "another program wrote the same at once; run again"),
    ("authentication failed", "user or password is wrong; see PGUSER, PGPASSWORD, ~/.pgpass"),
    ("no password supplied", "the database asks for a password; see PGPASSWORD, ~/.pgpass"),
    ("permission denied", "the database's user may not do this; grant it the rights on its schema"),
    ("too many clients", "the database takes no more connections; use fewer workers and run again"),
    ("starting up", "the database is just starting; run again in a moment"),
    ("shutting down", "the database is stopping; start it and run again"),
    ("recovery mode", "the database is recovering; run again in a moment"),
    ("read-only transaction", "the database is a read-only copy; give the address of the main one"),
    ("connection", "the database does not answer; check the address and that it runs"),
)


_NO_DATABASE = re.compile(r'(database|role) "[^"]*" does not exist')


def fault(name: str, error: Exception) -> StoreError:
    """The StoreError of a database error. It never shows parameters: they may hold spoken words."""
    cause = getattr(error, "orig", None) or error
    said = (str(cause).splitlines() or [""])[0].strip()
    if _NO_DATABASE.search(said):
        return StoreError(f"store {name}: there is no such database or user; create it (createdb)")
    for sign, cure in _CURES:
        if sign in said.lower():
            return StoreError(f"store {name}: {cure}")
    if isinstance(error, (DBAPIError, sqlite3.Error)):
        return StoreError(f"store {name}: {type(cause).__name__}: {said[:200]}")
    return StoreError(f"store {name}: {type(error).__name__}; check the store's address")
