"""Damaged and hostile recordings and manifests: none stops a batch, none writes outside its
folders, each has a clear reason. 60 by default; QC_SPEECH_FUZZ=1000 for as many as one likes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hostile_files import manifests, recordings
from nightly_runs import Batch, rows_of

COUNT = int(os.environ.get("QC_SPEECH_FUZZ", "60"))


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    top = 'workers = 2\ntries = 2\nreport = false\narchive = "{0}"\nquarantine = "{1}"'
    return Batch(tmp_path, top.format(tmp_path / "kept", tmp_path / "aside"))


def beside(batch: Batch) -> set[Path]:
    """What lies beside the folders that a batch may write to."""
    may = [batch.out, batch.folder, batch.place / "kept", batch.place / "aside"]
    found = set(batch.place.parent.rglob("*"))
    return {path for path in found if not any(one in (path, *path.parents) for one in may)}


def check(batch: Batch) -> dict[str, int]:
    """Run, and see that the batch ended well and everything has its reason."""
    batch.profile()
    before = beside(batch)
    ran = batch.run(SCRIPTED_NOTHING="1")
    assert ran.code in (0, 1), ran.err
    assert "internal error" not in ran.err, ran.err
    assert ran.about("worker process died") == []
    assert beside(batch) == before
    assert not (batch.place.parent / "x").exists()
    found = rows_of(batch, "SELECT state, reason, source FROM queue")
    assert {state for state, _, _ in found} <= {"done", "duplicate", "quarantined"}, found
    for state, reason, source in found:
        assert (state == "done") is (reason == ""), source
        assert len(reason.splitlines()) <= 1 and reason.isprintable()
        assert "internal error" not in reason and str(batch.place) not in reason[:40]
    left = [path for path in batch.out.rglob(".*") if path.name != ".night.lock"]
    assert left == []
    states = batch.states()
    again = batch.run(SCRIPTED_NOTHING="1")
    assert again.code == 0 and "done 0, unchanged 0" in again.out, "nothing is left to do"
    assert batch.states().get("done") == states.get("done")
    return states


def test_hostile_recordings(batch: Batch) -> None:
    made = recordings(batch.folder, COUNT, seed=7)
    states = check(batch)
    visible = [path for path in made if not path.name.startswith(".")]
    assert sum(states.values()) == len(visible), "each is counted"
    assert states["quarantined"] > COUNT / 4 and states["done"] > 0
    asleep = sum(1 for path in (batch.place / "aside").rglob("*") if path.is_file())
    assert asleep == states["quarantined"], "what is quarantined lies aside, nothing is lost"


def test_hostile_manifests(batch: Batch) -> None:
    manifests(batch.folder, COUNT // 2, seed=11)
    batch.source = 'kind = "inbox"'
    states = check(batch)
    assert states["quarantined"] > COUNT / 4
