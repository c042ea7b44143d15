"""How fast a large store answers the review queue and a month of one agent.

    python benchmarks/store.py FOLDER_OR_URL --calls 1000000 [--findings 4] [--explain]

Makes the calls where there are none (inside the database, from their numbers: made-up values, no
payload to speak of), lets the database count its values (ANALYZE), and prints the median and the
slowest of 15 askings of each question, each time of another agent, team, check or day.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select, text

from qc_speech.store import SqlStore, open_store
from qc_speech.store.tables import FINDINGS, RESULTS
from qc_speech.store_place import named

AGENTS, TEAMS, QUEUES, PAGE = 2000, 100, 20, 50
FIRST = datetime(2025, 1, 1)
AT_ONCE = 250_000
CHECKS = ("greeting", "self_id", "thanks", "farewell", "impatience", "agent_interrupts", "too_fast")


def fill(store: SqlStore, calls: int, findings: int) -> float:
    """Add calls up to this number; returns the seconds it took."""
    start = time.perf_counter()
    with store.transaction(write=False) as connection:
        there = connection.execute(select(func.count()).select_from(RESULTS)).scalar_one()
    for first in range(there, calls, AT_ONCE):
        last = min(first + AT_ONCE, calls) - 1
        with store.transaction(write=True) as connection:
            for statement in _statements(store.on_server, first, last, calls, findings):
                connection.execute(text(statement))
    with store.transaction(write=True) as connection:
        connection.execute(text("ANALYZE"))
    return time.perf_counter() - start


def _statements(server: bool, first: int, last: int, calls: int, findings: int) -> Iterator[str]:
    numbers = (
        f"SELECT n FROM generate_series({first}, {last}) AS g(n)"
        if server
        else f"SELECT n FROM (WITH RECURSIVE g(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM g "
        f"WHERE n < {last}) SELECT n FROM g)"
    )
    # A year, whatever the number of calls; a multiplier without common factors mixes the values.
    second = f"(n * 31536000.0 / {calls})"
    day = (
        f"timestamp '2025-01-01' + {second} * interval '1 second'"
        if server
        else f"strftime('%Y-%m-%d %H:%M:%S.000000', 1735689600 + CAST({second} AS INTEGER), "
        "'unixepoch')"
    )
    cut = "|| ''" if server else ""
    payload = "'\\x00'::bytea" if server else "x'00'"
    agent = f"'a' || (n * 7919 % {AGENTS})"
    doubt = "n * 104729 % 1000"
    yes, no = ("true", "false") if server else ("1", "0")
    recording = "INSERT INTO recordings VALUES ('bench', 'bench.wav', 1000, 8000, 2) "
    yield recording + "ON CONFLICT DO NOTHING"
    yield (
        "INSERT INTO results (call_id, recording_id, agent_id, scenario, started_at, total, grade, "
        "critical, review, rulebook, payload, agent_name, team, queue, direction, duration_ms, "
        "agent_talk_ms, customer_talk_ms, snr_db, mandarin_share, risk, settled_total, "
        "settled_grade, settled_critical, settled_review, inspected_at) "
        f"SELECT 'call' || n {cut}, 'bench', {agent}, 'inbound_service', {day}, "
        f"100 - n % 40, 'B', {no}, CASE WHEN {doubt} < 50 THEN {yes} ELSE {no} END, 'b@1', "
        f"{payload}, {agent}, 't' || (n * 7919 % {AGENTS} % {TEAMS}), 'q' || (n % {QUEUES}), "
        f"'inbound', 180000, 80000, 70000, 20, 1, CASE WHEN {doubt} < 50 THEN 1 + n % 977 / 7.0 "
        f"ELSE 0 END, 100 - n % 40, 'B', {no}, CASE WHEN {doubt} < 50 THEN {yes} ELSE {no} END, "
        f"{day} FROM ({numbers}) AS numbers"
    )
    for k in range(findings):
        check = CHECKS[k % len(CHECKS)]
        outcome = f"CASE WHEN (n + {k}) % 13 = 0 THEN 'violation' ELSE 'pass' END"
        yield (
            'INSERT INTO findings (call_id, n, "check", family, outcome, severity, points, '
            "confidence, clause, dimension, agent_id, started_at, settled_outcome, settled_points, "
            f"added) SELECT 'call' || n, {k}, '{check}', 'phrase', {outcome}, 'minor', 0, 0.9, "
            f"'S1', '服务态度', {agent}, {day}, {outcome}, 0, {no} FROM ({numbers}) AS numbers"
        )


def questions(draw: random.Random) -> dict[str, Callable[[], Select[Any]]]:
    """What people ask, each time with other values."""
    queue = (
        select(RESULTS.c.call_id, RESULTS.c.agent_id, RESULTS.c.risk, RESULTS.c.settled_total)
        .where(RESULTS.c.settled_review)
        .order_by(RESULTS.c.risk.desc(), RESULTS.c.call_id)
        .limit(PAGE)
    )

    def month(table: Any) -> Any:
        start = FIRST + timedelta(days=30 * draw.randrange(12))
        return (table.c.started_at >= start) & (table.c.started_at < start + timedelta(days=30))

    def agent() -> str:
        return f"a{draw.randrange(AGENTS)}"

    def violated() -> Any:
        return (
            select(FINDINGS.c.call_id)
            .where(
                FINDINGS.c.call_id == RESULTS.c.call_id,
                FINDINGS.c.check == draw.choice(CHECKS[:4]),
                FINDINGS.c.settled_outcome == "violation",
            )
            .exists()
        )

    totals = (func.count(), func.avg(RESULTS.c.settled_total), func.sum(RESULTS.c.agent_talk_ms))
    lines = select(FINDINGS.c.check, FINDINGS.c.settled_outcome, func.count()).group_by(
        FINDINGS.c.check, FINDINGS.c.settled_outcome
    )
    return {
        "queue, first page": lambda: queue,
        "queue, page after risk 60": lambda: queue.where(RESULTS.c.risk < 60),
        "queue of a team": lambda: queue.where(RESULTS.c.team == f"t{draw.randrange(TEAMS)}"),
        "queue of an agent": lambda: queue.where(RESULTS.c.agent_id == agent()),
        "queue of a month": lambda: queue.where(month(RESULTS)),
        "queue with a violated check": lambda: queue.where(violated()),
        "an agent's month, calls": lambda: select(*totals).where(
            RESULTS.c.agent_id == agent(), month(RESULTS)
        ),
        "an agent's month, checks": lambda: lines.where(
            FINDINGS.c.agent_id == agent(), month(FINDINGS)
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", help="Folder, SQLite file or postgresql://...")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--findings", type=int, default=4, help="Rows of findings per call.")
    parser.add_argument("--explain", action="store_true", help="Show how each one is answered.")
    given = parser.parse_args()
    with open_store(named(given.place)) as store:
        took = fill(store, given.calls, given.findings)
        print(f"{given.calls} calls, {given.findings} findings each: made in {took:.0f} s")
        for name, ask in questions(random.Random(7)).items():
            times = []
            for _ in range(15):
                query = ask()
                with store.transaction(write=False) as connection:
                    start = time.perf_counter()
                    connection.execute(query).all()
                    times.append(1000 * (time.perf_counter() - start))
            print(f"{name:32} median {statistics.median(times):8.1f} ms, slowest {max(times):8.1f}")
            if given.explain:
                _explain(store, ask())


def _explain(store: SqlStore, query: Select[Any]) -> None:
    with store.transaction(write=False) as connection:
        written = query.compile(connection, compile_kwargs={"literal_binds": True})
        word = "EXPLAIN" if store.on_server else "EXPLAIN QUERY PLAN"
        for row in connection.exec_driver_sql(f"{word} {written}".replace("%", "%%")):
            print("    ", row[-1])


if __name__ == "__main__":
    main()
