"""What the intake hands on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qc_speech.model import SCENARIOS as SCENARIOS
from qc_speech.model import Metadata

AUDIO_EXTENSIONS = frozenset(
    (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".amr", ".gsm", ".wma", ".webm")
)


@dataclass(frozen=True)
class Source:
    """One recording to run. `manifest_line` is None where its metadata is of the file name."""

    path: Path
    metadata: Metadata
    manifest_line: int | None = None
    named: bool = False  # its call id was written down, not derived from the file name


@dataclass(frozen=True)
class Problem:
    """One line for the user: `where` is FILE or FILE:LINE, `message` says what and the cure."""

    where: str
    message: str
    path: Path | None = None  # the recording that a manifest's line means, there or not


@dataclass(frozen=True)
class Intake:
    """`problems` are recordings or lines that are not run; `notes` cost nothing."""

    sources: tuple[Source, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


class FieldError(ValueError):
    """A cell or a part of a file name that cannot be used; the text says what and the cure."""


def printable(text: str) -> str:
    """A text from outside (a path that is not UTF-8, say) that any terminal takes, in one line."""
    return "".join(char if char.isprintable() else "?" for char in text)


def shown(text: str, limit: int = 60) -> str:
    """A text from a file, fit to stand in one line of a terminal."""
    safe = printable(text)
    return f"'{safe[:limit]}…'" if len(safe) > limit else f"'{safe}'"
