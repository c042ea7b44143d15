"""Flaws of word lists: examples that fail, wordings that can never hit, words in two lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qc_speech.rules.audit.examples import banned_failures, line_with, phrase_failures
from qc_speech.rules.audit.flaw import Flaw, Level, Loc
from qc_speech.rules.banned_lexicon import BannedLexicon
from qc_speech.rules.banned_pattern import expand, spellings
from qc_speech.rules.conditions.pattern import as_pattern
from qc_speech.rules.conditions.wording import samples
from qc_speech.rules.phrases import Part, Phrase, PhraseFile
from qc_speech.rules.yamlfile import line_of, read_node, validate
from qc_speech.text.expression import is_endless, linear
from qc_speech.text.template import parse

_WAYS = 200  # ways to say a wording that are tried
_ENDLESS = "this expression may search without end; repeat nothing that repeats, such as (a+)+"


def phrase_flaws(folder: Path) -> Iterator[Flaw]:
    """Flaws of lexicons/phrases."""
    yield from phrase_failures(folder)
    for path in sorted(folder.glob("*.yaml")):
        node = read_node(path)
        for i, phrase in enumerate(validate(path, node, PhraseFile).phrases):
            for loc, text, level in _phrase(phrase):
                line = line_of(node, ("phrases", i, *loc))
                yield Flaw(level, f"{path}:{line}", f"phrase {phrase.check}: {text}")


def _phrase(phrase: Phrase) -> Iterator[tuple[Loc, str, Level]]:
    for name in ("hint_regex", "replies", "reply_hints"):
        for i, pattern in enumerate(getattr(phrase, name, ())):
            if is_endless(pattern, phrase.hit):
                yield (name, i), _ENDLESS, "error"
    for j, part in enumerate(phrase.parts):
        for k, pattern in enumerate(part.regex):
            if is_endless(pattern, phrase.hit):
                yield ("parts", j, "regex", k), _ENDLESS, "error"
        for k, text in _dead(part):
            yield ("parts", j, "any", k), text, "warning"


def _dead(part: Part) -> Iterator[tuple[int, str]]:
    innocent = [linear(as_pattern(wording)) for wording in part.unless]
    seen: dict[object, str] = {}
    for k, wording in enumerate(part.any):
        first = seen.setdefault(parse(wording), wording)
        if first is not wording:
            yield k, f"{wording} is there twice; remove one"
        ways = samples(wording, _WAYS) if innocent else ()
        if ways and all(any(one.search(text) for one in innocent) for text in ways):
            yield k, f"{wording} never counts: `unless` covers every way to say it"


def banned_flaws(folder: Path, lexicon: BannedLexicon) -> Iterator[Flaw]:
    """Flaws of lexicons/banned."""
    yield from banned_failures(folder, lexicon)
    yield from _written_twice(lexicon)


@dataclass(frozen=True)
class _Entry:
    """An entry of a banned list with the ways to say it."""

    check: str
    path: Path
    say: str
    ways: tuple[str, ...]

    @property
    def line(self) -> int:
        return line_with(self.path, self.say)


def _written_twice(lexicon: BannedLexicon) -> Iterator[Flaw]:
    """The same words in two lists (said once, charged twice), and entries that add nothing to the
    others of their list."""
    entries = [
        _Entry(name, words.path, one.say, tuple("…".join(pieces) for pieces in expand(one.say)))
        for name, words in lexicon.lists.items()
        for one in words.entries
        if spellings(one.say) <= _WAYS
    ]
    first: dict[str, list[_Entry]] = {}
    for entry in entries:
        for way in entry.ways:
            first.setdefault(way, []).append(entry)
    for entry in entries:
        others: dict[str, list[str]] = {}
        before: set[str] = set()
        for way in entry.ways:
            for other in first[way]:
                if other is entry:
                    break
                if other.check == entry.check:
                    before.add(way)
                else:
                    others.setdefault(f"{other.check}.yaml:{other.line}", []).append(way)
        if before == set(entry.ways):
            text = f"{entry.say[:24]}: every way to say it is in entries before it; remove it"
            yield Flaw("warning", f"{entry.path}:{entry.line}", text)
        for place, ways in others.items():
            shown = "、".join(ways[:3]) + (f" and {len(ways) - 3} more" if len(ways) > 3 else "")
            text = f"{shown}: also in {place}; said once, it is charged twice"
            yield Flaw("warning", f"{entry.path}:{entry.line}", text)
