"""S3-compatible storage, against moto's server: a real one on a port of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qc_speech.errors import QcError
from qc_speech.model import Metadata
from qc_speech.nightly import storage
from qc_speech.nightly.archive import Archive
from qc_speech.nightly.looking import Look, Looker
from qc_speech.nightly.profile import Profile, SourceSpec
from qc_speech.nightly.storage import StorageError
from qc_speech.store import Queue, open_store
from qc_speech.store.queue import Found

moto_server = pytest.importorskip("moto.server")
pytest.importorskip("s3fs")
MANIFEST = "file,call_id,agent_id\nday/a.wav,77,1023\nmissing.wav,78,1023\n"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket `calls`, with credentials in the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3 = pytest.importorskip("boto3")
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="calls")
    storage.file_system.cache_clear()
    try:
        yield client
    finally:
        for one in client.list_objects_v2(Bucket="calls").get("Contents", []):
            client.delete_object(Bucket="calls", Key=one["Key"])
        client.delete_bucket(Bucket="calls")


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with open_store(tmp_path / "store.db") as store:
        yield Queue(store)


def put(bucket: Any, **objects: bytes) -> None:
    for key, data in objects.items():
        bucket.put_object(Bucket="calls", Key=key, Body=data)


def keys(bucket: Any) -> list[str]:
    return sorted(one["Key"] for one in bucket.list_objects_v2(Bucket="calls").get("Contents", []))


def look(endpoint: str, queue: Queue, spool: Path, path: str = "s3://calls/in") -> Look:
    source = SourceSpec(kind="storage", path=path, endpoint=endpoint)
    wanted = Profile(name="b", out=str(spool.parent / "out"), sources=(source,))
    return Looker(wanted, queue, spool).look()


def test_new_objects_are_found_with_the_metadata_of_their_manifest(
    bucket: Any, endpoint: str, queue: Queue, tmp_path: Path
) -> None:
    put(bucket, **{"in/day/a.wav": b"a", "in/b.mp3": b"b", "in/notes.txt": b"x",
                   "in/manifest.csv": MANIFEST.encode(), "other/c.wav": b"c"})  # fmt: skip
    seen = look(endpoint, queue, tmp_path / "spool")
    assert {one.source for one in seen.found} == {"s3://calls/in/day/a.wav", "s3://calls/in/b.mp3"}
    known = {one.relative: one.metadata for one in seen.found}
    assert known["day/a.wav"] == Metadata("77", agent_id="1023")
    (problem,) = seen.problems
    assert problem.where == "s3://calls/in/manifest.csv:3" and "no such file" in problem.message
    assert str(tmp_path) not in problem.message


def test_known_objects_are_no_new_work_and_changed_ones_are(
    bucket: Any, endpoint: str, queue: Queue, tmp_path: Path
) -> None:
    put(bucket, **{"in/a.wav": b"one", "in/b.wav": b"two"})
    assert queue.enrol("b", look(endpoint, queue, tmp_path / "spool").found) == 2
    assert look(endpoint, queue, tmp_path / "spool2").found == []
    put(bucket, **{"in/a.wav": b"another"})
    (one,) = look(endpoint, queue, tmp_path / "spool3").found
    assert one.source == "s3://calls/in/a.wav"


def test_names_that_lead_out_of_the_spool_are_refused(
    bucket: Any, endpoint: str, queue: Queue, tmp_path: Path
) -> None:
    bad = ["in/../../evil.wav", "in//b.wav", f"in/{'n' * 300}.wav", "in/a\\b.wav"]
    put(bucket, **dict.fromkeys([*bad, "in/good.wav"], b"x"))
    seen = look(endpoint, queue, tmp_path / "deep" / "spool")
    assert [one.relative for one in seen.found] == ["good.wav"]
    assert len(seen.problems) == len(bad)
    assert all("rename the object" in one.message for one in seen.problems)
    assert all("\n" not in one.where for one in seen.problems)
    spool = tmp_path / "deep" / "spool" / "source1"
    assert [path for path in tmp_path.rglob("*.wav") if spool not in path.parents] == []


@pytest.mark.parametrize(
    "name", ["x\ny.wav", "a/../b.wav", "/b.wav", "a\x1b[31m.wav", "\u202e.wav"]
)
def test_names_that_no_path_may_have(name: str) -> None:
    assert "rename the object" in storage.fault_of_name(name)


def test_an_object_is_fetched_whole(bucket: Any, endpoint: str, tmp_path: Path) -> None:
    put(bucket, **{"in/a.wav": b"sound" * 1000})
    path = tmp_path / "new" / "a.wav"
    storage.fetch("s3://calls/in/a.wav", endpoint, path)
    assert path.read_bytes() == b"sound" * 1000
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["a.wav"]


def test_what_is_gone_and_what_does_not_answer(
    bucket: Any, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError):
        storage.fetch("s3://calls/in/none.wav", endpoint, tmp_path / "a.wav")
    with pytest.raises(StorageError, match=r"nowhere.*; try later"):
        storage.fetch("s3://nowhere/a.wav", "http://127.0.0.1:9", tmp_path / "a.wav")


def test_one_storage_that_does_not_answer_does_not_keep_the_others(
    bucket: Any, endpoint: str, queue: Queue, tmp_path: Path
) -> None:
    put(bucket, **{"in/a.wav": b"a"})
    away = SourceSpec(kind="storage", path="s3://calls/in", endpoint="http://127.0.0.1:9")
    here = SourceSpec(kind="storage", path="s3://calls/in", endpoint=endpoint)
    wanted = Profile(name="b", out=str(tmp_path / "out"), sources=(away, here))
    seen = Looker(wanted, queue, tmp_path / "spool").look()
    assert len(seen.found) == 1
    (message,) = seen.failed
    assert message.startswith("source1: s3://calls/in: does not answer")


@pytest.mark.parametrize("move", [True, False])
def test_done_objects_are_archived_in_the_bucket(
    move: bool, bucket: Any, endpoint: str, tmp_path: Path
) -> None:
    put(bucket, **{"in/a.wav": b"sound"})
    found = Found("s3://calls/in/a.wav", "5-x", str(tmp_path / "a.wav"), "a.wav", "s", Metadata(""))
    archive = Archive("s3://calls/kept", move, "2026-01-02", {"s": endpoint})
    assert archive.take(found, tmp_path / "a.wav") is None
    wanted = ["kept/2026-01-02/s/a.wav"] if move else ["in/a.wav", "kept/2026-01-02/s/a.wav"]
    assert keys(bucket) == wanted


def test_done_objects_are_archived_on_disk(bucket: Any, endpoint: str, tmp_path: Path) -> None:
    put(bucket, **{"in/a.wav": b"sound"})
    path = tmp_path / "spool" / "a.wav"
    storage.fetch("s3://calls/in/a.wav", endpoint, path)
    found = Found("s3://calls/in/a.wav", "5-x", str(path), "a.wav", "s", Metadata(""))
    kept = Archive(str(tmp_path / "kept"), True, "day", {"s": endpoint}).take(found, path)
    assert kept is not None and kept.read_bytes() == b"sound"
    assert keys(bucket) == [] and not path.exists()


def test_files_are_archived_in_a_bucket(bucket: Any, endpoint: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"sound")
    found = Found(str(path), "5-x", str(path), "a.wav", "s", Metadata(""))
    archive = Archive("s3://calls/kept", True, "day", {"s": endpoint})
    assert archive.take(found, path) is None
    assert keys(bucket) == ["kept/day/s/a.wav"] and not path.exists()


def test_a_scheme_that_nobody_knows() -> None:
    with pytest.raises(QcError, match="write s3://BUCKET/PREFIX"):
        storage.file_system("nothing://bucket", "")
