"""`qc-speech eval`: results against labelled calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from qc_speech.evaluate import Evaluation
    from qc_speech.evaluate.counts import Counts


def evaluate_cmd(
    labelled: Path = typer.Argument(..., help="Folder of labelled calls (*.json)."),
    out: Path = typer.Option(..., "--out", help="Folder given to `run` with --out."),
    calls: str | None = typer.Option(
        None, "--calls", help="Only these: d01,d02 or a file with one call id per line."
    ),
    errors: bool = typer.Option(False, "--errors", help="List each false alarm and miss."),
    store: str | None = STORE,
) -> None:
    """Compare OUT's results with labelled calls; prints tables, writes OUT/eval.json and
    OUT/reliability.svg (confidence against what was heard right).

    With --store: the results of the labelled calls in that store, else those in OUT/calls.

    Exit code 1 if a labelled call has no result or a file is damaged.

    Example: qc-speech eval labelled --out out --errors
    """
    from rich.console import Console

    from qc_speech.evaluate import evaluate, read_ids, save
    from qc_speech.evaluate.reliability import save_diagram

    with clear_errors():
        ids = read_ids(calls) if calls else None
        if store is None:
            found = evaluate(labelled, out, calls=ids)
        else:
            from qc_speech.store import open_store

            with open_store(store, create=False) as opened:
                found = evaluate(labelled, out, calls=ids, stored=opened.result)
        path = save(found, out)
        save_diagram(found.reliability(), out)
    console = Console()
    for table in (_groups(found), _checks(found), _speech(found)):
        console.print(table)
    if errors:
        console.print(_mistakes(found))
    _notes(found, console)
    console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    if not found.complete:
        raise typer.Exit(1)


_HEAD = ("TP", "FP", "FN", "unsure", "P", "R", "F1")


def _groups(found: Evaluation) -> Table:
    from qc_speech.evaluate import group_filters

    table = _table("Groups; violation: it is missing or wrong, said: it was said", "group")
    for name, chosen in group_filters().items():
        if name == "unlisted":
            continue
        table.add_row(name, "violation", *_cells(found.violations(chosen)))
        if name == "phrase":
            table.add_row(name, "said", *_cells(found.said(chosen)))
    return table


def _checks(found: Evaluation) -> Table:
    table = _table("Checks; unsure: uncertain on positives + on negatives", "check")
    for check in found.checks():
        for sense, counts in (
            ("violation", found.violations(lambda j, c=check: j.check == c)),  # type: ignore[misc]
            ("said", found.said(lambda j, c=check: j.check == c)),  # type: ignore[misc]
        ):
            if counts.tp or counts.fp or counts.fn or counts.uncertain_negative:
                table.add_row(check, sense, *_cells(counts))
    return table


def _table(title: str, first: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    table.add_column("sense", no_wrap=True)
    for name in _HEAD:
        table.add_column(name, justify="right")
    return table


def _cells(counts: Counts) -> tuple[str, ...]:
    unsure = f"{counts.uncertain_positive}+{counts.uncertain_negative}"
    rates = (counts.precision, counts.recall, counts.f1)
    return (str(counts.tp), str(counts.fp), str(counts.fn), unsure, *map(_rate, rates))


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _speech(found: Evaluation) -> Table:
    from rich.table import Table

    table = Table(title="Speech", title_justify="left")
    for name in ("calls", "n", "CER", "cpCER", "cpCER roles", "DER", "DER roles", "roles right"):
        table.add_column(name, justify="left" if name == "calls" else "right")
    for channels in (None, "mono", "stereo"):
        speech = found.speech(channels)
        errors = (speech.cer, speech.cpcer, speech.role_cpcer, speech.der, speech.role_der)
        roles = f"{speech.roles.right}/{speech.calls}"
        rates = (_rate(e.rate) for e in errors)
        table.add_row(channels or "all", str(speech.calls), *rates, roles)
    return table


def _mistakes(found: Evaluation) -> Table:
    from rich.table import Table

    table = Table(title="Mistakes", title_justify="left")
    for name in ("call", "check", "kind", "outcome", "at"):
        table.add_column(name)
    for call_id, judged in found.mistakes():
        at = "-" if judged.at_ms is None else f"{judged.at_ms / 1000:.1f} s"
        heard = judged.heard.value if judged.heard else "no finding"
        table.add_row(call_id, judged.check, judged.mistake, heard, at)
    return table


def _notes(found: Evaluation, console: Console) -> None:
    from qc_speech.evaluate.summary import uncertain_share

    share = uncertain_share(found)
    total = sum(len(call.traps) for call in found.calls)
    sprung = ", ".join(f"{call_id} {code}" for call_id, code in found.sprung())
    lines = [
        f"traps sprung: {len(found.sprung())} of {total}{': ' + sprung if sprung else ''}",
        f"uncertain: {share['checks']} of {share['checks_in_scope']} checks in scope",
    ]
    if found.without_result:
        lines.append(f"labelled but without a result: {', '.join(found.without_result)}")
    if found.without_label:
        lines.append(f"results without a label, not compared: {', '.join(found.without_label)}")
    for call in found.calls:
        lines += [*call.faults, *call.label_conflicts]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for line in found.problems:
        typer.echo(f"error: {line}", err=True)
