"""What the app is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WebConfig:
    """`store`: a SQLite file or a database URL. `out`: the OUT folder (playable copies of the
    recordings). `secure_cookies` False: plain HTTP on this machine only."""

    store: str
    out: Path
    secure_cookies: bool = True
    session_hours: float = 12.0
    idle_minutes: float = 120.0
    login_tries: int = 5  # wrong passwords for one name from one address in `login_window`
    login_window_minutes: float = 15.0
