"""YAML files a supervisor edits, checked against a schema; a mistake names file, line and cure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from qc_speech.errors import RulebookError

M = TypeVar("M", bound=pydantic.BaseModel)

_MAX_BYTES = 32 * 1024 * 1024
_MAX_LINE = 20_000  # characters
_MAX_DEPTH = 60


def load_yaml(path: Path, model: type[M]) -> M:
    """Read `path` as `model`. Raises RulebookError("FILE:LINE: what; cure")."""
    return validate(path, read_node(path), model)


def read_node(path: Path) -> yaml.Node:
    """The YAML tree of a file with its line marks. Raises RulebookError."""
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else _line_at(text, getattr(error, "position", 0))
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise RulebookError(
            f"{path}:{line}: {problem}; check indentation, colons and quotes near this line"
        ) from None
    if node is None:
        raise RulebookError(f"{path}:1: the file is empty; write the rulebook or remove the file")
    _refuse_odd(path, node)
    return node


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RulebookError(f"{path}: larger than 32 MiB; split the lexicon into several files")
        data = path.read_bytes()
    except OSError as error:
        raise RulebookError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        guess = _encoding(data)
        found = f", it looks like {guess}" if guess else ""
        raise RulebookError(f"{path}:{line}: not UTF-8{found}; save the file as UTF-8") from None
    for number, line_text in enumerate(text.split("\n"), 1):
        if len(line_text) > _MAX_LINE:
            raise RulebookError(
                f"{path}:{number}: a line of {len(line_text)} characters; "
                f"break it into lines of at most {_MAX_LINE}"
            )
    return text


def _encoding(data: bytes) -> str | None:
    """What a file that is not UTF-8 was saved as, where that can be told."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    try:
        return "GBK" if any("\u4e00" <= c <= "\u9fff" for c in data.decode("gb18030")) else None
    except UnicodeDecodeError:
        return None


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


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
        place = written(first["loc"])
        line = line_of(node, first["loc"])
        raise RulebookError(f"{path}:{line}: {place}: {cure(first)}") from None


def written(loc: Sequence[int | str]) -> str:
    """A path as it is written in the file: without the names that pydantic gives to choices."""
    return ".".join(str(part) for part in loc if "[" not in str(part))


def cure(error: Any) -> str:
    """One line for an error of pydantic: what is wrong and what to do."""
    kind, message = error["type"], str(error["msg"])
    if kind == "extra_forbidden":
        return "unknown name; remove it or correct its spelling"
    if kind == "missing":
        return "is required; add it"
    if kind == "invalid_key":
        return "is a name that YAML reads as yes, no or a number; write it in quotes"
    if kind == "recursion_loop":
        return "nested too deep; name some parts"
    return message.removeprefix("Value error, ").replace("\n", " ")


def line_of(node: yaml.Node, path: Sequence[int | str]) -> int:
    """The line in which a part of a file begins, or of the nearest part around it."""
    return depth_and_line(node, path)[1]


def depth_and_line(node: yaml.Node, path: Sequence[int | str]) -> tuple[int, int]:
    """How many steps of a path are written in the file, and the line that they lead to."""
    line, depth = int(node.start_mark.line) + 1, 0
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
        node, depth = child, depth + 1
    return depth, line


def _refuse_odd(path: Path, node: yaml.Node) -> None:
    """Names given twice (YAML keeps the last in silence), aliases (a few lines of them can fill any
    memory) and nesting that no rulebook needs."""
    stack, done = [(node, 1)], set[int]()
    while stack:
        current, depth = stack.pop()
        line = current.start_mark.line + 1
        if id(current) in done:
            raise RulebookError(f"{path}:{line}: used again by an alias (*); write it out")
        if depth > _MAX_DEPTH:
            raise RulebookError(
                f"{path}:{line}: nested deeper than {_MAX_DEPTH} levels; name some parts instead"
            )
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
                stack.append((value, depth + 1))
        elif isinstance(current, yaml.SequenceNode):
            stack.extend((item, depth + 1) for item in current.value)
