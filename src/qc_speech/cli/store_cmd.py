"""`qc-speech store`: look after the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.errors import UsageError
from qc_speech.store_place import ENVIRONMENT, named

if TYPE_CHECKING:
    pass

app = typer.Typer(
    help="Look after the store: check, backup, restore, migrate, copy (docs/store.md).",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_CODES = "Exit codes: 0 done, 1 a fault was found or the store failed, 2 wrong usage."
_PLACE: Any = typer.Argument(
    ...,
    envvar=ENVIRONMENT,
    metavar="STORE",
    help="Folder of `run`, a SQLite file, or postgresql://USER@HOST/NAME.",
)


@app.command(epilog=f"Example: qc-speech store check out. {_CODES}")
def check(place: str = _PLACE) -> None:
    """Look for damage: the file, the schema, every call's rows against its result, reviews."""
    with clear_errors():
        from qc_speech.store.checking import check_store
        from qc_speech.store.opening import open_as_it_is

        with open_as_it_is(named(place)) as store:
            checked = check_store(store)
            name = store.name
        for line in checked.shown():
            typer.echo(f"error: store {name}: {line}", err=True)
        for line in checked.notes:
            typer.echo(f"note: store {name}: {line}", err=True)
        typer.echo(
            f"schema {checked.revision}: {checked.calls} calls, {checked.findings} findings, "
            f"{checked.reviews} reviews; {len(checked.faults) or 'no'} faults"
        )
        if checked.faults:
            raise typer.Exit(1)


@app.command(epilog=f"Example: qc-speech store backup out backups/2026-01-15.sqlite. {_CODES}")
def backup(
    place: str = _PLACE,
    to: Path = typer.Argument(..., metavar="FILE", help="The file to write; not there yet."),
) -> None:
    """Write the store to one file, with its checksum beside it; a job may run meanwhile."""
    with clear_errors():
        from qc_speech.store.backup import back_up
        from qc_speech.store.opening import open_as_it_is

        with open_as_it_is(named(place)) as store:
            checksum = back_up(store, to, _progress())
        typer.echo(f"{to}: written; sha256 {checksum} (also in {to.name}.sha256)")


@app.command(epilog=f"Example: qc-speech store restore backups/a.sqlite out --force. {_CODES}")
def restore(
    file: Path = typer.Argument(..., help="A file that `store backup` wrote."),
    place: str = _PLACE,
    force: bool = typer.Option(False, "--force", help="Replace what the store holds."),
) -> None:
    """Make a store what a backup holds; first the backup itself is checked."""
    with clear_errors():
        from qc_speech.store import backup, open_store

        if not backup.check_backup(file):
            note = f"note: {file}: has no checksum beside it; only its pages were checked"
            typer.echo(note, err=True)
        where = named(place)
        with open_store(where) as store:
            if not force and backup.holds_rows(store):
                raise UsageError(
                    f"store {store.name}: holds rows; --force replaces them by the backup's"
                )
            backup.restore(file, store, _progress())
        with open_store(where) as store:  # brings an older schema up to date
            typer.echo(f"{store.name}: restored from {file}")


@app.command(epilog=f"Example: qc-speech store migrate out. {_CODES}")
def migrate(
    place: str = _PLACE,
    to: Optional[Path] = typer.Option(  # noqa: UP045
        None, "--backup", metavar="FILE", help="Default: qc-SCHEMA-DATE.sqlite beside the store."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be done."),
) -> None:
    """Bring a store up to this program's schema; a backup of it is written first."""
    with clear_errors():
        from qc_speech.store import open_store
        from qc_speech.store.backup import back_up
        from qc_speech.store.opening import HEAD, open_as_it_is, revision_of

        where = named(place)
        with open_as_it_is(where) as store:
            revision = revision_of(store)
            if revision is None:
                raise UsageError(f"store {store.name}: is not a qc-speech store; name another one")
            typer.echo(f"schema {revision} -> {HEAD}")
            if revision == HEAD or dry_run:
                return
            file = to or _backup_name(where, revision)
            if revision < HEAD:  # a newer one is refused below
                back_up(store, file, _progress())
                typer.echo(f"backup: {file}")
        open_store(where, create=False).close()
        typer.echo("migrated")


@app.command(epilog=f"Example: qc-speech store copy out postgresql://qc@db/qc. {_CODES}")
def copy(
    source: str = typer.Argument(..., metavar="FROM", help="Folder of `run`, file or URL."),
    target: str = typer.Argument(..., metavar="TO", help="The same; an empty store, or none yet."),
) -> None:
    """Copy a store into an empty one, SQLite or PostgreSQL; one that was stopped goes on."""
    with clear_errors():
        from qc_speech.store import open_store
        from qc_speech.store.copying import copy_store

        with open_store(named(source), create=False) as one, open_store(named(target)) as other:
            rows = copy_store(one, other, _progress())
            typer.echo(f"{other.name}: {rows} rows, as many as in {one.name}")


def _backup_name(where: str | Path, revision: str) -> Path:
    from datetime import datetime

    folder = where.parent if isinstance(where, Path) else Path()
    return folder / f"qc-{revision}-{datetime.now():%Y%m%dT%H%M%S}.sqlite"


def _progress() -> Callable[[str, int], None]:
    last = [""]

    def say(table: str, rows: int) -> None:
        if table != last[0] or rows % 50_000 == 0:
            typer.echo(f"{table}: {rows}", err=True)
            last[0] = table

    return say
