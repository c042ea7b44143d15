"""The queue of a batch: each recording once, whoever asks and whenever they are killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from test_store import result as a_result  # type: ignore[import-not-found]

from qc_speech.model import Metadata
from qc_speech.store import Queue, SqlStore, open_store
from qc_speech.store.queue import Ending, Found, State
from qc_speech.store.sql import utc_now

A, B = "a" * 64, "b" * 64


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "store.db") as opened:
        yield opened


@pytest.fixture
def queue(store: SqlStore) -> Queue:
    return Queue(store)


def found(name: str, call_id: str = "", mark: str = "10-1", **more: object) -> Found:
    one = Found(f"/in/{name}", mark, f"/in/{name}", name, "source1", Metadata(call_id or name))
    return replace(one, **more)  # type: ignore[arg-type]


def names(queue: Queue, count: int = 100) -> list[str]:
    return [item.found.relative for item in queue.claim("b", "me", count)]


def test_what_is_found_again_is_no_new_work(queue: Queue) -> None:
    assert queue.enrol("b", [found("x"), found("y")]) == 2
    assert queue.enrol("b", [found("x"), found("y"), found("z")]) == 1
    assert queue.enrol("other", [found("x")]) == 0, "another batch found it first"
    assert sorted(names(queue)) == ["x", "y", "z"]
    assert names(queue) == []


def test_other_bytes_at_the_same_place_are_new_work(queue: Queue) -> None:
    queue.enrol("b", [found("x")])
    assert queue.enrol("b", [found("x", mark="11-2")]) == 1


def test_by_priority_then_by_rank(queue: Queue) -> None:
    rows = [("late", 0, 9.0), ("early", 0, 1.0), ("vip", 5, 0.0)]
    queue.enrol("b", [found(n, priority=p, rank=r) for n, p, r in rows])
    assert names(queue, 2) == ["vip", "late"]
    assert names(queue) == ["early"]


def test_two_who_claim_at_once_never_get_the_same(store: SqlStore, tmp_path: Path) -> None:
    Queue(store).enrol("b", [found(f"c{n}") for n in range(200)])
    got: list[str] = []

    def work(owner: str) -> None:
        with open_store(tmp_path / "store.db") as mine:
            while items := Queue(mine).claim("b", owner, 7):
                got.extend(item.id for item in items)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 200


def test_what_a_killed_batch_had_begun_is_taken_back(queue: Queue) -> None:
    queue.enrol("b", [found("x"), found("y")])
    queue.enrol("c", [found("z")])
    first = queue.claim("b", "killed", 10)
    queue.claim("c", "lives", 10)
    queue.end([Ending(first[0].id, State.DONE)])
    assert queue.release("b") == 1
    assert [item.id for item in queue.claim("b", "next", 10)] == [first[1].id]
    assert queue.counts("c")[State.RUNNING] == 1, "another batch's work is its own"


def test_a_fault_that_may_pass_waits(queue: Queue) -> None:
    queue.enrol("b", [found("x")])
    (item,) = queue.claim("b", "me", 1)
    due = utc_now() + timedelta(minutes=5)
    queue.end([Ending(item.id, State.WAITING, "does not answer", 1, 0, due)])
    assert names(queue) == [] and queue.next_due("b") == due
    queue.end([Ending(item.id, State.WAITING, "does not answer", 1, 0, utc_now())])
    (again,) = queue.claim("b", "me", 1)
    assert again.attempts == 1


def test_a_clock_that_was_set_back_makes_nobody_wait_for_hours(queue: Queue) -> None:
    queue.enrol("b", [found("x")])
    (item,) = queue.claim("b", "me", 1)
    tomorrow = utc_now() + timedelta(days=1)  # as a clock wrote it that was a day ahead
    queue.end([Ending(item.id, State.WAITING, "", 1, 0, tomorrow)])
    assert queue.next_due("b") <= utc_now()  # type: ignore[operator]
    assert names(queue) == ["x"]


def test_the_same_bytes_are_done_once(queue: Queue) -> None:
    queue.enrol("b", [found("x"), found("twin")])
    one, other = queue.claim("b", "me", 2)
    assert queue.identify(one, A).same_as is None
    assert queue.identify(one, A).same_as is None, "asked again after a kill"
    assert queue.identify(other, A).same_as == one.found.source


def test_bytes_that_an_earlier_run_inspected(store: SqlStore, queue: Queue) -> None:
    call = a_result()
    store.put_result(call)
    recording = call.call.recording.id
    queue.enrol("b", [found("x", call.call_id), found("y", "other")])
    items = {item.found.relative: item for item in queue.claim("b", "me", 2)}
    assert queue.identify(items["x"], recording).same_as is None, "its own call: nothing is new"
    assert queue.identify(items["y"], recording).same_as == f"/in/{items['x'].found.relative}"


def test_a_name_that_is_used_again_does_not_write_over_a_call(queue: Queue) -> None:
    """Recorders begin at 0001.wav every night."""
    queue.enrol("b", [found("x/0001.wav", "0001"), found("y/0001.wav", "0001")])
    one, other = queue.claim("b", "me", 2)
    assert queue.identify(one, A).call_id == "0001"
    assert queue.identify(other, B).call_id == f"0001-{B[:8]}"


def test_a_call_id_that_was_written_down_twice_is_a_clash(queue: Queue) -> None:
    queue.enrol("b", [found("x", "77", named=True), found("y", "77", named=True)])
    one, other = queue.claim("b", "me", 2)
    assert queue.identify(one, A).clash is None
    assert queue.identify(other, B).clash == one.found.source


def test_metadata_that_was_corrected_is_work_again(queue: Queue) -> None:
    queue.enrol("b", [found("x", "1", named=True)])
    (item,) = queue.claim("b", "me", 1)
    queue.end([Ending(item.id, State.DONE)])
    assert queue.enrol("b", [found("x", "1", named=True)]) == 0
    right = found("x", "1", named=True, metadata=Metadata("1", agent_id="1023"))
    assert queue.enrol("b", [right]) == 1
    (item,) = queue.claim("b", "me", 1)
    assert item.found.metadata.agent_id == "1023"


def test_sealed_rows_are_known_again(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sealed looks different each time it is written."""
    from cryptography.fernet import Fernet

    monkeypatch.setenv("QC_SPEECH_KEY", Fernet.generate_key().decode())
    one = found("x", "1", metadata=Metadata("1", agent_name="王"))
    assert queue.enrol("b", [one]) == 1
    (item,) = queue.claim("b", "me", 1)
    assert item.found == one
    queue.end([Ending(item.id, State.DONE)])
    assert queue.enrol("b", [one]) == 0


