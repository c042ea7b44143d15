"""YAML files a supervisor edits, checked against a schema; a mistake names file, line and cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from qc_speech.errors import RulebookError

M = TypeVar("M", bound=pydantic.BaseModel)

_MAX_BYTES = 32 * 1024 * 1024


def load_yaml(path: Path, model: type[M]) -> M:
    """Read `path` as `model`. Raises RulebookError("FILE:LINE: what; cure")."""
    return validate(path, read_node(path), model)


def read_node(path: Path) -> yaml.Node:
    """The YAML tree of a file with its line marks. Raises RulebookError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RulebookError(f"{path}: larger than 32 MiB; split the lexicon into several files")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise RulebookError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise RulebookError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise RulebookError(
            f"{path}:{line}: {problem}; check indentation, colons and quotes near this line"
        ) from None
    if node is None:
        raise RulebookError(f"{path}:1: the file is empty; write the rulebook or remove the file")
    _refuse_duplicate_keys(path, node)
    return node


def validate(path: Path, node: yaml.Node, model: type[M]) -> M:
    """The tree as `model`, with the line of what does not fit."""
    loader = yaml.SafeLoader("")
    try:
        data: Any = loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None) or node.start_mark
        problem = getattr(error, "problem", None) or error
        raise RulebookError(f"{path}:{mark.line + 1}: {problem}; write plain values") from None
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        errors = error.errors()  # a misspelled name is the cause of one that is missing
        first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
        place = ".".join(str(part) for part in first["loc"])
        line = _line_of(node, first["loc"])
        raise RulebookError(f"{path}:{line}: {place}: {_cure(first)}") from None


def _cure(error: Any) -> str:
    kind, message = error["type"], str(error["msg"])
    if kind == "extra_forbidden":
        return "unknown name; remove it or correct its spelling"
    if kind == "missing":
        return "is required; add it"
    return message.removeprefix("Value error, ")


def _line_of(node: yaml.Node, path: tuple[int | str, ...]) -> int:
    line = int(node.start_mark.line) + 1
    for part in path:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, child = int(key.start_mark.line) + 1, value
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            child = node.value[part]
            line = int(child.start_mark.line) + 1
        if child is None:
            break
        node = child
    return line


def _refuse_duplicate_keys(path: Path, node: yaml.Node) -> None:
    stack, done = [node], set[int]()
    while stack:
        current = stack.pop()
        if id(current) in done:
            line = current.start_mark.line + 1
            raise RulebookError(f"{path}:{line}: used again by an alias (*); write it out")
        done.add(id(current))
        if isinstance(current, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in current.value:
                if not isinstance(key, yaml.ScalarNode):
                    line = key.start_mark.line + 1
                    raise RulebookError(f"{path}:{line}: a name must be one word; correct it")
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise RulebookError(f"{path}:{line}: {key.value}: given twice; keep one")
                seen.add(key.value)
                stack.append(value)
        elif isinstance(current, yaml.SequenceNode):
            stack.extend(current.value)
