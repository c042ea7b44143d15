"""A toy model: two small files, and the manifest that names them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

WEIGHTS, CONFIG = b"weights " * 500, b'{"a": 1}\n'


def copied(value: Any) -> Any:
    """Nothing shared inside: PyYAML would write an alias, which manifests may not hold."""
    return json.loads(json.dumps(value))


def entry(name: str, content: bytes, pinned: bool = True) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {
        "name": name,
        "size": len(content) if pinned else None,
        "sha256": digest if pinned else None,
    }


def card(model_id: str = "toy", **changes: Any) -> dict[str, Any]:
    return {
        "id": model_id,
        "title": "A toy",
        "kind": "asr",
        "licence": "MIT",
        "default": True,
        "files": [entry("model.bin", WEIGHTS), entry("sub/config.json", CONFIG)],
        "sources": [{"name": "local", "kind": "local"}],
        **changes,
    }


def write_manifest(folder: Path, *cards: dict[str, Any]) -> None:
    value = {"schema": "qc-speech/models/1", "models": list(cards)}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(copied(value)), encoding="utf-8")


def leftovers(root: Path) -> list[str]:
    kept = {"manifest.yaml", ".locks"}
    return sorted(path.name for path in root.iterdir() if path.name not in kept)
