"""Cards as files: the same numbers in every form, names and links that cannot break out."""

from __future__ import annotations

import csv
import html
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from card_toys import call_line, finding_line, rows_of
from report_calls import call
from typer.testing import CliRunner

from qc_speech.cards.agent import AgentCard, Beside, Lines, agent_card
from qc_speech.cards.cells import KIND, call_cells, check_cells
from qc_speech.cards.group import group_card
from qc_speech.cards.period import Period
from qc_speech.cards.weekly import WeekRows, weekly_report
from qc_speech.cli.app import app
from qc_speech.errors import StoreError, UsageError
from qc_speech.model import Outcome
from qc_speech.report import labels
from qc_speech.report.cardpage import file_name, page
from qc_speech.report.forms import FORMS, heading, write
from qc_speech.report.tables import AnyCard, tables
from qc_speech.rules.rulebook import Escalation
from qc_speech.store import open_store

PERIOD = Period(date(2026, 3, 2), date(2026, 3, 15))
HOSTILE = '=cmd"<script>alert(1)</script>'


def some_lines() -> Lines:
    calls = [call_line(f"c{n}", total=100 - n, agent_name=HOSTILE, team="一班") for n in range(6)]
    calls.append(call_line("two", "1023;2001", queue="q1"))
    findings = [finding_line(f"c{n}") for n in range(4)]
    findings += [finding_line(f"c{n}", "greeting", Outcome.PASS) for n in range(6)]
    findings.append(finding_line("c5", "thanks", Outcome.UNCERTAIN))
    findings.append(finding_line("c5", "insult", machine=Outcome.PASS, machine_points=0.0))
    return Lines(tuple(calls), tuple(findings))


def some_cards() -> dict[str, AnyCard]:
    lines = some_lines()
    own = Lines(lines.calls[:6], lines.findings)
    others = Beside(
        "team", call_cells(own.calls, ("agent", *KIND)), check_cells(own.calls, own.findings),
        escalations={"complaint": Escalation()},
    )  # fmt: skip
    rows = rows_of(lines)
    site = group_card("site", None, PERIOD, rows)
    candidates = tuple((one, 2) for one in lines.calls)
    return {
        "agent": agent_card("1023", PERIOD, own, others),
        "site": site,
        "week": weekly_report(site, WeekRows(checks=rows.checks, candidates=candidates)),
        "empty": agent_card("none", PERIOD, Lines()),
    }


@pytest.mark.parametrize("name", ["agent", "site", "week", "empty"])
def test_numbers_agree_in_every_form(name: str, tmp_path: Path) -> None:
    """Each cell of each table, in the page and in CSV, is the value that the tables hold."""
    card = some_cards()[name]
    sheets = write(card, tmp_path / "sheets", "csv", "en")
    shown = write(card, tmp_path / "cards" / "card.html", "html").read_text("utf-8")
    for table in tables(card):
        with (sheets / f"{table.key}.csv").open(encoding="utf-8-sig", newline="") as file:
            head, *body = csv.reader(file)
        assert head == [heading(column, "en") for column in table.columns]
        assert len(body) == len(table.rows)
        grid = re.search(rf'<table[^>]*id="{table.key}".*?</table>', shown, re.S)
        assert grid, table.key
        lines = re.findall(r'<tr role="row">\n(.*?)</tr>', grid[0].split("<tbody")[1], re.S)
        assert len(lines) == len(table.rows)
        for row, cells, line in zip(table.rows, body, lines):
            values = [html.unescape(one) for one in re.findall(r'data-v="([^"]*)"', line)]
            for value, cell, there, column in zip(row, cells, values, table.columns):
                if isinstance(value, bool):
                    assert cell == there == str(int(value))
                elif isinstance(value, (int, float)):
                    assert float(cell) == float(there) == value, (table.key, column.key)
                elif value is None:
                    assert cell == ""


def test_json_holds_every_decimal_and_the_derived_sums(tmp_path: Path) -> None:
    card = some_cards()["agent"]
    assert isinstance(card, AgentCard)
    data: dict[str, Any] = json.loads(write(card, tmp_path / "a.json", "json").read_text("utf-8"))
    assert (data["schema"], data["kind"]) == ("qc-speech/card/1", "agent")
    assert data["score"]["mean"] == (card.score and card.score.mean)
    assert data["lost_points"] == card.lost_points == -40
    assert data["repeat_points"] == card.repeat_points == -2.5 - 5 - 5
    assert len(data["violations"]) == data["tally"]["violated"] == 5


