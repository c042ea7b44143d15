"""How fast cards are made from a large store, beside a plain scan of the same rows by SQL.

    python benchmarks/report.py --calls 1000000 --days 90 --store /tmp/cards.db

Makes the store if it is not there (synthetic rows by SQL, not one word of a call; payloads are
--payload empty bytes), then makes one agent's month, one team's month and the site's week three
times each and prints the median seconds (and those of the processor, which a busy machine does not
stretch) and the ratio to the scan.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from qc_speech.cards.period import Period
from qc_speech.report.cards import (
    escalations,
    make_agent_card,
    make_group_card,
    make_weekly_report,
)
from qc_speech.setup import load_rules
from qc_speech.store import open_store
from qc_speech.store.cards import CardRows

FIRST = date(2026, 1, 5)  # a Monday
# Identifier, family, severity, points, dimension, violations in a thousand calls.
CHECKS = [
    (f"phrase{n}", "phrase", "minor", 3, "服务态度", 40 + 5 * n) for n in range(12)
] + [
    (f"banned{n}", "banned", "major" if n else "critical", 5, "业务水平", 4) for n in range(10)
] + [
    (f"sound{n}", family, "minor", 3, "工作效率", 25)
    for n, family in enumerate(("pace", "pace", "interruption", "language", "delivery", "timing",
                                "timing", "timing"))
]  # fmt: skip


def build(path: Path, calls: int, days: int, agents: int, payload: int) -> None:
    """Fill a new store in the order of time, as nights of batches do."""
    with open_store(path):
        pass  # makes the schema
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000",
                   "temp_store=MEMORY", "secure_delete=OFF", "foreign_keys=OFF"):  # fmt: skip
        db.execute(f"PRAGMA {pragma}")
    indexes = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL "
        "AND tbl_name IN ('results', 'findings')"
    ).fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    db.execute("BEGIN")
    db.execute("INSERT INTO recordings VALUES ('r', 'x.wav', 90000, 8000, 2)")
    started = time.perf_counter()
    db.execute(_RESULTS, {"calls": calls, "days": days, "agents": agents, "payload": payload,
                          "first": FIRST.isoformat()})  # fmt: skip
    print(f"results: {time.perf_counter() - started:.0f} s", flush=True)
    db.execute(
        "CREATE TEMP TABLE checks (n INTEGER PRIMARY KEY, name, family, severity, points, "
        "dimension, violated)"
    )
    db.executemany("INSERT INTO checks VALUES (?,?,?,?,?,?,?)",
                   [(n, *check) for n, check in enumerate(CHECKS)])  # fmt: skip
    db.execute(_FINDINGS)
    print(f"findings: {time.perf_counter() - started:.0f} s", flush=True)
    for _, sql in indexes:
        db.execute(sql)
    db.execute("COMMIT")
    print(f"indexes: {time.perf_counter() - started:.0f} s", flush=True)
    db.close()


_RESULTS = """
INSERT INTO results (call_id, recording_id, agent_id, scenario, started_at, total, grade, critical,
    review, rulebook, payload, agent_name, team, queue, direction, duration_ms, agent_talk_ms,
    customer_talk_ms, snr_db, mandarin_share, risk, settled_total, settled_grade, settled_critical,
    settled_review, reviewed_at, inspected_at)
WITH RECURSIVE seq(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM seq WHERE i + 1 < :calls),
rnd AS (SELECT i, (i * 2654435761) % 4294967296 AS h, (i * 40503 + 12345) % 65536 AS k FROM seq)
SELECT printf('c%09d', i), 'r', printf('%05d', h % :agents),
    CASE k % 4 WHEN 0 THEN 'complaint' WHEN 1 THEN 'repair_hotline' ELSE 'inbound_service' END,
    strftime('%Y-%m-%d %H:%M:%S', :first, '+' || (i * :days / :calls) || ' days',
             '+8 hours', '+' || (h % 36000) || ' seconds') || '.000000',
    100 - h % 17, CASE WHEN h % 17 > 5 THEN 'B' ELSE 'A' END, k % 400 = 0, k % 10 = 0,
    'complaint@1.0+aaaaaaaa', zeroblob(:payload), printf('坐席%05d', h % :agents),
    printf('T%03d', (h % :agents) / 20), printf('q%d', h % 7), 'inbound', 60000 + k * 5,
    30000 + k * 2, 20000, CASE WHEN k % 50 = 0 THEN NULL ELSE 10 + k % 25 END,
    1.0 - (k % 10) / 50.0, k / 65536.0, 100 - h % 17, CASE WHEN h % 17 > 5 THEN 'B' ELSE 'A' END,
    k % 400 = 0, k % 10 = 0, NULL, '2026-06-01 00:00:00.000000'
