"""Model files: which there are, fetching them with verified hashes, finding them at start-up."""

from __future__ import annotations

from qc_speech.models.card import (
    ModelCard,
    ModelFile,
    Source,
    find_card,
    load_manifest,
    model_dir,
)
from qc_speech.models.fetch import fetch
from qc_speech.models.state import FileState, explain, require, verify

__all__ = [
    "FileState",
    "ModelCard",
    "ModelFile",
    "Source",
    "explain",
    "fetch",
    "find_card",
    "load_manifest",
    "model_dir",
    "require",
    "verify",
]
