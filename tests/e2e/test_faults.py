"""Full disks, missing rights, Ctrl-C, killed workers: one line, and running again goes on.

The engines are scripted, all else is the program itself in processes of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import (
    FAKE_COMMAND,
    REAL_COMMAND,
    ROOT,
    Ran,
    environment,
    files,
    published,
    run_it,
    signal_when,
    start,
    wait_until,
)
from scripted_engines import write_call

FULL = "the disk is full; free some space and run again"


def fake(*args: str | Path, **env: str) -> Ran:
    return run_it(*args, command=FAKE_COMMAND, env=env)


def recordings(folder: Path, count: int) -> Path:
    for n in range(count):
        write_call(folder / f"c{n}.wav", seed=n)
    return folder


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return recordings(tmp_path / "calls", 3)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def one_line(ran: Ran, code: int) -> str:
    """The only error line of a run that ended with this code."""
    assert ran.code == code, ran.err
    (line,) = ran.errors
    return line


def complete(calls: Path, out: Path, *more: str) -> Ran:
    ran = fake("run", calls, "--out", out, *more)
    assert ran.code == 0, ran.err
    assert set(published(out)) == {path.stem for path in calls.glob("*.wav")}
    assert (out / "report" / "index.html").is_file()
    return ran


# What is wrong from the start


def test_a_path_that_is_not_there(tmp_path: Path, out: Path) -> None:
    line = one_line(fake("run", tmp_path / "nowhere", "--out", out), 2)
    assert "nowhere: no such file or folder; check the path" in line


def test_an_empty_folder(tmp_path: Path, out: Path) -> None:
    (tmp_path / "empty").mkdir()
    line = one_line(fake("run", tmp_path / "empty", "--out", out), 2)
    assert "holds no recordings" in line


def test_one_path_of_two_is_not_there(calls: Path, tmp_path: Path, out: Path) -> None:
    line = one_line(fake("run", calls, tmp_path / "nowhere", "--out", out), 1)
    assert "nowhere" in line
    assert len(published(out)) == 3


@pytest.mark.parametrize("below", ["", "sub/out"])
def test_out_is_a_file(below: str, calls: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("x")
    line = one_line(fake("run", calls, "--out", taken / below), 2)
    assert "taken" in line and "--out" in line
    assert taken.read_text() == "x"


def test_an_unknown_rulebook(calls: Path, out: Path) -> None:
    wanted = "error: rulebook nowhere: not known; one of "
    assert one_line(fake("run", calls, "--out", out, "--rulebook", "nowhere"), 2).startswith(wanted)
    complete(calls, out)
    before = files(out)
    assert one_line(fake("score", out, "--rulebook", "nowhere"), 2).startswith(wanted)
    assert files(out) == before


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_rulebook_that_breaks_between_two_nights(
    workers: str, calls: Path, tmp_path: Path, out: Path
) -> None:
    """The job goes on with the last good rules, says the mistake and does not end in success."""
    lexicons = tmp_path / "lexicons"
    shutil.copytree(ROOT / "lexicons", lexicons)
    env = {"QC_SPEECH_LEXICONS": str(lexicons)}
    first = fake("run", calls, "--out", out, "--workers", workers, **env)
    assert first.code == 0, first.err
    used = {call: result["engine"]["rulebook"] for call, result in published(out).items()}
    book = lexicons / "rulebooks" / "common.yaml"
    book.write_text(book.read_text(encoding="utf-8") + "checks: {\n", encoding="utf-8")
    recordings(calls, 4)
    line = one_line(fake("run", calls, "--out", out, "--workers", workers, **env), 1)
    assert line.startswith(f"error: {book}:") and "the last good rules are used" in line
    after = {call: result["engine"]["rulebook"] for call, result in published(out).items()}
    assert set(after) == {*used, "c3"} and set(after.values()) == set(used.values())

    line = one_line(fake("run", calls, "--out", tmp_path / "new", **env), 1)  # no good rules yet
    assert line.startswith(f"error: {book}:") and not (tmp_path / "new" / "calls").exists()


def test_score_without_a_run(tmp_path: Path) -> None:
    assert "run" in one_line(fake("score", tmp_path), 2)


def test_missing_models(calls: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    env = {"QC_SPEECH_MODELS": str(tmp_path / "models")}
    line = one_line(run_it("run", calls, "--out", out, command=REAL_COMMAND, env=env), 1)
    assert "qc-speech models fetch" in line


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_store_that_is_none(workers: str, calls: Path, out: Path) -> None:
    out.mkdir()
    (out / "qc.sqlite").write_bytes(b"this is no database, it is a text" * 200)
    line = one_line(fake("run", calls, "--out", out, "--workers", workers), 1)
    assert "qc.sqlite" in line and "not a store" in line


def test_a_name_with_a_colon_in_the_current_folder(calls: Path, out: Path) -> None:
    """Recorders name files by the time of day; to FFmpeg `09:` could be a protocol."""
    (calls / "c0.wav").rename(calls / "09:12:00.wav")
    ran = run_it("run", "09:12:00.wav", "--out", out, command=FAKE_COMMAND, cwd=calls)
    assert ran.code == 0, ran.err


# Full disks


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if sys.platform != "linux" or shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small file system")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_disk_that_becomes_full(calls: Path, disk: Path) -> None:
    filler, out = disk / "filler", disk / "out"
    ran = fake("run", calls, "--out", out, SCRIPTED_FILL_AT="1", SCRIPTED_MARK=str(filler))
    assert FULL in one_line(ran, 1)
    kept = files(out)
    assert set(kept) == {"c0.json"}

    filler_size = filler.stat().st_size
    assert FULL.split(";")[0] in one_line(fake("run", calls, "--out", out), 1)  # still full
    assert filler.stat().st_size == filler_size

    filler.unlink()
    ran = complete(calls, out)
    assert "inspected 2, unchanged 1" in ran.out
    assert files(out)["c0.json"] == kept["c0.json"]
    leftovers = [path.name for path in out.iterdir() if path.name.startswith(".")]
    assert leftovers == []


def test_a_disk_too_small_for_a_playable_copy(disk: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    noise = np.random.default_rng(1).normal(0, 0.1, (120 * 8000, 2))
    soundfile.write(calls / "long.wav", noise, 8000, subtype="ALAW")  # its copy: more than 3 MB
    assert FULL in one_line(fake("run", calls, "--out", disk / "out"), 1)
    copies = disk / "out" / "audio"
    assert not copies.exists() or list(copies.iterdir()) == []


def test_a_disk_too_small_for_the_report(calls: Path, disk: Path) -> None:
    """All calls are inspected, then the report does not fit."""
    out, filler = disk / "out", disk / "filler"
    complete(calls, out)
    shutil.rmtree(out / "report")
    with filler.open("wb", buffering=0) as file:
        free = shutil.disk_usage(disk).free
        file.write(bytes(free - 64 * 1024))
    line = one_line(fake("run", calls, "--out", out), 1)
    assert "run again" in line
    filler.unlink()
    assert "unchanged 3" in complete(calls, out).out


# Missing rights


def without_rights(*args: str | Path) -> Ran:
    if os.geteuid() == 0 and sys.platform != "linux":
        pytest.skip("only on Linux can root give up its rights")
    return run_it(*args, command=FAKE_COMMAND, rights=False)


def test_no_right_to_write(calls: Path, out: Path) -> None:
    out.mkdir()
    out.chmod(0o500)
    for place in (out, out / "new"):
        line = one_line(without_rights("run", calls, "--out", place), 2)
        assert f"{place}: cannot be written" in line
        assert "permission" in line.lower()
    assert list(out.iterdir()) == []


def test_a_store_that_may_not_be_written(calls: Path, out: Path) -> None:
    complete(calls, out)
    (out / "qc.sqlite").chmod(0o400)
    line = one_line(without_rights("run", calls, "--out", out), 1)
    assert "qc.sqlite" in line
    assert "may write" in line or "permission" in line
    (out / "qc.sqlite").chmod(0o600)
    assert "unchanged 3" in complete(calls, out).out


def test_a_folder_of_results_that_may_not_be_written(calls: Path, out: Path) -> None:
    out.mkdir()
    (out / "calls").mkdir(mode=0o500)
    line = one_line(without_rights("run", calls, "--out", out), 1)
    assert str(out / "calls") in line and "ermission" in line
    (out / "calls").chmod(0o700)
    complete(calls, out)


def test_a_recording_that_may_not_be_read(calls: Path, out: Path) -> None:
    (calls / "c1.wav").chmod(0)
    line = one_line(without_rights("run", calls, "--out", out), 1)
    assert line.startswith("error: c1.wav: ") and "permission" in line.lower()
    assert set(published(out)) == {"c0", "c2"}
    (calls / "c1.wav").chmod(0o600)
    assert "inspected 1, unchanged 2" in complete(calls, out).out


# Ctrl-C and kill


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c(workers: str, tmp_path: Path, out: Path) -> None:
    calls = recordings(tmp_path / "calls", 6)
    process = start(
        "run", calls, "--out", out, "--workers", workers,
        command=FAKE_COMMAND, env={"SCRIPTED_SLEEP": "1"},
    )  # fmt: skip
    ran = signal_when(process, (out / "calls" / "c0.json").is_file, signal.SIGINT)
    assert ran.code == 130
    (line,) = [text for text in ran.err.splitlines() if "run the same command again" in text]
    assert "stopped" in line
    kept = files(out)
    assert "c0.json" in kept and len(kept) < 6
    complete(calls, out)
    assert files(out)["c0.json"] == kept["c0.json"]


def test_ctrl_c_while_it_starts(calls: Path, out: Path) -> None:
    """Imports take a second or two: no stack trace then either."""
    for delay in ("0.25", "0.6"):
        process = start("run", calls, "--out", out, command=REAL_COMMAND)
        end = float(delay) + os.times().elapsed
        ran = signal_when(process, lambda end=end: os.times().elapsed > end, signal.SIGINT)  # type: ignore[misc]
        assert ran.code in (130, -signal.SIGINT)


def test_workers_end_with_a_killed_parent(calls: Path, out: Path) -> None:
    """Nobody is left behind who holds models in memory."""
    process = start(
        "run", calls, "--out", out, "--workers", "2",
        command=FAKE_COMMAND, env={"SCRIPTED_SLEEP": "2"},
    )  # fmt: skip
    wait_until(lambda: len(children(process.pid)) >= 2 and (out / "qc.sqlite").exists())
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    try:
        wait_until(lambda: not any(alive(worker) for worker in workers), seconds=20)
    finally:
        for worker in workers:
            if alive(worker):
                os.kill(worker, signal.SIGKILL)
    process.communicate()


def children(pid: int) -> list[int]:
    task = Path(f"/proc/{pid}/task/{pid}/children")
    if not task.exists():
        pytest.skip("this system does not list child processes")
    return [int(word) for word in task.read_text().split()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_recording_that_kills_its_worker(calls: Path, out: Path) -> None:
    """It is one row and no stop, however often the run is repeated."""
    write_call(calls / "c1.wav", seconds=4)
    ran = fake("run", calls, "--out", out, "--workers", "2", SCRIPTED_POISON="1")
    assert "c1.wav" in one_line(ran, 1)
    assert set(published(out)) == {"c0", "c2"}


def test_two_workers_do_what_one_does(tmp_path: Path) -> None:
    calls = recordings(tmp_path / "calls", 4)
    (calls / "c3.wav").write_bytes(b"")
    for workers in ("1", "2"):
        ran = fake("run", calls, "--out", tmp_path / workers, "--workers", workers)
        assert "c3.wav: the file is empty" in one_line(ran, 1)
        assert "inspected 3, unchanged 0, failed 1" in ran.out
    assert published(tmp_path / "1") == published(tmp_path / "2")


def test_the_program_is_where_the_tests_are() -> None:
    """The scripted program is this checkout's and no other."""
    code = "import qc_speech; print(qc_speech.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(ROOT / "src")
