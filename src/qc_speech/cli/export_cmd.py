"""`qc-speech export`: results for other tools."""

from __future__ import annotations

from pathlib import Path

import typer

from qc_speech.errors import QcError, UsageError


def export_cmd(
    out: Path = typer.Argument(..., help="Folder given to `run` with --out."),
    fmt: str = typer.Option(..., "--format", "-f", help="rttm, vtt, csv or json."),
    to: Path | None = typer.Option(None, "--to", help="Folder to write into; default OUT/export."),
) -> None:
    """Write results as RTTM or WebVTT (one file per call), CSV for Excel, or JSON Lines.

    Example: qc-speech export out --format csv --to tables
    """
    from qc_speech.export import export

    folder = to or out / "export"
    try:
        written = export(out, fmt, folder)
    except QcError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from None
    plural = "" if len(written) == 1 else "s"
    typer.echo(f"{len(written)} file{plural} written to {folder}")
