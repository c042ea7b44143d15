"""`qc-speech run`: the main job."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qc_speech.batch import Done, Job
    from qc_speech.intake import Intake

EPILOG = (
    "Example: qc-speech run recordings/2026-01-15 --out out --manifest recordings/manifest.csv. "
    "Exit codes: 0 all done, 1 some failed, 2 wrong usage, 130 stopped; running again goes on."
)


def run(
    paths: list[Path] = typer.Argument(..., help="Recordings or folders of recordings."),
    out: Path = typer.Option(..., "--out", help="Where results, store and report go."),
    manifest: Path | None = typer.Option(
        None, "--manifest", help="CSV with the calls' metadata; default: manifest.csv beside them."
    ),
    rulebook: str | None = typer.Option(
        None, "--rulebook", help="Rulebook for all calls; default: by each call's scenario."
    ),
    workers: int = typer.Option(1, "--workers", min=1, max=256, help="Worker processes."),
    device: str = typer.Option("auto", "--device", help="auto, cpu or cuda."),
    config: Path | None = typer.Option(None, "--config", help="TOML file of settings."),
    model: str | None = typer.Option(None, "--model", help="Recognizer: model id or local folder."),
    store: str | None = STORE,
) -> None:
    """Inspect recordings: transcribe, tell agent from customer, check, score, report."""
    from qc_speech.batch import Job
    from qc_speech.settings import load_settings

    with clear_errors():
        if device not in ("auto", "cpu", "cuda"):
            raise UsageError(f"--device {device}: one of auto, cpu, cuda")
        settings = load_settings(
            config, device=None if device == "auto" else device, asr_model=model
        )
        code = _run(paths, manifest, Job(out, settings, rulebook, workers, store=store))
    if code:
        raise typer.Exit(code)


def _run(paths: Sequence[Path], manifest: Path | None, asked: Job) -> int:
    from qc_speech.engines import registry
    from qc_speech.intake import gather
    from qc_speech.rules.rulebook import choose
    from qc_speech.setup import RuleKeeper

    out, settings = asked.out, asked.settings
    keeper = RuleKeeper(copies=out / "rules")
    rules = keeper.current()
    if asked.rulebook is not None:
        choose(rules.rulebooks, asked.rulebook)
    _make_folder(out)
    found = gather(list(paths), manifest, settings.file_name_pattern or None, skip=[out])
    _print_problems(found)
    if not found.sources:
        if not found.problems:
            typer.echo("error: no recording to inspect; give files or folders", err=True)
        return 2
    registry.require_models(settings)
    if keeper.problem:
        typer.echo(f"error: {keeper.problem}; until then the last good rules are used", err=True)
    workers = min(asked.workers, len(found.sources))
    job = replace(asked, workers=workers, rules=keeper.keep())
    ended = _inspect_all(job, found)
    _finish(job, found, ended)
    failed = [done for done in ended if done.state == "failed"]
    return 1 if failed or found.problems or keeper.problem else 0


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)  # its pages hold what was said
        probe = out / ".write-test"
        try:
            probe.write_bytes(b"x")
        finally:
            probe.unlink(missing_ok=True)
    except FileExistsError:
        raise UsageError(f"{out}: is a file; give a folder with --out") from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreError(f"{out}: the disk is full; free some space and run again") from None
        raise UsageError(
            f"{out}: cannot be written ({error.strerror}); check permissions or give another --out"
        ) from None


def _print_problems(found: Intake) -> None:
    for note in found.notes:
        typer.echo(f"note: {note.where}: {note.message}", err=True)
    for problem in found.problems:
        typer.echo(f"error: {problem.where}: {problem.message}", err=True)


def _inspect_all(job: Job, found: Intake) -> list[Done]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from qc_speech.audio import NOTES
    from qc_speech.batch import run as run_batch
    from qc_speech.pipeline import STAGES

    ended: list[Done] = []
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        calls = progress.add_task("calls", total=len(found.sources))
        stages = progress.add_task("stage", total=len(STAGES), visible=job.workers == 1)

        def hook(stage: str, done: float, total: float) -> None:
            if stage in STAGES:
                step = STAGES.index(stage) + (1 if done >= total else 0)
                name = found.sources[min(len(ended), len(found.sources) - 1)].metadata.call_id
                progress.update(stages, description=f"  {name[:18]}: {stage}", completed=step)

        for done in run_batch(job, found.sources, hook):
            ended.append(done)
            progress.update(calls, completed=len(ended))
            if done.state == "failed":
                progress.console.print(
                    f"error: {done.message}", markup=False, highlight=False, soft_wrap=True
                )
            for code in done.warnings:
                note = f"note: {done.source.path.name}: {NOTES.get(code, code)}"
                progress.console.print(note, markup=False, highlight=False, soft_wrap=True)
        progress.update(stages, visible=False)
    return ended


def _finish(job: Job, found: Intake, ended: list[Done]) -> None:
    """Report and table of everything in the store, the earlier calls too."""
    from qc_speech.cli.table import print_results
    from qc_speech.publish import publish
    from qc_speech.store import open_store

    with open_store(job.store_path) as store:
        index = publish(job.out, store)
        print_results(store, {done.source.metadata.call_id for done in ended})
    counts = {
        state: sum(done.state == state for done in ended) for state in ("new", "kept", "failed")
    }
    typer.echo(
        f"inspected {counts['new']}, unchanged {counts['kept']}, "
        f"failed {counts['failed'] + len(found.problems)}"
    )
    typer.echo(f"scorecards: {index}")
