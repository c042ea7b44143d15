"""How fast the review queue's pages are in a large store, each asked for as the app asks.

    python benchmarks/review_queue.py --calls 1000000 --store /tmp/queue.db

Makes the store if it is not there: synthetic rows (benchmarks/report.py's results, one call in ten
flagged, eight findings for each flagged call, eight tokens of speech for every call, of which one
is said in all calls). Prints the median and the slowest of --times in milliseconds.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from report import _RESULTS, CHECKS, FIRST

from qc_speech.store import open_store
from qc_speech.store.sql import SqlStore
from qc_speech.web.people import User, UserRole
from qc_speech.web.queue.filters import Filters
from qc_speech.web.queue.select import queue_page

_TOKENS = 8
_FINDINGS = """
INSERT INTO findings (call_id, n, "check", family, outcome, severity, points, confidence, start_ms,
    end_ms, speaker, clause, dimension, agent_id, started_at, settled_outcome, settled_points,
    added)
SELECT r.call_id, c.n, c.name, c.family, c.outcome, c.severity, 0, (r.rowid % 100) / 100.0, 1000,
    1800, 'agent', 'S1 2.3', '服务态度', r.agent_id, r.started_at, c.outcome, 0, 0
FROM results r CROSS JOIN checks c WHERE r.settled_review AND (r.rowid + c.n) % 3 > 0
"""


def build(path: Path, calls: int) -> None:
    with open_store(path):
        pass  # makes the schema
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-300000",
                   "temp_store=MEMORY", "secure_delete=OFF", "foreign_keys=OFF"):  # fmt: skip
        db.execute(f"PRAGMA {pragma}")
    started = time.perf_counter()
    db.execute("BEGIN")
    db.execute("INSERT INTO recordings VALUES ('r', 'x.wav', 90000, 8000, 2)")
    db.execute(_RESULTS, {"calls": calls, "days": 365, "agents": 1000, "payload": 50,
                          "first": FIRST.isoformat()})  # fmt: skip
    db.execute("UPDATE results SET risk = 0 WHERE NOT settled_review")
    db.execute("CREATE TEMP TABLE checks (n, name, family, severity, outcome)")
    db.executemany("INSERT INTO checks VALUES (?,?,?,?,?)", [
        (n, name, family, severity, "uncertain" if n % 2 else "violation")
        for n, (name, family, severity, *_) in enumerate(CHECKS[:12])
    ])  # fmt: skip
    db.execute(_FINDINGS)
    week = "'2026-W52', '2026-12-28 00:00:00.000000'"
    db.execute(
        f"INSERT INTO samples SELECT call_id, {week} FROM results ORDER BY rowid DESC LIMIT 2000"
    )
    print(f"results and findings: {time.perf_counter() - started:.0f} s", flush=True)
    db.executemany("INSERT INTO call_words (n, call_id, words) VALUES (?, ?, ?)", _words(calls))
    db.execute("COMMIT")
    print(f"words: {time.perf_counter() - started:.0f} s", flush=True)
    db.close()


def _words(calls: int) -> Iterator[tuple[int, str, str]]:
    chance = random.Random(1)
    pairs = [chr(0x4E00 + n) + chr(0x5E00 + n) for n in range(3000)]
    for n in range(calls):
        said = chance.sample(pairs, _TOKENS - 1)
        yield n + 1, f"c{n:09d}", " ".join(("您好", *said))


def measure(store: SqlStore, times: int) -> None:
    user = User(1, "w", "w", UserRole.INSPECTOR)
    day = FIRST + timedelta(days=200)
    asked = {
        "first page": Filters(),
        "random sample": Filters(source="sample"),
        "all calls, newest": Filters(source="all", order="newest"),
        "all calls, lowest score": Filters(source="all", order="lowest"),
        "one agent": Filters(agent="00042"),
        "one team": Filters(team="T007"),
        "one day": Filters(first=day, last=day),
        "agent and day, all calls": Filters(source="all", agent="00042", first=day, last=day),
        "a check": Filters(check="phrase3"),
        "a check, unsure": Filters(check="phrase3", confidence=0.02),
        "score at most 85": Filters(score=85.0),
        "mine": Filters(state="mine"),
        "a rare word": Filters(q="一帀", source="all"),
        "a word of every call": Filters(q="您好"),
        "nothing found": Filters(agent="nobody"),
    }
    for name, filters in asked.items():
        print_line(name, [_once(store, user, filters) for _ in range(times)])
    deep = Filters()
    for _ in range(200):
        deep = replace(deep, after=queue_page(store, user, deep).after)
    print_line("page 201", [_once(store, user, deep) for _ in range(times)])


def _once(store: SqlStore, user: User, filters: Filters) -> float:
    started = time.perf_counter()
    queue_page(store, user, filters)
    return 1000 * (time.perf_counter() - started)


def print_line(name: str, ms: list[float]) -> None:
    print(f"{name:28} {statistics.median(ms):8.1f} {max(ms):8.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--store", type=Path, default=Path("queue-benchmark.db"))
    given = parser.parse_args()
    if not given.store.exists():
        build(given.store, given.calls)
    with open_store(given.store) as store:
        measure(store, given.times)


if __name__ == "__main__":
    main()
