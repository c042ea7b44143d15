"""What people read in the review app, from the YAML files of this folder, in two languages."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import yaml

LANGUAGES = ("zh", "en")


@functools.lru_cache(maxsize=1)
def texts() -> Mapping[str, tuple[str, str]]:
    """Identifier -> (Chinese, English). Raises ValueError when two files give one identifier."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key, (zh, en) in rows.items():
            if key in found:
                raise ValueError(f"{path.name}: text {key} is given in another file too")
            found[key] = (str(zh), str(en))
    return found


def text(key: str, language: str) -> str:
    """A text in one language. Raises KeyError: a template names no such text."""
    return texts()[key][LANGUAGES.index(language)]
