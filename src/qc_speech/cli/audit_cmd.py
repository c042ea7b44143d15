"""`qc-speech audit` and `qc-speech key`: the log of who did what, and the key that seals."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.errors import QcError, UsageError
from qc_speech.store_place import store_of, stored

EPILOG = (
    "Example: qc-speech audit out --since 1042:9f3c2a7b. Exit codes: 0 the log is as it was "
    "written, 1 it was changed, or the store failed, 2 wrong usage."
)
key_app = typer.Typer(help="The key that encrypts what is stored.", no_args_is_help=True)


def audit_cmd(
    out: Path = typer.Argument(..., help="Folder given to `run` with --out, or a store file."),
    since: str | None = typer.Option(
        None, "--since", help="NUMBER:HASH of an entry noted elsewhere: it must still be there."
    ),
    show: int = typer.Option(10, "--show", min=0, help="How many of the newest entries to show."),
    store: str | None = STORE,
) -> None:
    """Check that nobody changed the audit log, and show its newest entries."""
    with clear_errors():
        place = stored(out, store) if store or out.is_dir() else out
        whole = _audit(place, since, show)
    if not whole:
        raise typer.Exit(1)


def _audit(place: str | Path, since: str | None, show: int) -> bool:
    from qc_speech.store import audit, open_store

    noted = _noted(since)
    with open_store(place, create=False) as store:
        for entry in reversed(list(audit.entries(store, newest=show))):
            typer.echo(
                f"{entry.seq}  {entry.at:%Y-%m-%d %H:%M:%S}Z  {entry.who}  {entry.action}  "
                f"{entry.object}"
            )
        found = audit.verify(store, noted)
    if found.broken is not None:
        typer.echo(f"error: audit log: entry {found.broken}: {found.why}", err=True)
        return False
    head = f"; newest {found.head[0]}:{found.head[1][:16]}" if found.head else ""
    typer.echo(f"audit log: {found.entries} entries, all as they were written{head}")
    return True


def _noted(since: str | None) -> tuple[int, str] | None:
    if since is None:
        return None
    match = re.fullmatch(r"(\d+):([0-9a-f]{8,64})", since.strip())
    if not match:
        raise UsageError(f"--since {since}: write NUMBER:HASH as the command shows it")
    return int(match[1]), match[2]


@key_app.command("new")
def new(
    to: Path = typer.Argument(..., help="File to write the key to; made with permission 0600."),
) -> None:
    """Make a key. Keep a copy elsewhere: what is sealed cannot be read without it."""
    import os

    from qc_speech.vault import KEY_FILE, new_key

    try:
        key = new_key()
        with os.fdopen(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as stream:
            stream.write(key + "\n")
    except FileExistsError:
        typer.echo(f"error: {to}: exists; a key is never written over", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"error: {to}: cannot be written ({error.strerror}); check the path", err=True)
        raise typer.Exit(2) from None
    except QcError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"key written to {to}; set {KEY_FILE}={to} and keep a copy elsewhere")


@key_app.command("open")
def open_file(
    file: Path = typer.Argument(..., help="A sealed file, such as out/calls/d01.json.fernet."),
    to: Path = typer.Argument(..., help="Where to write it as it was; permission 0600."),
) -> None:
    """Write a sealed file as it was before it was sealed."""
    from qc_speech.batch import write_atomically
    from qc_speech.vault import needed

    try:
        data = needed().open(file.read_bytes())
        write_atomically(to, lambda stream: stream.write(data))
    except OSError as error:
        typer.echo(f"error: {error.filename or file}: {error.strerror}; check the path", err=True)
        raise typer.Exit(2) from None
    except QcError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


@key_app.command("apply")
def apply(
    out: Path = typer.Argument(..., help="Folder given to `run` with --out."),
    store_url: str | None = STORE,
) -> None:
    """Seal with today's key what was stored without one, or with an earlier key."""
    from qc_speech.publish import publish
    from qc_speech.sealing import seal_files
    from qc_speech.store import open_store
    from qc_speech.store.resealing import reseal
    from qc_speech.vault import needed

    with clear_errors():
        needed()
        with open_store(store_of(out, store_url), create=False) as store:
            rows = reseal(store)
            files = seal_files(out)
            publish(out, store)
    typer.echo(f"sealed {rows} rows and {files} files")
