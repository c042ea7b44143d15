"""Opens a store: finds the database, brings its schema up to date, refuses what is not a store."""

from __future__ import annotations

import functools
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError

from qc_speech.errors import StoreError
from qc_speech.store import audit_tables as _audit_tables  # noqa: F401 - adds to METADATA
from qc_speech.store import clip_tables as _clip_tables  # noqa: F401
from qc_speech.store import web_tables as _web_tables  # noqa: F401 - adds its tables to METADATA
from qc_speech.store.faults import DATABASE_ERRORS, fault
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import METADATA

VERSION_TABLE = "qc_speech_schema"
_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
# The newest revision, by the numbers in the files' names: Alembic need not be loaded to know it.
HEAD = max(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
_CONNECT_S = 10
_MIGRATING = 0x71635F73  # the lock that one process takes to bring a server's schema up to date


def open_store(
    url_or_path: str | Path, *, create: bool = True, busy_timeout_s: float = 30.0
) -> SqlStore:
    """Open the store in a SQLite file, or at a database URL (sqlite:///FILE, postgresql://...).

    create: make the file where there is none. busy_timeout_s: how long to wait for another
    writer. Raises StoreError.
    """

    def prepare(engine: Engine, name: str) -> None:
        if engine.dialect.name == "sqlite":
            _use_wal(engine, busy_timeout_s)
        _bring_up_to_date(engine, name, create)

    return _opened(url_or_path, create, busy_timeout_s, prepare)


def open_as_it_is(url_or_path: str | Path) -> SqlStore:
    """Open a store that is there, to look at it or back it up; schema and file stay as they are.
    Raises StoreError."""
    return _opened(url_or_path, False, 30.0, lambda engine, name: None)


def make_at(path: Path, revision: str | None) -> SqlStore:
    """Make a SQLite store of an earlier schema. Raises StoreError."""

    def make(engine: Engine, name: str) -> None:
        with engine.connect() as connection:
            connection.execution_options(write=True)
            with connection.begin():
                _upgrade(connection, revision or HEAD)

    return _opened(path, True, 30.0, make)


def revision_of(store: SqlStore) -> str | None:
    """The number of a store's schema; None: it is no store. Raises StoreError."""
    with store.transaction(write=False) as connection:
        return _revision(connection)


def _opened(
    url_or_path: str | Path,
    create: bool,
    busy_timeout_s: float,
    prepare: Callable[[Engine, str], None],
) -> SqlStore:
    url = _url(url_or_path)
    name = str(url.database) if _is_sqlite(url) else url.render_as_string(hide_password=True)
    if _is_sqlite(url):
        _prepare_file(Path(name), create)
    engine = _engine(url, name, busy_timeout_s)
    try:
        prepare(engine, name)
    except DATABASE_ERRORS as error:
        engine.dispose()
        raise fault(name, error) from None
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine, name)


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _url(url_or_path: str | Path) -> URL:
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return URL.create("sqlite", database=str(url_or_path))
    try:
        url = make_url(url_or_path)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError):
        raise StoreError(
            "store: the address is not understood; write a file name or postgresql://USER@HOST/NAME"
        ) from None
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"store: {backend} is not supported; use a SQLite file or PostgreSQL")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise StoreError("store: the address names no file; write sqlite:///FILE or a file name")
    if url.drivername == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    return url


def _prepare_file(path: Path, create: bool) -> None:
    try:
        if path.is_dir():
            raise StoreError(f"store {path}: is a folder; name a file in it, such as store.db")
        if path.exists():
            return
        if not create:
            raise StoreError(
                f"store {path}: does not exist; correct the path or inspect calls first"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made here and not by SQLite, so that nobody else can read it, not even for a moment;
        # SQLite gives its -wal and -shm files the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if not path.is_file():  # a parent is a file; else another process has just made it
            raise StoreError(f"store {path}: a folder of its path is a file; correct it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise StoreError(f"store {path}: cannot be made ({reason}); check the path") from None


def _engine(url: URL, name: str, busy_timeout_s: float) -> Engine:
    sqlite = _is_sqlite(url)
    waits: dict[str, Any] = (
        {"timeout": busy_timeout_s}
        if sqlite
        else {"connect_timeout": _CONNECT_S, "application_name": "qc-speech"}
    )
    try:
        engine = create_engine(
            url,
            hide_parameters=True,  # they hold what was said
            max_overflow=-1,
            pool_pre_ping=not sqlite,  # a server that was started anew costs no operation
            connect_args=waits,
        )
    except ImportError:
        raise StoreError(
            f"store {name}: the driver for PostgreSQL is not installed; "
            "pip install 'qc-speech[postgres]'"
        ) from None
    if sqlite:
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    else:
        event.listen(engine, "connect", functools.partial(_wait_for_locks, busy_timeout_s))
    return engine


def _wait_for_locks(seconds: float, dbapi: Any, _record: Any) -> None:
    with dbapi.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {round(seconds * 1000)}")
    dbapi.commit()


def _on_connect(dbapi: Any, _record: Any) -> None:
    dbapi.isolation_level = None  # _on_begin begins transactions, not the driver
    cursor = dbapi.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA secure_delete=ON")  # personal data that is removed is overwritten
    cursor.close()


def _on_begin(connection: Connection) -> None:
    # A writer takes its lock at once: it waits its turn instead of failing halfway.
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _use_wal(engine: Engine, busy_timeout_s: float) -> None:
    """Switch to WAL, which stays with the file. SQLite does not wait for locks here: retry."""
    deadline = time.monotonic() + busy_timeout_s
    while True:
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        finally:
            raw.close()


def _bring_up_to_date(engine: Engine, name: str, create: bool) -> None:
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.connect() as connection:
        connection.execution_options(write=True)
        with connection.begin():  # two processes may open a new store at once: the second waits
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
            revision = _revision(connection)
            if revision != HEAD:
                _check_can_upgrade(connection, name, revision, create)
                _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _check_can_upgrade(
    connection: Connection, name: str, revision: str | None, create: bool
) -> None:
    if revision is None:
        tables = set(inspect(connection).get_table_names())
        if connection.dialect.name != "sqlite":  # a server's database may hold other tables
            tables &= set(METADATA.tables)
        if tables or not create:
            raise StoreError(f"store {name}: this is not a qc-speech store; name another file")
        return
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if revision not in known:
        raise StoreError(
            f"store {name}: was written by a newer qc-speech (schema {revision[:32]}); "
            "upgrade qc-speech"
        )


def _upgrade(connection: Connection, revision: str = "head") -> None:
    logger = logging.getLogger("alembic")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)  # it speaks while it is imported
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, revision)
