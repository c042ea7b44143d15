"""The house: a file imports only from floors below it or from its own room; no circles."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "qc_speech"

FLOORS: dict[int, tuple[str, ...]] = {
    0: ("model", "errors"),
    1: ("codec", "result", "resources", "settings", "ports", "text", "measures", "rules", "roles",
        "align", "score", "reviews", "store_place", "scenario", "spelling", "privacy", "cards"),
    2: ("vault", "audio", "parties", "engines", "judging", "voiceprints", "models", "store",
        "store_memory", "migrations"),
    3: ("pipeline", "clips", "settling", "publish", "batch", "nightly", "setup", "intake", "report",
        "evaluate", "export", "doctor", "api",
        "retention", "sealing", "notices", "monitoring"),
    4: ("cli", "web", "__main__"),
}  # fmt: skip
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(name: str) -> str:
    return name.split(".")[0]


def imported(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    nodes = tree.body if top_level_only else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qc_speech"):
            module = (node.module or "").removeprefix("qc_speech").lstrip(".")
            for alias in node.names:
                whole = f"{module}.{alias.name}".lstrip(".")
                exists = (PACKAGE / whole.replace(".", "/")).with_suffix(".py").is_file() or (
                    PACKAGE / whole.replace(".", "/")
                ).is_dir()
                found.add(whole if exists else module)
        elif isinstance(node, ast.Import):
            found.update(
                alias.name.removeprefix("qc_speech.")
                for alias in node.names
                if alias.name.startswith("qc_speech.")
            )
    return found - {""}


@pytest.mark.parametrize("path", modules(), ids=lambda path: name_of(path) or "__init__")
def test_a_file_imports_only_from_below(path: Path) -> None:
    name = name_of(path)
    if not name:
        return  # the package's own front door is lazy
    assert room_of(name) in FLOOR_OF, f"{name}: has no floor; add its room to FLOORS"
    mine = FLOOR_OF[room_of(name)]
    for other in imported(path):
        assert FLOOR_OF[room_of(other)] <= mine, f"{name} imports {other}, which is above it"


def test_no_circles() -> None:
    graph = {name_of(path): imported(path, top_level_only=True) for path in modules()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done or name not in graph:
            return
        for other in graph[name]:
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_pure_floors_are_free_of_engines_and_io_libraries() -> None:
    heavy = {"torch", "faster_whisper", "pyannote", "sqlalchemy", "typer", "rich", "av", "jinja2"}
    for path in modules():
        if FLOOR_OF.get(room_of(name_of(path)), 9) > 1:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names.append(node.module)
            assert not {name.split(".")[0] for name in names} & heavy, f"{path.name}: {names}"


def test_no_drawer_rooms() -> None:
    assert not [p for p in modules() if p.stem in {"utils", "helpers", "base", "common", "misc"}]


def test_migrations_are_one_chain() -> None:
    """Numbers in file names, each after the one before: the store's newest schema is read there."""
    before = None
    for n, path in enumerate(sorted((PACKAGE / "migrations" / "versions").glob("[0-9]*.py")), 1):
        text = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{n:04}_"), f"{path.name}: renumber it, {n:04} is next"
        assert f'revision = "{n:04}"' in text, path.name
        assert f"down_revision = {before}" in text, path.name
        before = f'"{n:04}"'
