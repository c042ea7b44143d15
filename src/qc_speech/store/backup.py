"""A store as one file with a checksum, and back again. The file is a SQLite store, whatever the
database was: it can be opened, checked and restored on any machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import delete, select

from qc_speech.errors import StoreError, UsageError
from qc_speech.store.checking import file_faults
from qc_speech.store.copying import Say, copy_store
from qc_speech.store.faults import DATABASE_ERRORS, fault
from qc_speech.store.opening import make_at, open_as_it_is, open_store, revision_of
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import METADATA

_BLOCK = 1 << 20


def silent(table: str, rows: int) -> None:
    """The no-op progress."""


def back_up(store: SqlStore, to: Path, say: Say = silent) -> str:
    """Write a store, as it is now and of the schema it has, to a file; others may write to it
    meanwhile. Returns the file's SHA-256, which also stands in TO.sha256. Raises UsageError when
    the file is there, and StoreError."""
    if to.exists():
        raise UsageError(f"{to}: is there already; name another file")
    half = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        if store.on_server:
            with make_at(half, revision_of(store)) as copy:
                copy_store(store, copy, say)
        else:
            os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            with closing(sqlite3.connect(half)) as copy_file, store.file() as own:
                own.backup(copy_file)
        with closing(sqlite3.connect(half)) as copy_file:
            copy_file.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        checksum = _checksum(half)
        half.replace(to)
        _side(to).write_text(f"{checksum}  {to.name}\n", encoding="utf-8")
    except DATABASE_ERRORS as error:
        raise fault(str(to), error) from None
    except OSError as error:
        raise StoreError(
            f"{to}: cannot be written ({error.strerror}); check path and space"
        ) from None
    finally:
        for left in (half, *(half.with_name(f"{half.name}{end}") for end in ("-wal", "-shm"))):
            left.unlink(missing_ok=True)
    return checksum


def check_backup(file: Path) -> bool:
    """Whether a backup has a checksum, which then agrees. Raises UsageError when there is no such
    file, and StoreError when it is not what was written or is damaged."""
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file; give one that `store backup` wrote")
    noted = None
    if _side(file).is_file():
        noted = _side(file).read_text(encoding="utf-8").split()[0]
        if noted != _checksum(file):
            raise StoreError(f"{file}: is not what was written (checksum); use another backup")
    with open_as_it_is(file) as store:
        if revision_of(store) is None:
            raise StoreError(f"{file}: is no backup of a qc-speech store; name another file")
        faults = file_faults(store)
    if faults:
        raise StoreError(f"{file}: is damaged ({faults[0]}); use another backup")
    return noted is not None


def holds_rows(store: SqlStore) -> bool:
    """Whether a store holds anything."""
    with store.transaction(write=False) as connection:
        return any(
            connection.execute(select(*table.primary_key.columns).limit(1)).first() is not None
            for table in METADATA.sorted_tables
        )


def restore(file: Path, store: SqlStore, say: Say = silent) -> None:
    """Make a store what a backup holds; what it held before is gone. On SQLite
    the schema too is then that of the backup. Raises StoreError."""
    if not store.on_server:
        try:
            with closing(sqlite3.connect(file)) as kept, store.file() as own:
                kept.backup(own)
        except sqlite3.Error as error:
            raise fault(store.name, error) from None
        return
    with store.transaction(write=True) as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(delete(table))
    with tempfile.TemporaryDirectory() as folder:
        newest = Path(folder) / "qc.sqlite"  # a backup is never changed, an older schema is
        shutil.copyfile(file, newest)
        with open_store(newest) as source:
            copy_store(source, store, say)


def _side(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _checksum(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
