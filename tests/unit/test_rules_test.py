"""`qc-speech rules test`: each kind of entry's examples are run, and a failing one is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rule_toys import FOLDER
from test_custom_check import BOOK
from typer.testing import CliRunner

from qc_speech.cli.app import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own lexicons with one broken example of each kind."""
    place = tmp_path_factory.mktemp("rules") / "lexicons"
    shutil.copytree(FOLDER, place)
    first = sorted((place / "phrases").glob("*.yaml"))[0]
    for path in (first, place / "situations.yaml"):
        text = path.read_text("utf-8")
        at = text.index("\n", text.index("    hit:"))
        inline = text[text.rindex("\n", 0, at) + 1 : at].rstrip().endswith("]")
        broken = (
            text.replace("    hit: [", "    hit: [今天下雨没带伞, ", 1)
            if inline
            else text[:at] + "\n      - 今天下雨没带伞" + text[at:]
        )
        path.write_text(broken, "utf-8")
    (place / "banned" / "threat.yaml").write_text(
        "version: 1\ncheck: threat\ngroups:\n  - name: 甲\n    words:\n"
        "      - {say: 给你停机, hit: 给你停电}\n",
        "utf-8",
    )
    (place / "rulebooks" / "house.yaml").write_text(
        BOOK.replace(
            "      require:\n",
            "      examples: {violates: [[客户：我要投诉, 坐席：实在抱歉]]}\n      require:\n",
            1,
        ),
        "utf-8",
    )
    return place


def test_ours_hold() -> None:
    ran = CliRunner().invoke(app, ["rules", "test"])
    assert ran.exit_code == 0, ran.output
    assert int(ran.stderr.split(": ")[1].split()[0]) > 1000


def test_each_failing_example_is_one_line_with_file_and_entry(folder: Path) -> None:
    ran = CliRunner().invoke(app, ["rules", "test", str(folder)])
    assert ran.exit_code == 1
    lines = ran.stdout.splitlines()
    assert len(lines) == 4, ran.output
    assert all(line.startswith("error: ") and ".yaml:" in line for line in lines)
    assert any("phrases/" in line and "phrase " in line for line in lines)
    assert any("situations.yaml" in line and "situation " in line for line in lines)
    assert any("threat.yaml:6: 给你停机" in line for line in lines)
    assert any("house.yaml:20: check apology_after_complaint" in line for line in lines)
    assert ran.stderr.rstrip().endswith("4 failing")


def test_no_such_folder(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["rules", "test", str(tmp_path / "none")])
    assert ran.exit_code == 2 and ran.stderr.count("\n") == 1
