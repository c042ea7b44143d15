"""`qc-speech export`: results for other tools."""

from __future__ import annotations

from pathlib import Path

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.store_place import stored


def export_cmd(
    out: Path = typer.Argument(..., help="Folder given to `run` with --out."),
    fmt: str = typer.Option(..., "--format", "-f", help="rttm, vtt, csv, json or labels."),
    to: Path | None = typer.Option(None, "--to", help="Folder to write into; default OUT/export."),
    store: str | None = STORE,
) -> None:
    """Write results as RTTM or WebVTT (one file per call), CSV for Excel, or JSON Lines; or, as
    labels, the calls that people heard whole in the review app, for `qc-speech eval`.

    With --store: all calls of that store, else those in OUT/calls.

    Examples: qc-speech export out --format csv --to tables |
    qc-speech export out --format labels --to labelled
    """
    from qc_speech.export import export

    folder = to or out / ("labels" if fmt == "labels" else "export")
    with clear_errors():
        if fmt == "labels":
            _labels(stored(out, store), folder)
            return
        if store is None:
            written = export(out, fmt, folder)
        else:
            from qc_speech.store import open_store

            with open_store(store, create=False) as opened:
                written = export(out, fmt, folder, opened.results())
    plural = "" if len(written) == 1 else "s"
    typer.echo(f"{len(written)} file{plural} written to {folder}")


def _labels(place: str | Path, folder: Path) -> None:
    from qc_speech.errors import StoreError
    from qc_speech.evaluate.labelling import write_labels
    from qc_speech.setup import load_rules
    from qc_speech.store import open_store

    with open_store(place, create=False) as store:
        try:
            written, left = write_labels(store, load_rules(), folder)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written ({error.strerror})") from None
    for one in left:
        typer.echo(f"{one.call_id}: left out: {one.why}", err=True)
    plural = "" if written == 1 else "s"
    typer.echo(f"{written} label{plural} written to {folder}, {len(left)} left out")
