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
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert

from qc_speech.codec import from_json
from qc_speech.model import CallResult
from qc_speech.store import SqlStore, open_store
from qc_speech.store.tables import FINDINGS, RECORDINGS, RESULTS
from qc_speech.web.config import WebConfig
from qc_speech.web.guard import cookie_name
from qc_speech.web.people import NewUser, UserRole, add_user, find_user
from qc_speech.web.sessions import csrf_of, open_session

INSPECTED = Path(__file__).parents[1] / "tests" / "data" / "inspected" / "d05.json"
REAL = 200
PORT = 8399
_BATCH = 5000
_FIRST = datetime(2026, 1, 5, 8)
_PEAKS = {"step_ms": 20, "channels": ["AAAA" * 1500]}


def build(address: str, calls: int) -> None:
    started = time.perf_counter()
    with open_store(address) as store:
        one = from_json(CallResult, json.loads(INSPECTED.read_text(encoding="utf-8")))
        with store.transaction(write=True) as connection:
            row = {"id": "r" * 64, "source_name": "x.wav", "duration_ms": 90_000,
                   "sample_rate_hz": 8000, "channels": 2}  # fmt: skip
            connection.execute(insert(RECORDINGS), [row])
        for first in range(0, calls, _BATCH):
            numbers = range(first, min(first + _BATCH, calls))
            with store.transaction(write=True) as connection:
                connection.execute(insert(RESULTS), [_result(n, calls) for n in numbers])
                connection.execute(insert(FINDINGS), [f for n in numbers for f in _findings(n)])
        for n in range(REAL):
            recording = replace(
                one.call.recording, id=f"{n:064x}",
                metadata=replace(one.call.recording.metadata, call_id=f"real{n:03d}"),
            )  # fmt: skip
            result = replace(one, call=replace(one.call, recording=recording))
            store.put_result(result)
            store.put_stage(recording.id, "peaks", "peaks/1", _PEAKS)
    print(f"{calls} calls in {time.perf_counter() - started:.0f} s", flush=True)


def _result(n: int, calls: int) -> dict[str, Any]:
    chance = (n * 2654435761) % 4294967296
    flagged, total = n % 10 == 0, 100.0 - chance % 17
    began = _FIRST + timedelta(seconds=n * 365 * 86_400 // calls)
    return {
        "call_id": f"c{n:09d}", "recording_id": "r" * 64, "agent_id": f"{chance % 1000:05d}",
        "scenario": "inbound_service", "started_at": began, "total": total, "grade": "A",
        "critical": False, "review": flagged, "rulebook": "inbound_service@1", "payload": b"x",
        "agent_name": None, "team": f"T{chance % 50:03d}", "queue": None, "direction": "inbound",
        "duration_ms": 90_000, "agent_talk_ms": 40_000, "customer_talk_ms": 30_000,
        "snr_db": 25.0, "mandarin_share": 1.0, "risk": (chance % 999) / 1000 if flagged else 0.0,
        "settled_total": total, "settled_grade": "A", "settled_critical": False,
        "settled_review": flagged, "reviewed_at": None, "inspected_at": began,
    }  # fmt: skip


def _findings(n: int) -> Iterator[dict[str, Any]]:
    for place, check in enumerate(("greeting", "farewell", "thanks") if n % 10 == 0 else ()):
        yield {
            "call_id": f"c{n:09d}", "n": place, "check": check, "family": "phrase",
            "outcome": "uncertain", "severity": "minor", "points": 0.0, "confidence": 0.5,
            "start_ms": 1000, "end_ms": 2000, "speaker": "agent", "clause": "S1", "dimension": "",
            "agent_id": None, "started_at": _FIRST, "settled_outcome": "uncertain",
            "settled_points": 0.0, "added": False,
        }  # fmt: skip


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
            asyncio.run(_load(opened, seconds, think))
        finally:
            app.terminate()
            app.wait()


async def _load(opened: list[str], seconds: float, think: float) -> None:
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
        started = time.monotonic()
        await asyncio.gather(*(user.work(started + seconds, think) for user in users))
    asked = sum(map(len, times.values()))
    print(f"{len(users)} users, {asked} requests in {time.monotonic() - started:.0f} s, "
          f"{sum(user.refused for user in users)} refused as stale")  # fmt: skip
    for what, ms in sorted(times.items()):
        ms.sort()
        middle, high = ms[len(ms) // 2], ms[min(len(ms) - 1, int(len(ms) * 0.95))]
        print(f"{what:12} n {len(ms):5}  median {middle:6.0f}  p95 {high:6.0f}  max {ms[-1]:6.0f}")


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
