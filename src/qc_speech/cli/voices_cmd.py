"""`qc-speech voices`: voiceprints of agents, made on purpose and removed for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.errors import UsageError
from qc_speech.store_place import store_of, stored

if TYPE_CHECKING:
    from qc_speech.store import SqlStore
    from qc_speech.voiceprints import Sample

app = typer.Typer(
    help="Voiceprints of agents: a run also tells an enrolled agent by the voice.\n\n"
    "A voiceprint is personal data: enrol an agent only with his or her consent "
    "(docs/voiceprints.md).",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_OUT_HELP = "Folder of `run` whose store (qc.sqlite) keeps the voiceprints."
_ENROL_EPILOG = (
    "Examples: qc-speech voices enrol 1023 interview.wav --out out | "
    "qc-speech voices enrol 1023 calls/a.wav calls/b.wav --channel left --out out | "
    "qc-speech voices enrol 1023 call.wav --from 12.5 --to 48. Enrolling again replaces."
)
_CHANNELS = {"left": 0, "right": 1}


@dataclass(frozen=True)
class _Part:
    """Which part of each file is the agent's speech."""

    channel: int | None
    start_ms: int
    end_ms: int | None


@app.command(epilog=_ENROL_EPILOG)
def enrol(
    agent: str = typer.Argument(..., help="The agent's id, as in the manifest."),
    files: list[Path] = typer.Argument(..., help="Recordings of the agent's own speech."),
    out: Path = typer.Option(Path("out"), "--out", help=_OUT_HELP),
    channel: Optional[str] = typer.Option(  # noqa: UP045 - typer reads it at run time
        None, "--channel", help="left or right: the agent's side of two-channel recordings."
    ),
    start: float = typer.Option(0.0, "--from", min=0, help="Second at which his speech begins."),
    end: Optional[float] = typer.Option(  # noqa: UP045
        None, "--to", min=0, help="Second at which it ends; default: the end of the file."
    ),
    store_url: Optional[str] = STORE,  # noqa: UP045
) -> None:
    """Make an agent's voiceprint from recordings of his voice alone (15 s of speech or more)."""
    with clear_errors("path and space"):
        part = _part(channel, start, end)
        if not agent.strip():
            raise UsageError("the agent's id is empty; give it as it stands in the manifest")
        _enrol(agent, files, store_of(out, store_url), part)


@app.command("list", epilog="Example: qc-speech voices list --out out")
def list_voices(
    out: Path = typer.Option(Path("out"), "--out", help=_OUT_HELP),
    store_url: Optional[str] = STORE,  # noqa: UP045
) -> None:
    """Show whose voiceprints are kept, on how much speech they rest and since when."""
    with clear_errors("path and space"):
        from rich import box
        from rich.console import Console
        from rich.table import Table

        with _opened(stored(out, store_url)) as store:
            found = store.voiceprints()
        table = Table(title="Voiceprints", box=box.SIMPLE_HEAD)
        for column in ("Agent", "Speech", "Model", "Enrolled (UTC)"):
            table.add_column(column)
        for one in found:
            table.add_row(
                one.agent_id, f"{one.seconds:.0f} s", one.model, f"{one.enrolled_at:%Y-%m-%d %H:%M}"
            )
        Console().print(table if found else "no voiceprints", markup=False)


@app.command(epilog="Example: qc-speech voices remove 1023 --out out")
def remove(
    agent: str = typer.Argument(..., help="The agent's id."),
    out: Path = typer.Option(Path("out"), "--out", help=_OUT_HELP),
    store_url: Optional[str] = STORE,  # noqa: UP045
) -> None:
    """Erase an agent's voiceprint; later runs no longer compare the voice."""
    with clear_errors("path and space"):
        with _opened(stored(out, store_url)) as store:
            removed = store.remove_voiceprint(agent)
        if not removed:
            raise UsageError(f"agent {agent}: no voiceprint in {out}; see: qc-speech voices list")
        typer.echo(f"agent {agent}: voiceprint erased")


def _enrol(agent: str, files: Sequence[Path], place: str | Path, part: _Part) -> None:
    from qc_speech.engines import registry
    from qc_speech.settings import load_settings
    from qc_speech.store.sql import utc_now
    from qc_speech.voiceprints import enrol as enrol_voice

    samples = [_sample(path, part) for path in files]
    encoder = registry.voice_encoder(load_settings())()
    voiceprint = enrol_voice(agent, samples, encoder, utc_now().replace(microsecond=0))
    with _opened(place) as store:
        replaced = store.voiceprint(agent) is not None
        store.put_voiceprint(voiceprint)
    typer.echo(
        f"agent {agent}: voiceprint {'replaced' if replaced else 'enrolled'} "
        f"({voiceprint.seconds:.0f} s of speech)"
    )
    typer.echo(
        "note: a voiceprint is personal data; keep it only with the agent's consent and remove it "
        "when that ends (docs/voiceprints.md)",
        err=True,
    )


def _part(channel: str | None, start: float, end: float | None) -> _Part:
    if channel is not None and channel not in _CHANNELS:
        raise UsageError(f"--channel {channel}: write left or right")
    if end is not None and end <= start:
        raise UsageError(f"--to {end:g}: not after --from {start:g}")
    side = None if channel is None else _CHANNELS[channel]
    return _Part(side, round(start * 1000), None if end is None else round(end * 1000))


def _sample(path: Path, part: _Part) -> Sample:
    from qc_speech import audio
    from qc_speech.engines import registry
    from qc_speech.model import Metadata, Span
    from qc_speech.voiceprints import Sample

    sound = audio.load(path, Metadata(path.stem))
    rows, length_ms = sound.samples, sound.recording.duration_ms
    name = audio.shown_name(path)
    if part.channel is None and len(rows) == 2:
        raise UsageError(
            f"{name}: two channels with different speech; choose the agent's with --channel left "
            "or --channel right"
        )
    if part.channel is not None and len(rows) == 1:
        raise UsageError(f"{name}: one channel only; leave --channel out")
    if part.start_ms >= length_ms:
        raise UsageError(f"{name}: ends after {length_ms / 1000:.1f} s, before --from")
    row = rows[part.channel or 0]
    wanted = Span(part.start_ms, min(part.end_ms or length_ms, length_ms))
    speech = tuple(cut for span in registry.speech_spans(row) if (cut := span & wanted))
    return Sample(name, row, speech)


@contextmanager
def _opened(place: str | Path) -> Iterator[SqlStore]:
    from qc_speech.store import open_store

    if isinstance(place, Path):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_store(place) as store:
        if isinstance(place, Path):
            place.chmod(0o600)  # a store of an earlier version may be readable by others
        yield store
