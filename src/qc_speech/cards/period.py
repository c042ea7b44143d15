"""A stretch of whole days that a card is made of, and the buckets its trend is drawn in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_DAY = timedelta(days=1)
_MOST_DAYS = 45  # longer periods are drawn by week ...
_MOST_WEEKS = 60  # ... and still longer ones by month


@dataclass(frozen=True, order=True)
class Period:
    """Days from `first` to `last`, both included, by the calls' local time."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a period ends before it starts: {self.first} to {self.last}")

    @classmethod
    def week_of(cls, day: date) -> Period:
        """The ISO week (Monday to Sunday) that holds a day."""
        first = day - timedelta(days=day.weekday())
        return cls(first, first + 6 * _DAY)

    @classmethod
    def month_of(cls, day: date) -> Period:
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=32)).replace(day=1) - _DAY)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time.min)

    @property
    def end(self) -> datetime:
        """The first moment after the period."""
        return datetime.combine(self.last + _DAY, time.min)

    @property
    def kind(self) -> str:
        """day | week | month | range."""
        if self.days == 1:
            return "day"
        if self == Period.week_of(self.first):
            return "week"
        return "month" if self == Period.month_of(self.first) else "range"

    @property
    def label(self) -> str:
        """2026-01-15, 2026-W03, 2026-01 or 2026-01-15..2026-02-02."""
        if self.kind == "day":
            return self.first.isoformat()
        if self.kind == "week":
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02d}"
        if self.kind == "month":
            return f"{self.first:%Y-%m}"
        return f"{self.first.isoformat()}..{self.last.isoformat()}"

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def before(self) -> Period:
        """The period to compare with: the month before a month, else as many days before."""
        last = self.first - _DAY
        if self.kind == "month":
            return Period.month_of(last)
        return Period(last - (self.days - 1) * _DAY, last)

    @property
    def grain(self) -> str:
        """day | week | month: how finely a trend of this period is drawn."""
        if self.days <= _MOST_DAYS:
            return "day"
        return "week" if self.days <= 7 * _MOST_WEEKS else "month"

    def buckets(self) -> tuple[Period, ...]:
        """The period cut into its grain; the first and the last may be cut short."""
        found: list[Period] = []
        day = self.first
        while day <= self.last:
            whole = {"day": Period(day, day), "week": Period.week_of(day)}.get(
                self.grain, Period.month_of(day)
            )
            found.append(Period(day, min(whole.last, self.last)))
            day = whole.last + _DAY
        return tuple(found)
