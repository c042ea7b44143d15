"""Files are moved whole or not at all, over nobody, and again after a kill without harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_speech.model import Metadata
from qc_speech.nightly.archive import Archive, place
from qc_speech.store.queue import Found


def file(path: Path, data: bytes = b"sound") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def found(path: Path) -> Found:
    return Found(str(path), "5-1", str(path), f"day/{path.name}", "inbox", Metadata("1"))


@pytest.mark.parametrize("move", [True, False])
def test_done_recordings_go_under_day_source_and_place(move: bool, tmp_path: Path) -> None:
    path = file(tmp_path / "in" / "a.wav")
    kept = Archive(str(tmp_path / "kept"), move, "2026-01-02").take(found(path), path)
    assert kept == tmp_path / "kept" / "2026-01-02" / "inbox" / "day" / "a.wav"
    assert kept.read_bytes() == b"sound" and path.exists() is not move
    assert [one.name for one in kept.parent.iterdir()] == ["a.wav"]


def test_without_an_archive_nothing_is_touched(tmp_path: Path) -> None:
    path = file(tmp_path / "a.wav")
    assert Archive("", True, "today").take(found(path), path) is None
    assert path.exists()


def test_another_file_of_the_name_is_not_written_over(tmp_path: Path) -> None:
    target = file(tmp_path / "kept" / "a.wav", b"yesterday")
    for number, data in ((2, b"today"), (3, b"later")):
        kept = place(file(tmp_path / "in" / "a.wav", data), target, move=True)
        assert kept.name == f"a-{number}.wav" and kept.read_bytes() == data
    assert target.read_bytes() == b"yesterday"


@pytest.mark.parametrize("move", [True, False])
def test_a_second_try_after_a_kill_between_copy_and_removal(move: bool, tmp_path: Path) -> None:
    path, target = file(tmp_path / "in" / "a.wav"), file(tmp_path / "kept" / "a.wav")
    assert place(path, target, move=move) == target
    assert [one.name for one in target.parent.iterdir()] == ["a.wav"]
    assert path.exists() is not move


def test_to_another_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "rename", rename)
    path = file(tmp_path / "in" / "a.wav")
    kept = place(path, tmp_path / "kept" / "a.wav", move=True)
    assert kept.read_bytes() == b"sound" and not path.exists()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_no_half_file_is_left_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    path = file(tmp_path / "in" / "a.wav")
    with pytest.raises(OSError, match="No space"):
        place(path, tmp_path / "kept" / "a.wav", move=False)
    assert list((tmp_path / "kept").iterdir()) == [] and path.exists()
