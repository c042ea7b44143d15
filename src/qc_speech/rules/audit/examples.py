"""Runs the examples that entries carry: what must be found is, and what must not is not.

The one runner for `rules test`, `rules check` and the tests of the lexicons.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from qc_speech.model import SCENARIOS, Outcome, Role, Span, Utterance, Word
from qc_speech.rules.audit.flaw import Flaw, Loc
from qc_speech.rules.banned import examples
from qc_speech.rules.banned_lexicon import BannedLexicon
from qc_speech.rules.conditions.check import CustomParams, run_custom
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.lexicons import Lexicons, load_lexicons
from qc_speech.rules.matcher import Matcher
from qc_speech.rules.phrases import AgentTurn, Phrase, PhraseFile
from qc_speech.rules.rehearsal import rehearsed
from qc_speech.rules.rulebook import (
    File,
    Rulebook,
    RulebookFile,
    layered,
    load_rulebooks,
    unique,
)
from qc_speech.rules.situations import DUE_FROM, Situation, SituationFile
from qc_speech.rules.yamlfile import line_of, read_node, validate

_SAID = 0.5
_MS_PER_CHARACTER = 250
_HERE = (Outcome.PASS, Outcome.NOT_APPLICABLE)
_EXAMPLE = re.compile(r"(?P<file>.*?\.yaml): (?P<entry>.*?): (?P<text>.*)", re.DOTALL)
_WHOLE = re.compile(
    r"(?P<file>\w+\.yaml): (?P<text>the (?:hit|miss) (?P<entry>.*) is (?:not )?found)", re.DOTALL
)


def failing(folder: Path) -> tuple[int, tuple[Flaw, ...]]:
    """How many examples a lexicons folder holds, and those that fail, by file and entry. Raises
    RulebookError where a file cannot be read as what it is."""
    lexicons = load_lexicons(folder)
    books = load_rulebooks(folder / "rulebooks", all_kinds(lexicons))
    found = (
        *phrase_failures(folder / "phrases"),
        *situation_failures(folder / "situations.yaml"),
        *banned_failures(folder / "banned", lexicons.banned),
        *_book_failures(folder / "rulebooks", books, lexicons),
    )
    return _count(lexicons, books), tuple(dict.fromkeys(found))


def phrase_says(phrase: Phrase, text: str) -> bool:
    """Whether a phrase is found in an agent's only turn, heard well."""
    return _probability(phrase, text) >= _SAID


def situation_says(situation: Situation, text: str) -> bool:
    """Whether a situation is heard in a turn, whoever of its parties says it."""
    return max(_probability(phrase, text) for _, phrase in situation.phrases) >= DUE_FROM


def phrase_failures(folder: Path) -> Iterator[Flaw]:
    """Of lexicons/phrases."""
    for path in sorted(folder.glob("*.yaml")):
        node = read_node(path)
        for i, phrase in enumerate(validate(path, node, PhraseFile).phrases):
            for name, k, text in _entries(phrase):
                if phrase_says(phrase, text) != (name == "hit"):
                    place = f"{path}:{line_of(node, ('phrases', i, name, k))}"
                    yield _failed(place, f"phrase {phrase.check}", text, name)


def situation_failures(path: Path) -> Iterator[Flaw]:
    """Of lexicons/situations.yaml."""
    node = read_node(path)
    for i, situation in enumerate(validate(path, node, SituationFile).situations):
        for name, k, text in _entries(situation):
            if situation_says(situation, text) != (name == "hit"):
                place = f"{path}:{line_of(node, ('situations', i, name, k))}"
                yield _failed(place, f"situation {situation.name}", text, name)


def banned_failures(folder: Path, lexicon: BannedLexicon) -> Iterator[Flaw]:
    """Of lexicons/banned."""
    for message in examples(lexicon):
        match = _EXAMPLE.match(message)
        whole = _WHOLE.match(message)
        if match:
            line = line_with(Path(match["file"]), match["entry"])
            yield Flaw("error", f"{match['file']}:{line}", f"{match['entry']}: {match['text']}")
        elif whole:
            path = folder / whole["file"]
            line = line_with(path, "".join(whole["entry"].split()))
            yield Flaw("error", f"{path}:{line}", whole["text"])
        else:
            yield Flaw("error", str(folder), message)


