"""Many recordings: what fails is a row, what is done is kept, files are whole or not there."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scripted_engines import Script, write_call

from qc_speech import batch
from qc_speech.batch import Done, Job, browser_plays, call_file
from qc_speech.batch import write_call as write_json
from qc_speech.errors import StoreError
from qc_speech.intake import Source
from qc_speech.model import CallResult, Metadata
from qc_speech.settings import Settings
from qc_speech.store import open_store


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    one = Script()
    monkeypatch.setattr("qc_speech.setup.make_engines", lambda settings, workers: one.engines())
    return one


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "out", Settings())


def source(path: Path, **metadata: str) -> Source:
    return Source(path, Metadata(**{"call_id": path.stem, **metadata}))  # type: ignore[arg-type]


def recordings(folder: Path, count: int) -> list[Source]:
    return [source(write_call(folder / f"c{n}.wav", seed=n)) for n in range(count)]


def states(done: list[Done]) -> list[str]:
    return [one.state for one in done]


def results(job: Job) -> list[CallResult]:
    with open_store(job.store_path) as store:
        return list(store.results())


def failures(job: Job) -> tuple[tuple[str, str], ...]:
    with open_store(job.store_path) as store:
        return store.failures()


def at_call(script: Script, number: int, act: Callable[[], None]) -> None:
    """Let something happen when the recognizer begins its nth stereo call (from 0)."""
    begun = iter(range(10_000))

    def before() -> None:
        if next(begun) == 2 * number:
            act()

    script.before = before


def test_every_recording_has_a_result_file(script: Script, job: Job, tmp_path: Path) -> None:
    done = list(batch.run(job, recordings(tmp_path, 2)))
    assert states(done) == ["new", "new"]
    for one in results(job):
        published = json.loads(call_file(job.out, one.call_id).read_text(encoding="utf-8"))
        assert published["call_id"] == one.call_id
        assert published["score"]["total"] == one.score.total
    assert failures(job) == ()


def test_running_again_loads_and_writes_nothing(script: Script, job: Job, tmp_path: Path) -> None:
    sources = recordings(tmp_path, 2)
    list(batch.run(job, sources))
    files = sorted((job.out / "calls").iterdir())
    before = [(path.name, path.stat().st_mtime_ns, path.stat().st_ino) for path in files]
    script.made.clear()
    assert states(list(batch.run(job, sources))) == ["kept", "kept"]
    assert script.made == []
    assert [(p.name, p.stat().st_mtime_ns, p.stat().st_ino) for p in files] == before
    assert sorted((job.out / "calls").iterdir()) == files


def test_a_lost_result_file_is_written_again(script: Script, job: Job, tmp_path: Path) -> None:
    sources = recordings(tmp_path, 1)
    list(batch.run(job, sources))
    path = call_file(job.out, "c0")
    text = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_bytes(text[:100])):
        damage()
        assert states(list(batch.run(job, sources))) == ["kept"]
        assert path.read_bytes() == text


@pytest.fixture
def job_ahead(tmp_path: Path) -> Job:
    return Job(tmp_path / "out", Settings(ahead=3))


def test_calls_made_ready_ahead_are_heard_and_end_in_order(
    script: Script, job_ahead: Job, tmp_path: Path
) -> None:
    wanted = recordings(tmp_path, 7)
    done = list(batch.run(job_ahead, wanted))
    assert [one.source for one in done] == wanted
    assert states(done) == ["new"] * 7
    assert script.heard == 2 * 7  # each channel once
    assert script.made.count("transcriber") <= 7 and len(results(job_ahead)) == 7
    assert states(list(batch.run(job_ahead, wanted))) == ["kept"] * 7


def test_calls_that_are_ready_share_the_recognizer(
    script: Script, job_ahead: Job, tmp_path: Path
) -> None:
    """The first call is held up until others are ready: the next question is about several."""
    held = threading.Event()

    def hold_once() -> None:
        if not held.is_set():
            held.set()
            time.sleep(0.3)

    script.before = hold_once
    list(batch.run(job_ahead, recordings(tmp_path, 6)))
    assert max(script.together) > 2, "passages of more than one stereo call at once"


def test_one_bad_call_among_those_heard_together_costs_only_itself(
    script: Script, job_ahead: Job, tmp_path: Path
) -> None:
    wanted = recordings(tmp_path, 3)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF....no sound")
    wanted.insert(1, source(broken))
    done = list(batch.run(job_ahead, wanted))
    assert states(done) == ["new", "failed", "new", "new"]
    assert len(failures(job_ahead)) == 1


def test_an_engine_that_breaks_on_many_is_asked_one_by_one(
    script: Script, job_ahead: Job, tmp_path: Path
) -> None:
    script.most_together = 2
    done = list(batch.run(job_ahead, recordings(tmp_path, 6)))
    assert states(done) == ["new"] * 6


def test_a_failure_is_a_row_until_it_succeeds(script: Script, job: Job, tmp_path: Path) -> None:
    sources = recordings(tmp_path, 3)
    good = sources[1].path.read_bytes()
    sources[1].path.write_bytes(b"")
    done = list(batch.run(job, sources))
    assert states(done) == ["new", "failed", "new"]
    assert done[1].message.startswith("c1.wav: the file is empty")
    assert failures(job) == ((str(sources[1].path), done[1].message),)
    assert not call_file(job.out, "c1").exists()
    sources[1].path.write_bytes(good)
    assert states(list(batch.run(job, sources))) == ["kept", "new", "kept"]
    assert failures(job) == ()


def test_an_engine_that_breaks_costs_one_call_and_shows_no_words(
    script: Script, job: Job, tmp_path: Path
) -> None:
    def breaks() -> None:
        raise RuntimeError("cannot decode 我的身份证号是\nsecond line")

    at_call(script, 1, breaks)
    done = list(batch.run(job, recordings(tmp_path, 3)))
    assert states(done) == ["new", "failed", "new"]
    assert "RuntimeError at test_batch.py:" in done[1].message
    assert done[1].message.startswith("c1.wav: ")
    assert "身份证" not in done[1].message
    assert len(done[1].message.splitlines()) == 1


def test_no_memory_costs_one_call(script: Script, job: Job, tmp_path: Path) -> None:
    def breaks() -> None:
        raise MemoryError

    at_call(script, 0, breaks)
    done = list(batch.run(job, recordings(tmp_path, 2)))
    assert states(done) == ["failed", "new"]
    assert "not enough memory" in done[0].message


def test_a_full_disk_stops_and_goes_on(script: Script, job: Job, tmp_path: Path) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sources = recordings(tmp_path, 3)
    at_call(script, 1, full)
    running = batch.run(job, sources)
    assert next(running).state == "new"
    with pytest.raises(StoreError, match=r"disk is full.*run again"):
        next(running)
    script.before = lambda: None
    assert states(list(batch.run(job, sources))) == ["kept", "new", "new"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.filterwarnings("error")  # a failure inside libsndfile must not be swallowed
def test_a_disk_that_is_full_under_the_playable_copy_stops(
    script: Script, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = source(write_call(tmp_path / "alaw.wav", subtype="ALAW"))
    list(batch.run(job, [one]))
    copy = job.out / "audio" / "alaw.flac"
    copy.unlink()

    def on_full_disk(**_: object) -> tuple[int, str]:
        name = copy.with_name(".draft")
        name.touch()
        return os.open("/dev/full", os.O_WRONLY), str(name)

    monkeypatch.setattr("tempfile.mkstemp", on_full_disk)
    with pytest.raises(StoreError, match="disk is full"):
        list(batch.run(job, [one]))
    assert list(copy.parent.iterdir()) == []


def test_what_was_done_is_there_when_the_next_begins(
    script: Script, job: Job, tmp_path: Path
) -> None:
    def dies() -> None:
        assert call_file(job.out, "c0").is_file()
        raise KeyboardInterrupt

    sources = recordings(tmp_path, 2)
    at_call(script, 1, dies)
    with pytest.raises(KeyboardInterrupt):
        list(batch.run(job, sources))
    script.before = lambda: None
    script.heard = 0
    assert states(list(batch.run(job, sources))) == ["kept", "new"]
    assert script.heard == 2


def test_warnings_are_handed_on_also_when_kept(script: Script, job: Job, tmp_path: Path) -> None:
    quiet = [source(write_call(tmp_path / "quiet.wav", level=0, seconds=1.0))]
    for state in ("new", "kept"):
        (done,) = batch.run(job, quiet)
        assert (done.state, "silent" in done.warnings) == (state, True)


def test_result_files_are_for_their_owner_only(script: Script, job: Job, tmp_path: Path) -> None:
    list(batch.run(job, recordings(tmp_path, 1)))
    assert stat.S_IMODE(call_file(job.out, "c0").stat().st_mode) == 0o600
    assert stat.S_IMODE(job.store_path.stat().st_mode) == 0o600


def test_no_half_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "whole"
    path.write_bytes(b"before")

    def breaks(stream: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.write_atomically(path, breaks)
    assert [one.name for one in tmp_path.iterdir()] == ["whole"]
    assert path.read_bytes() == b"before"


def test_a_file_name_that_is_not_utf8(script: Script, job: Job, tmp_path: Path) -> None:
    """Archives from Chinese Windows leave names in GBK."""
    path = tmp_path / os.fsdecode("电话录音".encode("gbk") + b".wav")
    try:
        write_call(tmp_path / "plain.wav").rename(path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (done,) = batch.run(job, [Source(path, Metadata("c1"))])
    assert (done.state, done.message) == ("new", "")
    published = json.loads(call_file(job.out, "c1").read_text(encoding="utf-8"))
    assert published["source"].endswith(".wav")


@pytest.fixture
def result(script: Script, job: Job, tmp_path: Path) -> Iterator[CallResult]:
    list(batch.run(job, recordings(tmp_path, 1)))
    yield results(job)[0]


def test_an_unchanged_result_is_not_written(result: CallResult, tmp_path: Path) -> None:
    path = write_json(tmp_path / "again", result)
    os.utime(path, (1, 1))
    assert write_json(tmp_path / "again", result) == path
    assert path.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("subtype", "suffix", "plays"),
    [
        ("PCM_16", ".wav", True),
        ("PCM_U8", ".wav", True),
        ("FLOAT", ".wav", True),
        ("ULAW", ".wav", False),
        ("ALAW", ".wav", False),
        ("GSM610", ".wav", False),
        ("IMA_ADPCM", ".wav", False),
        ("PCM_16", ".flac", True),
    ],
)
def test_what_browsers_play(subtype: str, suffix: str, plays: bool, tmp_path: Path) -> None:
    path = write_call(tmp_path / f"x{suffix}", subtype=subtype, stereo=False, seconds=1.0)
    assert browser_plays(path) is plays


def test_a_copy_is_made_of_what_browsers_do_not_play(
    script: Script, job: Job, tmp_path: Path
) -> None:
    import soundfile

    sources = [
        source(write_call(tmp_path / "alaw.wav", subtype="ALAW")),
        source(write_call(tmp_path / "pcm.wav")),
    ]
    list(batch.run(job, sources))
    (copy,) = (job.out / "audio").iterdir()
    assert copy.name == "alaw.flac"
    info = soundfile.info(copy)
    assert (info.channels, round(info.duration)) == (2, 15)
