"""`qc-speech clips`: training clips found, cut, checked, kept and handed out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.errors import UsageError
from qc_speech.store_place import named

if TYPE_CHECKING:
    from datetime import date

    from qc_speech.clips.rendering import Hearing
    from qc_speech.clips.values import Example, Recipe
    from qc_speech.store import SqlStore

app = typer.Typer(
    help="Training clips: find the right ten seconds, without the customer's data in them.\n\n"
    "find -> cut (files at once), or find -> add -> check -> export (library): docs/clips.md.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
OUT = typer.Option("out", "--out", help="Folder of `run`, or the store's file or address.")
CHECK = typer.Option(None, "--check", help="Identifier or name (empathy, 致歉); repeat for more.")
AGENT = typer.Option(None, "--agent", help="The agent's id.")
SINCE = typer.Option(None, "--since", help="First day, YYYY-MM-DD.")
UNTIL = typer.Option(None, "--until", help="Last day, YYYY-MM-DD.")
BEFORE = typer.Option(1, "--before", min=0, max=50, help="Turns of context before.")
AFTER = typer.Option(1, "--after", min=0, max=50, help="Turns of context after.")
PARTIES = typer.Option("both", "--parties", help="Whose voice is heard: both, agent, customer.")
SPEED = typer.Option(1.0, "--speed", min=0.5, max=2.0, help="0.75: slower, the pitch stays.")
DISGUISE = typer.Option(None, "--disguise", help="Whose voice is changed: customer, agent.")
SHARED = typer.Option(False, "--shared", help="Hide the agent's name and number as well.")
FIND_EPILOG = (
    "Examples: qc-speech clips find --check empathy --outcome pass --min-confidence 0.9 | "
    "qc-speech clips find --words 给您添麻烦了 --mood upset | "
    "qc-speech clips find --words qingshaodeng"
)


def open_shelf(out: str) -> SqlStore:
    from qc_speech.store import open_store

    place = named(out)
    if isinstance(place, Path) and not place.is_file():
        raise UsageError(f"{out}: holds no store (qc.sqlite); give the folder of a run with --out")
    return open_store(place, create=False)


def user() -> str:
    import getpass

    return getpass.getuser()


def day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UsageError(f"{option} {text}: write a day as 2026-01-31") from None


def recipe(
    before: int, after: int, parties: str, speed: float, disguise: list[str] | None, shared: bool,
    redact: bool = True,
) -> Recipe:  # fmt: skip
    from qc_speech.clips.values import Recipe
    from qc_speech.model import Role

    known = {"customer": Role.CUSTOMER, "agent": Role.AGENT}
    for name in disguise or ():
        if name not in known:
            raise UsageError(f"--disguise {name}: customer or agent")
    voices = tuple(known[name] for name in dict.fromkeys(disguise or ()))
    return Recipe(before, after, parties, speed, voices, redact, shared)


def hearing() -> Hearing:
    """The recognizer with which clips are heard again."""
    from qc_speech.clips.rendering import Hearing
    from qc_speech.engines import registry
    from qc_speech.settings import load_settings
    from qc_speech.setup import make_engines

    settings = load_settings()
    registry.require_models(settings)
    engines = make_engines(settings)
    return Hearing(engines.transcriber, engines.speech_spans)


def refresh(store: SqlStore) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from qc_speech.clips import index
    from qc_speech.rules.absence import load_absence
    from qc_speech.setup import load_rules

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading calls", total=None)
        return index.refresh(
            store,
            load_rules().lexicons,
            load_absence(),
            lambda _, done, total: progress.update(task, completed=done, total=total),
        )


@app.command("index")
def index_cmd(out: str = OUT) -> None:
    """Read new and changed calls, so that they can be found; `find` does it by itself."""
    with clear_errors(), open_shelf(out) as store:
        typer.echo(f"calls read: {refresh(store)}")


@app.command(epilog=FIND_EPILOG)
def find(
    check: list[str] | None = CHECK,
    outcome: str | None = typer.Option(None, "--outcome", help="pass, violation, uncertain."),
    min_confidence: float = typer.Option(0.0, "--min-confidence", min=0, max=1),
    words: str = typer.Option("", "--words", help="A wording, in characters or pinyin, by ear."),
    scenario: str | None = typer.Option(None, "--scenario"),
    agent: str | None = AGENT,
    mood: str | None = typer.Option(None, "--mood", help="Of the customer: calm, upset."),
    role: str | None = typer.Option(None, "--speaker", help="agent or customer."),
    shortest: float = typer.Option(0.0, "--min-seconds", min=0),
    longest: float = typer.Option(120.0, "--max-seconds", min=0),
    min_snr: float | None = typer.Option(None, "--min-snr", help="Line quality, in dB."),
    since: str | None = SINCE,
    until: str | None = UNTIL,
    limit: int = typer.Option(20, "--limit", min=1, max=1000),
    fold: bool = typer.Option(True, "--fold/--no-fold", help="Near-duplicates as one."),
    fresh: bool = typer.Option(True, "--refresh/--no-refresh", help="Read new calls first."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line."),
    out: str = OUT,
) -> None:
    """Find examples, the most typical and cleanest first."""
    from qc_speech.clips import index
    from qc_speech.clips.search import Wanted
    from qc_speech.model import Role

    with clear_errors():
        if role not in (None, "agent", "customer"):
            raise UsageError(f"--speaker {role}: agent or customer")
        wanted = Wanted(
            checks=checks(check),
            outcome=outcome,
            min_confidence=min_confidence,
            scenario=scenario,
            agent=agent,
            text=words,
            mood=mood,
            role=Role(role) if role else None,
            length_s=(shortest, longest),
            min_snr_db=min_snr,
            since=day(since, "--since"),
            until=day(until, "--until"),
            limit=limit,
            fold=fold,
        )
        with open_shelf(out) as store:
            if fresh:
                refresh(store)
            show(index.find(store, wanted), as_json)


def checks(names: list[str] | None) -> tuple[str, ...]:
    """Checks by identifier, or by (part of) their Chinese or English name."""
    from qc_speech.report.labels import tables

    known = tables()["checks"]
    found: list[str] = []
    for name in names or ():
        if name in known:
            found.append(name)
            continue
        named = [check for check, both in known.items() if any(name in label for label in both)]
        found += named or [name]  # a check of an own rulebook has no label
    return tuple(dict.fromkeys(found))


def show(found: tuple[Example, ...], as_json: bool) -> None:
    import json

    if as_json:
        for one in found:
            typer.echo(json.dumps(_plain(one), ensure_ascii=False))
        return
    if not found:
        typer.echo("nothing found; try fewer conditions, or --words alone")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "call", "check", "outcome", "score", "seconds", "said", box=None)
    for one in found:
        more = f" (+{one.alike})" if one.alike else ""
        seconds = f"{one.span.duration_ms / 1000:.1f}"
        check = one.check or "-"
        table.add_row(
            one.id, one.call_id, check, one.outcome or "-", f"{one.score:.2f}", seconds,
            f"{one.text}{more}",
        )  # fmt: skip
    Console().print(table, markup=False)


def _plain(one: Example) -> dict[str, Any]:
    from qc_speech.codec import to_json

    data = to_json(one)
    span = data.pop("span")
    return {**data, "start": span["start_ms"] / 1000, "end": span["end_ms"] / 1000}


@app.command()
def cut(
    ids: list[str] = typer.Argument(..., help="Ids that `find` printed."),
    to: Path = typer.Option(Path("clips"), "--to", help="Folder to write into."),
    before: int = BEFORE,
    after: int = AFTER,
    parties: str = PARTIES,
    speed: float = SPEED,
    disguise: list[str] | None = DISGUISE,
    shared: bool = SHARED,
    fmt: str = typer.Option("wav", "--format", "-f", help="wav or mp3."),
    redact: bool = typer.Option(
        True, "--redact/--no-redact", help="--no-redact: personal data stays in; for inspectors."
    ),
    check: bool = typer.Option(
        True, "--check/--no-check", help="Hear the result again with the recognizer."
    ),
    out: str = OUT,
) -> None:
    """Cut examples into files: sound, subtitles and a report of what was hidden.

    Example: qc-speech clips cut 3f2a… --to lesson --disguise customer
    """
    from qc_speech.clips import desk, index
    from qc_speech.clips.files import write_clip
    from qc_speech.store import audit

    with clear_errors(), open_shelf(out) as store:
        made = recipe(before, after, parties, speed, disguise, shared, redact)
        if fmt not in ("wav", "mp3"):
            raise UsageError(f"--format {fmt}: wav or mp3")
        ear = hearing() if check and redact else None
        refused = 0
        for id_ in ids:
            example = index.example(store, id_)
            if example is None:
                raise UsageError(f"{id_}: no such example; copy an id that `clips find` printed")
            rendered = desk.hear(store, example, made, ear)
            if ear is not None and not rendered.report.clean:
                typer.echo(
                    f"error: {id_}: personal data may still be heard in it; left out", err=True
                )
                refused += 1
                continue
            path = write_clip(rendered, to, id_, fmt)
            audit.record(
                store, user(), "clip", f"call:{example.call_id}", {"clip": id_, "redacted": redact}
            )
            typer.echo(str(path))
    if refused:
        raise typer.Exit(1)
