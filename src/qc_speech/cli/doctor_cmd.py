"""`qc-speech doctor`: is this machine fit to inspect calls?"""

from __future__ import annotations

from pathlib import Path

import typer

EPILOG = "Example: qc-speech doctor --out results"
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    out: Path = typer.Option(Path(), "--out", help="The folder results will be written to."),
) -> None:
    """Look at Python, packages, devices, audio formats, models, disk and database.

    Exit code 1 when something would keep calls from being inspected.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from qc_speech.doctor import examine

    results = examine(out)
    table = Table(title="qc-speech doctor")
    for column in ("Check", "State", "Found", "Cure"):
        table.add_column(column, overflow="fold")
    for result in results:
        state = f"[{_COLOURS[result.state]}]{result.state}[/]"
        table.add_row(result.name, state, escape(result.found), escape(result.cure))
    Console().print(table)
    failed = sum(result.state == "fail" for result in results)
    if failed:
        typer.echo(f"{failed} of {len(results)} checks failed; see the cures above", err=True)
        raise typer.Exit(1)
