"""Finished recordings are found, each under its own name; what is still written is left alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qc_speech.nightly.looking import Look, Looker, finished_manifests
from qc_speech.nightly.profile import Profile, SourceSpec
from qc_speech.settings import Settings
from qc_speech.store import Queue, open_store


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with open_store(tmp_path / "store.db") as store:
        yield Queue(store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


class Clock:
    """A wall clock that can be set and one that cannot."""

    def __init__(self) -> None:
        self.ahead = self.passed = 0.0

    def wall(self) -> float:
        return time.time() + self.ahead

    def ticks(self) -> float:
        return self.passed


def looker(folder: Path, queue: Queue, clock: Clock | None = None, **values: Any) -> Looker:
    source = SourceSpec(path=str(folder), **{"settled_seconds": 60.0, **values})
    wanted = Profile(name="b", out=str(folder / "out"), sources=(source,))
    clock = clock or Clock()
    return Looker(wanted, queue, folder / "spool", clock.wall, clock.ticks)


def record(path: Path, data: bytes = b"sound") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(look: Look) -> list[str]:
    return sorted(one.relative for one in look.found)


def test_a_file_is_finished_when_it_has_not_changed_for_a_while(folder: Path, queue: Queue) -> None:
    path, clock = record(folder / "x.wav"), Clock()
    os.utime(path, (1, 1))  # a copying tool sets mtime back while it still writes; not ctime
    eyes = looker(folder, queue, clock)
    look = eyes.look()
    assert (names(look), look.unfinished) == ([], 1)
    clock.ahead = 61
    assert names(eyes.look()) == ["x.wav"]
    record(path, b"more sound")
    clock.ahead = 0
    assert eyes.look().unfinished == 1


def test_times_in_the_future_are_watched_by_a_clock_nobody_sets(folder: Path, queue: Queue) -> None:
    path, clock = record(folder / "x.wav"), Clock()
    clock.ahead = -7200.0  # set back two hours after the file was written
    eyes = looker(folder, queue, clock)
    assert eyes.look().unfinished == 1
    clock.passed = 30
    record(path, b"it grew meanwhile")
    assert eyes.look().unfinished == 1
    clock.passed = 80
    assert eyes.look().unfinished == 1, "50 s after it grew"
    clock.passed = 91
    assert names(eyes.look()) == ["x.wav"]


@pytest.mark.parametrize(
    ("marker", "file"), [("{name}.done", "x.wav.done"), ("{stem}.ok", "x.ok"), ("_DONE", "_DONE")]
)
def test_a_marker_says_that_a_file_is_finished(
    marker: str, file: str, folder: Path, queue: Queue
) -> None:
    record(folder / "x.wav")
    eyes = looker(folder, queue, marker=marker)
    assert eyes.look().unfinished == 1
    (folder / file).touch()
    assert names(eyes.look()) == ["x.wav"]


def test_own_output_and_hidden_files_are_no_recordings(folder: Path, queue: Queue) -> None:
    for name in ("x.wav", "day/y.mp3", ".half.wav", "out/audio/z.flac", "notes.txt"):
        record(folder / name)
    assert names(looker(folder, queue, settled_seconds=0).look()) == ["day/y.mp3", "x.wav"]


def test_an_inbox_takes_what_its_manifests_name(folder: Path, queue: Queue) -> None:
    for name in ("a.wav", "b.wav", "later.wav"):
        record(folder / name)
    (folder / "day1.csv").write_text("file,call_id,agent_id\na.wav,1,7\nmissing.wav,2,7\n")
    (folder / "day2.csv").write_text("file,call_id\nb.wav,3\n../../etc/passwd.wav,4\n")
    look = looker(folder, queue, kind="inbox", settled_seconds=0).look()
    assert names(look) == ["a.wav", "b.wav"]
    assert {one.metadata.call_id: one.named for one in look.found} == {"1": True, "3": True}
    messages = sorted(f"{Path(p.where).name} {p.message[:30]}" for p in look.problems)
    assert messages[0].startswith("day1.csv:3 no such file")
    assert "outside the manifest's folder" in look.problems[1].message and len(messages) == 2


def test_a_manifest_that_is_still_written_is_left_alone(folder: Path, queue: Queue) -> None:
    record(folder / "a.wav")
    (folder / "day1.csv").write_text("file\na.wav\n")
    look = looker(folder, queue, kind="inbox").look()
    assert (look.found, look.unfinished, look.problems) == ([], 1, [])


def test_a_line_whose_recording_was_archived_is_no_mistake(folder: Path, queue: Queue) -> None:
    path = record(folder / "a.wav")
    (folder / "day1.csv").write_text("file\na.wav\n")
    eyes = looker(folder, queue, kind="inbox", settled_seconds=0)
    queue.enrol("b", eyes.look().found)
    assert finished_manifests(eyes._profile) == []
    path.unlink()
    assert eyes.look().problems == []
    assert [path.name for _, _, path in finished_manifests(eyes._profile)] == ["day1.csv"]


def test_an_empty_folder_is_no_mistake(folder: Path, queue: Queue) -> None:
    look = looker(folder, queue).look()
    assert (look.found, look.problems, look.failed) == ([], [], [])


def test_names_tell_what_the_pattern_says(folder: Path, queue: Queue) -> None:
    record(folder / "1023_77.wav")
    source = SourceSpec(path=str(folder), settled_seconds=0)
    settings = Settings(file_name_pattern="{agent_id}_{call_id}")
    wanted = Profile(name="b", out="out", sources=(source,), settings=settings)
    (one,) = Looker(wanted, queue, folder / "spool").look().found
    assert (one.metadata.agent_id, one.metadata.call_id, one.named) == ("1023", "77", True)
