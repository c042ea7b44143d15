"""A run that is killed goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from command_line import files, heard, published, run_it, signal_when, start, transcripts

from conftest import Finished

pytestmark = pytest.mark.models
NAMES = ("alaw.wav", "cut.mp3", "swapped.wav")


def test_kill_in_the_second_call_then_go_on_with_two_workers(
    mixed: Finished, tmp_path: Path
) -> None:
    calls, out = tmp_path / "calls", tmp_path / "out"
    calls.mkdir()
    for name in NAMES:
        shutil.copy(mixed.calls / name, calls)
    first = out / "calls" / "alaw.json"
    process = start("run", calls, "--out", out)
    # The report is written at the end only: so the second call is being inspected now.
    ran = signal_when(process, lambda: first.is_file() and transcripts(out) == 1, signal.SIGKILL)
    assert ran.code == -signal.SIGKILL
    kept, stages = files(out)["alaw.json"], heard(out)

    ran = run_it("run", calls, "--out", out, "--workers", "2")
    assert ran.code == 0, ran.err
    assert "inspected 2, unchanged 1, failed 0" in ran.out
    assert files(out)["alaw.json"] == kept
    assert stages <= heard(out)  # what was heard before was not heard again
    whole = published(mixed.out)
    for call_id, result in published(out).items():
        same(result, whole[call_id], call_id)


def same(one: Any, other: Any, where: str) -> None:
    """Equal, numbers to a hundredth: threads add up in another order."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys(), where
        for name in one:
            same(one[name], other[name], f"{where}.{name}")
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other), where
        for n, (left, right) in enumerate(zip(one, other)):
            same(left, right, f"{where}[{n}]")
    elif isinstance(one, float) and isinstance(other, float):
        assert one == pytest.approx(other, abs=0.011), where
    else:
        assert one == other, where
