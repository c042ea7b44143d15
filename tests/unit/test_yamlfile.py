"""A mistake in a YAML file gives one line: file, line, what, cure."""

from __future__ import annotations

import os
from pathlib import Path

import pydantic
import pytest
from rule_toys import within

from qc_speech.errors import RulebookError
from qc_speech.rules.yamlfile import load_yaml


class Inner(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    word: str
    weight: float = pydantic.Field(ge=0, le=1)


class Outer(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    title: str
    words: tuple[Inner, ...]


GOOD = "title: 词表\nwords:\n  - word: 您好\n    weight: 0.5\n  - word: 请\n    weight: 1\n"


def fault(tmp_path: Path, data: str | bytes) -> tuple[int, str]:
    """The line and the text of the error a file gives; it must be one line that names the file."""
    path = tmp_path / "list.yaml"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with within(3), pytest.raises(RulebookError) as caught:
        load_yaml(path, Outer)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}:")
    line, _, text = message.removeprefix(f"{path}:").partition(": ")
    return int(line), text


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    for start in ("", "\ufeff"):  # Windows editors put a mark before the text
        path.write_text(start + GOOD.replace("\n", "\r\n"), encoding="utf-8", newline="")
        assert load_yaml(path, Outer).words[1] == Inner(word="请", weight=1)


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("weight: 1", "wieght: 1", 6, "wieght: unknown name"),
        ("title: 词表\n", "", 1, "title: is required; add it"),
        ("    weight: 0.5\n", "", 3, "weight: is required; add it"),
        ("weight: 0.5", "weight: heavy", 4, "weight: "),
        ("weight: 1", "weight: 7", 6, "less than or equal to 1"),
        ("word: 请", "weight: 0.2", 6, "weight: given twice; keep one"),
        ("title: 词表", "title: 词表\ntitle: 又一个", 2, "title: given twice; keep one"),
        ("words:", "words: 您好", 3, "check indentation, colons and quotes"),
        ("  - word: 请", " - word: 请", 5, "check indentation, colons and quotes"),
        ("word: 您好", 'word: "您好', 7, "check indentation, colons and quotes"),
        ("    weight: 0.5", "\tweight: 0.5", 4, "check indentation, colons and quotes"),
        ("title: 词表", "title: [词表", 2, "check indentation, colons and quotes"),
    ],
)
def test_each_kind_of_mistake(tmp_path: Path, old: str, new: str, line: int, text: str) -> None:
    assert old in GOOD
    found, message = fault(tmp_path, GOOD.replace(old, new, 1))
    assert text in message
    assert abs(found - line) <= (1 if "check indentation" in text else 0)


@pytest.mark.parametrize("text", ["- 您好\n", "您好\n", "3\n"])
def test_a_file_of_another_shape(tmp_path: Path, text: str) -> None:
    line, _ = fault(tmp_path, text)
    assert line == 1


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "\ufeff"])
def test_an_empty_file(tmp_path: Path, text: str) -> None:
    line, message = fault(tmp_path, text)
    assert line == 1
    assert "empty" in message


def test_a_file_in_gbk(tmp_path: Path) -> None:
    line, message = fault(tmp_path, GOOD.replace("词表", "list").encode("gbk"))
    assert (line, "looks like GBK; save the file as UTF-8" in message) == (3, True)


def test_a_file_in_utf_16(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        line, message = fault(tmp_path, GOOD.encode(encoding))
        assert (line, "UTF-8" in message or "check" in message) == (1, True)
    assert "looks like UTF-16" in fault(tmp_path, GOOD.encode("utf-16"))[1]


def test_a_line_of_a_megabyte(tmp_path: Path) -> None:
    line, message = fault(tmp_path, GOOD.replace("请", "请" * 1_000_000))
    assert (line, "break it into lines" in message) == (5, True)


@pytest.mark.parametrize("mark", ["[", "- ", "{a: "])
@pytest.mark.parametrize("depth", [80, 900, 5_000])
def test_nesting_without_end(tmp_path: Path, mark: str, depth: int) -> None:
    end = {"[": "]", "- ": "", "{a: ": "}"}[mark]
    line, _ = fault(tmp_path, f"title: x\nwords:\n  {mark * depth}x{end * depth}\n")
    assert line in (2, 3)


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "---\ntitle: second document\n",
        "title: !!python/object/apply:os.system [echo]\nwords: []\n",
        "title: !unknown x\nwords: []\n",
        "title: *nowhere\nwords: []\n",
        "title: \x01\nwords: []\n",
        "? [1, 2]\n: x\ntitle: y\nwords: []\n",
        "title: 2026-13-45\nwords: []\n",
        "a: &a [*a]\n",
    ],
)
def test_odd_yaml_is_refused_and_nothing_is_run(tmp_path: Path, text: str) -> None:
    fault(tmp_path, text)


def test_no_such_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(RulebookError) as caught:
            load_yaml(path, Outer)
        assert str(path) in str(caught.value) and "check the path" in str(caught.value)


def test_a_huge_file(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    with path.open("wb") as file:
        os.ftruncate(file.fileno(), 33 * 1024 * 1024)
    with pytest.raises(RulebookError, match="32 MiB"):
        load_yaml(path, Outer)


def test_many_aliases_do_not_fill_the_memory(tmp_path: Path) -> None:
    """The billion laughs: each level refers ten times to the one before."""
    levels = ["l0: &l0 [x]"] + [
        f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 9)
    ]
    fault(tmp_path, "\n".join(levels) + "\n")
