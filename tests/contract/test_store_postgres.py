"""What a store on a server must do besides: survive the server's end, share, say what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from test_store import finding, result, review, settled  # type: ignore[import-not-found]
from test_store_sql import SRC, refused, writer  # type: ignore[import-not-found]

from postgres import Cluster
from qc_speech.store import SqlStore, open_store
from qc_speech.store.opening import HEAD, VERSION_TABLE
from qc_speech.store.tables import METADATA


@pytest.fixture
def store(postgres_url: str) -> Iterator[SqlStore]:
    with open_store(postgres_url) as opened:
        yield opened


def asked(cluster: Cluster, url: str, query: str) -> str:
    return cluster.sql(query, url.partition("@/")[2].partition("?")[0])


def test_schema_is_what_the_tables_say(postgres: Cluster) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    url = postgres.new_database()
    expressions = {"ix_call_words_words", "ix_results_code_points"}  # Alembic cannot compare them

    def compared(_object: object, name: str | None, *_: object) -> bool:
        return name not in expressions

    with open_store(url) as store, store._engine.connect() as connection:
        options = {
            "version_table": VERSION_TABLE,
            "compare_type": True,
            "include_object": compared,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD
    names = asked(postgres, url, "SELECT indexname FROM pg_indexes").split()
    assert expressions <= set(names)
    plan = 'EXPLAIN SELECT payload FROM results ORDER BY call_id COLLATE "C"'
    assert "ix_results_code_points" in asked(postgres, url, f"SET enable_sort = off; {plan}")


def test_two_who_make_a_store_at_once_both_get_it(postgres: Cluster) -> None:
    url = postgres.new_database()
    errors: list[BaseException] = []

    def make() -> None:
        try:
            open_store(url).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_other_tables_of_the_database_are_left_alone(postgres: Cluster) -> None:
    url = postgres.new_database()
    asked(postgres, url, "CREATE TABLE orders (id int); INSERT INTO orders VALUES (7)")
    with open_store(url) as store:
        store.put_result(result())
    assert asked(postgres, url, "SELECT id FROM orders") == "7"
    strange = postgres.new_database()
    asked(postgres, strange, "CREATE TABLE results (x int)")
    refused(lambda: open_store(strange), "not a qc-speech store")


def test_what_is_wrong_with_an_address_is_said(postgres: Cluster, postgres_url: str) -> None:
    nobody = postgres_url.replace(f"//{postgres.user}@", "//nemo:hunter2@")
    with pytest.raises(Exception) as caught:
        open_store(nobody)
    assert "hunter2" not in str(caught.value) and "no such database or user" in str(caught.value)
    nothing = postgres_url.replace("@/", "@/not_there_")
    refused(lambda: open_store(nothing), "no such database")
    elsewhere = postgres_url.replace(str(postgres.folder), str(postgres.folder / "none"))
    refused(lambda: open_store(elsewhere), "does not answer")
    refused(lambda: open_store(postgres.new_database(), create=False), "not a qc-speech store")
    refused(lambda: open_store(f"{postgres_url}&nonsense=1"), "nonsense")


def test_rights_that_are_missing_are_said(postgres: Cluster, postgres_url: str) -> None:
    asked(
        postgres,
        postgres_url,
        "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    )
    url = postgres_url.replace(f"//{postgres.user}@", "//reader@")
    with open_store(url) as store:
        assert store.result("d01") is None
        refused(lambda: store.put_result(result()), "may not do this")
    asked(postgres, postgres_url, "DROP OWNED BY reader; DROP ROLE reader")


def test_a_missing_driver_is_one_line(postgres_url: str) -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from qc_speech.errors import StoreError\n"
        "from qc_speech.store import open_store\n"
        f"try: open_store({postgres_url!r})\n"
        "except StoreError as error: print(error)"
    )
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "pip install 'qc-speech[postgres]'" in done.stdout


def test_a_server_started_anew_costs_at_most_one_operation(
    postgres: Cluster, store: SqlStore
) -> None:
    store.put_result(result("a"))
    half = store.results()
    store.put_result(result("b"))
    postgres.stop()
    try:
        refused(lambda: store.put_result(result("c")), "does not answer")
        refused(lambda: store.stage("r", "s", "k"), "does not answer")
    finally:
        postgres.start()
    store.put_result(result("c"))
    assert [one.call_id for one in half] == ["a", "b", "c"]
    assert [one.call_id for one in store.results()] == ["a", "b", "c"]


def test_a_server_that_ends_in_the_middle_of_a_write_leaves_all_or_nothing(
    postgres: Cluster, store: SqlStore
) -> None:
    store.put_result(result())
    many = tuple(finding(n) for n in range(40))
    with store._begin(write=True) as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    from sqlalchemy import event

    def end(conn: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO findings"):
            postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                         "WHERE application_name = 'qc-speech'")  # fmt: skip

    event.listen(store._engine, "before_cursor_execute", end)
    refused(lambda: store.put_result(result(findings=many)), "does not answer")
    event.remove(store._engine, "before_cursor_execute", end)
    assert pid and store.result("d01") == result()
    store.put_result(result(findings=many))  # the second try goes through
    read = store.result("d01")
    assert read is not None and len(read.findings) == 40


def test_a_killed_server_keeps_what_was_committed(postgres: Cluster, store: SqlStore) -> None:
    for n in range(20):
        store.put_result(result(f"c{n:02}"))
    postgres.kill()
    refused(lambda: store.put_result(result("late")), "does not answer")
    postgres.start()
    assert [one.call_id for one in store.results()] == [f"c{n:02}" for n in range(20)]
    store.put_result(result("late"))
    assert store.result("late") == result("late")


def test_a_lock_is_waited_for_and_then_said(postgres: Cluster, postgres_url: str) -> None:
    with open_store(postgres_url, busy_timeout_s=0.3) as store, open_store(postgres_url) as other:
        store.put_result(result())
        with other._begin(write=True) as connection:
            connection.exec_driver_sql("LOCK TABLE results IN EXCLUSIVE MODE")
            refused(lambda: store.put_result(result()), "locked")
            assert store.result("d01") == result()  # reading goes on
        store.put_result(result())


def test_processes_fill_one_store_together(postgres: Cluster, postgres_url: str) -> None:
    processes = [writer(postgres_url, prefix, 25) for prefix in "ab"]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    with open_store(postgres_url) as store:
        assert sum(1 for _ in store.results()) == 50
    assert asked(postgres, postgres_url, "SELECT count(*) FROM findings") == str(50 * 40)


def test_verdicts_and_results_written_at_once_leave_one_of_them_whole(store: SqlStore) -> None:
    machine = result()
    store.put_result(machine)
    store.put_review(review())
    both = (machine, replace(machine, findings=(finding(0), finding(1, -2.0), finding(1))))
    errors: list[BaseException] = []

    def work(n: int) -> None:
        try:
            for k in range(15):
                if n % 2:
                    store.put_result(both[k % 2], settled(both[k % 2]))
                else:
                    store.put_settled("d01", settled(machine, finding(7)))
        except Exception as error:  # "inspected anew" is what a verdict on older findings is told
            if "inspected anew" not in str(error):
                errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with store._begin(write=False) as connection:
        rows = connection.exec_driver_sql(
            'SELECT n, "check", added FROM findings ORDER BY n'
        ).fetchall()
    read = store.result("d01")
    assert read is not None
    assert [row[1] for row in rows if not row[2]] == [one.check for one in read.findings]
    assert [row[0] for row in rows] == list(range(len(rows)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_must_open_its_own(store: SqlStore, postgres_url: str) -> None:
    store.put_result(result())
    child = os.fork()
    if child == 0:
        try:
            refused(lambda: store.result("d01"), "fork")
            with open_store(postgres_url) as own:
                own.put_result(result("child"))
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [one.call_id for one in store.results()] == ["child", "d01"]  # the parent's still works


def test_nothing_of_an_erased_voiceprint_stays_in_the_files(
    postgres: Cluster, store: SqlStore, postgres_url: str
) -> None:
    from test_store import voiceprint

    store.put_voiceprint(voiceprint())
    where = asked(postgres, postgres_url, "SELECT pg_relation_filepath('voiceprints')")
    with store._begin(write=False) as connection:
        payload = bytes(connection.exec_driver_sql("SELECT payload FROM voiceprints").scalar_one())
    asked(postgres, postgres_url, "CHECKPOINT")
    assert payload in (postgres.folder / "data" / where).read_bytes()
    assert store.remove_voiceprint("1023")
    asked(postgres, postgres_url, "CHECKPOINT")
    after = asked(postgres, postgres_url, "SELECT pg_relation_filepath('voiceprints')")
    for path in {Path(where), Path(after)}:
        file = postgres.folder / "data" / path
        assert not file.exists() or payload not in file.read_bytes()
