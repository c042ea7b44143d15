"""The bytes of a manifest as lines of cells: encodings, delimiters, quotes, headers. Pure."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from qc_speech.errors import ManifestError
from qc_speech.intake.fields import COLUMNS, plain
from qc_speech.intake.values import shown

_BINARY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_QUOTES = "quotes are not closed or stand in the wrong place; correct the quotes of this line"


@dataclass(frozen=True)
class Line:
    """One line of a manifest: its number, its cells by column, or what is wrong with it."""

    number: int
    cells: Mapping[str, str]
    fault: str | None = None


@dataclass(frozen=True)
class Table:
    lines: tuple[Line, ...]
    ignored: tuple[str, ...]  # columns nobody reads


def read_table(data: bytes, name: str) -> Table:
    """The lines of a manifest. Raises ManifestError when it is none at all."""
    text = _decode(data, name)
    if not text.strip():
        raise ManifestError(f"{name}: is empty; write a header line and one line per recording")
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start = next(index for index, row in enumerate(rows) if row.strip())
    delimiter = None
    hint = re.fullmatch(r"sep=([,;\t])", rows[start].strip(" "), re.IGNORECASE)  # Excel's own mark
    if hint:
        delimiter, start = hint[1], start + 1
    if start >= len(rows):
        raise ManifestError(f"{name}: has no header; its first line must name the column file")
    header = rows[start]
    delimiter = delimiter or max(",;\t", key=header.count)
    columns, ignored = _header(next(csv.reader([header], delimiter=delimiter), []), name)
    return Table(_lines(rows, start + 1, delimiter, columns), ignored)


def _decode(data: bytes, name: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _BINARY.search(text):
            break
        return text
    raise ManifestError(f"{name}: is not a text file; save it as CSV (UTF-8)")


def _header(cells: list[str], name: str) -> tuple[list[str | None], tuple[str, ...]]:
    """The column of each cell (None: nobody reads it) and the names that are ignored."""
    names = {chinese: column for column, chinese in COLUMNS.items()}
    names.update((column, column) for column in COLUMNS)
    columns = [names.get(re.sub(r"\s+", "_", plain(cell).lower())) for cell in cells]
    twice = [column for column, n in Counter(columns).items() if column and n > 1]
    if twice:
        raise ManifestError(f"{name}: has the column {twice[0]} twice; keep one")
    if "file" not in columns:
        raise ManifestError(
            f"{name}: has no column file; its first line must name the columns, such as "
            "file,agent_id,started_at"
        )
    ignored = [shown(plain(cell)) for cell, column in zip(cells, columns) if not column]
    return columns, tuple(cell for cell in ignored if cell != "''")


def _lines(
    rows: list[str], start: int, delimiter: str, columns: list[str | None]
) -> tuple[Line, ...]:
    lines: list[Line] = []
    while start < len(rows):
        # A reader of its own for each line: an unclosed quote must not swallow those below it.
        reader = csv.reader(
            (f"{rows[index]}\n" for index in range(start, len(rows))),
            delimiter=delimiter,
            strict=True,
        )
        try:
            cells, used = [cell.strip() for cell in next(reader)], reader.line_num
        except csv.Error:
            cells, used = [], 0
        named = {column: cell for column, cell in zip(columns, cells) if column}
        if used > 1 and (len(cells) > len(columns) or any("\n" in cell for cell in named.values())):
            used = 0
        if used == 0:
            lines.append(Line(start + 1, _salvaged(rows[start], delimiter, columns), _QUOTES))
        elif any(cells[len(columns) :]):
            fault = (
                f"has {len(cells)} cells under {len(columns)} columns; put a cell that holds "
                "a delimiter in quotes"
            )
            lines.append(Line(start + 1, named, fault))
        elif any(cells):
            lines.append(Line(start + 1, named))
        start += max(used, 1)
    return tuple(lines)


def _salvaged(row: str, delimiter: str, columns: list[str | None]) -> dict[str, str]:
    """The file that a broken line names: it must not be run as if no line named it."""
    cells = row.replace('"', "").split(delimiter)
    return {column: cell.strip() for column, cell in zip(columns, cells) if column == "file"}
