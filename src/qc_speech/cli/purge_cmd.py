"""`qc-speech purge` and `qc-speech reveal`: retention, masking, and what a mask covers."""

from __future__ import annotations

import functools
import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.errors import UsageError
from qc_speech.store_place import store_of

if TYPE_CHECKING:
    from qc_speech.retention import Forget, Purged
    from qc_speech.store import SqlStore

EPILOG = (
    "Example: qc-speech purge out --config night.toml --dry-run. Settings: keep_audio_days, "
    "keep_transcripts_days, keep_results_days, purge_originals, mask_after_days, mask_kinds, "
    "mask_confidence, mask_reversible. Exit codes: 0 done, 1 some files could not be removed or "
    "the store failed, 2 wrong usage."
)


def purge(
    out: Path = typer.Argument(..., help="Folder given to `run` with --out."),
    config: Path | None = typer.Option(None, "--config", help="TOML file of settings."),
    store_url: str | None = STORE,
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be removed."),
) -> None:
    """Remove what has been kept for long enough, mask personal data, and record it."""
    with clear_errors():
        stuck = _purge(out, config, store_url, dry_run)
    if stuck:
        raise typer.Exit(1)


def _purge(out: Path, config: Path | None, store_url: str | None, dry_run: bool) -> bool:
    from datetime import datetime

    from qc_speech import retention
    from qc_speech.publish import publish
    from qc_speech.settings import load_settings
    from qc_speech.store import open_store

    keep = retention.keeping(load_settings(config))
    if keep.nothing:
        raise UsageError(
            "nothing to do: set keep_audio_days, keep_transcripts_days, keep_results_days or "
            "mask_after_days in the file given with --config"
        )
    if not out.is_dir():
        raise UsageError(f"{out}: no such folder; give the folder of an earlier run")
    now = datetime.now()
    stale = out / ".report-stale"  # pages may still show what is gone: made anew, now or next time
    with open_store(store_of(out, store_url), create=False) as store:
        if dry_run:
            _say("would remove", retention.due_counts(store, keep, now))
            return False
        stale.touch(mode=0o600)
        done = retention.purge(
            store, out, keep, now, who=f"purge:{getpass.getuser()}", forget=forgetters(store)
        )
        publish(out, store)
        stale.unlink(missing_ok=True)
    _say("removed", done)
    for call_id in done.stuck:
        typer.echo(
            f"error: call {call_id}: its files cannot be removed; check permissions", err=True
        )
    return bool(done.stuck)


def forgetters(store: SqlStore) -> tuple[Forget, ...]:
    """What else holds the sound of a recording: the library of clips."""
    from qc_speech import clips

    return (functools.partial(clips.forget, store),)


def _say(verb: str, done: Purged) -> None:
    typer.echo(
        f"{verb}: all of {done.results} calls, transcripts of {done.transcripts}, sound of "
        f"{done.audio}; masked {done.masked}; {done.files} files"
    )


def reveal(
    out: Path = typer.Argument(..., help="Folder given to `run` with --out."),
    call_id: str = typer.Argument(..., help="The call whose whole text is wanted."),
    store_url: str | None = STORE,
) -> None:
    """Print a masked call's result as it was (JSON). Needs the key; goes into the audit log."""
    import json

    with clear_errors():
        from qc_speech import retention
        from qc_speech.result import to_public
        from qc_speech.store import open_store

        with open_store(store_of(out, store_url), create=False) as store:
            result = retention.reveal(store, call_id, f"reveal:{getpass.getuser()}")
    typer.echo(json.dumps(to_public(result), ensure_ascii=False, indent=1))
