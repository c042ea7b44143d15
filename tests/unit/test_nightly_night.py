"""A night ends with each recording done once or quarantined with a reason, whatever happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nightly_crew import ToldCrew

from qc_speech.nightly import night as nights
from qc_speech.nightly.archive import Archive
from qc_speech.nightly.night import Event, Night, Plan
from qc_speech.nightly.profile import PriorityRule, Profile, SourceSpec
from qc_speech.nightly.summary import Summary
from qc_speech.nightly.worker import Orders
from qc_speech.settings import Settings
from qc_speech.store import Queue, SqlStore, open_store
from qc_speech.store.queue import State

EVENING = datetime(2026, 1, 1, 22)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nights, "_BLAME_AFTER_S", 0.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(tmp_path / "out" / "qc.sqlite") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def recordings(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        path = folder / f"{name}.wav"
        path.write_bytes(name.encode())
        os.utime(path, (1000 + number, 1000 + number))


def profile(folder: Path, **values: Any) -> Profile:
    source = SourceSpec(path=str(folder), settled_seconds=0)
    known = {"out": str(folder.parent / "out"), "sources": (source,), "backoff_seconds": 0.0}
    return Profile(name="b", **{**known, **values})


def run(
    wanted: Profile, store: SqlStore, crew: ToldCrew,
    watcher: Callable[[Event], None] = nights.nobody,
    now: Callable[[], datetime] = datetime.now,
) -> Summary:  # fmt: skip
    out = Path(wanted.out)
    orders = Orders(out, str(out / "qc.sqlite"), Settings(), None, None, 1, 0, out / ".spool",
                    Archive("", True, "today"))  # fmt: skip
    plan = Plan(crew.workers, crew.recognizers, 1e12)
    return Night(wanted, store, orders, plan, watcher, now, lambda: crew).run()


def states(store: SqlStore) -> dict[State, int]:
    return {state: n for state, n in Queue(store).counts("b").items() if n}


def reasons(store: SqlStore) -> dict[str, str]:
    listed = Queue(store).listed("b", State.QUARANTINED)
    return {Path(source).stem: reason for source, reason in listed}


def test_all_are_done_and_the_second_night_has_nothing_to_do(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y", "z")
    summary = run(profile(folder), store, ToldCrew())
    assert (summary.found, summary.done, summary.waiting, summary.ended_by) == (3, 3, 0, "done")
    assert (summary.sound_seconds, summary.work_seconds) == (3.0, 1.5)
    again = ToldCrew()
    assert run(profile(folder), store, again).found == 0
    assert again.given == []
    assert not (folder.parent / "out" / ".spool").exists()


def test_the_newest_come_first(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y", "z")
    crew = ToldCrew()
    run(profile(folder), store, crew)
    assert crew.order() == ["z", "y", "x"]


def test_priorities_come_before_the_order(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y", "z")
    (folder / "manifest.csv").write_text("file,queue\nx.wav,vip\n")
    crew = ToldCrew()
    run(profile(folder, priorities=(PriorityRule(add=1, queue="vip"),)), store, crew)
    assert crew.order() == ["x", "z", "y"]


def test_a_fault_that_passes_costs_a_try(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y")
    summary = run(profile(folder), store, ToldCrew({"y": ["again", "again", "done"]}))
    assert (summary.done, summary.retried, summary.quarantined) == (2, 2, 0)


def test_a_fault_that_does_not_pass_ends_in_quarantine(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y")
    crew = ToldCrew({"y": ["again"]})
    summary = run(profile(folder, tries=4), store, crew)
    assert crew.order().count("y") == 4
    assert (summary.done, summary.quarantined) == (1, 1)
    assert reasons(store) == {"y": "because it is again (tried 4 times)"}
    assert [one for one, _ in store.failures()] == [str(folder / "y.wav")]


def test_backoff_doubles(store: SqlStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings(folder, "x")
    waits: list[float] = []
    real = Queue.end

    def end(self: Queue, endings: Any) -> None:
        for one in endings:
            if one.not_before is not None:
                waits.append((one.not_before - nights.utc_now()).total_seconds())
        real(self, [replace(one, not_before=None) for one in endings])

    monkeypatch.setattr(Queue, "end", end)
    crew = ToldCrew({"x": ["again", "again", "again", "done"]})
    run(profile(folder, tries=9, backoff_seconds=30.0), store, crew)
    assert [round(one) for one in waits] == [30, 60, 120]


def test_a_recording_that_kills_twice_is_quarantined(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y", "z")
    crew = ToldCrew({"y": ["SIGSEGV"]})
    summary = run(profile(folder), store, crew)
    assert crew.order().count("y") == 2
    assert (summary.done, summary.quarantined, summary.crashed) == (2, 1, 2)
    assert reasons(store) == {"y": "took its process along in 2 tries (SIGSEGV)"}


def test_a_process_that_dies_once_costs_nothing(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x")
    summary = run(profile(folder), store, ToldCrew({"x": ["SIGKILL, out of memory?", "done"]}))
    assert (summary.done, summary.quarantined) == (1, 0)


def test_a_node_that_goes_away_is_nobodys_fault(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x")
    summary = run(profile(folder), store, ToldCrew({"x": ["lost"] * 5 + ["done"]}))
    assert (summary.done, summary.quarantined, summary.crashed) == (1, 0, 0)


def test_engines_that_always_crash_are_not_the_recordings_fault(
    store: SqlStore, folder: Path
) -> None:
    names = [f"c{n}" for n in range(40)]
    recordings(folder, *names)
    crew = ToldCrew({name: ["SIGSEGV"] for name in names}, probe="SIGSEGV")
    summary = run(profile(folder), store, crew)
    assert summary.ended_by == "fault" and "qc-speech models verify" in summary.faults[0]
    assert summary.quarantined < 6 and summary.waiting >= 35


def test_many_recordings_that_crash_do_not_keep_the_rest(store: SqlStore, folder: Path) -> None:
    names = [f"c{n}" for n in range(30)]
    recordings(folder, "good", *names)
    summary = run(profile(folder), store, ToldCrew({name: ["SIGSEGV"] for name in names}))
    assert (summary.done, summary.quarantined, summary.ended_by) == (1, 30, "done")


def test_a_full_disk_stops_and_leaves_the_rest_waiting(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y", "z")
    summary = run(profile(folder), store, ToldCrew({"y": ["stop"]}))
    assert (summary.ended_by, summary.faults) == ("fault", ["the disk is full"])
    assert states(store) == {State.DONE: 1, State.WAITING: 2}
    assert run(profile(folder), store, ToldCrew()).done == 2


def test_ctrl_c_leaves_everything_begun_for_the_next_time(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y", "z")

    def press(_: object) -> None:
        if len(crew.given) == 2:
            raise KeyboardInterrupt

    crew = ToldCrew(before=press)
    summary = run(profile(folder), store, crew)
    assert (summary.ended_by, summary.done, summary.waiting) == ("stopped", 1, 2)
    assert states(store) == {State.DONE: 1, State.WAITING: 2}


def test_nothing_new_is_begun_after_until(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y", "z")
    clock = [EVENING]

    def pass_time(_: object) -> None:
        clock[0] += timedelta(hours=5)

    crew = ToldCrew(before=pass_time)
    summary = run(profile(folder, until="06:00"), store, crew, now=lambda: clock[0])
    assert (summary.ended_by, summary.done, summary.waiting) == ("until", 2, 1)
    assert summary.ended_at == EVENING + timedelta(hours=10), "the one begun by then may end"


def test_what_was_begun_may_not_take_for_ever(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x", "y")
    clock = [EVENING]
    crew = ToldCrew(workers=2)

    def pass_time(_: object) -> None:
        clock[0] += timedelta(hours=9)

    crew.before = pass_time
    summary = run(profile(folder, until="06:00"), store, crew, now=lambda: clock[0])
    assert (summary.done, summary.waiting) == (1, 1)


def test_a_clock_that_is_set_does_no_harm(store: SqlStore, folder: Path) -> None:
    """Forward, then back by a day: all is done once, nothing waits for a time that never comes."""
    recordings(folder, *[f"c{n}" for n in range(8)])
    clock, jumps = [EVENING], iter([timedelta(hours=3), timedelta(days=-1)] + [timedelta(0)] * 99)

    def jump(_: object) -> None:
        clock[0] += next(jumps)

    crew = ToldCrew({"c3": ["again", "done"]}, before=jump)
    summary = run(profile(folder, until="06:00"), store, crew, now=lambda: clock[0])
    assert (summary.done, summary.waiting, summary.ended_by) == (8, 0, "done")


def test_recordings_that_come_while_it_works_are_taken(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x")

    def deliver(_: object) -> None:
        if len(crew.given) == 1:
            recordings(folder, "late")

    crew = ToldCrew(before=deliver)
    assert run(profile(folder), store, crew).done == 2


def test_recordings_ahead_of_the_recognizer_are_bounded(store: SqlStore, folder: Path) -> None:
    recordings(folder, *[f"c{n}" for n in range(30)])
    most = [0]

    def watch(task: Any) -> None:
        prepared = sum(one.step == "prepare" for one in crew.given)
        heard = sum(len(one.things) for one in crew.given if one.step == "hear")
        most[0] = max(most[0], prepared - heard)

    crew = ToldCrew(workers=3, recognizers=1, before=watch)
    summary = run(profile(folder, ahead=4), store, crew)
    assert summary.done == 30
    assert sorted(crew.order("prepare")) == sorted(crew.order("finish"))
    assert sorted(crew.order("hear")) == sorted(crew.order("finish"))
    assert max(len(task.things) for task in crew.given if task.step == "hear") > 1
    assert most[0] <= 8, "who prepares waits for the recognizer"


def test_of_several_heard_together_the_one_that_kills_is_found(
    store: SqlStore, folder: Path
) -> None:
    names = [f"c{n}" for n in range(6)]
    recordings(folder, *names)
    crew = ToldCrew({"c2": ["SIGSEGV"]}, workers=3, recognizers=1)
    summary = run(profile(folder), store, crew)
    assert (summary.done, summary.quarantined) == (5, 1)
    assert set(reasons(store)) == {"c2"}


def test_quarantined_files_are_set_aside_and_can_be_tried_again(
    store: SqlStore, folder: Path, tmp_path: Path
) -> None:
    recordings(folder, "x", "y")
    wanted = profile(folder, quarantine=str(tmp_path / "aside"))
    run(wanted, store, ToldCrew({"y": ["quarantined"]}))
    assert [path.name for path in folder.iterdir()] == ["x.wav"]
    kept = tmp_path / "aside" / "source1" / "y.wav"
    assert kept.read_bytes() == b"y"
    assert Queue(store).requeue("b") == 1
    crew = ToldCrew()
    run(wanted, store, crew)
    assert [item.found.path for task in crew.given for item in task.items] == [str(kept)]


def test_lines_of_a_manifest_that_mean_nothing_are_counted_once(
    store: SqlStore, folder: Path
) -> None:
    recordings(folder, "x", "y")
    (folder / "manifest.csv").write_text("file,started_at\nx.wav,never\n../y.wav,\nz.wav,\n")
    summary = run(profile(folder), store, ToldCrew())
    assert (summary.done, summary.refused) == (1, 3)  # y by its name; x waits for its line
    assert run(profile(folder), store, ToldCrew()).refused == 0
    (folder / "manifest.csv").write_text("file,started_at\nx.wav,2026-01-01\n")
    summary = run(profile(folder), store, ToldCrew())
    assert (summary.done, summary.refused, reasons(store)) == (1, 0, {})


def test_a_manifest_that_is_none_keeps_its_folder_waiting(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x")
    (folder / "bad").mkdir()
    recordings(folder / "bad", "y")
    (folder / "bad" / "manifest.csv").write_bytes(bytes(range(256)))
    summary = run(profile(folder), store, ToldCrew())
    assert (summary.done, summary.refused) == (1, 1)
    (folder / "bad" / "manifest.csv").unlink()
    assert run(profile(folder), store, ToldCrew()).done == 1


def test_one_source_that_is_not_there_does_not_keep_the_others(
    store: SqlStore, folder: Path
) -> None:
    recordings(folder, "x")
    gone = SourceSpec(path=str(folder / "nowhere"), settled_seconds=0)
    here = SourceSpec(path=str(folder), settled_seconds=0)
    summary = run(profile(folder, sources=(gone, here)), store, ToldCrew())
    assert summary.done == 1
    assert summary.faults and "is no folder; check the path" in summary.faults[0]


def test_the_summary_is_a_file_without_a_word_of_a_call(store: SqlStore, folder: Path) -> None:
    recordings(folder, "x")
    path = run(profile(folder), store, ToldCrew()).write(folder.parent / "out")
    text = path.read_text(encoding="utf-8")
    assert '"schema": "qc-speech/batch/1"' in text and '"done": 1' in text
    assert path.stat().st_mode & 0o777 == 0o600
