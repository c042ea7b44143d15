"""Goes through all files of a folder: first each alone, then together, then what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from qc_speech.errors import RulebookError
from qc_speech.rules.audit.books import Books, book_flaws
from qc_speech.rules.audit.entries import banned_flaws, phrase_flaws
from qc_speech.rules.audit.examples import situation_failures
from qc_speech.rules.audit.flaw import Flaw
from qc_speech.rules.files import shape_of, shaped
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.lexicons import Lexicons, load_lexicons
from qc_speech.rules.rulebook import File, Rulebook, RulebookFile, build, unique
from qc_speech.rules.yamlfile import read_node, validate

_PLACED = re.compile(r"(?P<place>.*?\.yaml(?::\d+)?): (?P<text>.*)", re.DOTALL)


def audit(folder: Path) -> tuple[Flaw, ...]:
    """All flaws of a lexicons folder, errors first, by file."""
    flaws = [*_unread(folder), *_each_alone(folder)]
    if not any(flaw.level == "error" for flaw in flaws):
        flaws += _together(folder)
    unique_flaws = dict.fromkeys(flaws)
    return tuple(sorted(unique_flaws, key=lambda flaw: (flaw.level, flaw.place)))


def _each_alone(folder: Path) -> Iterator[Flaw]:
    for path, shape in shaped(folder):
        try:
            validate(path, read_node(path), shape.model)
        except RulebookError as error:
            yield _as_flaw(error)


def _unread(folder: Path) -> Iterator[Flaw]:
    """Files in which a supervisor may write for years without anything happening."""
    for path in sorted(folder.rglob("*.y*ml")):
        if shape_of(path.relative_to(folder).as_posix()) is None:
            known = "rulebooks/, phrases/ or a file of banned/ by its name, ending in .yaml"
            yield Flaw("warning", str(path), f"is read by nothing; put it in {known}")


def _together(folder: Path) -> Iterator[Flaw]:
    try:
        lexicons = load_lexicons(folder)
    except RulebookError as error:
        yield _as_flaw(error)
        return
    yield from rulebook_flaws(folder / "rulebooks", lexicons)
    yield from phrase_flaws(folder / "phrases")
    yield from situation_failures(folder / "situations.yaml")
    yield from banned_flaws(folder / "banned", lexicons.banned)


def rulebook_flaws(folder: Path, lexicons: Lexicons) -> tuple[Flaw, ...]:
    """Flaws of the rulebooks in a folder alone."""
    flaws: list[Flaw] = []
    read: list[File] = []
    made: dict[str, Rulebook] = {}
    files: dict[str, File] = {}
    kinds = all_kinds(lexicons)
    for path in sorted(folder.glob("*.yaml")):
        try:
            node = read_node(path)
            read.append((path, node, validate(path, node, RulebookFile)))
        except RulebookError as error:
            flaws.append(_as_flaw(error))
    try:
        files = unique(folder, read)
    except RulebookError as error:
        flaws.append(_as_flaw(error))
    for name in files:
        try:
            made[name] = build(name, files, kinds)
        except RulebookError as error:
            flaws.append(_as_flaw(error))
    if not flaws:
        flaws += book_flaws(Books(files, made, lexicons))
    return tuple(dict.fromkeys(flaws))


def _as_flaw(error: RulebookError) -> Flaw:
    match = _PLACED.match(str(error))
    return Flaw("error", match["place"], match["text"]) if match else Flaw("error", "", str(error))
