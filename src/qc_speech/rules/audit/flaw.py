"""One thing to mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]
Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Flaw:
    """`place` is FILE or FILE:LINE. An error keeps the rules from being used or can never have been
    meant; a warning is to be looked at."""

    level: Level
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.level}: {self.place}: {self.text}"
