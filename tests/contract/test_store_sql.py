"""What a store in a file must do besides: survive, refuse, and share."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event
from test_store import (  # type: ignore[import-not-found]
    finding,
    result,
    review,
    settled,
    voiceprint,
)

from qc_speech.errors import StoreError
from qc_speech.model import CallResult, Outcome, PartyMeasures, Role, Severity
from qc_speech.store import SqlStore, open_store
from qc_speech.store.opening import HEAD, VERSION_TABLE
from qc_speech.store.tables import FINDINGS, METADATA, RESULTS

HERE = Path(__file__).resolve().parent
SRC = HERE.parent.parent / "src"


def refused(work: Callable[[], object], *words: str) -> None:
    with pytest.raises(StoreError) as caught:
        work()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert caught.value.__cause__ is None


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchall()


# --- opening -----------------------------------------------------------------------------------


def test_new_file_is_private_and_in_wal(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "store.db"
    old = os.umask(0)
    try:
        with open_store(path) as store:
            store.put_stage("r", "asr", "k", 1)
            files = [path, Path(f"{path}-wal"), Path(f"{path}-shm")]
            assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    finally:
        os.umask(old)
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_connections_have_their_settings(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store, store._engine.connect() as connection:
        for pragma, value in (
            *(("foreign_keys", 1), ("synchronous", 1), ("busy_timeout", 30_000)),
            ("secure_delete", 1),
        ):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


@pytest.mark.parametrize("as_url", [False, True])
def test_data_is_there_when_opened_again(tmp_path: Path, as_url: bool) -> None:
    address = f"sqlite:///{tmp_path}/plain.db" if as_url else tmp_path / "50%? 店.db"
    with open_store(address) as store:
        store.put_result(result())
    with open_store(address, create=False) as store:
        assert store.result("d01") == result()


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression")
def test_schema_is_what_the_tables_say(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with open_store(tmp_path / "s.db") as store, store._engine.connect() as connection:
        options = {
            "version_table": VERSION_TABLE,
            "compare_type": True,
            # SQLite's full-text index and its shadows are no tables of ours.
            "include_name": lambda name, kind, _: (
                not (kind == "table" and name.startswith("call_words_fts"))
            ),
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD
    script = ScriptDirectory(str(SRC / "qc_speech" / "migrations"))
    assert script.get_current_head() == HEAD


def test_a_current_store_opens_without_alembic(tmp_path: Path) -> None:
    open_store(tmp_path / "s.db").close()
    code = (
        "import sys; from qc_speech.store import open_store; "
        f"open_store({str(tmp_path / 's.db')!r}).close(); print('alembic' in sys.modules)"
    )
    done = run_python(code)
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_making_a_store_is_silent(tmp_path: Path) -> None:
    code = (
        "import logging; logging.basicConfig(level=logging.INFO); "
        "from qc_speech.store import open_store; "
        f"open_store({str(tmp_path / 's.db')!r}).close()"
    )
    done = run_python(code)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_a_store_of_the_first_schema_is_brought_up_with_its_data(tmp_path: Path) -> None:
    path, fresh = tmp_path / "s.db", tmp_path / "fresh.db"
    ones = [result("d01"), team_call(result("d02"))]
    with open_store(fresh) as store:
        for one in ones:
            store.put_result(one)
    first_schema(path, fresh)
    with open_store(path) as store:
        assert list(store.results()) == ones
        assert store.stage("r", "asr", "k") == {"text": "您好"}
        assert store.voiceprints() == ()
        store.put_voiceprint(voiceprint())
        store.put_review(review())
    with open_store(path, create=False) as store:
        assert store.voiceprint("1023") == voiceprint()
        assert list(store.reviews()) == [review()]
    assert rows(path, f"SELECT version_num FROM {VERSION_TABLE}") == [(HEAD,)]
    for table in (RESULTS, FINDINGS):  # as if they had been written today
        names = ", ".join(f'"{c.name}"' for c in table.columns if c.name != "inspected_at")
        query = f"SELECT {names} FROM {table.name} ORDER BY call_id"
        assert rows(path, query) == rows(fresh, query)
    when = "SELECT inspected_at FROM results ORDER BY call_id"
    assert rows(path, when)[0] == (
        "2026-01-15 10:00:00.000000",
    )  # its stage "result" was kept then
    assert rows(path, when)[1][0] > "2026-01-15 10:00:00.000000"


def team_call(one: CallResult) -> CallResult:
    """A call with all that columns hold, that a person has to look at."""
    recording = one.call.recording
    metadata = replace(recording.metadata, team="一班", queue="报修", direction="inbound")
    agent = PartyMeasures(Role.AGENT, 41_200, 170, 248.0, 0.97, -22.9)
    customer = PartyMeasures(Role.CUSTOMER, 30_100, 121, 241.0, None, None)
    doubts = (
        finding(0),
        replace(finding(1), outcome=Outcome.UNCERTAIN, points=0.0),
        replace(finding(2), severity=Severity.CRITICAL, confidence=0.7),
    )
    return replace(
        one,
        call=replace(one.call, recording=replace(recording, metadata=metadata)),
        measures=replace(one.measures, parties=(agent, customer), snr_db=17.5),
        findings=doubts,
    )


def first_schema(path: Path, fresh: Path) -> None:
    """A store as the first version made it, with the calls of a fresh one."""
    with sqlite3.connect(path) as connection:
        connection.executescript((HERE / "schema_0001.sql").read_text("utf-8"))
        connection.execute("ATTACH ? AS fresh", (str(fresh),))
        for table in ("recordings", "results", "findings"):
            there = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            names = ", ".join(f'"{name}"' for name in there)
            connection.execute(f"INSERT INTO {table} SELECT {names} FROM fresh.{table}")
        kept = "INSERT INTO stages VALUES (?, ?, ?, ?, '2026-01-15 10:00:00.000000')"
        connection.execute(kept, ("r", "asr", "k", zlib.compress('{"text":"您好"}'.encode())))
        mark = zlib.compress(b"{}")
        connection.execute(kept, ("ab" * 32, "result", "d01", mark))


def test_nothing_of_an_erased_voiceprint_stays_in_the_files(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with open_store(path) as store:
        store.put_voiceprint(voiceprint())
        payload = rows(path, "SELECT payload FROM voiceprints")[0][0]
        assert isinstance(payload, bytes) and any(payload in one for one in everything(tmp_path))
        assert store.remove_voiceprint("1023")
        assert not any(payload in one for one in everything(tmp_path))


def everything(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


def test_a_voiceprint_shows_nothing_of_the_voice() -> None:
    assert "0.8" not in repr(voiceprint()) and "1023" in repr(voiceprint())


def test_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    open_store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    refused(lambda: open_store(path), "s.db", "newer", "upgrade qc-speech")


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("this is no database at all, only a text of some length\n" * 40)
    before = note.read_bytes()
    refused(lambda: open_store(note), "note.txt", "not a store")
    assert note.read_bytes() == before

    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE results (x)")
    refused(lambda: open_store(other), "other.db", "not a qc-speech store")
    assert rows(other, "SELECT name FROM sqlite_master") == [("results",)]


def test_addresses_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    refused(lambda: open_store(tmp_path), "is a folder")
    refused(lambda: open_store(file / "store.db"), "file")
    refused(lambda: open_store(tmp_path / "no.db", create=False), "does not exist")
    assert not (tmp_path / "no.db").exists()
    refused(lambda: open_store(file, create=False), "not a qc-speech store")
    refused(lambda: open_store("mysql://u@h/d"), "mysql", "PostgreSQL")
    refused(lambda: open_store("sqlite://"), "no file")
    refused(lambda: open_store("no such://thing"), "address")
    refused(lambda: open_store("a\0b"), "cannot be made")


def test_passwords_are_not_shown() -> None:
    with pytest.raises(StoreError) as caught:
        open_store("postgresql+psycopg2://u:hunter2@127.0.0.1:1/db")
    assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    refused(lambda: open_store(folder / "s.db"), "s.db", "ermission")


def test_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    store.close()
    store.close()
    refused(lambda: store.stage("r", "s", "k"), "is closed")


# --- faults while writing ----------------------------------------------------------------------


def test_full_disk_is_one_line_and_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with open_store(path) as store:
        store.put_result(result())
    with open_store(path) as store:
        event.listen(store._engine, "connect", _few_pages)
        store._engine.dispose()  # so that every connection from here on has few pages left
        noise = os.urandom(400_000).hex()
        refused(lambda: store.put_stage("r", "asr", "k", noise), "s.db", "disk is full")
        assert store.result("d01") == result()
        many = tuple(replace(finding(n), reason=os.urandom(2000).hex()) for n in range(200))
        refused(lambda: store.put_result(result(findings=many)), "disk is full")
        assert store.result("d01") == result()  # all of the old or all of the new
    assert rows(path, "SELECT count(*) FROM findings") == [(2,)]


def _few_pages(dbapi: sqlite3.Connection, _record: object) -> None:
    pages = dbapi.execute("PRAGMA page_count").fetchone()[0]
    dbapi.execute(f"PRAGMA max_page_count = {pages + 8}")


def test_locked_store_is_waited_for_and_then_said(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    open_store(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with open_store(path, busy_timeout_s=0.3) as store:
        start = time.monotonic()
        refused(lambda: store.put_stage("r", "s", "k", 1), "locked")
        assert time.monotonic() - start >= 0.25
        assert store.stage("r", "s", "k") is None  # reading goes on
        other.execute("COMMIT")
        store.put_stage("r", "s", "k", 1)
    other.close()


def test_read_only_file_is_said(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        event.listen(store._engine, "begin", lambda c: c.exec_driver_sql("PRAGMA query_only=ON"))
        refused(lambda: store.put_stage("r", "s", "k", 1), "no permission")


def test_errors_never_hold_spoken_words(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        with store._engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE findings")
        refused(lambda: store.put_result(result()), "findings")
        with pytest.raises(StoreError) as caught:
            store.put_result(result())
        assert "您先听我说" not in str(caught.value) and "打断" not in str(caught.value)
        assert store.result("d01") is None  # the transaction fell as a whole


def test_damaged_payloads(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with open_store(path) as store:
        store.put_result(result())
        store.put_stage("r", "asr", "k", 1)
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE results SET payload = x'00'")
            connection.execute("UPDATE stages SET payload = x'00'")
        refused(lambda: store.result("d01"), "d01", "inspect that call again")
        refused(lambda: list(store.results()), "d01")
        assert store.stage("r", "asr", "k") is None
        store.put_result(result())
        assert store.result("d01") == result()


# --- rows for reports --------------------------------------------------------------------------


def test_findings_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with open_store(path) as store:
        store.put_result(result())
        store.put_result(result())
    query = (
        'SELECT call_id, n, "check", outcome, points, start_ms, speaker FROM findings ORDER BY n'
    )
    assert rows(path, query) == [
        ("d01", 0, "check0", "violation", -5.0, 100, "agent"),
        ("d01", 1, "check1", "violation", -5.0, None, None),
    ]
    query = "SELECT agent_id, scenario, total, grade, critical, review, rulebook FROM results"
    assert rows(path, query) == [("1023", "repair_hotline", 90.0, "B", 0, 1, "repair@3")]
    assert rows(path, "SELECT started_at FROM results")[0][0] == "2026-01-15 09:12:00.000000"


def test_what_counts_stands_beside_what_the_machine_said(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    told = "SELECT total, grade, review, settled_total, settled_grade, settled_review, reviewed_at"
    per = 'SELECT n, "check", outcome, points, settled_outcome, settled_points, added FROM findings'
    with open_store(path) as store:
        store.put_result(result())
        assert rows(path, f"{told} FROM results") == [(90.0, "B", 1, 90.0, "B", 1, None)]
        store.put_settled("d01", settled(result(), finding(7)))
        when = "2026-01-16 08:00:00.000000"
        after = [(90.0, "B", 1, 95.0, "A", 0, when)]
        assert rows(path, f"{told} FROM results") == after
        both = [
            (0, "check0", "violation", -5.0, "pass", 0.0, 0),
            (1, "check1", "violation", -5.0, "violation", -5.0, 0),
        ]
        added = (2, "check7", "not_applicable", 0.0, "violation", -5.0, 1)
        assert rows(path, f"{per} ORDER BY n") == [*both, added]
        store.put_settled("d01", settled(result()))  # the miss was taken back
        assert rows(path, f"{per} ORDER BY n") == both
        store.put_result(result(), settled(result(), finding(7)))
        assert rows(path, f"{told} FROM results") == after
        assert rows(path, f"{per} ORDER BY n") == [*both, added]


def test_a_refused_settling_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with open_store(path) as store:
        store.put_result(result())
        refused(lambda: store.put_settled("d01", settled(result(findings=(finding(5),)))), "anew")
    assert rows(path, "SELECT settled_total, settled_review FROM results") == [(90.0, 1)]


def test_a_call_keeps_the_time_it_came_in(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    recording = result().call.recording
    dateless = replace(recording, metadata=replace(recording.metadata, started_at=None))
    one = replace(result(), call=replace(result().call, recording=dateless))
    times = iter([datetime(2026, 2, 1), datetime(2026, 2, 9)])
    with open_store(path) as store:
        store._clock = lambda: next(times)
        store.put_result(one)
        store.put_result(one)
    assert rows(path, "SELECT inspected_at FROM results") == [("2026-02-01 00:00:00.000000",)]
    assert rows(path, "SELECT DISTINCT started_at FROM findings") == [
        ("2026-02-01 00:00:00.000000",)
    ]


def test_results_stream(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        for n in range(300):
            noisy = (replace(finding(), reason=os.urandom(15_000).hex()),)
            store.put_result(result(f"c{n:04}", findings=noisy))
        next(store.results())
        tracemalloc.start()
        try:
            assert sum(1 for _ in store.results()) == 300
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 5_000_000  # 300 results are over 9 MB of text


# --- processes ---------------------------------------------------------------------------------

WRITER = """
import sys
sys.path.insert(0, {here!r})
from test_store import finding, result
from qc_speech.store import open_store
store = open_store({path!r})
for n in range({count}):
    many = tuple(finding(k) for k in range(40))
    store.put_result(result(f"{prefix}{{n:06}}", findings=many))
    print(f"{prefix}{{n:06}}", flush=True)
