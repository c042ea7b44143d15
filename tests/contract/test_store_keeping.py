"""Checking, backing up, restoring, migrating and copying a store, in a file and on a server."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update
from test_store import result, review, settled, voiceprint  # type: ignore[import-not-found]
from test_store_sql import first_schema, rows, team_call  # type: ignore[import-not-found]
from typer.testing import CliRunner

from postgres import Cluster
from qc_speech.cli.app import app
from qc_speech.errors import StoreError
from qc_speech.store import SqlStore, copying, open_store
from qc_speech.store.audit import record, verify
from qc_speech.store.opening import HEAD
from qc_speech.store.tables import FAILURES, FINDINGS, METADATA, RESULTS


def run(*args: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["store", *map(str, args)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def filled(store: SqlStore, calls: int = 3) -> None:
    for n in range(calls):
        store.put_result(team_call(result(f"c{n}")))
        store.put_stage(f"r{n}", "asr", "k", {"text": "您好", "n": n})
    store.put_review(review(0, "c0"))
    store.put_settled("c0", settled(team_call(result("c0"))))
    store.put_voiceprint(voiceprint())
    store.put_failure("a.wav", "damaged")
    record(store, "wang", "listen", "call:c0")


def content(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    with store.snapshot() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(table.select())), key=repr)
            for table in METADATA.sorted_tables
        }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    with open_store(tmp_path / "out" / "qc.sqlite") as store:
        filled(store)
    return tmp_path / "out"


# --- check -------------------------------------------------------------------------------------


@pytest.fixture(params=["file", "server"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    where = request.getfixturevalue("postgres_url") if request.param == "server" else tmp_path
    if request.param == "server":
        with open_store(where) as store:
            filled(store)
        return str(where)
    with open_store(tmp_path / "qc.sqlite") as store:
        filled(store)
    return str(tmp_path)


def change(place: str, statement: object) -> None:
    from qc_speech.store_place import named

    with open_store(named(place)) as store, store.transaction(write=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def test_a_sound_store_has_no_faults(place: str) -> None:
    code, told, said = run("check", place)
    assert (code, said) == (0, "")
    assert told == f"schema {HEAD}: 3 calls, 9 findings, 1 reviews; no faults\n"


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            update(RESULTS).where(RESULTS.c.call_id == "c1").values(total=3.0),
            "differs from its result",
        ),
        (update(FINDINGS).where(FINDINGS.c.n == 1).values(points=-7.0), "findings differ"),
        (update(RESULTS).values(payload=b"\0"), "cannot be read"),
        (update(FINDINGS).values(settled_outcome="pass"), "nobody judged it"),
        (FINDINGS.delete().where(FINDINGS.c.n == 0), "findings differ"),
    ],
)
def test_what_does_not_agree_is_said_call_by_call(
    place: str, statement: object, words: str
) -> None:
    change(place, statement)
    code, told, said = run("check", place)
    assert code == 1 and "faults" in told and "no faults" not in told
    assert words in said and "call c1: " in said
    assert "您" not in said


def test_reviews_of_calls_that_are_gone_are_noted(place: str) -> None:
    change(place, RESULTS.delete().where(RESULTS.c.call_id == "c0"))
    code, _, said = run("check", place)
    assert code == 0 and said.startswith("note: ") and "1 reviews" in said


def test_a_damaged_file_is_said(out: Path) -> None:
    file = out / "qc.sqlite"
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    file.write_bytes(data)
    code, _, said = run("check", out)
    assert code == 1 and "damaged" in said


def test_what_is_no_store_is_said(tmp_path: Path) -> None:
    assert run("check", tmp_path)[0] == 1
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE results (x)")
    code, _, said = run("check", tmp_path / "other.db")
    assert code == 1 and "not a qc-speech store" in said


# --- backup and restore ------------------------------------------------------------------------


def test_a_backup_is_one_file_with_its_checksum(place: str, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "a.sqlite"
    code, told, _ = run("backup", place, file)
    assert code == 0
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    assert checksum in told
    assert (file.parent / "a.sqlite.sha256").read_text() == f"{checksum}  a.sqlite\n"
    assert sorted(path.name for path in file.parent.iterdir()) == ["a.sqlite", "a.sqlite.sha256"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert run("backup", place, file)[0] == 2  # never over another one
    assert run("check", file)[0] == 0


def test_what_was_backed_up_comes_back(place: str, tmp_path: Path) -> None:
    from qc_speech.store_place import named

    file = tmp_path / "kept.sqlite"
    assert run("backup", place, file)[0] == 0
    with open_store(named(place)) as store:
        before = content(store)
        store.put_result(result("late"))
        store.remove_voiceprint("1023")
    code, _, said = run("restore", file, place)
    assert code == 2 and "--force" in said
    code, _, said = run("restore", file, place, "--force")
    assert code == 0, said
    with open_store(named(place)) as store:
        assert content(store) == before
        assert verify(store).broken is None
    assert run("check", place)[0] == 0


def test_restoring_is_seen_by_who_has_the_store_open(out: Path, tmp_path: Path) -> None:
    file = tmp_path / "kept.sqlite"
    run("backup", out, file)
    with open_store(out / "qc.sqlite") as store:
        store.put_result(result("late"))
        assert run("restore", file, out, "--force")[0] == 0
        assert [one.call_id for one in store.results()] == ["c0", "c1", "c2"]
        store.put_result(result("next"))


def test_a_backup_that_was_changed_is_refused(out: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "kept.sqlite", tmp_path / "other"
    run("backup", out, file)
    with file.open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"x")
    code, _, said = run("restore", file, other)
    assert code == 1 and "checksum" in said and not other.exists()
    (tmp_path / "kept.sqlite.sha256").unlink()
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2)
    assert run("restore", file, other)[0] == 1
    assert run("restore", tmp_path / "none", other)[0] == 2


# --- migrate -----------------------------------------------------------------------------------


def test_migrating_says_from_and_to_and_keeps_a_backup(out: Path, tmp_path: Path) -> None:
    old = tmp_path / "old" / "qc.sqlite"
    old.parent.mkdir()
    first_schema(old, out / "qc.sqlite")
    assert run("migrate", old.parent, "--dry-run") == (0, f"schema 0001 -> {HEAD}\n", "")
    file = tmp_path / "before.sqlite"
    code, told, _ = run("migrate", old.parent, "--backup", file)
    assert code == 0 and told.startswith(f"schema 0001 -> {HEAD}\nbackup: {file}\n")
    assert rows(file, "SELECT version_num FROM qc_speech_schema") == [("0001",)]
    assert rows(old, "SELECT version_num FROM qc_speech_schema") == [(HEAD,)]
    with open_store(old) as store:
        assert [one.call_id for one in store.results()] == ["c0", "c1", "c2"]
    assert run("migrate", old.parent) == (0, f"schema {HEAD} -> {HEAD}\n", "")
    again = tmp_path / "again"  # the old backup comes back, and is brought up again
    assert run("restore", file, again)[0] == 0
    assert run("check", again)[0] == 0


# --- copy --------------------------------------------------------------------------------------


def test_a_store_moves_to_a_server_and_back(out: Path, postgres_url: str, tmp_path: Path) -> None:
    with open_store(out / "qc.sqlite") as store:
        before = content(store)
    code, told, _ = run("copy", out, postgres_url)
    assert code == 0 and "as many as in" in told
    with open_store(postgres_url) as store:
        assert content(store) == before
        assert verify(store).broken is None
    back = tmp_path / "back"
    assert run("copy", postgres_url, back / "qc.sqlite")[0] == 0
    with open_store(back / "qc.sqlite") as store:
        assert content(store) == before
    assert run("check", back)[0] == 0 and run("check", postgres_url)[0] == 0
    code, _, said = run("copy", out, postgres_url)
    assert code == 2 and "empty store" in said


def test_numbers_that_the_server_gives_go_on_after_those_copied(
    out: Path, postgres: Cluster, postgres_url: str
) -> None:
    with sqlite3.connect(out / "qc.sqlite") as connection:
        connection.execute("INSERT INTO login_failures(id, key, at) VALUES (41, 'k', '2026-01-01')")
    assert run("copy", out, postgres_url)[0] == 0
    given = postgres.sql(
        "INSERT INTO login_failures(key, at) VALUES ('k', now()) RETURNING id", "made"
    )
    assert given == "42"


def test_a_copy_that_was_stopped_goes_on(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(tmp_path / "qc.sqlite") as store:
        filled(store, 12)
        before = content(store)
    monkeypatch.setattr(copying, "_ROWS", 5)
    monkeypatch.setattr(copying, "_ROWS_WITH_PAYLOAD", 4)
    seen: list[tuple[str, int]] = []

    def stop_at(table: str, count: int) -> Callable[[str, int], None]:
        def say(name: str, rows: int) -> None:
            seen.append((name, rows))
            if name == table and rows >= count:
                raise KeyboardInterrupt

        return say

    with open_store(tmp_path / "qc.sqlite") as source, open_store(postgres_url) as target:
        for table, count in (("results", 8), ("findings", 5), ("findings", 15)):
            with pytest.raises(KeyboardInterrupt):
                copying.copy_store(source, target, stop_at(table, count))
        total = copying.copy_store(source, target)
        assert content(target) == before
        assert total == sum(len(rows) for rows in before.values())
        assert not any(
            name == "recordings" for name, _ in seen[3:]
        )  # what was there was not redone
    other = tmp_path / "other"
    with open_store(other / "qc.sqlite") as store:
        filled(store)
    assert run("copy", other, postgres_url)[0] == 2


def test_rows_that_did_not_arrive_are_said(out: Path, postgres_url: str) -> None:
    def lose(table: str, rows: int) -> None:
        if table == "failures":
            with target.transaction(write=True) as connection:
                connection.execute(FAILURES.delete())

    with open_store(out / "qc.sqlite") as source, open_store(postgres_url) as target:
        with pytest.raises(StoreError) as caught:
            copying.copy_store(source, target, lose)
        assert "failures holds 0 rows (0 bytes) of 1" in str(caught.value)
