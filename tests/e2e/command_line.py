"""Runs `qc-speech` as a user does, in a process of its own, and looks at what it wrote."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FAKE = Path(__file__).with_name("scripted_cli.py")
REAL_COMMAND = (sys.executable, "-m", "qc_speech")
FAKE_COMMAND = (sys.executable, str(FAKE))  # the same program with engines that cost nothing
_LIMIT_S = 300


@dataclass(frozen=True)
class Ran:
    """One run of the program."""

    code: int
    out: str
    err: str
    seconds: float = 0.0

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]

    @property
    def notes(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("note: ")]

    def about(self, name: str) -> list[str]:
        """The lines that name a file."""
        return [line for line in self.err.splitlines() if name in line]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QC_SPEECH_")}
    return {**kept, "COLUMNS": "200", "NO_COLOR": "1", **more}


def run_it(
    *args: str | Path,
    command: Sequence[str] = REAL_COMMAND,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    rights: bool = True,
) -> Ran:
    """Run a command to its end. However it ends, it shows no stack trace. `rights` False: root
    too may only do what the modes of files and folders say."""
    started = time.monotonic()
    done = subprocess.run(
        [*command, *map(str, args)],
        env=environment(**(env or {})),
        cwd=cwd,
        capture_output=True,
        timeout=_LIMIT_S,
        check=False,
        preexec_fn=None if rights else _give_up_rights,
    )
    return ended(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def _give_up_rights() -> None:
    """Drop CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH; only root has them."""
    if os.geteuid() == 0:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        for capability in (1, 2):
            if prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP: gone after exec
                raise OSError(ctypes.get_errno(), "cannot give up rights")


def ended(code: int, out: bytes, err: bytes, seconds: float = 0.0) -> Ran:
    ran = Ran(code, out.decode(errors="replace"), err.decode(errors="replace"), seconds)
    assert "Traceback" not in ran.out + ran.err, ran.err
    return ran


def start(
    *args: str | Path, command: Sequence[str] = REAL_COMMAND, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in a group of processes of its own, as a terminal does."""
    return subprocess.Popen(
        [*command, *map(str, args)],
        env=environment(**(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def signal_when(
    process: subprocess.Popen[bytes], reached: Callable[[], bool], number: signal.Signals
) -> Ran:
    """Wait until it got so far, send a signal to its whole group, and wait for its end."""
    wait_until(lambda: reached() or process.poll() is not None)
    if process.poll() is not None:
        out, err = process.communicate()
        raise AssertionError(f"ended too early ({process.returncode}): {err.decode()}")
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=_LIMIT_S)
    return ended(process.returncode, out, err)


def wait_until(reached: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def published(out: Path) -> dict[str, dict[str, Any]]:
    """All results by call id."""
    found = {}
    for path in sorted((out / "calls").iterdir()):
        assert path.suffix == ".json", f"left behind: {path.name}"
        result = json.loads(path.read_text(encoding="utf-8"))
        assert path.stem == result["call_id"]
        found[path.stem] = result
    return found


def rows(out: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{out / 'qc.sqlite'}?mode=ro", uri=True)) as store:
        return store.execute(query).fetchall()


def heard(out: Path) -> set[tuple[Any, ...]]:
    """What was decoded, told apart and transcribed, and when."""
    query = (
        "SELECT recording_id, stage, key, created_at FROM stages "
        "WHERE stage IN ('recording', 'diarization', 'transcript')"
    )
    return set(rows(out, query))


def files(out: Path) -> dict[str, tuple[int, int]]:
    """The result files with their times and inodes: a file written anew differs."""
    status = {path.name: path.stat() for path in (out / "calls").iterdir()}
    return {name: (one.st_mtime_ns, one.st_ino) for name, one in status.items()}


def transcripts(out: Path) -> int:
    """How many transcripts are kept; 0 while there is no store yet."""
    try:
        return int(rows(out, "SELECT count(*) FROM stages WHERE stage = 'transcript'")[0][0])
    except sqlite3.Error:
        return 0
