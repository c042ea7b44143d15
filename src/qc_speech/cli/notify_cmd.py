"""`qc-speech notify`: the morning summary, sent again or for the first time."""

from __future__ import annotations

from pathlib import Path

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.errors import QcError, UsageError

EPILOG = (
    "Example: qc-speech notify --profile batch/nightly.toml. Exit codes: 0 everybody was told, "
    "1 somebody could not be, 2 wrong usage."
)


def notify(
    profile: Path = typer.Option(..., "--profile", help="TOML file with [[notify]] tables."),
    test: bool = typer.Option(False, "--test", help="Send a message that says it is a test."),
    show: bool = typer.Option(False, "--show", help="Print the messages; send nothing."),
) -> None:
    """Send the newest summary of a batch to everybody the profile names."""
    with clear_errors():
        failed = _notify(profile, test, show)
    for line in failed:
        typer.echo(f"error: {line}", err=True)
    if failed:
        raise typer.Exit(1)


def _notify(path: Path, test: bool, show: bool) -> list[str]:
    from dataclasses import replace

    from qc_speech.nightly.profile import load_profile
    from qc_speech.notices.message import message_of
    from qc_speech.notices.telling import check, latest_summary, tell

    profile = load_profile(path)
    if not profile.notifies:
        raise UsageError(f"{path}: has no [[notify]] table; add one")
    specs = profile.notifies
    if test:
        summary = {"name": f"{profile.name} (test 测试)", "ended_by": "done"}
        specs = tuple(replace(spec, when="always") for spec in specs)
    else:
        summary = latest_summary(profile.out_path, profile.name)
    head = None if test else audit_head(profile)
    if show:
        for spec in specs:
            message = message_of(summary, spec, head)
            typer.echo(f"[{spec.kind}] {message.title}\n{message.text}\n")
        return []
    check(specs)
    return tell(specs, summary, head)


def audit_head(profile: object) -> tuple[int, str] | None:
    """The newest entry of the audit log, to be noted outside the store."""
    from qc_speech.nightly.profile import Profile
    from qc_speech.nightly.start import store_of
    from qc_speech.store import audit, open_store

    assert isinstance(profile, Profile)
    try:
        with open_store(store_of(profile), create=False) as store:
            return audit.head(store)
    except QcError:
        return None  # the summary is sent all the same
