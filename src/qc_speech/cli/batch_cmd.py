"""`qc-speech batch`: the unattended job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qc_speech.errors import QcError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qc_speech.nightly.night import Event
    from qc_speech.nightly.profile import Profile
    from qc_speech.nightly.summary import Summary

EPILOG = (
    "Example: qc-speech batch --profile batch/nightly.toml --until 06:00. "
    "Exit codes: 0 all done, 1 some quarantined or a fault, 2 wrong usage, 3 time was up with work "
    "left, 4 another batch of this name runs, 130 stopped; running again goes on."
)
_LEFT, _BUSY, _STOPPED = 3, 4, 130


def batch(
    profile: Path = typer.Option(..., "--profile", help="TOML file: sources, order, archive …"),
    until: str | None = typer.Option(
        None, "--until", help="HH:MM: from then on nothing new is begun."
    ),
    ray: str | None = typer.Option(
        None, "--ray", help="Work on this Ray cluster (HOST:PORT, auto or ray://HOST:10001)."
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Say what is new and how many hours it will take; do nothing."
    ),
    status: bool = typer.Option(
        False, "--status", help="Say what was done and what is quarantined, and why; do nothing."
    ),
    retry_quarantined: bool = typer.Option(
        False, "--retry-quarantined", help="Try again what is quarantined."
    ),
) -> None:
    """Inspect everything new, unattended: each recording once, or quarantined with a reason."""
    from qc_speech.nightly.lock import BusyError

    try:
        wanted = _profile(profile, until, ray)
        if dry_run:
            code = _dry_run(wanted)
        elif status:
            code = _status(wanted)
        else:
            code = _run(wanted, retry_quarantined)
    except BusyError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_BUSY) from None
    except QcError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, UsageError) else 1) from None
    if code:
        raise typer.Exit(code)


def _profile(path: Path, until: str | None, ray: str | None) -> Profile:
    from qc_speech.nightly.profile import is_clock, load_profile

    wanted = load_profile(path)
    if ray is not None:
        wanted = replace(wanted, ray=ray)
    if until is None:
        return wanted
    if not is_clock(until):
        raise UsageError(f"--until {until}: write HH:MM")
    return replace(wanted, until=until)


def _run(profile: Profile, retry_quarantined: bool) -> int:
    import signal

    from qc_speech.cli.notify_cmd import audit_head
    from qc_speech.monitoring.watching import Watching
    from qc_speech.nightly.start import Wishes, run_batch
    from qc_speech.notices.telling import check, tell

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)  # a service that is stopped ends like Ctrl-C
    check(profile.notifies)
    shown = _Shown(profile.log)
    watching = Watching(profile, shown.watch)
    try:
        summary = run_batch(profile, watching, Wishes(retry_quarantined, shown.say))
    finally:
        watching.close()
        shown.close()
    if profile.notifies and summary.ended_by != "stopped":
        for line in tell(profile.notifies, summary.as_json(), audit_head(profile)):
            typer.echo(f"error: {line}", err=True)
    for line in _lines(summary):
        typer.echo(line)
    if summary.ended_by == "stopped":
        typer.echo("stopped; run the same command again to go on", err=True)
        return _STOPPED
    if summary.faults or summary.quarantined or summary.refused:
        return 1
    return _LEFT if summary.ended_by == "until" and summary.waiting else 0


def _lines(summary: Summary) -> Iterator[str]:
    """The end of a batch in a few lines: each recording counted once."""
    yield (
        f"done {summary.done}, unchanged {summary.kept}, duplicates {summary.duplicates}, "
        f"quarantined {summary.quarantined}, refused {summary.refused}, waiting {summary.waiting}"
    )
    yield (
        f"{summary.sound_seconds / 3600:.2f} hours of sound, critical {summary.critical}, "
        f"to review {summary.review}"
    )
    if summary.unfinished:
        yield f"{summary.unfinished} files are still being written; taken the next time"
    for reason, count in sorted(summary.reasons.items(), key=lambda one: -one[1])[:20]:
        yield f"  {count} × {reason}"


class _Shown:
    """Progress for a person: a bar on a terminal, a line now and then in a log."""

    def __init__(self, log: str = "text") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Elapsed())
        self._progress = Progress(*columns, console=self._console)
        self._bar = self._progress.add_task("recordings", total=None)
        if self._console.is_terminal and log == "text":
            self._progress.start()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def watch(self, event: Event) -> None:
        summary, outcome = event.summary, event.outcome
        if event.kind == "look":
            self._progress.update(self._bar, total=summary.found or None)
        elif event.kind == "fault":
            self.say(f"error: {event.message}")
        elif event.kind == "died":
            self.say(f"note: a worker process died ({event.message})")
        elif event.item is not None and outcome is not None:
            self._progress.update(self._bar, completed=_ended(summary))
            name = _printable(event.item.found.relative)
            if event.kind == "again":
                self.say(f"note: {name}: {event.message}; it is tried again")
            elif outcome.state == "quarantined":
                self.say(f"error: {name}: {outcome.reason}")
            elif not self._console.is_terminal and _ended(summary) % 1000 == 0:
                self.say(f"{_ended(summary)} of {summary.found} recordings")

    def close(self) -> None:
        self._progress.stop()


def _ended(summary: Summary) -> int:
    return summary.done + summary.kept + summary.duplicates + summary.quarantined + summary.gone


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _dry_run(profile: Profile) -> int:
    from qc_speech.nightly.estimate import estimate
    from qc_speech.nightly.start import plan_of

    plan = plan_of(profile)
    found = estimate(profile, plan.recognizers or plan.workers)
    for message in found.failed:
        typer.echo(f"error: {message}", err=True)
    for problem in found.problems:
        typer.echo(f"error: {problem.where}: {problem.message}", err=True)
    typer.echo(
        f"new {found.new}, waiting {found.waiting}, quarantined {found.quarantined}, "
        f"still being written {found.unfinished}"
    )
    how = "measured on the latest recordings" if found.measured else "a guess: nothing was measured"
    typer.echo(
        f"{found.sound_hours:.2f} hours of sound, {found.factor:.2f} s of work per second of sound "
        f"({how}), {found.workers} processes: about {found.hours:.2f} hours"
    )
    return 1 if found.failed or found.problems else 0


def _status(profile: Profile) -> int:
    from qc_speech.nightly.start import store_of
    from qc_speech.store import Queue, open_store
    from qc_speech.store.queue import State

    with open_store(store_of(profile), create=False) as store:
        queue = Queue(store)
        counts = queue.counts(profile.name)
        typer.echo(", ".join(f"{state.value} {count}" for state, count in counts.items()))
        for source, reason in queue.listed(profile.name, State.QUARANTINED):
            typer.echo(f"{_printable(source)}: {reason}")
    return 0
