"""How a command ends that cannot do what was asked: one line and an exit code, no stack trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from qc_speech.errors import QcError, UsageError


@contextmanager
def clear_errors(check: str | None = None) -> Iterator[None]:
    """A fault with a cure ends in one line: exit code 2 for wrong usage, else 1. `check`: what to
    look at after a fault of the system (exit code 2); without it that is no user's mistake."""
    try:
        yield
    except QcError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from None
    except OSError as error:
        if check is None:
            raise
        typer.echo(f"error: {error.filename}: {error.strerror}; check {check}", err=True)
        raise typer.Exit(2) from None
