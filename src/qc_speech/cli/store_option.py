"""The option --store, alike in every command that reads or writes the store."""

from __future__ import annotations

from typing import Any, Optional
from urllib.parse import urlsplit

import typer

from qc_speech.store_place import ENVIRONMENT

_PASSWORD = (
    "note: --store: a password on the command line can be read by others on this machine; put the "
    f"address into {ENVIRONMENT}, or the password into PGPASSWORD or ~/.pgpass"
)


def _warned(
    context: typer.Context,
    parameter: typer.CallbackParam,
    value: Optional[str],  # noqa: UP045
) -> str | None:
    source = context.get_parameter_source(parameter.name or "")
    if value and source is not None and source.name == "COMMANDLINE" and _has_password(value):
        typer.echo(_PASSWORD, err=True)
    return value


def _has_password(address: str) -> bool:
    try:
        return bool(urlsplit(address).password)
    except ValueError:
        return False


STORE: Any = typer.Option(
    None,
    "--store",
    metavar="URL",
    envvar=ENVIRONMENT,
    callback=_warned,
    help="The store: a SQLite file or postgresql://USER@HOST/NAME; default: qc.sqlite in OUT.",
)
