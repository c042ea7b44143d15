"""`qc-speech clips library …`, `add`, `check`, `export`, `best`, `improved`."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from qc_speech.cli import clips_cmd as shared
from qc_speech.cli.clips_cmd import app
from qc_speech.cli.faults import clear_errors
from qc_speech.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qc_speech.clips.values import Clip
    from qc_speech.store import SqlStore

__all__ = ["app"]
library_app = typer.Typer(
    help="The trainers' library: clips, collections, quiz questions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(library_app, name="library")
OUT = shared.OUT
COLLECTION = typer.Argument(..., help="Title or id of a collection.")
EXPORT_EPILOG = (
    "Examples: qc-speech clips export 怎样道歉 --to lesson.zip | qc-speech clips export 怎样道歉 "
    "--as scorm --to scorm.zip | qc-speech clips export --call d01 --to d01.vcon.json"
)


@app.command()
def add(
    ids: list[str] = typer.Argument(..., help="Ids that `find` printed."),
    title: str = typer.Option("", "--title"),
    note: str = typer.Option("", "--note", help="What the class should listen for."),
    consent: str = typer.Option("", "--consent", help="Who agreed, or on what it rests."),
    expires: str | None = typer.Option(None, "--expires", help="Last day of use, YYYY-MM-DD."),
    collection: str | None = typer.Option(None, "--collection", help="Put them into it too."),
    before: int = shared.BEFORE,
    after: int = shared.AFTER,
    parties: str = shared.PARTIES,
    speed: float = shared.SPEED,
    disguise: list[str] | None = shared.DISGUISE,
    for_all: bool = shared.SHARED,
    out: str = OUT,
) -> None:
    """Put examples into the library; `check` hears them before they may be given out."""
    from qc_speech.clips import index, library
    from qc_speech.clips.values import Clip
    from qc_speech.model import Role, Span

    with clear_errors(), shared.open_shelf(out) as store:
        made = shared.recipe(before, after, parties, speed, disguise, for_all)
        to = library.collection(store, collection) if collection else None
        draft = Clip(
            "", "", "", "", "", Role.AGENT, Span(0, 0), made, title, note, consent,
            shared.day(expires, "--expires"), shared.user(),
        )  # fmt: skip
        examples = [(id_, index.example(store, id_)) for id_ in ids]
        for id_, example in examples:
            if example is None:
                raise UsageError(f"{id_}: no such example; copy an id that `clips find` printed")
        for _, example in examples:
            assert example is not None
            clip = library.add(store, example, draft)
            if to is not None:
                library.put_in(store, to.id, [clip.id])
            typer.echo(f"{clip.id}  {clip.check}  {clip.call_id}")


@app.command()
def check(out: str = OUT) -> None:
    """Hear the library's waiting clips again: is anything personal left in them?"""
    from qc_speech.clips import desk, library

    problems = 0
    with clear_errors(), shared.open_shelf(out) as store:
        if not library.clips(store, state="waiting", limit=1):
            typer.echo("no clip waits")
            return
        for done in desk.check_waiting(store, shared.hearing()):
            if done.problem or done.state == "refused":
                why = done.problem or "personal data may still be heard in it"
                typer.echo(f"error: clip {done.clip.id}: {why}", err=True)
                problems += 1
            else:
                typer.echo(f"{done.clip.id}  {done.state}, heard {done.rounds} times")
    if problems:
        raise typer.Exit(1)


@app.command(epilog=EXPORT_EPILOG)
def export(
    collection: str | None = typer.Argument(None, help="Title or id of a collection."),
    to: Path = typer.Option(..., "--to", help="Zip file, or folder with --as folder."),
    form: str = typer.Option("zip", "--as", help="zip, folder or scorm."),
    fmt: str = typer.Option("mp3", "--format", "-f", help="mp3 or wav."),
    language: str = typer.Option("zh", "--language", help="zh or en."),
    pdf: bool = typer.Option(True, "--pdf/--no-pdf", help="With a lesson sheet (WeasyPrint)."),
    call: str | None = typer.Option(None, "--call", help="A whole call as vCon instead."),
    disguise: list[str] | None = shared.DISGUISE,
    for_all: bool = shared.SHARED,
    out: str = OUT,
) -> None:
    """Hand out a collection (page, sound, subtitles, sheet, playlist), or a call as vCon."""
    from qc_speech.clips import export as handing
    from qc_speech.clips import library

    with clear_errors(), shared.open_shelf(out) as store:
        if (collection is None) == (call is None):
            raise UsageError("export: give a collection, or a call with --call")
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        if call is not None:
            recipe = shared.recipe(0, 0, "both", 1.0, disguise, for_all)
            ear = shared.hearing()
            path = handing.export_call(store, call, to, recipe, ear, shared.user(), now)
        else:
            wish = handing.Wish(form, fmt, language, pdf)
            chosen = library.collection(store, collection or "")
            path = handing.export(store, chosen, to, wish, shared.user(), now)
        typer.echo(str(path))


@app.command()
def best(
    check: list[str] | None = shared.CHECK,
    month: str | None = typer.Option(None, "--month", help="YYYY-MM; default: all."),
    each: int = typer.Option(3, "--each", min=1, max=50, help="How many of each check and month."),
    out: str = OUT,
) -> None:
    """The best-said examples of each check and month."""
    from qc_speech.clips import practice

    with clear_errors(), shared.open_shelf(out) as store:
        shared.refresh(store)
        found = practice.best(store, shared.checks(check), month, each)
        for one in found:
            typer.echo(f"{one.month}  {one.check}")
            for example in one.examples:
                typer.echo(f"  {example.id}  {example.call_id}  {example.text}")
        if not found:
            typer.echo("nothing found; calls need a date in their manifest")


