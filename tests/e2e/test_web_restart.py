"""The review app is killed while people work: what it said was kept is there, and they go on."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

import httpx
from sqlalchemy import select

from qc_speech.codec import from_json
from qc_speech.model import CallResult
from qc_speech.store import open_store
from qc_speech.store.tables import RESULTS
from qc_speech.web.config import WebConfig
from qc_speech.web.guard import cookie_name
from qc_speech.web.people import NewUser, UserRole, add_user
from qc_speech.web.sessions import csrf_of, open_session

INSPECTED = Path(__file__).parents[1] / "data" / "inspected" / "d05.json"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@contextmanager
def app(out: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "qc_speech", "web", "--out", str(out), "--port", str(port),
         "--plain-http"], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            try:
                httpx.get(f"http://127.0.0.1:{port}/login")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def state_of(client: httpx.Client) -> dict[str, Any]:
    html = client.get("/calls/d05").text
    found = re.search(r'id="call-data">(.*?)</script>', html, re.DOTALL)
    assert found, html[:300]
    state: dict[str, Any] = json.loads(found[1])["state"]
    return state


def test_killed_between_two_verdicts(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with open_store(out / "qc.sqlite") as store:
        store.put_result(from_json(CallResult, json.loads(INSPECTED.read_text(encoding="utf-8"))))
        user = add_user(store, NewUser("wang", UserRole.INSPECTOR), "korrekt pferd batterie")
        secret = open_session(store, user, WebConfig(str(out / "qc.sqlite"), out))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    headers = {"x-csrf-token": csrf_of(secret), "cookie": f"{cookie_name(False)}={secret}"}
    kept: dict[str, str] = {}
    charged: list[dict[str, Any]] = []
    for round_ in range(3):
        with (
            app(out, port) as process,
            httpx.Client(base_url=address, headers=headers, timeout=60) as client,
        ):
            state = state_of(client)  # the session outlives the restart too
            found = {one["check"]: one["outcome"] for one in state["findings"] if one["review"]}
            assert found == kept
            charged = charged or [one for one in state["findings"] if one["outcome"] == "violation"]
            one = charged[round_ % len(charged)]
            outcome = "pass" if kept.get(one["check"]) != "pass" else "violation"
            body = {"version": state["version"], "finding": one["number"], "check": one["check"],
                    "start": one["start"], "end": one["end"], "outcome": outcome}  # fmt: skip
            answer = client.post("/calls/d05/verdict", json=body)
            process.send_signal(signal.SIGKILL)  # the moment it was said to be kept
            assert answer.status_code == 200, answer.text
            kept[one["check"]] = outcome
            total = answer.json()["score"]["total"]
            process.wait()
        with open_store(out / "qc.sqlite") as store, store.transaction(write=False) as connection:
            assert connection.execute(select(RESULTS.c.settled_total)).scalar_one() == total