def custom_failures(
    params: CustomParams, lexicons: Lexicons, scenario: str | None
) -> Iterator[tuple[str, Loc]]:
    """Of a check written as conditions: what failed, and where in the check it is written."""
    for name, wanted in (("violates", (Outcome.VIOLATION,)), ("passes", _HERE)):
        for i, lines in enumerate(getattr(params.examples, name)):
            drafts = run_custom(rehearsed(lines, lexicons, scenario or SCENARIOS[0]), params)
            if any(draft.outcome not in wanted for draft in drafts):
                got = ", ".join(dict.fromkeys(draft.outcome.value for draft in drafts))
                text = f"its example {i + 1} of `{name}` gives {got}"
                yield text, ("params", "examples", name, i)


def line_with(path: Path, start: str) -> int:
    """The line of a file's first text that begins so; 1 when there is none."""
    return next((line for text, line in _lines(path) if text.startswith(start)), 1)


def _book_failures(
    folder: Path, books: Mapping[str, Rulebook], lexicons: Lexicons
) -> Iterator[Flaw]:
    read: list[File] = []
    for path in sorted(folder.glob("*.yaml")):
        node = read_node(path)
        read.append((path, node, validate(path, node, RulebookFile)))
    files = unique(folder, read)
    for name, book in books.items():
        rules = layered(files, name)
        for check in book.checks:
            if isinstance(check.params, CustomParams):
                for text, loc in custom_failures(check.params, lexicons, book.scenario):
                    yield Flaw(
                        "error", rules[check.check].place(loc), f"check {check.check}: {text}"
                    )


def _count(lexicons: Lexicons, books: Mapping[str, Rulebook]) -> int:
    entries: tuple[Phrase | Situation, ...] = (
        *lexicons.phrases.values(),
        *lexicons.situations.values(),
    )
    whole = (lexicons.banned.disclosure, lexicons.banned.rambling)
    custom = {
        (check.check, lines)
        for book in books.values()
        for check in book.checks
        if isinstance(check.params, CustomParams)
        for lines in (*check.params.examples.violates, *check.params.examples.passes)
    }
    return (
        sum(len(one.hit) + len(one.miss) for one in entries)
        + sum(
            len(words.misses) + sum(len(one.hit) + len(one.miss) for one in words.entries)
            for words in lexicons.banned.lists.values()
        )
        + sum(len(one.hits) + len(one.misses) for one in whole)
        + len(custom)
    )


def _entries(entry: Phrase | Situation) -> Iterator[tuple[str, int, str]]:
    for name, texts in (("hit", entry.hit), ("miss", entry.miss)):
        for k, text in enumerate(texts):
            yield name, k, text


def _failed(place: str, entry: str, text: str, name: str) -> Flaw:
    found = "is not found" if name == "hit" else "is found"
    return Flaw("error", place, f"{entry}: its example {text} {found}")


def _probability(phrase: Phrase, text: str) -> float:
    step = _MS_PER_CHARACTER
    words = tuple(Word(Span(i * step, (i + 1) * step), char, 0.95) for i, char in enumerate(text))
    said = Utterance(0, Span(0, max(1, len(text)) * step), "a", Role.AGENT, words)
    turn = AgentTurn((said,))
    return Matcher((turn,)).find(phrase, (turn,)).probability


@functools.lru_cache(maxsize=4)
def _lines(path: Path) -> tuple[tuple[str, int], ...]:
    """Every text of a file, without spaces, with its line."""
    found: list[tuple[str, int]] = []
    stack: list[yaml.Node] = [read_node(path)]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.ScalarNode):
            found.append(("".join(str(node.value).split()), int(node.start_mark.line) + 1))
        elif isinstance(node, yaml.SequenceNode):
            stack.extend(reversed(node.value))
        elif isinstance(node, yaml.MappingNode):
            stack.extend(value for _, value in reversed(node.value))
    return tuple(found)
