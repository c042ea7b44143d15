"""How fast the review app answers when many inspectors work at once on a large store.

    python benchmarks/web.py build --store /tmp/web.db --calls 1000000
    python benchmarks/web.py run --store /tmp/web.db --users 50 --seconds 60

`--store` is a SQLite file or postgresql+psycopg://... . `build` fills an empty store: synthetic
rows, one call in ten flagged, and 200 copies of an inspected call at the head of the queue. `run`
starts the app in a process of its own and this process asks it over loopback: each user opens the
queue, opens a call (page, transcript, waveform), gives a verdict on every third, and waits --think
seconds (uniform, 0.5 to 1.5 times) before the next page. Prints median, 95th percentile and slowest
in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert, text

from qc_speech.codec import from_json
from qc_speech.model import CallResult
from qc_speech.store import SqlStore, open_store
from qc_speech.store.tables import RECORDINGS
from qc_speech.web import people
from qc_speech.web.config import WebConfig
from qc_speech.web.guard import cookie_name
from qc_speech.web.people import NewUser, UserRole, add_user, find_user
from qc_speech.web.sessions import csrf_of, open_session

INSPECTED = Path(__file__).parents[1] / "tests" / "data" / "inspected" / "d05.json"
REAL = 200
PORT = 8399
_PEAKS = {"step_ms": 20, "channels": ["AAAA" * 1500]}


def build(address: str, calls: int) -> None:
    started = time.perf_counter()
    with open_store(address) as store:
        one = from_json(CallResult, json.loads(INSPECTED.read_text(encoding="utf-8")))
        with store.transaction(write=True) as connection:
            row = {"id": "r" * 64, "source_name": "x.wav", "duration_ms": 90_000,
                   "sample_rate_hz": 8000, "channels": 2}  # fmt: skip
            connection.execute(insert(RECORDINGS), [row])
            sqlite = connection.dialect.name == "sqlite"
            connection.execute(text(_ROWS.format(**(_SQLITE if sqlite else _POSTGRES))),
                               {"calls": calls})  # fmt: skip
            connection.execute(text(_FINDINGS))
        for n in range(REAL):
            recording = replace(
                one.call.recording, id=f"{n:064x}",
                metadata=replace(one.call.recording.metadata, call_id=f"real{n:03d}"),
            )  # fmt: skip
            result = replace(one, call=replace(one.call, recording=recording))
            store.put_result(result)
            store.put_stage(recording.id, "peaks", "peaks/1", _PEAKS)
    print(f"{calls} calls in {time.perf_counter() - started:.0f} s", flush=True)


_SQLITE = {
    "numbers": "WITH RECURSIVE seq(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM seq "
               "WHERE n + 1 < :calls)",
    "id": "printf('c%09d', n)", "agent": "printf('%05d', h % 1000)",
    "team": "printf('T%03d', h % 50)",
    "at": "strftime('%Y-%m-%d %H:%M:%S', '2026-01-05 08:00:00', '+' || (n * 31536000 / :calls) || "
          "' seconds') || '.000000'",
    "payload": "zeroblob(1)", "hash": "(n * 2654435761) % 4294967296",
}  # fmt: skip
_POSTGRES = {
    "numbers": "WITH seq(n) AS (SELECT generate_series(0, CAST(:calls AS bigint) - 1))",
    "id": "'c' || lpad(n::text, 9, '0')", "agent": "lpad((h % 1000)::text, 5, '0')",
    "team": "'T' || lpad((h % 50)::text, 3, '0')",
    "at": "timestamp '2026-01-05 08:00:00' + (n * 31536000 / CAST(:calls AS bigint)) * "
          "interval '1 second'",
    "payload": "'x'::bytea", "hash": "(n * 2654435761) % 4294967296",
}  # fmt: skip
_ROWS = (
    """
INSERT INTO results (call_id, recording_id, agent_id, scenario, started_at, total, grade, critical,
    review, rulebook, payload, team, direction, duration_ms, risk, settled_total, settled_grade,
    settled_critical, settled_review, inspected_at)
{numbers}
SELECT {id}, '"""
    + "r" * 64
    + """', {agent}, 'inbound_service', {at}, 100 - h % 17, 'A', 1 = 0,
    n % 10 = 0, 'inbound_service@1', {payload}, {team}, 'inbound', 90000,
    CASE WHEN n % 10 = 0 THEN (h % 999) / 1000.0 ELSE 0 END, 100 - h % 17, 'A', 1 = 0, n % 10 = 0,
    {at}
FROM (SELECT n, {hash} AS h FROM seq) AS numbered
"""
)
_FINDINGS = """
INSERT INTO findings (call_id, n, "check", family, outcome, severity, points, confidence, start_ms,
    end_ms, speaker, clause, dimension, agent_id, started_at, settled_outcome, settled_points,
    added)
SELECT call_id, c.n, c.name, 'phrase', 'uncertain', 'minor', 0, 0.5, 1000, 2000, 'agent', 'S1', '',
    agent_id, started_at, 'uncertain', 0, 1 = 0
FROM results CROSS JOIN (SELECT 0 AS n, 'greeting' AS name UNION ALL SELECT 1, 'farewell'
    UNION ALL SELECT 2, 'thanks') AS c
WHERE settled_review
"""