def test_what_people_wrote_breaks_out_of_no_form(tmp_path: Path) -> None:
    for card in some_cards().values():
        text = page(card, root=".", known=set())
        assert "<script>alert" not in text
        sheets = write(card, tmp_path / file_name(card), "csv")
        for sheet in sheets.glob("*.csv"):
            with sheet.open(encoding="utf-8-sig", newline="") as file:
                assert not [cell for row in csv.reader(file) for cell in row if cell[:1] == "="]


def test_a_page_links_to_the_calls_that_have_pages(tmp_path: Path) -> None:
    calls = tmp_path / "report" / "calls"
    calls.mkdir(parents=True)
    (calls / "c3.html").write_text("", "utf-8")
    card = some_cards()["agent"]
    target = write(card, tmp_path / "report" / "cards" / "a.html", "html")
    links = set(re.findall(r'href="(\.\./calls/[^"]*)"', target.read_text("utf-8")))
    assert links == {"../calls/c3.html", "../calls/c3.html#t=1"}
    alone = write(card, tmp_path / "else" / "a.html", "html")
    assert "calls/" not in alone.read_text("utf-8")
    assert (alone.parent / "static" / "report.css").is_file()


def test_every_title_and_heading_has_a_name() -> None:
    names = labels.tables()
    for card in some_cards().values():
        for table in tables(card):
            assert table.key in names["card"], table.key
            for column in table.columns:
                assert column.heading != "card" or column.key in names["card"], column.key
                if column.kind == "card":
                    place = table.columns.index(column)
                    for row in table.rows:
                        assert row[place] is None or row[place] in names["card"], row[place]


def test_an_unknown_form_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    card = some_cards()["empty"]
    with pytest.raises(UsageError, match="not known; one of"):
        write(card, tmp_path / "x", "docx")
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        write(card, tmp_path / "file" / "x.json", "json")
    assert {"html", "json", "csv"} <= set(FORMS)


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["report", *words])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    with open_store(folder / "qc.sqlite") as store:
        for n in range(4):
            store.put_result(call(f"c{n}", "1023" if n else None))
    return folder


def test_the_command_writes_cards_a_week_and_everybodys(out: Path) -> None:
    code, said = run(str(out), "--agent", "1023", "--month", "2026-01", "-f", "json,csv")
    assert code == 0, said
    data = json.loads((out / "report/cards/agent-1023-2026-01.json").read_text("utf-8"))
    assert data["tally"]["calls"] == 3
    code, said = run(str(out), "--all", "--from", "2026-01-15", "--to", "2026-01-15")
    assert (code, said.count("html: ")) == (0, 3)
    assert (out / "report/cards/unassigned-2026-01-15.html").is_file()
    code, said = run("weekly", str(out))
    assert code == 0 and (out / "report/cards/weekly-2026-01-09_2026-01-15.html").is_file()


def test_the_command_draws_a_sample_again_with_the_seed(out: Path) -> None:
    code, said = run("sample", str(out), "--seed", "s", "--margin", "0.4")
    assert (code, said.split(":")[0]) == (0, "3 of 4 calls drawn")
    path = out / "report/sample-2026-01-09_2026-01-15.csv"
    first = path.read_text("utf-8-sig")
    assert run("sample", str(out), "--seed", "s", "--margin", "0.4")[0] == 0
    assert path.read_text("utf-8-sig") == first
    agents = [row.split(",")[1] for row in first.splitlines()[1:]]
    assert agents.count("") == 1, "everybody is heard, the unassigned too"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["{out}", "--agent", "1", "--team", "2"], "give one of"),
        (["{out}", "--month", "2026-13"], "not a date; write YYYY-MM"),
        (["{out}", "--from", "2026-02-01", "--to", "2026-01-01"], "exchange them"),
        (["{out}", "--month", "2026-01", "--to", "2026-01-02"], "or --from and --to"),
        (["{out}", "-f", "docx"], "not known; one of"),
        (["{out}/nowhere"], "holds no store"),
        (["yearly", "{out}"], "weekly or sample"),
        (["sample", "{out}"], "give a --seed"),
        (["sample", "{out}", "--seed", "s", "--margin", "5"], "not a margin"),
    ],
)
def test_wrong_usage_is_one_clear_line(out: Path, words: list[str], says: str) -> None:
    code, said = run(*(word.format(out=out) for word in words))
    assert code == 2
    assert says in said and said.count("\n") == 1


def test_a_yes_is_shown_as_a_word() -> None:
    assert labels.label("card", "true") == ("是", "yes")
    assert labels.label("card", "false") == ("否", "no")
