"""The audit log: no entry can be changed, removed or cut off unnoticed."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from qc_speech.errors import UsageError
from qc_speech.store import audit, open_store
from qc_speech.vault import KEY, new_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with open_store(tmp_path / "qc.sqlite") as store:
        for n in range(5):
            audit.record(store, "lin", "listen", f"call:{n}", {"seconds": n, "why": "复核"})
    return tmp_path / "qc.sqlite"


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def verdict(path: Path, since: tuple[int, str] | None = None) -> audit.Verdict:
    with open_store(path) as store:
        return audit.verify(store, since)


def test_a_whole_chain_verifies(path: Path) -> None:
    found = verdict(path)
    assert (found.entries, found.broken) == (5, None) and found.head is not None
    with open_store(path) as store:
        assert audit.head(store) == found.head
        newest = next(audit.entries(store, newest=2))
        assert (newest.who, newest.object, newest.detail["why"]) == ("lin", "call:4", "复核")
        assert [one.seq for one in audit.entries(store)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET who = 'wang' WHERE seq = 3", 3),
        ("UPDATE audit SET detail = '{}' WHERE seq = 1", 1),
        ("UPDATE audit SET at = '2020-01-01 00:00:00.000000' WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("UPDATE audit SET seq = 9 WHERE seq = 5", 5),
        ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 3) WHERE seq = 4", 4),
    ],
)
def test_every_change_shows(path: Path, statement: str, broken: int) -> None:
    change(path, statement)
    assert verdict(path).broken == broken


def test_a_cut_end_shows_against_a_noted_entry(path: Path) -> None:
    noted = verdict(path).head
    assert noted is not None and verdict(path, (noted[0], noted[1][:8])).broken is None
    change(path, "DELETE FROM audit WHERE seq >= 4")
    assert verdict(path).broken is None  # the chain alone cannot know
    assert verdict(path, noted).broken == 4
    with open_store(path) as store:
        for _ in range(2):
            audit.record(store, "lin", "listen", "call:x")
    assert verdict(path, noted).broken == 5


def test_with_a_key_the_chain_cannot_be_rewritten_without_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_key(), new_key()
    monkeypatch.setenv(KEY, first)
    with open_store(path) as store:
        audit.record(store, "lin", "mask", "call:1")
    monkeypatch.setenv(KEY, f"{second}\n{first}")
    with open_store(path) as store:
        audit.record(store, "lin", "mask", "call:2")
    assert verdict(path).entries == 7 and verdict(path).broken is None
    monkeypatch.setenv(KEY, second)
    assert verdict(path).broken == 6
    monkeypatch.delenv(KEY)
    with pytest.raises(UsageError, match="QC_SPEECH_KEY_FILE"):
        verdict(path)


def append(path: Path, name: str) -> None:
    with open_store(path) as store:
        for n in range(20):
            audit.record(store, name, "listen", f"call:{n}")


def test_several_processes_make_one_chain(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append, args=(path, name)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    found = verdict(path)
    assert (found.entries, found.broken) == (45, None)
