"""The word lists: every example holds, and a mistake names its file, line and cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_speech.errors import RulebookError
from qc_speech.resources import data_dir
from qc_speech.rules.banned import examples
from qc_speech.rules.banned_lexicon import LISTS, WordFile, load_banned
from qc_speech.rules.banned_pattern import Index, Wording, check_pattern, expand
from qc_speech.rules.banned_text import as_sounds, plain
from qc_speech.rules.yamlfile import load_yaml

FOLDER = data_dir("lexicons") / "banned"


def test_every_example_holds() -> None:
    assert list(examples(load_banned(FOLDER))) == []


def test_every_list_has_examples_and_coverage() -> None:
    lists = load_banned(FOLDER).lists
    assert set(lists) == set(LISTS)
    for words in lists.values():
        assert words.misses
        for entry in words.entries:
            assert entry.hit, f"{words.check}: {entry.say} has no example"


def test_a_broken_example_is_reported(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (tmp_path / "threat.yaml").write_text(
        "version: 1\ncheck: threat\ngroups:\n  - name: 甲\n    words:\n"
        "      - {say: 给你停机, hit: 给你停电, miss: 我给你停机保号}\n",
        "utf-8",
    )
    found = list(examples(load_banned(tmp_path)))
    assert len(found) == 2 and all("threat.yaml" in line and "给你停机" in line for line in found)


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("{say: '(甲|乙'}", "brackets"),
        ("{say: '(甲|)乙'}", "empty alternative"),
        ("{say: 甲.*乙?}", "have a meaning"),
        ("{say: 甲乙, tire: major}", "unknown name"),
        ("{say: 甲乙, tier: awful}", "tier"),
        ("{say: 甲乙, not_after: ['[丙']}", "brackets"),
        ("{hit: 甲乙}", "required"),
    ],
)
def test_mistakes_name_line_and_cure(tmp_path: Path, line: str, cure: str) -> None:
    path = tmp_path / "insult.yaml"
    path.write_text(
        f"version: 1\ncheck: insult\ngroups:\n  - name: 甲\n    words:\n      - {line}\n", "utf-8"
    )
    with pytest.raises(RulebookError) as error:
        load_yaml(path, WordFile)
    assert f"{path}:6" in str(error.value) and cure in str(error.value)


def test_a_list_in_the_wrong_file(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (tmp_path / "insult.yaml").write_text((FOLDER / "threat.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(RulebookError, match="insult"):
        load_banned(tmp_path)


def test_patterns() -> None:
    assert ["".join(one) for one in expand("你[们](真|太)烦")] == ["你真烦", "你太烦"]
    index = Index([(0, "你[们](真|太)烦", 6), (1, "把…停了", 4)])
    assert [found[:3] for found in index.find("你们太烦")] == [(0, 4, 0)]
    assert [found[:3] for found in index.find("把你的号停了")] == [(0, 6, 1)]
    assert list(index.find("把你家里那个号停了")) == []  # the gap is too wide


def test_one_spelling_of_a_text() -> None:
    assert plain("您，她妈 138A") == "你他妈一三八a"
    assert plain("幺零") == "一零"
    assert as_sounds("乡下人") == as_sounds("想下人")
    assert as_sounds("南山") == as_sounds("兰三")


def test_wordings_are_heard_generously() -> None:
    wording = Wording(("(我|我们)马上帮你",))
    assert wording.within("我马上帮你查") and wording.within("我马上邦你茶")
    assert not Wording(("我",)).within("窝") and not Wording(()).within("我")
    check_pattern("(甲|乙)…[丙]")
