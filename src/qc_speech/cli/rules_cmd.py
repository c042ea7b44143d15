"""`qc-speech rules`: tools for whoever writes rulebooks and word lists."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.errors import UsageError
from qc_speech.store_place import stored

app = typer.Typer(
    help="Check and explain rulebooks and word lists.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CHECK_EPILOG = (
    "Examples: qc-speech rules check | qc-speech rules check my-lexicons --strict. "
    "Exit codes: 0 no errors (warnings may be listed), 1 errors (with --strict warnings too), "
    "2 no such folder."
)
TEST_EPILOG = (
    "Examples: qc-speech rules test | qc-speech rules test my-lexicons. Exit codes: 0 every "
    "example holds, 1 some fail or a file is wrong, 2 no such folder."
)
EXPLAIN_EPILOG = (
    "Example: qc-speech rules explain out c01 farewell --language en. Exit codes: 0 explained, "
    "1 a rule file or the store is wrong, 2 no such folder, call or check."
)
DIFF_EPILOG = (
    "Example: qc-speech rules diff lexicons my-lexicons --on out. Exit codes: 0 compared (changes "
    "or not), 1 a rule file or the store is wrong, 2 no such folder or rulebook."
)
SUGGEST_EPILOG = (
    "Example: qc-speech rules suggest --on out --least 3 > suggestions.yaml. Exit codes: 0 read "
    "(suggestions or not), 1 a rule file or the store is wrong, 2 no such folder or check."
)
SCHEMA_EPILOG = "Example: qc-speech rules schema --to lexicons/schema"


@app.command(epilog=CHECK_EPILOG)
def check(
    folder: Optional[Path] = typer.Argument(  # noqa: UP045 - typer reads it at run time
        None, metavar="FOLDER", help="A lexicons folder; default: the one in use."
    ),
    strict: bool = typer.Option(False, "--strict", help="Exit with 1 for warnings too."),
) -> None:
    """Look for mistakes, dead entries, conflicts and conditions that can never be true.

    One line each: level, file, line, what is wrong and what to do.
    """
    with clear_errors():
        from qc_speech.rules.audit import audit

        place = lexicons_folder(folder)
        flaws = audit(place)
        for flaw in flaws:
            typer.echo(str(flaw))
        errors = sum(flaw.level == "error" for flaw in flaws)
        warnings = len(flaws) - errors
        typer.echo(
            f"{place}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}", err=True
        )
        if errors or (strict and warnings):
            raise typer.Exit(1)


@app.command(epilog=TEST_EPILOG)
def test(
    folder: Optional[Path] = typer.Argument(  # noqa: UP045
        None, metavar="FOLDER", help="A lexicons folder; default: the one in use."
    ),
) -> None:
    """Run the examples of every phrase, banned word, situation and check of your own.

    One line for each that fails: file, line, entry, and what was found or not.
    """
    with clear_errors():
        from qc_speech.rules.audit import failing

        place = lexicons_folder(folder)
        tried, flaws = failing(place)
        for flaw in flaws:
            typer.echo(str(flaw))
        typer.echo(f"{place}: {_counted(tried, 'example')}, {len(flaws)} failing", err=True)
        if flaws:
            raise typer.Exit(1)


@app.command(epilog=EXPLAIN_EPILOG)
def explain(
    out: Path = typer.Argument(..., help="Folder given to `run` with --out."),
    call: str = typer.Argument(..., help="The call's id."),
    check: str = typer.Argument(..., help="A check of the rulebook, such as greeting."),
    language: str = typer.Option("zh", "--language", help="zh or en (reasons stay as written)."),
    rulebook: Optional[str] = typer.Option(  # noqa: UP045
        None, "--rulebook", help="Default: the one the call was scored with."
    ),
    store_url: Optional[str] = STORE,  # noqa: UP045
) -> None:
    """Say why a check passed or failed on a stored call, under today's rules; needs no audio.

    Outcome, points and clause, then what was compared with what: wording, words heard, place, how
    sure, how well it was heard.
    """
    with clear_errors():
        from qc_speech.report.explanation import explanation
        from qc_speech.setup import load_rules
        from qc_speech.store import open_store

        language_index(language)
        with open_store(stored(out, store_url)) as store:
            result = store.result(call)
        if result is None:
            raise UsageError(
                f"call {call}: not in the store of {out}; its ids are the file names in {out}/calls"
            )
        for line in explanation(result, check, load_rules(), language, rulebook):
            typer.echo(line)


@app.command(epilog=DIFF_EPILOG)
def diff(
    old: Path = typer.Argument(..., help="Lexicons folder in use."),
    new: Path = typer.Argument(..., help="Lexicons folder to compare it with."),
    on: Path = typer.Option(..., "--on", metavar="OUT", help="Folder given to `run` with --out."),
    language: str = typer.Option("zh", "--language", help="zh or en (reasons stay as written)."),
    rulebook: Optional[str] = typer.Option(  # noqa: UP045
        None, "--rulebook", help="Default: the one each call was scored with."
    ),
    store_url: Optional[str] = STORE,  # noqa: UP045
) -> None:
    """Say which stored calls would change score or outcomes under new rules, and why.

    Needs no audio and changes nothing in OUT.
    """
    with clear_errors():
        from rich.console import Console
        from rich.progress import track

        from qc_speech.report.changes import Totals, change_lines, changes, total_lines
        from qc_speech.setup import read_rules
        from qc_speech.store import open_store

        at = language_index(language)
        before, after = (read_rules(lexicons_folder(folder)) for folder in (old, new))
        totals = Totals()
        with open_store(stored(on, store_url)) as store:
            results = track(store.results(), "comparing", console=Console(stderr=True))
            for change in changes(results, before, after, rulebook):
                totals.add(change)
                if change.changed:
                    for line in change_lines(change, at):
                        typer.echo(line)
        if not totals.calls:
            raise UsageError(f"{on}: the store holds no call yet; run `qc-speech run` first")
        for line in total_lines(totals, at):
            typer.echo(line)


@app.command(epilog=SUGGEST_EPILOG)
def suggest(
    on: Path = typer.Option(..., "--on", metavar="OUT", help="Folder given to `run` with --out."),
    least: int = typer.Option(3, "--least", min=1, help="Calls that a phrasing must be heard in."),
    check: Optional[str] = typer.Option(None, "--check", help="Only for this check."),  # noqa: UP045
    store_url: Optional[str] = STORE,  # noqa: UP045
) -> None:
    """List phrasings that recur in stored calls and no rulebook knows yet, as YAML to paste.

    From phrases that passed by ear, by the sound or by a person's verdict, and from words that
    people added to or took off the banned ones. Names, numbers and addresses are left out.
    """
    with clear_errors():
        from rich.console import Console
        from rich.progress import track

        from qc_speech.pipeline import scored_with
        from qc_speech.report.suggestions import suggestion_lines
        from qc_speech.rules.rulebook import choose
        from qc_speech.rules.suggest import Occurrence, grouped, occurrences
        from qc_speech.setup import load_rules
        from qc_speech.store import open_store

        rules = load_rules()
        known = {one.check for book in rules.rulebooks.values() for one in book.checks}
        if check is not None and check not in known:
            raise UsageError(
                f"check {check}: no rulebook has it; one of {', '.join(sorted(known))}"
            )
        found: list[Occurrence] = []
        calls = 0
        with open_store(stored(on, store_url)) as store:
            for result in track(store.results(), "reading", console=Console(stderr=True)):
                calls += 1
                book = choose(rules.rulebooks, scored_with(result) or result.scenario)
                reviews = tuple(store.reviews(result.call_id))
                heard = occurrences(result, reviews, book, rules.lexicons)
                found.extend(one for one in heard if check in (None, one.check))
        if not calls:
            raise UsageError(f"{on}: the store holds no call yet; run `qc-speech run` first")
        for line in suggestion_lines(grouped(found, least), calls, least):
            typer.echo(line)


@app.command(epilog=SCHEMA_EPILOG)
def schema(
    to: Optional[Path] = typer.Option(  # noqa: UP045
        None, "--to", metavar="FOLDER", help="Where to write; default: schema/ of the lexicons."
    ),
) -> None:
    """Write the JSON Schemas with which editors complete and check the YAML files."""
    with clear_errors():
        from qc_speech.rules.inspect import all_kinds
        from qc_speech.rules.lexicons import load_lexicons
        from qc_speech.rules.schema import schemas

        place = lexicons_folder(None)
        folder = to or place / "schema"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in schemas(all_kinds(load_lexicons(place))).items():
                (folder / f"{name}.json").write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{folder}: cannot be written ({error.strerror})") from None
        typer.echo(f"schemas: {folder}")


def lexicons_folder(folder: Path | None) -> Path:
    """The folder to look at. Raises UsageError when it is none of lexicons."""
    from qc_speech.resources import data_dir

    place = folder or data_dir("lexicons")
    if not place.is_dir():
        raise UsageError(f"{place}: is no folder; give one like lexicons/")
    if not (place / "rulebooks").is_dir():
        raise UsageError(f"{place}: holds no folder rulebooks/; give one like lexicons/")
    return place


def language_index(language: str) -> int:
    """Which of (Chinese, English). Raises UsageError."""
    from qc_speech.report.explanation import LANGUAGES

    if language not in LANGUAGES:
        raise UsageError(f"language {language}: not known; one of {', '.join(LANGUAGES)}")
    return LANGUAGES.index(language)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
