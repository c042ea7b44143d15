"""Batches as a timer starts them, and the proof that each recording was done once or set aside."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from command_line import FAKE_COMMAND, Ran, published, rows, run_it, start, wait_until
from scripted_engines import write_call

PROFILE = """
name = "night"
out = "{out}"
backoff_seconds = 0.0
{top}
[[source]]
path = "{folder}"
settled_seconds = 0
{source}
"""


@dataclass
class Batch:
    """A profile, a folder of recordings and an output folder, all below one place."""

    place: Path
    top: str = "workers = 1"
    source: str = ""
    command: Sequence[str] = FAKE_COMMAND

    @property
    def folder(self) -> Path:
        return self.place / "in"

    @property
    def out(self) -> Path:
        return self.place / "out"

    def profile(self) -> Path:
        path = self.place / "night.toml"
        text = PROFILE.format(out=self.out, folder=self.folder, top=self.top, source=self.source)
        path.write_text(text, encoding="utf-8")
        return path

    def record(self, count: int, seconds: float = 6.0, first: int = 0) -> None:
        for n in range(first, first + count):
            write_call(self.folder / f"c{n}.wav", seed=n, seconds=seconds)

    def run(self, *more: str, rights: bool = True, **env: str) -> Ran:
        args = ("batch", "--profile", self.profile(), *more)
        return run_it(*args, command=self.command, env=env, rights=rights)

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        return start("batch", "--profile", self.profile(), command=self.command, env=env)

    def ended(self) -> int:
        """How many results there are; 0 while there is no store."""
        return count(self.out, "SELECT count(*) FROM results")

    def states(self) -> dict[str, int]:
        return dict(rows(self.out, "SELECT state, count(*) FROM queue GROUP BY state"))

    def quarantined(self) -> dict[str, str]:
        found = rows(self.out, "SELECT source, reason FROM queue WHERE state = 'quarantined'")
        return {Path(source).name: reason for source, reason in found}


def count(out: Path, query: str) -> int:
    try:
        return int(rows(out, query)[0][0])
    except sqlite3.Error:
        return 0


def rows_of(batch: Batch, query: str) -> list[tuple[str, ...]]:
    return rows(batch.out, query)


def accounted(batch: Batch, names: set[str]) -> None:
    """Every recording is done once or quarantined with a reason; results, files and queue agree;
    nothing half is left."""
    found = rows(batch.out, "SELECT source, state, reason, recording_id FROM queue")
    states = {Path(source).name: state for source, state, _, _ in found}
    assert len(found) == len(states), "a recording has two rows"
    assert set(states) == names
    assert set(states.values()) <= {"done", "quarantined", "duplicate"}, states
    assert all(reason for _, state, reason, _ in found if state != "done")
    done = {recording for _, state, _, recording in found if state == "done"}
    stored = rows(batch.out, "SELECT recording_id FROM results")
    assert Counter(recording for (recording,) in stored) == Counter(done)
    assert len(published(batch.out)) == len(done)
    with closing(sqlite3.connect(batch.out / "qc.sqlite")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    heard = rows(
        batch.out,
        "SELECT recording_id, count(*) FROM stages WHERE stage = 'transcript' GROUP BY 1",
    )
    assert all(n == 1 for _, n in heard)
    left = [path.name for path in batch.out.rglob(".*") if path.name != ".night.lock"]
    assert left == [], left


def children(pid: int) -> list[int]:
    """Worker processes of a batch (not the helper that multiprocessing starts beside them)."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            line = Path(f"/proc/{child}/cmdline")
            if line.exists() and b"spawn_main" in line.read_bytes():
                found.append(child)
    return found


def kill_a_worker(process: subprocess.Popen[bytes]) -> None:
    wait_until(lambda: bool(children(process.pid)))
    os.kill(children(process.pid)[0], signal.SIGKILL)
