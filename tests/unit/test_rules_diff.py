"""`qc-speech rules diff`: which stored calls change under other rules, and why."""

from __future__ import annotations

import gc
import hashlib
import itertools
import shutil
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rule_toys import FOLDER
from stored_calls import KIND, RUDE, scored, stored
from typer.testing import CliRunner

from qc_speech.cli.app import app
from qc_speech.model import Call, CallResult, Outcome
from qc_speech.pipeline import Rules
from qc_speech.report.changes import Totals, changes
from qc_speech.setup import load_rules, read_rules


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Farewell costs 6 and thanks is not asked for."""
    folder = tmp_path_factory.mktemp("diff") / "new"
    shutil.copytree(FOLDER, folder)
    for path in (folder / "rulebooks").glob("*.yaml"):
        text = path.read_text("utf-8")
        text = text.replace(
            "{check: farewell, family: phrase, points: 3",
            "{check: farewell, family: phrase, points: 6",
        )
        path.write_text(text.replace("{check: thanks,", "{check: thanks, enabled: false,"), "utf-8")
    return folder


@pytest.fixture(scope="module")
def rules(new: Path) -> tuple[Rules, Rules]:
    return load_rules(), read_rules(new)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(
        tmp_path_factory.mktemp("diff") / "out", scored("kind", *KIND), scored("rude", *RUDE)
    )


def test_what_changes_and_why(rules: tuple[Rules, Rules]) -> None:
    (one,) = changes([scored("rude", *RUDE)], *rules)
    found = {check.check: check for check in one.checks}
    assert set(found) == {"farewell", "thanks"} and one.changed
    farewell = found["farewell"]
    assert farewell.before == farewell.after == (Outcome.VIOLATION,)
    assert (farewell.points_before, farewell.points_after) == (-3, -6)
    assert "没有听到" in farewell.reason
    assert found["thanks"].after == () and found["thanks"].points_after == 0


def test_the_same_rules_change_nothing(rules: tuple[Rules, Rules]) -> None:
    (one,) = changes([scored("rude", *RUDE)], rules[0], rules[0])
    assert not one.changed


def test_calls_are_read_one_by_one(rules: tuple[Rules, Rules]) -> None:
    """The store may be larger than memory: nothing is kept of a call that is done."""
    totals, kind = Totals(), scored("kind", *KIND)
    calls: list[weakref.ref[Call]] = []

    def read() -> Iterator[CallResult]:
        while True:
            one = replace(kind, call=replace(kind.call))
            calls.append(weakref.ref(one.call))
            yield one

    for change in itertools.islice(changes(read(), *rules), 4):
        totals.add(change)
    gc.collect()
    assert totals.calls == totals.changed == len(calls) == 4
    assert all(call() is None for call in calls[:-1])


def test_the_command(out: Path, new: Path) -> None:
    store = out / "qc.sqlite"
    held = hashlib.sha256(store.read_bytes()).hexdigest()
    ran = CliRunner().invoke(
        app, ["rules", "diff", str(FOLDER), str(new), "--on", str(out), "--language", "en"]
    )
    assert ran.exit_code == 0, ran.output
    lines = ran.stdout.splitlines()
    assert "2 calls, 2 change" in ran.stdout
    assert any(line.startswith("kind: ") for line in lines)
    assert any("thanks" in line and "Violation → not asked (-" in line for line in lines)
    assert any("farewell" in line and "Violation → Violation: 1" in line for line in lines)
    assert hashlib.sha256(store.read_bytes()).hexdigest() == held


def test_a_mistake_in_the_new_rules_is_one_line(out: Path, new: Path, tmp_path: Path) -> None:
    shutil.copytree(new, tmp_path / "bad")
    (tmp_path / "bad" / "rulebooks" / "house.yaml").write_text("nonsense: 1\n", "utf-8")
    arguments = ["rules", "diff", str(FOLDER), str(tmp_path / "bad"), "--on", str(out)]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 1 and "house.yaml:1" in ran.stderr and ran.stderr.count("\n") == 1


def test_nothing_to_compare_with(new: Path, out: Path, tmp_path: Path) -> None:
    for old, there in ((FOLDER, tmp_path / "none"), (tmp_path, out), (FOLDER, stored(tmp_path))):
        ran = CliRunner().invoke(app, ["rules", "diff", str(old), str(new), "--on", str(there)])
        assert ran.exit_code == 2 and "error: " in ran.stderr
