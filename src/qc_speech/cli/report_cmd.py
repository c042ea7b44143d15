"""`qc-speech report`: scorecards of agents, teams, queues and the site, and the weekly report."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from qc_speech.cli.faults import clear_errors
from qc_speech.cli.store_option import STORE
from qc_speech.errors import UsageError
from qc_speech.store_place import stored

if TYPE_CHECKING:
    from qc_speech.cards.period import Period
    from qc_speech.report.tables import AnyCard
    from qc_speech.store.cards import CardRows

EPILOG = (
    "Examples: qc-speech report out --agent 1023 --month 2026-03; "
    "qc-speech report out --team 一班 --from 2026-03-01 --to 2026-03-15 --format html,pdf,xlsx; "
    "qc-speech report weekly out --to 2026-03-12; "
    "qc-speech report sample out --margin 0.05 --seed ..."
)
_DAY = timedelta(days=1)
_DATE = "YYYY-MM-DD"


def report(
    words: list[str] = typer.Argument(
        ..., metavar="[weekly|sample] OUT", help="Folder given to `run` with --out."
    ),
    agent: Optional[str] = typer.Option(None, "--agent", help="An agent's card, by id."),  # noqa: UP045
    team: Optional[str] = typer.Option(None, "--team", help="A team's card."),  # noqa: UP045
    queue: Optional[str] = typer.Option(None, "--queue", help="A queue's card."),  # noqa: UP045
    every: bool = typer.Option(
        False, "--all", help="The site's card and one of each agent, team and queue with calls."
    ),
    first: Optional[str] = typer.Option(None, "--from", metavar=_DATE, help="First day."),  # noqa: UP045
    last: Optional[str] = typer.Option(None, "--to", metavar=_DATE, help="Last day, included."),  # noqa: UP045
    month: Optional[str] = typer.Option(None, "--month", metavar="YYYY-MM", help="A month."),  # noqa: UP045
    forms: str = typer.Option(
        "html", "--format", "-f", help="html, pdf, xlsx, csv, json, parquet; several by commas."
    ),
    folder: Optional[Path] = typer.Option(  # noqa: UP045
        None, "--folder", help="Where to write; default: OUT/report/cards."
    ),
    store: Optional[str] = STORE,  # noqa: UP045
    language: str = typer.Option("zh", "--language", help="Of csv, xlsx and pdf: zh or en."),
    margin: float = typer.Option(0.05, "--margin", help="sample: margin of error of a share."),
    seed: Optional[str] = typer.Option(None, "--seed", help="sample: any text, kept secret."),  # noqa: UP045
) -> None:
    """Scorecard of an agent (--agent), team, queue, or of the whole site, over a period.

    Without --from, --to or --month: the last 30 days that have calls. `--agent unassigned`: calls
    that name no agent, or several. `report weekly`: the seven days up to --to (default: the last
    day with calls), compared with the week before. `report sample`: calls of these days drawn at
    random for people, some of every agent, so many that a share is known to within --margin; the
    same --seed draws the same calls.
    """
    with clear_errors():
        what, out = _what(words)
        if what == "sample":
            _sample(out, (first, last, month), (folder, store), (margin, seed))
            return
        asked = _Asked(agent, team, queue, every, what == "weekly")
        _report(out, asked, (first, last, month), forms.split(","), (folder, store, language))


class _Asked:
    """Whose cards."""

    def __init__(
        self, agent: str | None, team: str | None, queue: str | None, every: bool, weekly: bool
    ) -> None:
        chosen = [name for name in (agent, team, queue) if name is not None]
        if len(chosen) + every + weekly > 1:
            raise UsageError("report: give one of --agent, --team, --queue, --all, weekly")
        self.agent, self.team, self.queue, self.every, self.weekly = (
            agent, team, queue, every, weekly,
        )  # fmt: skip


def _what(words: list[str]) -> tuple[str, Path]:
    what = words[0] if len(words) == 2 else ""
    if len(words) > 2 or what not in ("", "weekly", "sample"):
        raise UsageError("report: give the folder of a run, before it nothing, weekly or sample")
    return what, Path(words[-1])


def _report(
    out: Path,
    asked: _Asked,
    days: tuple[str | None, str | None, str | None],
    forms: list[str],
    where: tuple[Path | None, str | None, str],
) -> None:
    from qc_speech.report.cardpage import file_name
    from qc_speech.report.forms import FORMS, SUFFIX, write
    from qc_speech.store import open_store
    from qc_speech.store.cards import CardRows

    folder, store_name, language = where
    for form in forms:
        if form not in FORMS:
            raise UsageError(f"form {form}: not known; one of {', '.join(sorted(FORMS))}")
    with open_store(stored(out, store_name), create=False) as store:
        rows = CardRows(store)
        period = _period(rows, days, 7 if asked.weekly else 30)
        for card in _cards(rows, asked, period):
            for form in forms:
                name = file_name(card) + SUFFIX.get(form, f".{form}")
                written = write(card, (folder or out / "report" / "cards") / name, form, language)
                typer.echo(f"{form}: {written}")


def _sample(
    out: Path,
    days: tuple[str | None, str | None, str | None],
    where: tuple[Path | None, str | None],
    how: tuple[float, str | None],
) -> None:
    from qc_speech.report.sampling import write_sample
    from qc_speech.store import open_store
    from qc_speech.store.cards import CardRows

    (folder, store_name), (margin, seed) = where, how
    if not seed:
        raise UsageError("report sample: give a --seed; whoever knows it can draw the calls again")
    if not 0 < margin < 1:
        raise UsageError(f"--margin {margin:g}: not a margin of error; 0.05 is 5 % up or down")
    with open_store(stored(out, store_name), create=False) as store:
        rows = CardRows(store)
        period = _period(rows, days, 7)
        path, drawn, of = write_sample(rows, folder or out / "report", period, margin, seed)
    typer.echo(f"{drawn} of {of} calls drawn: {path}")


def _period(rows: CardRows, days: tuple[str | None, str | None, str | None], usual: int) -> Period:
    from qc_speech.cards.period import Period

    first, last, month = days
    if month is not None:
        if first is not None or last is not None:
            raise UsageError("report: give --month, or --from and --to")
        return Period.month_of(_day(f"{month}-01", "--month", "YYYY-MM"))
    end = _day(last, "--to", _DATE) if last is not None else rows.last_day()
    if end is None:
        raise UsageError("report: the store holds no call yet; run `qc-speech run` first")
    start = _day(first, "--from", _DATE) if first is not None else end - (usual - 1) * _DAY
    if end < start:
        raise UsageError(f"report: --from {start} is after --to {end}; exchange them")
    return Period(start, end)


def _day(text: str, option: str, form: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UsageError(f"{option} {text}: not a date; write {form}") from None


def _cards(rows: CardRows, asked: _Asked, period: Period) -> list[AnyCard]:
    from qc_speech.report.cards import (
        all_cards,
        escalations,
        make_agent_card,
        make_group_card,
        make_weekly_report,
    )
    from qc_speech.setup import load_rules

    if asked.weekly:
        return [make_weekly_report(rows, period)]
    if asked.team is not None:
        return [make_group_card(rows, "team", asked.team, period)]
    if asked.queue is not None:
        return [make_group_card(rows, "queue", asked.queue, period)]
    if asked.agent is None and not asked.every:
        return [make_group_card(rows, "site", None, period)]
    repeats = escalations(load_rules().rulebooks)
    if asked.every:
        return list(all_cards(rows, period, repeats))
    agent = None if asked.agent == "unassigned" else asked.agent
    return [make_agent_card(rows, agent, period, repeats)]