class User:
    """One inspector at work."""

    def __init__(self, client: httpx.AsyncClient, secret: str, times: dict[str, list[float]]):
        self._client, self._times = client, times
        self._headers = {
            "x-csrf-token": csrf_of(secret),
            "cookie": f"{cookie_name(False)}={secret}",
        }
        self._chance = random.Random(secret)
        self.refused = 0

    async def work(self, until: float, think: float) -> None:
        opened = 0
        await asyncio.sleep(self._chance.uniform(0, think * 2))
        while time.monotonic() < until:
            await self._ask("queue", "GET", "/queue")
            await asyncio.sleep(think * self._chance.uniform(0.5, 1.5))
            path = f"/calls/real{self._chance.randrange(REAL):03d}"
            html = await self._ask("call page", "GET", path)
            await self._ask("transcript", "GET", f"{path}/transcript")
            await self._ask("waveform", "GET", f"{path}/peaks")
            await asyncio.sleep(think * self._chance.uniform(0.5, 1.5))
            opened += 1
            if opened % 3 == 0:
                await self._judge(path, html)

    async def _judge(self, path: str, html: str) -> None:
        found = re.search(r'id="call-data">(.*?)</script>', html, re.DOTALL)
        assert found
        state = json.loads(found[1])["state"]
        one = self._chance.choice(state["findings"])
        place = {"check": one["check"], "start": one["start"], "end": one["end"]}
        body = {**place, "version": state["version"], "finding": one["number"], "outcome": "pass"}
        await self._ask("verdict", "POST", f"{path}/verdict", body)

    async def _ask(self, what: str, method: str, path: str, body: Any = None) -> str:
        started = time.perf_counter()
        answer = await self._client.request(method, path, json=body, headers=self._headers)
        self._times[what].append(1000 * (time.perf_counter() - started))
        if answer.status_code == 409:  # two users chose one call: as it should be
            self.refused += 1
        elif answer.status_code != 200:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer.text


def secrets(store: SqlStore, config: WebConfig, users: int) -> list[str]:
    people.hashed = lambda _: None  # nobody logs in here: 50 slow hashes would only take time
    found = []
    for n in range(users):
        name = f"bench{n}"
        user = find_user(store, name) or add_user(
            store, NewUser(name, UserRole.INSPECTOR), "not used: sessions are opened here"
        )
        found.append(open_session(store, user, config))
    return found


def run(address: str, users: int, seconds: float, think: float) -> None:
    with tempfile.TemporaryDirectory() as out:
        config = WebConfig(address, Path(out), secure_cookies=False)
        with open_store(address) as store:
            opened = secrets(store, config, users)
        app = subprocess.Popen(
            [sys.executable, "-m", "qc_speech", "web", "--store", address, "--out", out,
             "--port", str(PORT), "--plain-http"], stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            asyncio.run(_load(opened, seconds, think, app.pid))
        finally:
            app.terminate()
            app.wait()


async def _load(opened: list[str], seconds: float, think: float, app: int) -> None:
    times: dict[str, list[float]] = defaultdict(list)
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{PORT}", limits=limits, timeout=60
    ) as client:
        for _ in range(120):
            try:
                await client.get("/login")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.5)
        users = [User(client, secret, times) for secret in opened]
        await users[0].work(time.monotonic() + 2, 0.1)  # the rules are read once
        times.clear()
        started, before = time.monotonic(), _cpu_s(app)
        await asyncio.gather(*(user.work(started + seconds, think) for user in users))
    asked = sum(map(len, times.values()))
    print(f"{len(users)} users, {asked} requests in {time.monotonic() - started:.0f} s, "
          f"{sum(user.refused for user in users)} refused as stale; the app took "
          f"{1000 * (_cpu_s(app) - before) / max(asked, 1):.1f} ms of CPU a request")  # fmt: skip
    print(f"load of the machine meanwhile: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for what, ms in sorted(times.items()):
        ms.sort()
        middle, high = ms[len(ms) // 2], ms[min(len(ms) - 1, int(len(ms) * 0.95))]
        print(f"{what:12} n {len(ms):5}  median {middle:6.0f}  p95 {high:6.0f}  max {ms[-1]:6.0f}")


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process so far (Linux; elsewhere 0)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("build", "run"))
    parser.add_argument("--store", required=True)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--think", type=float, default=2.0)
    given = parser.parse_args()
    if given.what == "build":
        build(given.store, given.calls)
    else:
        run(given.store, given.users, given.seconds, given.think)


if __name__ == "__main__":
    main()
