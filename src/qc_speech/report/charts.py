"""Pictures of a card's tables, worked out here: the page shows them without a script and on paper.
What they show stands in the table beside them, with all its decimals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from qc_speech.report.tables import Table, Value

WIDTH, HEIGHT = 760.0, 190.0  # of the picture, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 12.0, 12.0, 26.0
_WIDEST_BAR = 48.0
_MOST_MARKS = 8  # along the horizontal axis
_BARS = {"bins": ("from", "calls"), "days": ("day", "calls"), "hours": ("hour", "calls")}


@dataclass(frozen=True)
class Mark:
    """A number or a day at an axis, at `at` in the picture's units."""

    at: float
    text: str


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Dot:
    """A mean with the ends of its interval (y of each, downwards)."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Chart:
    """`lines`, `bands`: points "x,y x,y ..." of unbroken runs. The picture's own size is WIDTH x
    HEIGHT; `base` is the y of its horizontal axis."""

    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    bars: tuple[Bar, ...] = ()
    dots: tuple[Dot, ...] = ()
    lines: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    base: float = HEIGHT - _BOTTOM


def chart_of(table: Table) -> Chart | None:
    """The picture of a trend, a distribution or a volume; None for other tables."""
    if table.key == "trend":
        return _trend(table)
    if table.key in _BARS:
        return _bars(table, *_BARS[table.key])
    return None


def _y(share: float) -> float:
    return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - share), 1)


def _x(share: float) -> float:
    return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * share, 1)


def _column(table: Table, key: str) -> list[Value]:
    place = [column.key for column in table.columns].index(key)
    return [row[place] for row in table.rows]


def _trend(table: Table) -> Chart | None:
    means, lows, highs = (_column(table, key) for key in ("score", "low", "high"))
    count = len(table.rows)
    runs: list[list[Dot]] = [[]]
    for n, (mean, low, high) in enumerate(zip(means, lows, highs)):
        if isinstance(mean, float) and isinstance(low, float) and isinstance(high, float):
            x = _x((n + 0.5) / count)
            runs[-1].append(Dot(x, _y(mean / 100), _y(low / 100), _y(high / 100)))
        elif runs[-1]:
            runs.append([])
    runs = [run for run in runs if run]
    if not runs:
        return None
    return Chart(
        across=_marks(_column(table, "from")),
        up=tuple(Mark(_y(level / 100), str(level)) for level in (0, 25, 50, 75, 100)),
        dots=tuple(dot for run in runs for dot in run),
        lines=tuple(" ".join(f"{dot.x},{dot.y}" for dot in run) for run in runs),
        bands=tuple(_band(run) for run in runs if len(run) > 1),
    )


def _band(run: list[Dot]) -> str:
    edge = [f"{dot.x},{dot.high}" for dot in run] + [f"{dot.x},{dot.low}" for dot in run[::-1]]
    return " ".join(edge)


def _bars(table: Table, across: str, up: str) -> Chart | None:
    counts = [value if isinstance(value, int) else 0 for value in _column(table, up)]
    most = max(counts, default=0)
    if most == 0:
        return None
    step = (WIDTH - _LEFT - _RIGHT) / len(counts)
    width = min(step * 0.8, _WIDEST_BAR)
    bars = [
        Bar(
            round(_LEFT + step * (n + 0.5) - width / 2, 1),
            _y(count / most),
            round(width, 1),
            round(HEIGHT - _BOTTOM - _y(count / most), 1),
            str(count) if count and len(counts) <= 31 else "",
        )
        for n, count in enumerate(counts)
    ]
    levels = (0, most) if most < 4 else (0, most // 2, most)
    return Chart(
        across=_marks(_column(table, across)),
        up=tuple(Mark(_y(level / most), str(level)) for level in levels),
        bars=tuple(bars),
    )


def _marks(values: list[Value]) -> tuple[Mark, ...]:
    """A few of the values below their columns."""
    every = max(1, -(-len(values) // _MOST_MARKS)) if isinstance(values[0], date) else 1
    return tuple(
        Mark(
            _x((n + 0.5) / len(values)), f"{value:%m-%d}" if isinstance(value, date) else str(value)
        )
        for n, value in enumerate(values)
        if n % every == 0
    )
