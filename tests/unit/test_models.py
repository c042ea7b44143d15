"""The manifest, what is on disk, and fetching without a hub (folder, wheels)."""

from __future__ import annotations

import errno
import hashlib
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_models import CONFIG, WEIGHTS, card, entry, leftovers, write_manifest

from qc_speech.errors import ModelError, UsageError
from qc_speech.models import fetch, find_card, load_manifest, model_dir, require, state, verify
from qc_speech.models import fetch as _fetch_function
from qc_speech.models.card import manifest_path

fetching = sys.modules[_fetch_function.__module__]


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


# --- the manifest -------------------------------------------------------------------------


def test_shipped_manifest_has_the_default_set_with_every_hash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("QC_SPEECH_MODELS", raising=False)
    cards = {found.id: found for found in load_manifest()}
    default = [found.id for found in cards.values() if found.default]
    assert default == ["whisper-base", "pyannote-segmentation-3.0", "campplus-zh-en"]
    assert all(cards[model_id].pinned and not cards[model_id].needs_token for model_id in default)
    assert all(any(s.kind == "wheels" for s in cards[model_id].sources) for model_id in default)
    assert cards["pyannote-community-1"].needs_token
    assert {"whisper-large-v3", "whisper-large-v3-turbo"} < set(cards)
    for found in cards.values():
        for source in found.sources:
            if source.kind == "wheels":
                assert {name for name, _ in source.parts} == {file.name for file in source.files}
            if source.kind in ("huggingface", "modelscope"):
                assert source.repo and source.revision


def test_an_empty_models_folder_still_finds_the_shipped_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QC_SPEECH_MODELS", str(tmp_path))
    assert manifest_path().is_file()
    assert find_card("whisper-base").default
    assert model_dir("whisper-base") == tmp_path / "whisper-base"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"files": [{"name": "a", "size": 1, "sha256": "beef"}]}, "sha256"),
        ({"files": [{"name": "a", "size": 0, "sha256": None}]}, "size"),
        ({"files": [{"name": "../a", "size": 1, "sha256": None}]}, "relative path"),
        ({"files": []}, "files"),
        ({"kind": "poem"}, "kind"),
        ({"licens": "MIT"}, "licens"),
        ({"sources": [{"name": "h", "kind": "huggingface"}]}, "repo"),
        ({"sources": [{"name": "w", "kind": "wheels"}]}, "packages"),
        ({"sources": [{"name": "l", "kind": "local"}] * 2}, "same name"),
        (
            {
                "sources": [
                    {
                        "name": "w",
                        "kind": "wheels",
                        "packages": ["a==1"],
                        "parts": {"f": [["b", "c"]]},
                    }
                ]
            },
            "packages of this source",
        ),
        (
            {"sources": [{"name": "w", "kind": "wheels", "packages": ["--index-url=x"]}]},
            "packages",
        ),
    ],
)
def test_a_mistake_in_the_manifest_names_file_and_line(
    root: Path, change: dict[str, Any], word: str
) -> None:
    write_manifest(root, card(**change))
    with pytest.raises(ModelError, match=r"manifest\.yaml:\d+: .*") as caught:
        load_manifest()
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.lists(st.sampled_from(["..", ".", "a", "", "b.c", "\\", "c:"]), min_size=1, max_size=4))
def test_no_file_name_leads_out_of_the_model_folder(parts: list[str]) -> None:
    from pydantic import TypeAdapter, ValidationError

    from qc_speech.models.card import _Name

    name = "/".join(parts)
    try:
        TypeAdapter(_Name).validate_python(name)
    except ValidationError:
        assert set(parts) & {"..", ".", "", "\\", "c:"}
    else:
        assert set(parts) <= {"a", "b.c"}


def test_an_unknown_model_is_a_usage_error_that_names_the_known(root: Path) -> None:
    for call in (fetch, require, verify):
        with pytest.raises(UsageError, match="unknown model 'nope'; known models: toy"):
            call("nope")


# --- from a folder --------------------------------------------------------------------------


def test_fetch_from_a_folder_then_require_and_verify(root: Path, stock: Path) -> None:
    told: list[tuple[str, float, float]] = []
    folder = fetch("toy", folder=stock, hook=lambda *values: told.append(values))
    assert folder == root / "toy" == require("toy")
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert (folder / "sub/config.json").read_bytes() == CONFIG
    assert [found.state for found in verify("toy")] == ["ok", "ok"]
    assert leftovers(root) == ["toy"]
    assert told[-1] == ("fetch toy", len(WEIGHTS) + len(CONFIG), len(WEIGHTS) + len(CONFIG))


