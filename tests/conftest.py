"""Settings of all tests: time limits per example say more about the machine than about the code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

import postgres as server

settings.register_profile("qc_speech", deadline=None)
settings.load_profile("qc_speech")


@pytest.fixture(scope="session")
def postgres() -> Iterator[server.Cluster]:
    """A PostgreSQL of these tests; they are skipped where it is not installed."""
    try:
        cluster = server.make_cluster()
    except server.NotInstalled as reason:
        pytest.skip(str(reason))
    yield cluster
    server.remove(cluster)


@pytest.fixture(scope="session")
def made_store(postgres: server.Cluster) -> str:
    """The URL of a store that tests take turns at."""
    from qc_speech.store import open_store

    url = postgres.new_database("made")
    open_store(url).close()
    return url


@pytest.fixture
def postgres_url(postgres: server.Cluster, made_store: str) -> str:
    """The URL of an empty store."""
    postgres.empty("made", kept="qc_speech_schema")
    return made_store
