"""One store for several machines: every command works on the address given with --store.

The engines are scripted, all else is the program itself and a PostgreSQL of the tests' own.
"""

from __future__ import annotations

import json
from pathlib import Path

from command_line import FAKE_COMMAND, Ran, ended, run_it, start, wait_until
from scripted_engines import write_call
from typer.testing import CliRunner

from postgres import Cluster
from qc_speech.cli.app import app
from qc_speech.store import open_store


def fake(*args: str | Path, **env: str) -> Ran:
    return run_it(*args, command=FAKE_COMMAND, env=env)


def here(*args: str | Path, **env: str) -> Ran:
    """The same in this process: quicker, for commands that need no engine."""
    done = CliRunner(env={"QC_SPEECH_STORE": None, **env}).invoke(app, [*map(str, args)])
    return ended(done.exit_code, done.stdout_bytes, done.stderr_bytes)


def recordings(folder: Path, count: int) -> Path:
    for n in range(count):
        write_call(folder / f"c{n}.wav", seed=n)
    return folder


def ids(url: str) -> list[str]:
    with open_store(url, create=False) as store:
        return [one.call_id for one in store.results()]


def test_all_commands_work_on_a_server(postgres_url: str, tmp_path: Path) -> None:
    calls, out = recordings(tmp_path / "calls", 3), tmp_path / "out"
    address = ("--store", postgres_url)
    ran = fake("run", calls, "--out", out, "--workers", "2", *address)
    assert ran.code == 0, ran.err
    assert "inspected 3, unchanged 0, failed 0" in ran.out and "note: --store" not in ran.err
    assert ids(postgres_url) == ["c0", "c1", "c2"]
    assert not (out / "qc.sqlite").exists() and (out / "report" / "index.html").is_file()

    empty = tmp_path / "empty"  # another machine, which has nothing but the address
    assert here("score", empty, QC_SPEECH_STORE=postgres_url).code == 0
    assert sorted(path.name for path in (empty / "calls").iterdir()) == [
        "c0.json", "c1.json", "c2.json",
    ]  # fmt: skip
    assert here("export", tmp_path, "-f", "json", "--to", tmp_path / "tables", *address).code == 0
    lines = (tmp_path / "tables" / "calls.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["call_id"] for line in lines] == ["c0", "c1", "c2"]
    ran = here("rules", "explain", tmp_path, "c1", "greeting", *address)
    assert ran.code == 0 and ran.out
    assert "entries" in here("audit", tmp_path, *address).out
    assert here("voices", "list", *address).out.strip() == "no voiceprints"


def test_results_of_a_store_are_held_against_labels(postgres_url: str, tmp_path: Path) -> None:
    calls, out = recordings(tmp_path / "calls", 2), tmp_path / "out"
    assert fake("run", calls, "--out", out, "--store", postgres_url).code == 0
    label = {
        "id": "c0", "scenario": "inbound_service", "direction": "inbound", "ring_seconds": 5,
        "started_at": "2026-01-15T09:12:00", "channels": "stereo", "seconds": 12.0,
        "turns": [{"who": "agent", "start": 0.5, "end": 2.0, "spoken": "您好", "tags": []}],
        "expect": {"violations": [], "clean": []},
    }  # fmt: skip
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "c0.json").write_text(json.dumps(label), "utf-8")
    other = tmp_path / "other"
    other.mkdir()
    ran = here("eval", tmp_path / "labels", "--out", other, "--store", postgres_url)
    assert ran.code == 0, ran.err
    mine = json.loads((other / "eval.json").read_text("utf-8"))
    assert here("eval", tmp_path / "labels", "--out", out, "--calls", "c0").code == 0
    assert mine == json.loads((out / "eval.json").read_text("utf-8"))


def test_a_server_that_ends_in_the_middle_is_one_line_and_running_again_goes_on(
    postgres: Cluster, postgres_url: str, tmp_path: Path
) -> None:
    calls, out = recordings(tmp_path / "calls", 6), tmp_path / "out"
    command = ("run", calls, "--out", out, "--store", postgres_url)
    process = start(*command, command=FAKE_COMMAND, env={"SCRIPTED_SLEEP": "0.4"})
    wait_until((out / "calls" / "c1.json").is_file)
    postgres.kill()
    try:
        said, errors = process.communicate(timeout=60)
    finally:
        postgres.start()
    ran = ended(process.returncode, said, errors)
    assert ran.code == 1, ran.err
    (line,) = ran.errors
    assert "does not answer" in line
    before = ids(postgres_url)
    assert 2 <= len(before) < 6
    ran = fake(*command)
    assert ran.code == 0, ran.err
    assert ids(postgres_url) == [f"c{n}" for n in range(6)]
    assert f"unchanged {len(before)}, failed 0" in ran.out


def test_a_password_on_the_command_line_is_noted_and_never_shown(tmp_path: Path) -> None:
    address = "postgresql://qc:hunter2@127.0.0.1:1/qc"
    ran = here("score", tmp_path, "--store", address)
    assert ran.code == 1 and "hunter2" not in ran.err
    assert len(ran.errors) == 1 and "does not answer" in ran.err
    assert len(ran.notes) == 1 and "QC_SPEECH_STORE" in ran.err
    assert here("score", tmp_path, QC_SPEECH_STORE=address).notes == []
    assert here("score", tmp_path).code == 2
