"""Which store a command works on: the one that --store names, else OUT/qc.sqlite. Decided here."""

from __future__ import annotations

from pathlib import Path

from qc_speech.errors import UsageError

FILE_NAME = "qc.sqlite"
ENVIRONMENT = "QC_SPEECH_STORE"


def store_of(out: Path, given: str | None) -> str | Path:
    """The file or URL that `store.open_store` takes; it need not be there yet."""
    return given or out / FILE_NAME


def stored(out: Path, given: str | None) -> str | Path:
    """The same for a command that needs an earlier run. Raises UsageError when OUT has no store."""
    place = store_of(out, given)
    if isinstance(place, Path) and not place.is_file():
        raise UsageError(
            f"{out}: holds no store ({FILE_NAME}); give the folder of an earlier run, or --store"
        )
    return place


def named(place: str) -> str | Path:
    """A store by one word: the folder of a run, a SQLite file, or a URL."""
    if "://" in place:
        return place
    return Path(place) / FILE_NAME if Path(place).is_dir() else Path(place)
