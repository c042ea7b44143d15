"""A card on paper: PDF of A4 pages with all tables, fonts embedded, and lines to sign on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qc_speech.cards.agent import AgentCard
from qc_speech.cards.group import GroupCard
from qc_speech.errors import UsageError
from qc_speech.report import labels
from qc_speech.report.cardpage import title
from qc_speech.report.charts import chart_of
from qc_speech.report.forms import LANGUAGES, heading, text_of
from qc_speech.report.tables import AnyCard, Column, Table, Value, tables
from qc_speech.report.templating import clock, day, environment, number, points

_NUMBERS = ("count", "number", "points", "percent", "rate")
_MOST_COLUMNS = 12  # across a page; wider tables (a heat map) go on below
_MOST_TEXT = 160  # characters of a cell, as on the page
_FEW_COLUMNS = 7  # beyond them the print is small


def write_pdf(card: AnyCard, path: Path, language: str) -> Path:
    """Raises UsageError without WeasyPrint, or without Pango, which it draws with."""
    try:
        import weasyprint
    except (ImportError, OSError):
        raise UsageError(
            "pdf: needs WeasyPrint and Pango; pip install 'qc-speech[reports]'"
        ) from None
    made: bytes = weasyprint.HTML(string=sheet(card, language), url_fetcher=_nothing).write_pdf()
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(made)
    draft.replace(path)
    return path


def sheet(card: AnyCard, language: str) -> str:
    """The page that the PDF is made of, in one language."""
    place = LANGUAGES.index(language)
    whole = card if isinstance(card, (AgentCard, GroupCard)) else card.site
    return environment().get_template("paper.html").render(
        lang="zh-CN" if language == "zh" else "en",
        heading=title(card)[place],
        period=whole.period,
        former=card.names[1:] if isinstance(card, AgentCard) else (),
        parts=[part for table in tables(card) for part in parts(table)],
        signers=("agent", "inspector") if isinstance(card, AgentCard) else ("inspector", "manager"),
        say=lambda key: labels.label("card", key)[place],
        note=lambda key: labels.tables()["card"].get(f"{key}_note", ("", ""))[place],
        head=lambda column: heading(column, language),
        shown=lambda value, column: shown(value, column, language),
        numeric=lambda column: column.kind in _NUMBERS,
        many=lambda table: len(table.columns) > _FEW_COLUMNS,
        charts={table.key: chart_of(table) for table in tables(card)},
    )  # fmt: skip


def shown(value: Value, column: Column, language: str) -> str:
    """A value as paper shows it; what is not known is a dash."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return labels.label("card", "true" if value else "false")[LANGUAGES.index(language)]
    if isinstance(value, datetime):
        return day(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return _number(value, column.kind)
    text = str(text_of(value, column, language))
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"


def _number(value: float, kind: str) -> str:
    if kind in ("clock", "length"):
        return clock(int(value))
    if kind == "points":
        return points(value)
    if kind == "percent":
        return f"{number(value * 100)}%"
    return number(value, 3 if kind == "rate" else 1)


def parts(table: Table) -> Iterator[tuple[Table, bool]]:
    """The table in parts as wide as a page, each with the first column; whether it is the first.
    Of a trend only what has calls: paper is short."""
    rows = [row for row in table.rows if row[2]] if table.key == "trend" else table.rows
    step = _MOST_COLUMNS - 1
    for start in range(1, max(len(table.columns), 2), step):
        end = start + step
        yield (
            Table(
                table.key,
                (table.columns[0], *table.columns[start:end]),
                tuple((row[0], *row[start:end]) for row in rows),
            ),
            start == 1,
        )


def _nothing(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"the sheet loads nothing ({url[:20]})")