FROM rnd
"""

_FINDINGS = """
INSERT INTO findings (call_id, n, "check", family, outcome, severity, points, confidence, start_ms,
    end_ms, speaker, clause, dimension, agent_id, started_at, settled_outcome, settled_points,
    added)
SELECT call_id, n, name, family, outcome, severity,
    CASE outcome WHEN 'violation' THEN -points ELSE 0 END, 0.9, 1000 * n, 1000 * n + 800, 'agent',
    'S1 2.3', dimension, agent_id, started_at, outcome,
    CASE outcome WHEN 'violation' THEN -points ELSE 0 END, 0
FROM (
    SELECT r.call_id, c.n, c.name, c.family, c.severity, c.points, c.dimension, r.agent_id,
        r.started_at,
        CASE WHEN (r.rowid * 7919 + c.n * 104729) % 1000 < c.violated THEN 'violation'
             WHEN (r.rowid * 7919 + c.n * 104729) % 1000 < c.violated + 15 THEN 'uncertain'
             WHEN (r.rowid * 7919 + c.n * 104729) % 1000 < c.violated + 120 THEN 'not_applicable'
             ELSE 'pass' END AS outcome
    FROM results r CROSS JOIN checks c
    ORDER BY r.rowid, c.n
)
"""


_OF_TEAM = (
    "call_id IN (SELECT call_id FROM results WHERE team = ? AND started_at >= '{a}' "
    "AND started_at < '{b}')"
)


def timed(work: Callable[[], object], times: int) -> tuple[float, float]:
    """Median seconds by the clock and of the processor."""
    found = []
    for _ in range(times):
        start, used = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - start, time.process_time() - used))
    clock, processor = zip(*found)
    return statistics.median(clock), statistics.median(processor)


def measure(path: Path, days: int, times: int) -> None:
    last = FIRST + timedelta(days=days - 1)
    week = Period.week_of(last - timedelta(days=7))
    month = Period(last - timedelta(days=29), last)
    repeats = escalations(load_rules().rulebooks)
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with open_store(path, create=False) as store:
        rows = CardRows(store)
        cases: list[tuple[str, Callable[[], object], str, Period, tuple[str, ...]]] = [
            ("agent's month", lambda: make_agent_card(rows, "00007", month, repeats),
             "agent_id = ?", month, ("00007",)),
            ("team's month", lambda: make_group_card(rows, "team", "T003", month),
             _OF_TEAM, month, ("T003",)),
            ("site's week", lambda: make_group_card(rows, "site", None, week), "1", week, ()),
            ("weekly report", lambda: make_weekly_report(rows, week), "1", week, ()),
        ]  # fmt: skip
        for name, work, where, period, values in cases:
            seconds, used = timed(work, times)
            where = where.format(a=period.start, b=period.end)
            query = (
                "SELECT COUNT(*), SUM(settled_points), COUNT(DISTINCT agent_id) FROM findings "
                f"WHERE {where} AND started_at >= '{period.start}' AND started_at < '{period.end}'"
            )
            _, scan = timed(lambda: db.execute(query, values).fetchall(), 3)  # noqa: B023
            count = db.execute(query, values).fetchone()[0]
            print(
                f"{name}: {seconds:.2f} s (processor {used:.2f} s); plain scan of its {count} "
                f"findings {scan:.3f} s of the processor, ratio {used / max(scan, 1e-4):.0f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--payload", type=int, default=2000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--store", type=Path, default=Path("cards-benchmark.db"))
    given = parser.parse_args()
    if not given.store.exists():
        build(given.store, given.calls, given.days, given.agents, given.payload)
    measure(given.store, given.days, given.times)


if __name__ == "__main__":
    main()