def test_quarantine_and_a_second_chance(queue: Queue) -> None:
    queue.enrol("b", [found("x")])
    (item,) = queue.claim("b", "me", 1)
    queue.end([Ending(item.id, State.QUARANTINED, "holds no sound", 2, 2)])
    assert queue.listed("b", State.QUARANTINED) == [("/in/x", "holds no sound")]
    assert names(queue) == [] and queue.next_due("b") is None
    assert queue.requeue("b") == 1
    (item,) = queue.claim("b", "me", 1)
    assert (item.attempts, item.crashes) == (0, 0)


def test_lines_that_mean_no_recording_go_when_they_are_mended(queue: Queue) -> None:
    assert queue.refuse("b", [("m.csv:2", "bad date"), ("m.csv:3", "no such file")]) == 2
    assert queue.refuse("b", [("m.csv:2", "bad date"), ("m.csv:3", "no such file")]) == 0
    assert queue.refuse("b", [("m.csv:3", "no such file")]) == 0
    assert queue.listed("b", State.QUARANTINED) == [("m.csv:3", "no such file")]
    assert queue.requeue("b") == 0, "there is nothing to inspect"


def test_sources_and_names_that_no_database_likes(queue: Queue) -> None:
    odd = found("bad\udce9\0name", call_id="c1")
    assert queue.enrol("b", [odd]) == 1 and queue.enrol("b", [odd]) == 0
    assert queue.sources([odd.source, "/in/unknown"]) == {odd.source}
    (item,) = queue.claim("b", "me", 1)
    assert item.found == odd


def test_speed_is_of_what_was_heard(queue: Queue) -> None:
    queue.enrol("b", [found(n) for n in "xyz"])
    x, y, z = queue.claim("b", "me", 3)
    queue.end([Ending(one.id, State.DONE, duration_ms=60_000, seconds=s)
               for one, s in ((x, 30.0), (y, 0.0), (z, 50.0))])  # fmt: skip
    assert queue.speed("b") == (80.0, 120.0)


def test_a_named_lock_of_a_file_is_always_free(store: SqlStore) -> None:
    with store.named_lock("batch b") as take:
        assert take()
