"""A card as Parquet: a folder of one typed file for each table, for a data warehouse."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from qc_speech.cards.agent import AgentCard
from qc_speech.cards.group import GroupCard
from qc_speech.errors import UsageError
from qc_speech.report.tables import AnyCard, Value, tables

_WHOLE = ("count", "clock", "length")
_FRACTIONS = ("number", "points", "percent", "rate")


def write_parquet(card: AnyCard, path: Path, language: str) -> Path:
    """Columns carry the keys of `report/tables.py`, whatever the language, and values identifiers;
    before them, in each line, whose card it is. Raises UsageError without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UsageError("parquet: needs pyarrow; pip install 'qc-speech[reports]'") from None
    path.mkdir(exist_ok=True)
    whose = _whose(card)
    for table in tables(card):
        fields = [pa.field(f"card_{key}", _typed(pa, kind)) for key, kind, _ in whose]
        fields += [pa.field(column.key, _typed(pa, column.kind)) for column in table.columns]
        lines = [(*(value for *_, value in whose), *row) for row in table.rows]
        columns = [
            pa.array([_plain(value) for value in values], field.type)
            for values, field in zip(zip(*lines), fields)
        ]
        target = path / f"{table.key}.parquet"
        draft = target.with_name(f".{target.name}.part")
        pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), draft)
        draft.replace(target)
    return path


def _whose(card: AnyCard) -> tuple[tuple[str, str, Value], ...]:
    whole = card if isinstance(card, (AgentCard, GroupCard)) else card.site
    if isinstance(card, AgentCard):
        kind, name = "agent", card.agent
    elif isinstance(card, GroupCard):
        kind, name = card.kind, card.name
    else:
        kind, name = "weekly", None
    first, last = whole.period.first, whole.period.last
    return (("kind", "text", kind), ("of", "text", name), ("first", "day", first),
            ("last", "day", last))  # fmt: skip


def _typed(pa: Any, kind: str) -> Any:
    if kind in _WHOLE:
        return pa.int64()
    if kind in _FRACTIONS:
        return pa.float64()
    named = {"day": pa.date32(), "moment": pa.timestamp("ms"), "flag": pa.bool_()}
    return named.get(kind, pa.string())


def _plain(value: Value) -> Value:
    """Times stay local ones; half a character becomes a question mark."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
