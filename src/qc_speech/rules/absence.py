"""Where one hears that something is missing: a thing that was not said has no place of its own."""

from __future__ import annotations

import functools
from pathlib import Path

import pydantic

from qc_speech.resources import data_dir
from qc_speech.rules.yamlfile import load_yaml


class AbsenceFile(pydantic.BaseModel):
    """lexicons/clips.yaml: checks by where they are due, and what makes a customer count as upset
    (names of situations.yaml)."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    opening: tuple[str, ...]
    closing: tuple[str, ...]
    after_upset: tuple[str, ...]
    upset: tuple[str, ...]


@functools.lru_cache(maxsize=4)
def load_absence(folder: Path | None = None) -> AbsenceFile:
    """From a lexicons folder (None: the default one). Raises RulebookError."""
    return load_yaml((folder or data_dir("lexicons")) / "clips.yaml", AbsenceFile)
