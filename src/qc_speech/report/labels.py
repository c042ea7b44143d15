"""Names that people read, in Chinese and English, from labels.yaml."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("labels.yaml")


@functools.lru_cache(maxsize=1)
def tables() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Kind -> identifier -> (Chinese, English)."""
    data = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        kind: {str(key): (str(zh), str(en)) for key, (zh, en) in rows.items()}
        for kind, rows in data.items()
    }


def label(kind: str, key: str) -> tuple[str, str]:
    """(Chinese, English) of an identifier; an unknown one is shown as it is (own rulebooks)."""
    return tables()[kind].get(key, (key, key))


def ui(key: str) -> tuple[str, str]:
    """(Chinese, English) of a text of the pages. Raises KeyError: a template names no such text."""
    return tables()["ui"][key]
