"""`qc-speech score`: new rules on stored transcripts, without audio or models."""

from __future__ import annotations

from pathlib import Path

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.errors import UsageError
from qc_speech.store_place import stored

EPILOG = "Example: qc-speech score out --rulebook complaint"


def score(
    out: Path = typer.Argument(..., help="Folder given to `run` with --out."),
    rulebook: str | None = typer.Option(
        None, "--rulebook", help="Rulebook for all calls; default: by each call's scenario."
    ),
    config: Path | None = typer.Option(
        None, "--config", help="Settings (TOML); only those of checks of meaning are used."
    ),
    store: str | None = STORE,
) -> None:
    """Score all stored calls again with today's rulebooks and lexicons; needs no audio or model."""
    with clear_errors():
        _score(out, rulebook, config, stored(out, store))


def _score(out: Path, rulebook: str | None, config: Path | None, place: str | Path) -> None:
    from rich.console import Console
    from rich.progress import track

    from qc_speech.batch import write_call
    from qc_speech.cli.table import print_results
    from qc_speech.engines.language_model import language_model
    from qc_speech.pipeline import reasked, rescore
    from qc_speech.publish import publish
    from qc_speech.rules.rulebook import choose
    from qc_speech.settings import load_settings
    from qc_speech.settling import book_of, keep_result
    from qc_speech.setup import load_rules
    from qc_speech.store import open_store

    rules = load_rules()
    if rulebook is not None:
        choose(rules.rulebooks, rulebook)
    judge = language_model(load_settings(config))
    with open_store(place) as store:
        ids = set()
        for result in track(store.results(), "scoring", console=Console(stderr=True)):
            if judge is not None:
                result = reasked(result, rules, rulebook, judge, store)
            fresh = rescore(result, rules, rulebook)
            keep_result(store, fresh, book_of(fresh, rules.rulebooks))
            write_call(out, fresh)
            ids.add(fresh.call_id)
        if not ids:
            raise UsageError(f"{out}: the store holds no call yet; run `qc-speech run` first")
        index = publish(out, store)
        print_results(store, ids)
    typer.echo(f"scorecards: {index}")