def test_a_folder_of_model_folders_and_the_environment_work_too(
    root: Path, stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    stock.rename(shelf / "toy")
    monkeypatch.setenv("QC_SPEECH_MODELS_FROM", str(shelf))
    assert (fetch("toy") / "model.bin").read_bytes() == WEIGHTS


def test_a_wrong_file_is_refused_and_nothing_stays(root: Path, stock: Path) -> None:
    (stock / "model.bin").write_bytes(b"x" * len(WEIGHTS))
    expected = hashlib.sha256(WEIGHTS).hexdigest()[:12]
    got = hashlib.sha256(b"x" * len(WEIGHTS)).hexdigest()[:12]
    with pytest.raises(ModelError) as caught:
        fetch("toy", folder=stock)
    message = str(caught.value)
    assert "model.bin" in message and expected in message and got in message
    assert "\n" not in message
    assert leftovers(root) == []


def test_a_damaged_good_model_is_not_replaced_by_a_worse_one(root: Path, stock: Path) -> None:
    folder = fetch("toy", folder=stock)
    (folder / "model.bin").write_bytes(b"damaged")
    (stock / "model.bin").write_bytes(b"wrong")
    with pytest.raises(ModelError, match=r"model\.bin"):
        fetch("toy", folder=stock)
    assert (folder / "model.bin").read_bytes() == b"damaged"
    assert leftovers(root) == ["toy"]


def test_only_what_is_missing_or_damaged_is_fetched(root: Path, stock: Path) -> None:
    folder = fetch("toy", folder=stock)
    before = (folder / "model.bin").stat()
    (folder / "sub/config.json").write_bytes(b"damaged!\n")
    (stock / "model.bin").unlink()  # so fetching it again would fail
    assert fetch("toy", folder=stock) == folder
    assert (folder / "sub/config.json").read_bytes() == CONFIG
    after = (folder / "model.bin").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_missing_file_a_missing_folder_and_an_unknown_source(root: Path, stock: Path) -> None:
    (stock / "model.bin").unlink()
    with pytest.raises(ModelError, match=r"local: .* holds no model\.bin"):
        fetch("toy", folder=stock)
    with pytest.raises(ModelError, match="use --from FOLDER"):
        fetch("toy", source="local")
    with pytest.raises(UsageError, match="no source 'moon'; it has: local"):
        fetch("toy", source="moon")


# --- what is on disk ------------------------------------------------------------------------


def test_require_names_the_cure(root: Path, stock: Path) -> None:
    cure = "; run: qc-speech models fetch toy"
    with pytest.raises(ModelError, match=r"model\.bin is missing" + cure):
        require("toy")
    folder = fetch("toy", folder=stock)
    (folder / "model.bin").write_bytes(b"y" * len(WEIGHTS))
    with pytest.raises(ModelError, match=r"model\.bin is damaged .*" + cure):
        require("toy")
    (folder / "model.bin").write_bytes(b"short")
    with pytest.raises(ModelError, match=r"wrong size \(5 bytes\)" + cure):
        require("toy")


def test_require_hashes_once_and_again_only_after_a_change(
    root: Path, stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / "toy"
    shutil.copytree(stock, folder)  # put there by hand: not checked yet
    hashed: list[str] = []
    real = state.sha256_of

    def counted(path: Path) -> str:
        hashed.append(path.name)
        return real(path)

    monkeypatch.setattr(state, "sha256_of", counted)
    require("toy")
    assert sorted(hashed) == ["config.json", "model.bin"]
    hashed.clear()
    require("toy")
    assert hashed == []
    (folder / "model.bin").touch()
    require("toy")
    assert "model.bin" in hashed


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": []}', '{"files": {"model.bin": 3}}'])
def test_a_broken_mark_means_checking_again(root: Path, stock: Path, text: str) -> None:
    folder = fetch("toy", folder=stock)
    (folder / state.MARKER).write_text(text, encoding="utf-8")
    assert require("toy") == folder
    (folder / "model.bin").write_bytes(b"")
    (folder / state.MARKER).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError):
        require("toy")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(WEIGHTS) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_found(root: Path, stock: Path, place: int, bit: int) -> None:
    folder = fetch("toy", folder=stock)
    changed = bytearray(WEIGHTS)
    changed[place] ^= 1 << bit
    (folder / "model.bin").write_bytes(changed)
    try:
        assert [found.state for found in verify("toy")] == ["damaged", "ok"]
    finally:
        (folder / "model.bin").write_bytes(WEIGHTS)


def test_a_new_hash_in_the_manifest_makes_the_old_file_wrong(root: Path, stock: Path) -> None:
    fetch("toy", folder=stock)
    newer = bytes(len(WEIGHTS))
    write_manifest(root, card(files=[entry("model.bin", newer), entry("sub/config.json", CONFIG)]))
    with pytest.raises(ModelError, match=r"model\.bin is damaged"):
        require("toy")


def test_verify_finds_damage_that_keeps_size_and_time(root: Path, stock: Path) -> None:
    import os

    folder = fetch("toy", folder=stock)
    stat = (folder / "model.bin").stat()
    (folder / "model.bin").write_bytes(b"z" * len(WEIGHTS))
    os.utime(folder / "model.bin", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert require("toy") == folder  # the cheap look cannot see it
    assert verify("toy")[0].state == "damaged"
    with pytest.raises(ModelError):  # and after verify nobody is fooled
        require("toy")
    fetch("toy", folder=stock)
    assert (folder / "model.bin").read_bytes() == WEIGHTS


# --- things that go wrong half-way ----------------------------------------------------------


def test_ctrl_c_leaves_nothing(root: Path, stock: Path) -> None:
    def interrupt(stage: str, done: float, total: float) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("toy", folder=stock, hook=interrupt)
    assert leftovers(root) == []
    fetch("toy", folder=stock)  # the lock is free again


def test_what_a_killed_fetch_left_is_swept_away(root: Path, stock: Path) -> None:
    (root / ".toy~abc.tmp/files").mkdir(parents=True)
    (root / ".toy~abc.tmp/files/model.bin").write_bytes(b"half")
    (root / ".toy-two~abc.tmp").mkdir()  # of another model, perhaps at work just now
    fetch("toy", folder=stock)
    assert leftovers(root) == [".toy-two~abc.tmp", "toy"]


def test_a_disk_too_small_is_said_before_anything_is_fetched(
    root: Path, stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(ModelError, match=r"toy needs 0 MB in .* the disk is full; make room"):
        fetch("toy", folder=stock)
    assert leftovers(root) == []


@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "QC_SPEECH_MODELS")]
)
def test_a_disk_that_fails_half_way_leaves_nothing(
    root: Path, stock: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def fail(source: Any, sink: Any, length: int) -> None:
        sink.write(b"half")
        raise OSError(code, "no more")

    monkeypatch.setattr(fetching.shutil, "copyfileobj", fail)
    with pytest.raises(ModelError, match=words):
        fetch("toy", folder=stock)
    assert leftovers(root) == []


def test_a_folder_that_cannot_be_made(
    root: Path, stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "file").write_text("in the way", encoding="utf-8")
    (root / "file2").write_text("x", encoding="utf-8")
    monkeypatch.setenv("QC_SPEECH_MODELS", str(root / "file" / "models"))
    with pytest.raises(UsageError):  # the shipped manifest has no toy
        fetch("toy")
    with pytest.raises(ModelError, match=r"cannot be written to .* set QC_SPEECH_MODELS"):
        fetch("whisper-base", folder=stock)


def test_two_fetches_at_once_do_the_work_once(root: Path, stock: Path) -> None:
    stages: list[int] = []
    started, go_on = threading.Event(), threading.Event()
    results: list[Path] = []

    def slow(stage: str, done: float, total: float) -> None:
        stages.append(1)
        started.set()
        go_on.wait(5)

    def second(stage: str, done: float, total: float) -> None:
        stages.append(2)

    threads = [
        threading.Thread(target=lambda: results.append(fetch("toy", folder=stock, hook=slow))),
        threading.Thread(target=lambda: results.append(fetch("toy", folder=stock, hook=second))),
    ]
    threads[0].start()
    assert started.wait(5)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert results == [root / "toy"] * 2
    assert 2 not in stages  # the second found the work done
    assert [found.state for found in verify("toy")] == ["ok", "ok"]


# --- start-up cost --------------------------------------------------------------------------


def test_the_command_line_part_imports_nothing_heavy() -> None:
    code = (
        "import sys, qc_speech.cli.models_cmd, qc_speech.cli.doctor_cmd;"
        "print([m for m in ('torch','pydantic','yaml','numpy','av','ctranslate2')"
        " if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
