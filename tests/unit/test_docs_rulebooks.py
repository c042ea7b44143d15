"""The examples of docs/rulebooks.md (and its Chinese twin) work, and no operator is left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from condition_toys import ask, said
from rule_toys import FOLDER, lexicons

from qc_speech.rules.audit import rulebook_flaws
from qc_speech.rules.conditions.condition import Condition
from qc_speech.rules.conditions.metadata import Holiday

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("rulebooks.md", "rulebooks.zh.md")
BLOCKS = {
    page: re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    for page in PAGES
}
CONDITIONS = [
    pytest.param(written, id=f"{page}-{number}-{part}")
    for page, blocks in BLOCKS.items()
    for number, block in enumerate(blocks)
    if "checks:" not in block
    for part, written in enumerate(yaml.safe_load_all(block))
]


@pytest.mark.parametrize("written", CONDITIONS)
def test_every_condition_can_be_asked(written: dict[str, Any] | str) -> None:
    whole = {"ref": written} if isinstance(written, str) else written
    ctx = said(("a", "您好请讲"), ("c", "我要投诉你们"), ("a", "非常抱歉"))
    ask(ctx, whole, complains={"keywords": ["投诉"], "role": "customer"})


@pytest.mark.parametrize("page", PAGES)
def test_every_rulebook_is_without_flaw(page: str, tmp_path: Path) -> None:
    books = [block for block in BLOCKS[page] if "checks:" in block]
    assert len(books) == 2
    for path in (FOLDER / "rulebooks").glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    for number, block in enumerate(books):
        (tmp_path / f"book{number}.yaml").write_text(block, encoding="utf-8")
    assert [str(flaw) for flaw in rulebook_flaws(tmp_path, lexicons())] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_operator_has_an_example(page: str) -> None:
    used: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            used.update(map(str, value))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for block in BLOCKS[page]:
        for part in yaml.safe_load_all(block):
            walk(part)
    names = {field.alias or name for name, field in Condition.model_fields.items()} - {"ref"}
    assert names <= used, f"{page}: no example of {sorted(names - used)}"


def test_both_pages_show_the_same_examples() -> None:
    def plain(block: str) -> Any:
        return list(yaml.safe_load_all(block))

    assert [plain(block) for block in BLOCKS["rulebooks.md"]] == [
        plain(block) for block in BLOCKS["rulebooks.zh.md"]
    ]


def test_a_holiday_by_name() -> None:
    assert Holiday.model_validate(["春节", "国庆"]).names == ("春节", "国庆")
