"""`qc-speech clips`: what the commands say and with which code they end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from clip_calls import found, made
from typer.testing import CliRunner, Result

from qc_speech.cli.app import app
from qc_speech.cli.clips_cmd import open_shelf
from qc_speech.errors import StoreError
from qc_speech.store import open_store


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    bare = made("k1")
    with open_store(folder / "qc.sqlite") as store:
        store.put_result(replace(bare, findings=(found(bare, "apology", 2),)))
    return folder


def run(out: Path, *args: str) -> Result:
    return CliRunner().invoke(app, ["clips", *args, "--out", str(out)])


def first(out: Path) -> dict[str, object]:
    done = run(out, "find", "--check", "致歉", "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.output.splitlines()[-1]))


def test_found_by_the_chinese_name_of_a_check(out: Path) -> None:
    one = first(out)
    assert one["check"] == "apology" and one["call_id"] == "k1" and one["start"]
    table = run(out, "find", "--words", "添麻烦", "--limit", "1").output
    assert "给您添麻烦了" in table


def test_from_an_example_to_a_refused_export(out: Path, tmp_path: Path) -> None:
    id_ = str(first(out)["id"])
    assert run(out, "library", "new", "第一课").exit_code == 0
    added = run(out, "add", id_, "--collection", "第一课", "--title", "怎样道歉")
    assert added.exit_code == 0, added.output
    clip = added.output.split()[0]
    asked = run(out, "library", "ask", clip, "哪里好？", "--choice", "道歉", "--answer", "1")
    assert asked.exit_code == 0, asked.output
    assert "怎样道歉" in run(out, "library", "list", "--words", "daoqian").output
    assert "1 clips" in run(out, "library", "collections").output
    early = run(out, "export", "第一课", "--to", str(tmp_path / "l.zip"), "--no-pdf")
    assert early.exit_code == 2 and "clips check" in early.output
    assert not (tmp_path / "l.zip").exists()
    assert run(out, "library", "remove", clip).exit_code == 0
    assert run(out, "library", "remove", clip).exit_code == 2


def test_a_recording_that_is_gone_is_one_line(out: Path, tmp_path: Path) -> None:
    done = run(out, "cut", str(first(out)["id"]), "--to", str(tmp_path), "--no-check")
    assert done.exit_code == 1 and "recording is not where it was" in done.output
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    "args",
    [
        ("cut", "nothing"),
        ("find", "--outcome", "good"),
        ("find", "--since", "yesterday"),
        ("find", "--speaker", "nobody"),
        ("best", "--month", "January"),
        ("export", "--to", "x.zip"),
        ("export", "none", "--to", "x.zip"),
        ("add", "nothing"),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(out: Path, args: tuple[str, ...]) -> None:
    done = run(out, *args)
    assert done.exit_code == 2 and done.output.strip().startswith("error: "), done.output


def test_a_folder_without_a_store(tmp_path: Path) -> None:
    done = run(tmp_path, "find")
    assert done.exit_code == 2 and "qc.sqlite" in done.output


def test_out_may_be_the_address_of_a_server() -> None:
    """As --help says: it used to lose a slash, and the answer was that no such folder is there."""
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError):
        open_shelf("postgresql://nobody@127.0.0.1:1/none")
