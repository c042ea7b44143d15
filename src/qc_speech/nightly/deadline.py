"""`until`: a time of day on the wall: people mean that one, whatever is done to the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Deadline:
    """`at` None: there is none. Naive local times; `now` is asked anew each time."""

    at: datetime | None
    now: Callable[[], datetime] = datetime.now

    def passed(self) -> bool:
        return self.at is not None and self.now() >= self.at

    def seconds_left(self) -> float:
        """Until then; infinite without a deadline."""
        return float("inf") if self.at is None else (self.at - self.now()).total_seconds()


def next_time(until: str, now: datetime) -> datetime | None:
    """The next HH:MM after now; None for an empty text."""
    if not until:
        return None
    hour, minute = map(int, until.split(":"))
    at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)
