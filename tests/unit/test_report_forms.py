"""The same numbers in every form of a card: page, PDF, workbook, CSV, JSON, warehouse."""

from __future__ import annotations

import csv
import html
import json
import re
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from report_calls import call
from test_report_cards import HOSTILE, some_cards

from qc_speech.cards.agent import AgentCard
from qc_speech.cards.quotes import wanted, with_quotes
from qc_speech.errors import UsageError
from qc_speech.report import labels
from qc_speech.report.cardpage import cards_of, file_name
from qc_speech.report.charts import chart_of
from qc_speech.report.forms import FORMS, heading, text_of, write
from qc_speech.report.html import write_report
from qc_speech.report.paper import parts, shown
from qc_speech.report.tables import AnyCard, Column, Table, Value, tables

Rows = list[tuple[Any, ...]]


def from_page(path: Path, table: Table) -> Rows:
    grid = re.search(rf'<table[^>]*id="{table.key}".*?</table>', path.read_text("utf-8"), re.S)
    assert grid, table.key
    lines = re.findall(r'<tr role="row">\n(.*?)</tr>', grid[0].split("<tbody")[1], re.S)
    return [tuple(html.unescape(v) for v in re.findall(r'data-v="([^"]*)"', x)) for x in lines]


def from_csv(path: Path, table: Table) -> Rows:
    with (path / f"{table.key}.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == [heading(column, "en") for column in table.columns]
    return [tuple(row) for row in rows]


def from_workbook(path: Path, table: Table) -> Rows:
    sheet = load_workbook(path)[labels.label("card", table.key)[1][:31]]
    assert sheet.freeze_panes == "B2"
    assert (
        sheet.auto_filter.ref
        == f"A1:{sheet.cell(1 + len(table.rows), len(table.columns)).coordinate}"
    )
    head, *rows = sheet.iter_rows(max_row=1 + len(table.rows), values_only=True)
    assert list(head) == [heading(column, "en") for column in table.columns]
    return rows


def from_warehouse(path: Path, table: Table) -> Rows:
    import pyarrow.parquet as pq

    read = pq.read_table(path / f"{table.key}.parquet")
    columns = [read[column.key].to_pylist() for column in table.columns]
    return list(zip(*columns))


READERS = {
    "html": from_page,
    "csv": from_csv,
    "xlsx": from_workbook,
    "parquet": from_warehouse,
}


def agrees(form: str, value: Value, there: Any, column: Column) -> bool:
    """Numbers, days and flags with all their decimals; times of day of a workbook to a ms."""
    if value is None:
        blank = ("", "-1") if form == "html" else ("", None)
        return there in blank
    if isinstance(value, bool):
        return there is value if form in ("xlsx", "parquet") else there == str(int(value))
    if isinstance(value, (int, float)):
        if isinstance(there, timedelta):
            there = there / timedelta(milliseconds=1)
        elif form == "xlsx" and column.kind in ("clock", "length"):
            return there == pytest.approx(value / 86_400_000) or (value == 0 and not_a_date(there))
        return float(there) == pytest.approx(value, rel=1e-12, abs=1e-9)
    if isinstance(value, (date, datetime)):
        return str(there)[:16] == str(value)[:16] or str(there)[:10] == str(value)
    return True  # texts: below


def not_a_date(there: Any) -> bool:
    return str(there) in ("00:00:00", "0", "1899-12-30 00:00:00")


def pdf_text(path: Path) -> str:
    """All text in the order of the pages, without any space."""
    return re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(path).pages))


@pytest.mark.parametrize("name", ["agent", "site"])
def test_numbers_agree_in_every_form(name: str, tmp_path: Path) -> None:
    card = some_cards()[name]
    written = {form: write(card, tmp_path / "cards" / f"a.{form}", form, "en") for form in FORMS}
    for form, read in READERS.items():
        for table in tables(card):
            rows = read(written[form], table)
            assert len(rows) == len(table.rows), (form, table.key)
            for row, there in zip(table.rows, rows):
                for value, cell, column in zip(row, there, table.columns):
                    assert agrees(form, value, cell, column), (form, table.key, column.key, cell)
    on_paper(card, pdf_text(written["pdf"]))
    in_json(card, json.loads(written["json"].read_text("utf-8")))


def on_paper(card: AnyCard, text: str) -> None:
    """Every line of every table, whole and in its place."""
    at = 0
    for table in tables(card):
        for part, _ in parts(table):
            for row in part.rows:
                cells = [shown(v, c, "en") for v, c in zip(row, part.columns)]
                for cell, value, column in zip(cells, row, part.columns):
                    assert rounds_to(cell, value, column), (table.key, column.key, cell, value)
                line = re.sub(r"\s", "", "".join(cells))
                found = text.find(line, at)
                assert found >= 0, (table.key, line, text[at : at + 200])
                at = found + len(line)


def rounds_to(cell: str, value: Value, column: Column) -> bool:
    """A number of the paper is the table's, rounded as its column rounds."""
    scale = {"count": 1, "number": 1, "points": 1, "rate": 1, "percent": 100}.get(column.kind)
    if scale is None or not isinstance(value, (int, float)):
        return True
    step = {"count": 0.0, "number": 0.1, "points": 0.01, "rate": 0.001, "percent": 0.1}[column.kind]
    read = float(cell.replace("\N{MINUS SIGN}", "-").removesuffix("%"))
    return abs(read - value * scale) <= step / 2 + 1e-9


