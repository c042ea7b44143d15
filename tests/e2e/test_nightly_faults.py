"""A batch meets everything that happens at night; afterwards each recording is done once, or
quarantined with a reason, and that is counted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clips import good_clips
from command_line import REAL_COMMAND, ended, heard, signal_when, wait_until
from nightly_runs import Batch, accounted, children, count, kill_a_worker
from scripted_engines import write_call

from qc_speech.resources import model_files_dir

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    one = Batch(tmp_path)
    one.record(4)
    return one


def names(batch: Batch) -> set[str]:
    return {path.name for path in batch.folder.glob("*.wav")}


def finish(process: subprocess.Popen[bytes]) -> int:
    out, err = process.communicate(timeout=300)
    return ended(process.returncode, out, err).code


def test_kill_a_worker(batch: Batch) -> None:
    process = batch.start(SCRIPTED_SLEEP="1")
    wait_until(lambda: batch.ended() == 1)
    kill_a_worker(process)
    assert finish(process) == 0
    accounted(batch, names(batch))
    assert batch.states() == {"done": 4}


def test_kill_the_batch_again_and_again(batch: Batch) -> None:
    """Each time one more recording is done; what was heard is never heard again."""
    kept: set[tuple[object, ...]] = set()
    for done in (1, 2):
        process = batch.start(SCRIPTED_SLEEP="0.5")
        signal_when(process, lambda done=done: batch.ended() >= done, signal.SIGKILL)  # type: ignore[misc]
        assert kept <= heard(batch.out)
        kept = heard(batch.out)
    ran = batch.run()
    assert ran.code == 0, ran.err
    assert kept <= heard(batch.out)
    accounted(batch, names(batch))
    assert batch.states() == {"done": 4}


def test_workers_end_with_a_killed_batch(batch: Batch) -> None:
    process = batch.start(SCRIPTED_SLEEP="5")
    wait_until(lambda: len(children(process.pid)) == 1)
    (worker,) = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), seconds=20)


@pytest.mark.parametrize("poison", ["SIGSEGV", "SIGKILL"])
def test_a_recording_that_crashes_its_process(poison: str, batch: Batch) -> None:
    """A crash in a decoder, or the kernel when memory ends: blamed, set aside after two tries."""
    write_call(batch.folder / "poison.wav", seconds=4)
    ran = batch.run(SCRIPTED_POISON=poison)
    assert ran.code == 1
    assert len(ran.about("a worker process died")) == 2
    accounted(batch, names(batch))
    (reason,) = batch.quarantined().values()
    assert reason.startswith(f"took its process along in 2 tries ({poison}")
    assert batch.states() == {"done": 4, "quarantined": 1}
    again = batch.run()  # nothing is tried again by itself
    assert again.code == 0 and batch.states() == {"done": 4, "quarantined": 1}


def test_engines_that_crash_whatever_they_hear(tmp_path: Path) -> None:
    """Not the recordings' fault: the batch stops and says so, nothing is quarantined."""
    batch = Batch(tmp_path)
    batch.record(5, seconds=5.0)
    ran = batch.run(SCRIPTED_BROKEN="SIGSEGV")
    assert ran.code == 1
    assert any("the engines crash (SIGSEGV)" in line for line in ran.errors)
    assert batch.states() == {"waiting": 5} and batch.ended() == 0
    assert batch.run().code == 0
    accounted(batch, names(batch))


def test_a_model_that_cannot_be_loaded(batch: Batch) -> None:
    ran = batch.run(SCRIPTED_BROKEN="raises")
    assert ran.code == 1
    (line,) = ran.errors
    assert "the recognizer cannot be loaded" in line and "qc-speech models verify" in line
    assert batch.states() == {"waiting": 4}
    assert batch.run().code == 0
    accounted(batch, names(batch))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_disk_that_becomes_full(disk: Path, tmp_path: Path) -> None:
    batch = Batch(tmp_path)
    batch.record(4)
    (disk / "out").mkdir()
    batch.out.symlink_to(disk / "out")
    filler = disk / "filler"
    ran = batch.run(SCRIPTED_FILL_AT="1", SCRIPTED_MARK=str(filler))
    assert ran.code == 1
    assert any("disk is full" in line for line in ran.errors), ran.err
    assert batch.quarantined() == {}
    filler.unlink()
    ran = batch.run()
    assert ran.code == 0, ran.err
    accounted(batch, names(batch))
    assert batch.states() == {"done": 4}


def test_no_right_to_write_results(batch: Batch) -> None:
    batch.out.mkdir()
    (batch.out / "calls").mkdir(mode=0o500)
    ran = batch.run(rights=False)
    assert ran.code == 1
    (line,) = ran.errors
    assert "calls" in line and "ermission" in line
    assert batch.quarantined() == {}
    (batch.out / "calls").chmod(0o700)
    assert batch.run().code == 0
    accounted(batch, names(batch))


def test_no_right_to_read_a_recording(batch: Batch) -> None:
    """It is tried again, set aside with its reason, and done when it can be read."""
    (batch.folder / "c1.wav").chmod(0)
    ran = batch.run(rights=False)
    assert ran.code == 1
    assert batch.states() == {"done": 3, "quarantined": 1}
    assert "ermission" in batch.quarantined()["c1.wav"]
    assert "tried 3 times" in batch.quarantined()["c1.wav"]
    (batch.folder / "c1.wav").chmod(0o600)
    assert batch.run("--retry-quarantined").code == 0
    accounted(batch, names(batch))


