"""The little language of the word lists, and an index that finds thousands of patterns at once.

In a pattern `(a|b)` is a choice, `[x]` may be left out, `…` is a gap of a few characters. A pattern
is searched in any spelling: as characters, or as sounds that stand for characters.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from qc_speech.rules.banned_text import GAP, as_syllables, plain

Spell = Callable[[str], str]
_LEAST_BY_SOUND = 2
_TOKEN = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]|(…)|([^()\[\]…]+)")


def check_pattern(text: str) -> str:
    """The pattern itself, or ValueError with what is wrong in it."""
    depth = 0
    if set(text) & set("?*+{}\\^$？"):
        raise ValueError(f"{text}: only (a|b), [x] and … have a meaning; leave other marks out")
    for char in text:
        depth += (char in "([") - (char in ")]")
        if not 0 <= depth <= 1:
            raise ValueError(f"{text}: brackets do not match or are nested; use (a|b) and [x] flat")
    if depth or not plain(text):
        raise ValueError(f"{text}: brackets do not match or no words are left; correct it")
    if any(GAP in choice for slot in _slots(text) for choice in slot.choices if choice != GAP):
        raise ValueError(f"{text}: … within brackets; write it outside or split the entry")
    if not all(plain(choice) for slot in _slots(text) for choice in slot.choices if choice != GAP):
        raise ValueError(f"{text}: an empty alternative; use [x] for what may be left out")
    return text


@dataclass(frozen=True)
class _Slot:
    """One piece of a pattern: its alternatives, and whether it may be left out."""

    choices: tuple[str, ...]
    optional: bool = False

    @property
    def gap(self) -> bool:
        return self.choices == (GAP,)


def _slots(pattern: str) -> Iterator[_Slot]:
    for match in _TOKEN.finditer(pattern):
        choice, optional, gap, literal = match.groups()
        if choice is not None:
            yield _Slot(tuple(choice.split("|")))
        elif optional is not None:
            yield _Slot(tuple(optional.split("|")), optional=True)
        else:
            yield _Slot((gap or literal,))


def expand(pattern: str) -> Iterator[tuple[str, ...]]:
    """The spellings of a pattern in pieces, optional pieces left out, gaps kept."""
    return itertools.product(*(slot.choices for slot in _slots(pattern) if not slot.optional))


def spellings(pattern: str) -> int:
    """How many spellings `expand` gives."""
    return math.prod(len(slot.choices) for slot in _slots(pattern) if not slot.optional)


@dataclass(frozen=True)
class Shape:
    """A pattern made ready for looking up: `anchors` are texts one of which must stand in it."""

    pattern: str
    anchors: tuple[str, ...]
    gap: int
    spell: Spell

    @classmethod
    def of(cls, pattern: str, gap: int, spell: Spell = plain) -> Shape:
        """`spell` turns characters into what is searched, one for one."""
        best: tuple[str, ...] = ()
        for slot in _slots(pattern):
            if slot.optional or slot.gap:
                continue
            texts = tuple(dict.fromkeys(spell(choice) for choice in slot.choices))
            if not best or min(map(len, texts)) > min(map(len, best)):
                best = texts
        return cls(pattern, best, gap, spell)

    @functools.cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(_one_regex(self.pattern, self.gap, self.spell, groups=True))

    @functools.cached_property
    def _words(self) -> tuple[dict[str, str], ...]:
        """For each group of the expression, the words of what it matched."""
        return tuple(
            {self.spell(choice): plain(choice) for choice in reversed(slot.choices)}
            for slot in _slots(self.pattern)
            if not slot.gap
        )

    @functools.cached_property
    def _reach(self) -> int:
        longest = sum(max(map(len, slot.choices)) for slot in _slots(self.pattern))
        return longest + self.gap * self.pattern.count(GAP)

    def place(self, text: str, at: int, anchor: str) -> re.Match[str] | None:
        """The pattern whose anchor stands at `at`; None: the rest is missing."""
        first, last = max(0, at - self._reach), min(len(text), at + len(anchor) + self._reach)
        for match in self._regex.finditer(text, first, last):
            if match.start() <= at and at + len(anchor) <= match.end():
                return match
        return None

    def meant(self, match: re.Match[str], written: str) -> str:
        """The words of the pattern at a match; in its gaps, those of `written` (as long as the
        searched text)."""
        text, at = "", match.start()
        for number, words in enumerate(self._words, start=1):
            if match.group(number) is None:
                continue
            start, end = match.span(number)
            text += written[at:start] + words[match.group(number)]
            at = end
        return text + written[at : match.end()]


class Index:
    """Patterns by their anchors; a search walks the prefixes that stand in the text."""

    def __init__(self, patterns: Iterable[tuple[int, str, int]], spell: Spell = plain) -> None:
        """From (number, pattern, width of its gaps)."""
        self._prefixes: set[str] = set()
        self._anchors: dict[str, list[tuple[int, Shape | None]]] = {}
        for number, pattern, gap in patterns:
            slots = list(_slots(pattern))
            bare = len(slots) == 1 and not slots[0].optional and spell is plain
            shape = Shape.of(pattern, gap, spell)
            for anchor in shape.anchors:
                self._prefixes.update(anchor[:end] for end in range(1, len(anchor) + 1))
                self._anchors.setdefault(anchor, []).append((number, None if bare else shape))

    def find(self, text: str) -> Iterator[tuple[int, int, int, str]]:
        """(start, end, number, "") of every place; see `find_meant`."""
        for at, anchor, number, shape in self._standing(text):
            if shape is None:
                yield at, at + len(anchor), number, ""
            else:
                match = shape.place(text, at, anchor)
                if match:
                    yield match.start(), match.end(), number, ""

    def find_meant(self, text: str, written: str) -> Iterator[tuple[int, int, int, str]]:
        """The same with the words that the pattern has there."""
        for at, anchor, number, shape in self._standing(text):
            match = shape.place(text, at, anchor) if shape else None
            if shape and match:
                yield match.start(), match.end(), number, shape.meant(match, written)

    def _standing(self, text: str) -> Iterator[tuple[int, str, int, Shape | None]]:
        for at in range(len(text)):
            end = at + 1
            while end <= len(text) and text[at:end] in self._prefixes:
                anchor = text[at:end]
                for number, shape in self._anchors.get(anchor, ()):
                    yield at, anchor, number, shape
                end += 1


@dataclass(frozen=True)
class Wording:
    """A set of patterns that a text is asked for, as spelled or, from two syllables on, by sound.

    What excuses words must be heard as generously as the words themselves. `shape` is put around
    the expression at {}.
    """

    patterns: tuple[str, ...]
    shape: str = "{}"
    gap: int = 6
    least_by_sound: int = _LEAST_BY_SOUND

    @functools.cached_property
    def _spelled(self) -> re.Pattern[str]:
        return self._compile(plain)

    @functools.cached_property
    def _sounded(self) -> re.Pattern[str]:
        return self._compile(as_syllables)

    def _compile(self, spell: Spell) -> re.Pattern[str]:
        inner = "|".join(_one_regex(pattern, self.gap, spell) for pattern in self.patterns)
        return re.compile(self.shape.replace("{}", f"(?P<words>{inner})"))

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """[start, end) of the wordings in a normalized text."""
        yield from self._as_spelled(text)
        yield from self._as_heard(text)

    def covers(self, text: str, start: int, end: int) -> bool:
        """Whether [start, end) is a part of one, or by sound of a longer one."""
        return any(low <= start and end <= high for low, high in self._as_spelled(text)) or any(
            low <= start and end <= high and high - low > end - start
            for low, high in self._as_heard(text)
        )

    def _as_spelled(self, text: str) -> Iterator[tuple[int, int]]:
        if self.patterns:
            for match in self._spelled.finditer(text):
                yield match.span("words")

    def _as_heard(self, text: str) -> Iterator[tuple[int, int]]:
        if not self.patterns:
            return
        for match in self._sounded.finditer(as_syllables(text)):
            start, end = match.span("words")
            if end - start >= self.least_by_sound:
                yield start, end

    def within(self, text: str) -> bool:
        """Whether one stands anywhere in the text."""
        return next(self.find(text), None) is not None


def _one_regex(pattern: str, gap: int, spell: Spell, groups: bool = False) -> str:
    text = ""
    for slot in _slots(pattern):
        if slot.gap:
            text += f".{{0,{gap}}}?"
            continue
        ordered = sorted(map(spell, slot.choices), key=len, reverse=True)  # the longest that fits
        inner = "|".join(map(re.escape, ordered))
        opening = "(" if groups else "(?:"
        text += f"{opening}{inner})" + ("?" if slot.optional else "")
    return text
