"""A card as a file: `write(card, path, form)`. All forms are made from the same tables."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

from qc_speech.cards.agent import AgentCard
from qc_speech.cards.group import GroupCard
from qc_speech.cards.weekly import WeeklyReport
from qc_speech.codec import to_json
from qc_speech.errors import StoreError, UsageError
from qc_speech.report import labels
from qc_speech.report.tables import AnyCard, Column, Value, tables

SCHEMA = "qc-speech/card/1"
LANGUAGES = ("zh", "en")


def write(card: AnyCard, path: Path, form: str, language: str = "zh") -> Path:
    """Write a card in a form of `FORMS` and return what was written: a file, or for csv and parquet
    a folder of one file for each table. `language` of headings where a form has one only. Raises
    UsageError (unknown form or language, a form's library is missing) and StoreError (it cannot be
    written)."""
    if form not in FORMS:
        raise UsageError(f"form {form}: not known; one of {', '.join(sorted(FORMS))}")
    if language not in LANGUAGES:
        raise UsageError(f"language {language}: not known; one of {', '.join(LANGUAGES)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FORMS[form](card, path, language)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); correct it") from None


def public(card: AnyCard) -> dict[str, Any]:
    """A card as JSON: every value with all its decimals, and the sums derived from it."""
    kind = {AgentCard: "agent", GroupCard: "group", WeeklyReport: "weekly"}[type(card)]
    data = to_json(card)
    if isinstance(card, AgentCard):
        data |= {"lost_points": card.lost_points, "repeat_points": card.repeat_points}
    return {"schema": SCHEMA, "kind": kind, **data}


def text_of(value: Value, column: Column, language: str) -> Value:
    """A value as a reader of one language takes it: identifiers translated, numbers as they are."""
    if isinstance(value, str) and column.kind in labels.tables():
        return labels.label(column.kind, value)[LANGUAGES.index(language)]
    return value


def heading(column: Column, language: str) -> str:
    return labels.label(column.heading, column.key)[LANGUAGES.index(language)]


def _write_json(card: AnyCard, path: Path, language: str) -> Path:
    text = json.dumps(public(card), ensure_ascii=False, indent=1, allow_nan=False)
    _replace(path, text + "\n")
    return path


def _write_csv(card: AnyCard, path: Path, language: str) -> Path:
    """One file per table, UTF-8 with a byte order mark, as Excel expects it."""
    path.mkdir(exist_ok=True)
    for table in tables(card):
        target = path / f"{table.key}.csv"
        draft = target.with_name(f".{target.name}.part")
        with draft.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([heading(column, language) for column in table.columns])
            for row in table.rows:
                writer.writerow(
                    [
                        csv_value(text_of(value, column, language))
                        for value, column in zip(row, table.columns)
                    ]
                )
        draft.replace(target)
    return path


def csv_value(value: Value) -> Value:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value  # a spreadsheet would run it as a formula
    return value


def _write_html(card: AnyCard, path: Path, language: str) -> Path:
    from qc_speech.report.cardpage import write_page

    return write_page(card, path)


def _write_pdf(card: AnyCard, path: Path, language: str) -> Path:
    from qc_speech.report.paper import write_pdf

    return write_pdf(card, path, language)


def _write_workbook(card: AnyCard, path: Path, language: str) -> Path:
    from qc_speech.report.workbook import write_workbook

    return write_workbook(card, path, language)


def _write_parquet(card: AnyCard, path: Path, language: str) -> Path:
    from qc_speech.report.warehouse import write_parquet

    return write_parquet(card, path, language)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8", errors="replace", newline="\n")
    draft.replace(path)


Writer = Callable[[AnyCard, Path, str], Path]
FORMS: dict[str, Writer] = {
    "html": _write_html,
    "json": _write_json,
    "csv": _write_csv,
    "xlsx": _write_workbook,
    "pdf": _write_pdf,
    "parquet": _write_parquet,
}
SUFFIX = {"csv": ""}  # folders: csv has the bare name; others end in .<form>