def in_json(card: AnyCard, data: dict[str, Any]) -> None:
    """Score, counts and rates as the tables have them."""
    by_key = {table.key: table for table in tables(card)}
    summary = {row[0]: row[1:] for row in by_key["summary"].rows}
    score = data["score"]
    assert summary["score"][:3] == (score["mean"], score["low"], score["high"])
    tally = data["tally"]
    assert [summary[key][0] for key in ("calls", "passed", "violations", "uncertain")] == [
        tally[key] for key in ("calls", "passed", "violated", "uncertain")
    ]
    assert len(data["checks"]) == len(by_key["checks"].rows)
    for line, row in zip(data["checks"], by_key["checks"].rows):
        assert (line["tally"]["violated"], line["occurrences"], line["tally"]["points"]) == (
            row[3], row[5], row[6],
        )  # fmt: skip
        rate = line["rate"] or {}
        assert (rate.get("value"), rate.get("low"), rate.get("high")) == row[7:10]


def test_a_workbook_holds_texts_as_texts_and_translates_identifiers(tmp_path: Path) -> None:
    card = some_cards()["agent"]
    assert isinstance(card, AgentCard)
    card = with_quotes(card, dict.fromkeys(wanted(card, 9), (HOSTILE, "=1+1")))
    book = load_workbook(write(card, tmp_path / "a.xlsx", "xlsx"))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert {labels.label("checks", "greeting")[0], HOSTILE, "=1+1"} <= {
        cell.value for cell in cells
    }


def test_a_pdf_is_a4_embeds_its_fonts_and_can_be_signed(tmp_path: Path) -> None:
    reader = PdfReader(write(some_cards()["agent"], tmp_path / "a.pdf", "pdf"))
    sizes = {tuple(sorted(round(float(x)) for x in page.mediabox[2:])) for page in reader.pages}
    assert sizes == {(595, 842)}
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(inner.get_object())
    text = pdf_text(tmp_path / "a.pdf")
    assert "坐席签名" in text and "质检员签名" in text and "<script>" in text


def test_every_column_of_a_warehouse_file_has_its_own_name_and_its_card(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    for name, card in some_cards().items():
        folder = write(card, tmp_path / name, "parquet")
        for file in folder.glob("*.parquet"):
            schema = pq.read_schema(file)
            assert len(set(schema.names)) == len(schema.names), file.name
            assert schema.names[:4] == ["card_kind", "card_of", "card_first", "card_last"]
    read = pq.read_table(tmp_path / "agent" / "summary.parquet")
    assert set(read["card_of"].to_pylist()) == {"1023"}
    assert text_of("score", Column("figure", "card"), "en") != "score" in read["figure"].to_pylist()


@pytest.mark.parametrize(
    ("form", "library"), [("xlsx", "xlsxwriter"), ("pdf", "weasyprint"), ("parquet", "pyarrow")]
)
def test_a_missing_library_is_one_line_with_its_command(
    form: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=r"pip install 'qc-speech\[reports\]'"):
        write(some_cards()["agent"], tmp_path / "a", form)


def test_a_card_of_no_calls_is_written_in_every_form(tmp_path: Path) -> None:
    for form in FORMS:
        assert write(some_cards()["empty"], tmp_path / "x" / f"a.{form}", form).exists()


def test_pictures_show_what_their_tables_hold() -> None:
    """The trend's dots lie at their means on the scale, gaps break the line, bars are as high as
    their counts."""
    day = [date(2026, 3, n) for n in range(1, 6)]
    trend = chart_of(
        Table(
            "trend",
            tuple(Column(key) for key in ("from", "to", "calls", "score", "low", "high")),
            (
                (day[0], day[0], 2, 100.0, 50.0, 100.0),
                (day[1], day[1], 2, 50.0, 25.0, 75.0),
                (day[2], day[2], 0, None, None, None),
                (day[3], day[3], 1, 0.0, 0.0, 50.0),
            ),
        )
    )
    assert trend is not None
    scale = {mark.text: mark.at for mark in trend.up}
    assert [dot.y for dot in trend.dots] == [scale["100"], scale["50"], scale["0"]]
    assert [(dot.low, dot.high) for dot in trend.dots][1] == (scale["25"], scale["75"])
    assert (len(trend.lines), len(trend.bands)) == (2, 1)
    days = Table("days", (Column("day"), Column("calls")), ((day[0], 4), (day[1], 0), (day[2], 2)))
    bars = chart_of(days)
    assert bars is not None
    assert [bar.height for bar in bars.bars] == [bars.bars[0].height, 0, bars.bars[0].height / 2]
    assert [bar.text for bar in bars.bars] == ["4", "", "2"]
    none = Table("days", days.columns, ((day[0], 0),))
    assert chart_of(none) is None and chart_of(Table("calls", (), ())) is None


def test_pages_of_a_group_and_of_an_agent_link_to_each_other(tmp_path: Path) -> None:
    report = tmp_path / "report"
    for folder in ("calls", "agents", "cards"):
        (report / folder).mkdir(parents=True)
    (report / "agents" / "1023.html").write_text("", "utf-8")
    cards = some_cards()
    names = {name: file_name(card) for name, card in cards.items()}
    agent = write(cards["agent"], report / "cards" / f"{names['agent']}.html", "html")
    site = write(cards["site"], report / "cards" / f"{names['site']}.html", "html")
    assert f'href="{agent.name}"' in site.read_text("utf-8")
    assert 'href="../agents/1023.html"' in agent.read_text("utf-8")
    write_report([call("c01", "1023")], tmp_path, audio_of=lambda _: None)
    assert f'href="../cards/{agent.name}"' in (report / "agents" / "1023.html").read_text("utf-8")
    (report / "cards" / "agent-1023-4-2026-03.html").write_text("", "utf-8")  # of another agent
    assert [href for _, href in cards_of("1023", report)] == [f"../cards/{agent.name}"]