"""


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def writer(path: Path | str, prefix: str, count: int) -> subprocess.Popen[str]:
    code = WRITER.format(here=str(HERE), path=str(path), prefix=prefix, count=count)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )


def test_a_killed_writer_loses_nothing_it_committed(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    process = writer(path, "c", 100_000)
    assert process.stdout is not None
    said = [process.stdout.readline().strip() for _ in range(60)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read().split()
    assert process.wait() == -signal.SIGKILL
    with open_store(path, create=False) as store:
        kept = {one.call_id: len(one.findings) for one in store.results()}
        assert len(said) >= 60 and set(said) <= set(kept)
        assert len(kept) <= len(said) + 1
        assert set(kept.values()) == {40}
        store.put_result(result("after"))
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
    assert rows(path, "SELECT count(*) FROM findings") == [(40 * len(kept) + 2,)]


def test_processes_make_and_fill_one_store_together(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    processes = [writer(path, prefix, 25) for prefix in "abc"]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]
    with open_store(path) as store:
        assert sum(1 for _ in store.results()) == 75


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_must_open_its_own(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        child = os.fork()
        if child == 0:
            os._exit(_refuses_after_fork(store))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def _refuses_after_fork(store: SqlStore) -> int:
    try:
        store.stage("r", "s", "k")
    except StoreError as error:
        return 7 if "fork" in str(error) else 1
    return 0
