"""Where the data that is not code lies: lexicons/ and models/ of a checkout, or of the wheel."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_dir(name: str) -> Path:
    """The folder `name` ("lexicons" or "models").

    In order: the environment (QC_SPEECH_LEXICONS, QC_SPEECH_MODELS), the checkout's top level,
    the data installed with the wheel.
    """
    override = os.environ.get(f"QC_SPEECH_{name.upper()}")
    if override:
        return Path(override)
    checkout = _PACKAGE.parent.parent / name
    if (_PACKAGE.parent.parent / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    return _PACKAGE / "_data" / name


def model_files_dir() -> Path:
    """Where fetched weights live: the checkout's models/, else the user's cache folder."""
    override = os.environ.get("QC_SPEECH_MODELS")
    if override:
        return Path(override)
    folder = data_dir("models")
    if _PACKAGE in folder.parents:  # an installed wheel must not be written into
        return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "qc-speech/models"
    return folder
