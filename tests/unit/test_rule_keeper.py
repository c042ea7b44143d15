"""A job keeps the last good rules while those on disk have a mistake."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from rule_toys import FOLDER

from qc_speech.errors import RulebookError
from qc_speech.setup import RuleKeeper, load_rules

BOOK = Path("rulebooks/switchboard.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "lexicons")
    return tmp_path / "lexicons"


def change(path: Path, text: str) -> None:
    before = path.stat().st_mtime_ns
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(before + 10**9, before + 10**9))


def test_a_mistake_leaves_the_last_good_rules_in_force(folder: Path, tmp_path: Path) -> None:
    book = folder / BOOK
    good = book.read_text(encoding="utf-8")
    keeper = RuleKeeper(folder)
    first = keeper.current()
    assert keeper.current() is first and keeper.problem is None

    change(book, good + "checks: {\n")
    assert keeper.current() is first
    assert keeper.problem and str(book) in keeper.problem and "\n" not in keeper.problem

    change(book, good.replace('version: "1.0"', 'version: "2.0"'))
    second = keeper.current()
    assert second.digest != first.digest and keeper.problem is None
    assert second.rulebooks["switchboard"].version.startswith("2.0")


def test_a_job_that_starts_after_the_mistake(folder: Path, tmp_path: Path) -> None:
    copies = tmp_path / "out" / "rules"
    before = RuleKeeper(folder, copies)
    kept = before.keep()
    assert kept.parent == copies and load_rules(kept).digest == before.current().digest

    change(folder / BOOK, "name: [\n")
    after = RuleKeeper(folder, copies)
    assert after.current().digest == before.current().digest
    assert after.problem and str(folder / BOOK) in after.problem
    assert after.keep() == kept  # what workers load

    with pytest.raises(RulebookError):  # without a good one before there is nothing to go on with
        RuleKeeper(folder, tmp_path / "none").current()
    (kept / BOOK).write_text("name: [\n", encoding="utf-8")  # a damaged copy is no good one
    with pytest.raises(RulebookError) as caught:
        RuleKeeper(folder, copies).current()
    assert str(folder) in str(caught.value)


def test_old_copies_go(folder: Path, tmp_path: Path) -> None:
    copies = tmp_path / "rules"
    keeper = RuleKeeper(folder, copies)
    book = folder / BOOK
    for number in range(3):
        change(book, book.read_text(encoding="utf-8") + f"# {number}\n")
        keeper.keep()
    assert len([path for path in copies.iterdir() if path.is_dir()]) == 2
    assert (copies / "last_good").read_text() == keeper.current().digest


def test_where_no_copy_can_be_made(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    keeper = RuleKeeper(folder, tmp_path / "file" / "rules")
    assert keeper.keep() == folder
