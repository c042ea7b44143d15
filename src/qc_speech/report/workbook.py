"""A card as a workbook: one sheet for each table, with real numbers, filters and a frozen head."""

from __future__ import annotations

import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qc_speech.errors import UsageError
from qc_speech.report import labels
from qc_speech.report.forms import LANGUAGES, heading, text_of
from qc_speech.report.tables import AnyCard, Column, Table, Value, tables

_FORMATS = {
    "count": "0",
    "number": "0.0",
    "points": "+0.##;-0.##;0",
    "percent": "0.0%",
    "rate": "0.000",
    "day": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm",
    "clock": "[m]:ss",
    "length": "[m]:ss",
}
_DAY_MS = 86_400_000
_MOST_TEXT = 32_767  # characters of a cell
_WIDEST, _NARROWEST = 48, 8  # columns, in characters


def write_workbook(card: AnyCard, path: Path, language: str) -> Path:
    """Raises UsageError without XlsxWriter."""
    try:
        import xlsxwriter
    except ImportError:
        raise UsageError("xlsx: needs XlsxWriter; pip install 'qc-speech[reports]'") from None
    data = io.BytesIO()
    options = {"in_memory": True, "remove_timezone": True, "nan_inf_to_errors": False}
    with xlsxwriter.Workbook(data, options) as book:
        formats = {kind: book.add_format({"num_format": it}) for kind, it in _FORMATS.items()}
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        names: set[str] = set()
        for table in tables(card):
            sheet = book.add_worksheet(_sheet_name(table, language, names))
            _fill(sheet, table, language, formats, head)
        if not names:
            book.add_worksheet()
    draft = path.with_name(f".{path.name}.part")
    draft.write_bytes(data.getvalue())
    draft.replace(path)
    return path


def _sheet_name(table: Table, language: str, taken: set[str]) -> str:
    """The table's title as Excel takes it: 31 characters, none of []:*?/\\, each name once."""
    title = labels.label("card", table.key)[LANGUAGES.index(language)]
    name = "".join(" " if sign in "[]:*?/\\'" else sign for sign in title)[:31].strip()
    if name.lower() in taken:
        name = f"{name[:28]} {len(taken)}"
    taken.add(name.lower())
    return name


def _fill(sheet: Any, table: Table, language: str, formats: dict[str, Any], head: Any) -> None:
    widths = []
    for x, column in enumerate(table.columns):
        title = heading(column, language)
        sheet.write_string(0, x, title, head)
        widths.append(_width(title))
    for y, row in enumerate(table.rows, 1):
        for x, (value, column) in enumerate(zip(row, table.columns)):
            shown = text_of(value, column, language)
            _put(sheet, (y, x), shown, column, formats)
            widths[x] = max(widths[x], _width(shown))
    for x, width in enumerate(widths):
        sheet.set_column(x, x, min(max(width + 3, _NARROWEST), _WIDEST))
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, len(table.rows), len(table.columns) - 1)
    sheet.repeat_rows(0)
    sheet.set_paper(9)  # A4
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)


def _put(
    sheet: Any, place: tuple[int, int], value: Value, column: Column, formats: dict[str, Any]
) -> None:
    """Texts are written as texts, never as formulas or links."""
    style = formats.get(column.kind)
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(*place, value)
    elif isinstance(value, (date, datetime)):
        sheet.write_datetime(*place, value, style)
    elif isinstance(value, (int, float)):
        timed = column.kind in ("clock", "length")
        sheet.write_number(*place, value / _DAY_MS if timed else value, style)
    else:
        text = value.encode("utf-8", "replace").decode("utf-8")
        sheet.write_string(*place, text[:_MOST_TEXT])


def _width(value: Value) -> int:
    """Roughly, in characters of a digit's width; Chinese ones are twice as wide."""
    if isinstance(value, datetime):
        return 16
    if isinstance(value, float):
        return 7
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in str(value or ""))