@app.command()
def improved(
    agent: str = typer.Option(..., "--agent", help="The agent's id."), out: str = OUT
) -> None:
    """What an agent got better at, with a clip from before and one from after."""
    from qc_speech.clips import practice

    with clear_errors(), shared.open_shelf(out) as store:
        shared.refresh(store)
        found = practice.improved(store, agent)
        for one in found:
            (early, calls), (late, later) = one.counts
            typer.echo(f"{one.check}: {early} of {calls} calls -> {late} of {later}")
            typer.echo(f"  before  {one.before.id}  {one.before.call_id}  {one.before.text}")
            typer.echo(f"  after   {one.after.id}  {one.after.call_id}  {one.after.text}")
        if not found:
            typer.echo("nothing found: too few calls, or no check that got better")


@library_app.command("list")
def list_(
    words: str = typer.Option("", "--words", help="In title, note or what is said."),
    state: str | None = typer.Option(None, "--state", help="waiting, checked, refused."),
    collection: str | None = typer.Option(None, "--collection"),
    limit: int = typer.Option(100, "--limit", min=1, max=10_000),
    out: str = OUT,
) -> None:
    """Clips of the library, newest first."""
    from qc_speech.clips import library

    with clear_errors(), shared.open_shelf(out) as store:
        chosen = library.collection(store, collection).id if collection else None
        _print(library.clips(store, text=words, state=state, collection=chosen, limit=limit))


def _print(clips: Sequence[Clip]) -> None:
    for one in clips:
        until = f"  until {one.expires}" if one.expires else ""
        name = one.title or one.check
        typer.echo(f"{one.id}  {one.state:8}  {one.check:18}  {one.call_id}  {name}{until}")
    if not clips:
        typer.echo("no clips")


@library_app.command()
def collections(out: str = OUT) -> None:
    """All collections with the number of their clips."""
    from qc_speech.clips import library

    with clear_errors(), shared.open_shelf(out) as store:
        for one in library.collections(store):
            typer.echo(f"{one.id}  {len(one.clip_ids):3} clips  {one.title}")


@library_app.command()
def new(
    title: str = typer.Argument(...), notes: str = typer.Option("", "--notes"), out: str = OUT
) -> None:
    """Start a collection."""
    from qc_speech.clips import library

    with clear_errors(), shared.open_shelf(out) as store:
        typer.echo(library.new_collection(store, title, notes, shared.user()).id)


@library_app.command()
def put(collection: str = COLLECTION, ids: list[str] = typer.Argument(...), out: str = OUT) -> None:
    """Put clips at the end of a collection."""
    from qc_speech.clips import library

    with clear_errors(), shared.open_shelf(out) as store:
        for id_ in ids:
            library.clip(store, id_)
        library.put_in(store, library.collection(store, collection).id, ids)


@library_app.command()
def drop(
    collection: str = COLLECTION,
    ids: list[str] | None = typer.Argument(None, help="Clips; none: the whole collection."),
    out: str = OUT,
) -> None:
    """Take clips out of a collection, or remove a collection; the clips stay in the library."""
    from qc_speech.clips import library

    with clear_errors(), shared.open_shelf(out) as store:
        chosen = library.collection(store, collection)
        if ids:
            library.take_out(store, chosen.id, ids)
        else:
            library.remove_collection(store, chosen.id)


@library_app.command()
def remove(ids: list[str] = typer.Argument(...), out: str = OUT) -> None:
    """Remove clips from the library, all collections and quizzes."""
    from qc_speech.clips import library
    from qc_speech.store import audit

    with clear_errors(), shared.open_shelf(out) as store:
        _known(store, ids)
        count = library.remove(store, ids)
        for id_ in ids:
            audit.record(store, shared.user(), "clips.remove", f"clip:{id_}")
        typer.echo(f"removed {count}")


def _known(store: SqlStore, ids: Sequence[str]) -> None:
    from qc_speech.clips import library

    for id_ in ids:
        library.clip(store, id_)


@library_app.command()
def ask(
    clip: str = typer.Argument(..., help="Id of a clip in the library."),
    question: str = typer.Argument(...),
    choice: list[str] | None = typer.Option(None, "--choice", help="Repeat; none: open."),
    answer: int | None = typer.Option(None, "--answer", min=1, help="Number of the right one."),
    explanation: str = typer.Option("", "--explain", help="Such as the clause."),
    out: str = OUT,
) -> None:
    """Add a quiz question to a clip.

    Example: qc-speech clips library ask 1f… 错在哪里？ --choice 打断 --choice 没道歉 --answer 1
    """
    from qc_speech.clips import library
    from qc_speech.clips.values import Question

    with clear_errors(), shared.open_shelf(out) as store:
        library.clip(store, clip)
        right = None if answer is None else answer - 1
        library.ask(store, Question(clip, question, tuple(choice or ()), right, explanation))


@library_app.command()
def takeouts(out: str = OUT) -> None:
    """Who took what out, the newest first."""
    from qc_speech.clips.export import takeouts as taken

    with clear_errors(), shared.open_shelf(out) as store:
        for entry in taken(store):
            clips = ", ".join(entry.detail.get("clips", ()))
            typer.echo(f"{entry.at:%Y-%m-%d %H:%M}Z  {entry.who}  {entry.object}  {clips}")
