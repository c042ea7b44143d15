"""The published JSON Schemas: fresh, true of our own files, and of help with mistakes."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from rule_toys import FOLDER, lexicons
from test_custom_check import BOOK, MISTAKES

from qc_speech.rules.files import SHAPES, shape_of
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.schema import schemas

FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.yaml"))


@functools.lru_cache(maxsize=1)
def made() -> dict[str, str]:
    return schemas(all_kinds(lexicons()))


def mistakes(schema: str, data: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(json.loads(made()[schema]))
    return [error.message for error in validator.iter_errors(data)]


def test_what_is_published_is_fresh() -> None:
    folder = FOLDER / "schema"
    published = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    assert published == made(), "run: qc-speech rules schema"


@pytest.mark.parametrize("name", FILES)
def test_every_file_names_its_schema_and_keeps_to_it(name: str) -> None:
    shape = shape_of(name)
    assert shape is not None, f"{name}: add its shape to rules/files.py"
    text = (FOLDER / name).read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema="), f"{name}: name its schema"
    target = (FOLDER / name).parent / first.partition("=")[2]
    assert target.resolve() == (FOLDER / "schema" / f"{shape.schema}.json").resolve()
    assert mistakes(shape.schema, yaml.safe_load(text)) == []


def test_every_schema_is_one() -> None:
    assert set(made()) == {shape.schema for shape in SHAPES}
    for text in made().values():
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_custom_checks_are_known_to_the_editor() -> None:
    assert mistakes("rulebook", yaml.safe_load(BOOK)) == []
    seen = 0
    for old, new, _, text in MISTAKES:
        if text in ("unknown name", "'agent' or 'customer'", "needs any, all, none or of"):
            seen += bool(mistakes("rulebook", yaml.safe_load(BOOK.replace(old, new, 1))))
    assert seen >= 3


@pytest.mark.parametrize(
    "short",
    [
        "{keywords: 投诉}", "{phrase: apology}", "{regex: 投诉}", "{similar: 我要投诉你们}",
        "{similar: [我要投诉你们]}", "{entity: phone}", "{sentence: question}", "{mood: angry}",
        "{speaks_first: agent}", "{holiday: true}", "{holiday: 春节}", "{queue: [a, b]}",
        "{direction: inbound}", "complains",
    ],
)  # fmt: skip
def test_short_forms(short: str) -> None:
    data = yaml.safe_load(BOOK)
    data["checks"][0]["params"]["require"] = yaml.safe_load(short)
    assert mistakes("rulebook", data) == []


def test_the_wheel_brings_them() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert '"lexicons" = "qc_speech/_data/lexicons"' in text
