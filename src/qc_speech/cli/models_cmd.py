"""`qc-speech models`: which models there are, fetching them, checking them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.errors import QcError, UsageError

if TYPE_CHECKING:
    from qc_speech.models import ModelCard
    from qc_speech.ports import Hook

app = typer.Typer(
    help="List, fetch and verify the model files (weights) that the engines load.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_LIST_EPILOG = "Example: qc-speech models list"
_FETCH_EPILOG = (
    "Examples: qc-speech models fetch | "
    "qc-speech models fetch whisper-large-v3-turbo | "
    "HF_ENDPOINT=https://MIRROR qc-speech models fetch whisper-large-v3 | "
    "qc-speech models fetch pyannote-community-1 --from /media/usb/models. "
    "A token is read from HF_TOKEN or a token file, never from the command line."
)
_VERIFY_EPILOG = "Example: qc-speech models verify whisper-base"


@app.command("list", epilog=_LIST_EPILOG)
def list_models() -> None:
    """Show every model of the manifest: size, licence, sources, whether it is here."""
    with clear_errors():
        from rich import box
        from rich.console import Console
        from rich.table import Table

        from qc_speech.models import load_manifest

        table = Table(title="Models", caption=_folder_note(), box=box.SIMPLE_HEAD)
        table.add_column("Model", no_wrap=True)
        for column in ("Size", "Licence", "Here", "Sources"):
            table.add_column(column)
        cards = load_manifest()
        for card in cards:
            table.add_row(*_row(card))
        console = Console()
        console.print(table)
        if any(not card.pinned for card in cards):
            console.print(
                "hash at first use: the manifest has no SHA-256 for some file. The first fetch "
                "trusts the hash the hub publishes and pins it in the model's .lock.json.",
                soft_wrap=True,
            )


@app.command(epilog=_FETCH_EPILOG)
def fetch(
    ids: Optional[list[str]] = typer.Argument(  # noqa: UP045 - typer reads it at run time
        None, metavar="IDS", help="Models to fetch; none: the default set."
    ),
    source: Optional[str] = typer.Option(  # noqa: UP045
        None, "--source", metavar="NAME", help="Use only this source (see: models list)."
    ),
    folder: Optional[Path] = typer.Option(  # noqa: UP045
        None, "--from", metavar="FOLDER", help="Copy the files from this folder; no network."
    ),
) -> None:
    """Fetch models; every file's SHA-256 is checked before it is put in place."""
    with clear_errors():
        from qc_speech.models import fetch as fetch_model

        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder} is not a folder; give --from the folder with the files")
        failed = 0
        for card in _cards(ids):
            try:
                with _progress(card.id) as hook:
                    place = fetch_model(card.id, source=source, folder=folder, hook=hook)
            except UsageError:
                raise
            except QcError as error:
                typer.echo(f"error: {error}", err=True)
                failed += 1
            else:
                typer.echo(f"{card.id}: ready in {place}")
        if failed:
            raise typer.Exit(1)


@app.command(epilog=_VERIFY_EPILOG)
def verify(
    ids: Optional[list[str]] = typer.Argument(  # noqa: UP045
        None, metavar="IDS", help="Models to check; none: every model that is here."
    ),
) -> None:
    """Hash the files on disk anew and compare them with the manifest."""
    with clear_errors():
        from rich.console import Console
        from rich.table import Table

        from qc_speech.models import verify as verify_model

        table = Table(title="Model files")
        for column in ("Model", "File", "State", "SHA-256"):
            table.add_column(column, overflow="fold")
        failed = False
        for card in _cards(ids, only_present=True):
            for state in verify_model(card.id):
                failed = failed or state.state != "ok"
                found = (state.found or "")[:16]
                table.add_row(card.id, state.name, state.state, found)
        Console().print(table)
        if failed:
            typer.echo("error: run qc-speech models fetch for the models not ok", err=True)
            raise typer.Exit(1)


def _cards(ids: Optional[list[str]], only_present: bool = False) -> list[ModelCard]:  # noqa: UP045
    from qc_speech.models import find_card, load_manifest, model_dir

    if ids:
        return [find_card(model_id) for model_id in dict.fromkeys(ids)]
    cards = load_manifest()
    if only_present:
        return [card for card in cards if card.default or model_dir(card.id).is_dir()]
    return [card for card in cards if card.default]


def _row(card: ModelCard) -> tuple[str, ...]:
    from qc_speech.models import model_dir, require

    here = "no"
    if model_dir(card.id).is_dir():
        try:
            require(card.id)
            here = "yes"
        except QcError:
            here = "damaged"
    about = [card.kind] + ["default"] * card.default + ["hash at first use"] * (not card.pinned)
    sources = ", ".join(
        source.name + (" (token)" if source.needs_token else "") for source in card.sources
    )
    size = f"{card.size / 1e6:.0f} MB" if card.size else "?"
    return (f"{card.id}\n  {', '.join(about)}", size, card.licence, here, sources)


def _folder_note() -> str:
    from qc_speech.resources import model_files_dir

    return f"Folder: {model_files_dir()} (QC_SPEECH_MODELS changes it)"


@contextmanager
def _progress(model_id: str) -> Iterator[Hook]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bar = Progress(*columns, TransferSpeedColumn(), console=console, transient=True)
    with bar:
        task = bar.add_task(model_id, total=None, visible=sys.stderr.isatty())

        def hook(stage: str, done: float, total: float) -> None:
            bar.update(task, completed=done, total=total or None)

        yield hook