def test_two_batches_at_once(batch: Batch) -> None:
    """The second waits for the first and then has nothing left to do."""
    batch.top += '\nwhen_busy = "wait"'
    first = batch.start(SCRIPTED_SLEEP="0.3")
    wait_until(lambda: count(batch.out, "SELECT count(*) FROM queue") == 4)
    second = batch.start()
    codes = [finish(first), finish(second)]
    assert codes == [0, 0]
    accounted(batch, names(batch))

    batch.record(2, first=4)
    batch.top = 'workers = 1\nwhen_busy = "leave"'
    first = batch.start(SCRIPTED_SLEEP="1")
    wait_until(lambda: count(batch.out, "SELECT count(*) FROM queue") == 6)
    ran = batch.run()
    assert ran.code == 4
    (line,) = ran.errors
    assert f"batch night runs already (pid {first.pid})" in line
    assert finish(first) == 0
    accounted(batch, names(batch))


def test_stopped_by_a_service_manager(batch: Batch) -> None:
    process = batch.start(SCRIPTED_SLEEP="1")
    wait_until(lambda: batch.ended() >= 1)
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    ran = ended(process.returncode, out, err)
    assert ran.code == 130 and "run the same command again" in ran.err
    assert set(batch.states()) <= {"done", "waiting"} and sum(batch.states().values()) == 4
    assert batch.run().code == 0
    accounted(batch, names(batch))
    assert batch.states() == {"done": 4}


def test_a_clock_that_is_set_while_it_works(batch: Batch, tmp_path: Path) -> None:
    """Forward by hours, then back by a day, under everything that asks for the time."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    process = batch.start(SCRIPTED_SLEEP="1", SCRIPTED_CLOCK=str(clock))
    for done, hours in ((1, 5), (2, -24)):
        wait_until(lambda done=done: batch.ended() >= done)  # type: ignore[misc]
        clock.write_text(str(hours * 3600))
    assert finish(process) == 0
    accounted(batch, names(batch))
    assert batch.states() == {"done": 4}
    ended_at = count(batch.out, "SELECT count(DISTINCT date(ended_at)) FROM queue")
    assert ended_at > 1, "the clock was really set"


def test_archive_and_a_kill_between(batch: Batch) -> None:
    """Done recordings are moved; a killed batch finds what it had moved."""
    kept = batch.place / "kept"
    batch.top = f'workers = 1\narchive = "{kept}"'
    (batch.folder / "twin.wav").write_bytes((batch.folder / "c0.wav").read_bytes())
    all_names = names(batch)
    process = batch.start(SCRIPTED_SLEEP="0.3")
    signal_when(process, lambda: len(list(kept.rglob("*.wav"))) >= 2, signal.SIGKILL)
    assert batch.run().code == 0
    accounted(batch, all_names)
    assert batch.states() == {"done": 4, "duplicate": 1}
    assert list(batch.folder.iterdir()) == []
    assert {path.name for path in kept.rglob("*.wav")} == all_names
    page = (batch.out / "report" / "calls" / "c1.html").read_text(encoding="utf-8")
    assert "kept" in page, "the page plays the recording from where it lies now"


@pytest.mark.models
def test_kill_with_real_models(tmp_path: Path, models: None) -> None:
    """Killed in the second of two real calls; then both are done, the first is not heard anew."""
    batch = Batch(tmp_path, command=REAL_COMMAND)
    good_clips(tmp_path / "clips")
    batch.folder.mkdir()
    for name in ("alaw.wav", "swapped.wav"):
        shutil.copy(tmp_path / "clips" / name, batch.folder)
    env = {"QC_SPEECH_MODELS": str(model_files_dir())}
    process = batch.start(**env)
    signal_when(process, lambda: batch.ended() == 1, signal.SIGKILL)
    kept = heard(batch.out)
    ran = batch.run(**env)
    assert ran.code == 0, ran.err
    assert kept <= heard(batch.out)
    accounted(batch, names(batch))
    assert batch.states() == {"done": 2}


@pytest.mark.models
def test_a_damaged_model_file(batch: Batch, models: None) -> None:
    """One bit of a model's weights has changed: said before anything is done."""
    copy, damaged = batch.place / "models", "pyannote-segmentation-3.0"
    copy.mkdir()
    for folder in model_files_dir().iterdir():
        if folder.is_dir() and folder.name != damaged:
            (copy / folder.name).symlink_to(folder)
    shutil.copytree(model_files_dir() / damaged, copy / damaged)
    weights = copy / damaged / "pytorch_model.bin"
    status, data = weights.stat(), bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a failing disk does it
    batch.command = REAL_COMMAND
    ran = batch.run(QC_SPEECH_MODELS=str(copy))
    assert ran.code == 1
    (line,) = ran.errors
    assert "pytorch_model.bin is damaged" in line and "qc-speech models fetch" in line
    assert count(batch.out, "SELECT count(*) FROM queue WHERE state != 'waiting'") == 0
