"""A small site for the tests of the review app: calls, people, and a way to enter as each."""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from report_calls import call

from qc_speech.model import CallResult
from qc_speech.store import SqlStore, open_store
from qc_speech.web import people
from qc_speech.web.app import create_app
from qc_speech.web.config import WebConfig
from qc_speech.web.people import NewUser, UserRole

PASSWORD = "korrekt pferd batterie"
PEOPLE = (
    NewUser("wang", UserRole.INSPECTOR, "王质检"),
    NewUser("zhao", UserRole.INSPECTOR, "赵质检"),
    NewUser("chen", UserRole.SUPERVISOR, "陈主管"),
    NewUser("sun", UserRole.TRAINER, "孙培训"),
    NewUser("lin", UserRole.AGENT, "林晓", agent_id="1023"),
    NewUser("gao", UserRole.AGENT, "高远", agent_id="2001"),
    NewUser("root", UserRole.ADMIN, "管理员"),
)


# Hashing is slow on purpose, which is nothing that tests need.
people._hasher = functools.lru_cache(
    lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
)  # type: ignore[assignment]


@dataclass
class Site:
    """An app on a store of its own."""

    app: FastAPI
    store: SqlStore
    out: Path
    config: WebConfig
    _clients: dict[str, TestClient] = field(default_factory=dict)

    def anyone(self) -> TestClient:
        """A browser that has not logged in."""
        return TestClient(
            self.app, base_url="https://qc.test", follow_redirects=False,
            headers={"accept": "text/html"}, raise_server_exceptions=False,
        )  # fmt: skip

    def enter(self, name: str) -> TestClient:
        """A browser of this user, logged in."""
        client = self.anyone()
        answer = client.post("/login", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    def as_(self, name: str) -> TestClient:
        """The same browser of this user again."""
        if name not in self._clients:
            self._clients[name] = self.enter(name)
        return self._clients[name]


def csrf(client: TestClient) -> str:
    """The token that a page gives its forms."""
    found = re.search(r'name="csrf" content="(\w+)"', client.get("/account").text)
    assert found
    return found[1]


def post(client: TestClient, path: str, **fields: Any) -> Any:
    """As a form of one of our pages sends it."""
    return client.post(path, data={"csrf": csrf(client), **fields})


def ask(client: TestClient, method: str, path: str, body: Any = None) -> Any:
    """As a script of one of our pages asks."""
    headers = {"x-csrf-token": csrf(client), "accept": "application/json"}
    return client.request(method, path, json=body, headers=headers)


def calls() -> tuple[CallResult, ...]:
    """Two calls of agent 1023, one of 2001, one of nobody."""
    return (
        call("c01", "1023", agent_name="林晓"),
        call("c02", "1023", findings=()),
        call("c03", "2001", agent_name="高远"),
        call("c04", None),
    )


@functools.lru_cache(maxsize=1)
def _empty() -> bytes:
    """A store with everybody of PEOPLE, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "qc.sqlite"
        with open_store(path) as store:
            for new in PEOPLE:
                people.add_user(store, new, PASSWORD)
        return path.read_bytes()


def site(folder: Path, results: Sequence[CallResult] | None = None, **options: Any) -> Site:
    """A site with the calls above and everybody of PEOPLE."""
    folder.mkdir(exist_ok=True)
    path = folder / "qc.sqlite"
    path.write_bytes(_empty())
    config = WebConfig(str(path), folder, **options)
    app = create_app(config)
    store: SqlStore = app.state.web.store
    for result in calls() if results is None else results:
        store.put_result(result)
    return Site(app, store, folder, config)
