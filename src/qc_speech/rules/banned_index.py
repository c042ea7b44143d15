"""All word lists in one index: a text is walked once and not once for each list.

What a walk costs depends on the text and on what is found in it, not on the number of entries:
spellings are found by their prefixes, sounds by pairs of neighbours.
"""

from __future__ import annotations

import functools
from bisect import bisect
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from qc_speech.rules.banned_pattern import Index, expand, spellings
from qc_speech.rules.banned_sound import SoundIndex, weight
from qc_speech.rules.banned_text import GAP, as_sounds

if TYPE_CHECKING:
    from qc_speech.rules.banned_lexicon import Banned

MOST_SOUNDS = 150  # an entry of more spellings is too loose to be found by sound
LEAST_SAME = 4  # syllables of an entry that is found by its very sounds
_REMEMBERED = 512  # texts: those of one call

Spelled = tuple[int, int, int]  # start, end, number of the entry in its list
Echoed = tuple[int, int, int, float, str]  # the same with evidence and the words it sounds like


class BannedIndex:
    """Finds the entries of all lists in a normalized text; by list, in order."""

    def __init__(self, lists: Mapping[str, tuple[Banned, ...]]) -> None:
        self._names = tuple(lists)
        self._firsts = list(accumulate((len(one) for one in lists.values()), initial=0))
        self._entries = tuple(entry for entries in lists.values() for entry in entries)
        # Remembered by text: a call's own utterances are asked for list by list.
        self.spelled = functools.lru_cache(_REMEMBERED)(self._spelled)
        self.echoes = functools.lru_cache(_REMEMBERED)(self._echoes)

    def __reduce__(self) -> tuple[type, tuple[dict[str, tuple[Banned, ...]]]]:
        places = zip(self._names, self._firsts, self._firsts[1:])
        return BannedIndex, ({name: self._entries[at:end] for name, at, end in places},)

    @functools.cached_property
    def _by_spelling(self) -> Index:
        return Index((number, one.say, one.gap) for number, one in enumerate(self._entries))

    @functools.cached_property
    def _by_same_sound(self) -> Index:
        numbered = enumerate(self._entries)
        return Index(((number, one.say, one.gap) for number, one in numbered), as_sounds)

    @functools.cached_property
    def _by_near_sound(self) -> SoundIndex:
        """Whole phrases by near sounds, built at first use: many runs need none."""
        return SoundIndex(
            (number, pieces)
            for number, entry in enumerate(self._entries)
            if entry.least_sounds and GAP not in entry.say and spellings(entry.say) <= MOST_SOUNDS
            for pieces in expand(entry.say)
            if sum(map(len, pieces)) >= entry.least_sounds
        )

    def _spelled(self, text: str) -> dict[str, list[Spelled]]:
        """Where entries stand as they are spelled, innocent or not."""
        found: dict[str, list[Spelled]] = {}
        for start, end, number, _ in self._by_spelling.find(text):
            name, own = self._own(number)
            found.setdefault(name, []).append((start, end, own))
        return found

    def _echoes(self, text: str) -> dict[str, list[Echoed]]:
        """What sounds like an entry; whole phrases by near sounds before those of the very ones."""
        found: dict[str, list[Echoed]] = {}
        for start, end, number, evidence, meant in self._heard(text):
            name, own = self._own(number)
            found.setdefault(name, []).append((start, end, own, evidence, meant))
        return found

    def _heard(self, text: str) -> Iterator[Echoed]:
        for echo in self._by_near_sound.find(text):
            yield echo.start, echo.end, echo.index, echo.evidence, echo.text
        sounds = as_sounds(text)
        if len(sounds) == len(text):
            for start, end, number, meant in self._by_same_sound.find_meant(sounds, text):
                if end - start >= LEAST_SAME:
                    yield start, end, number, weight(meant, text[start:end]), meant

    def _own(self, number: int) -> tuple[str, int]:
        """The list an entry is in, and its number there."""
        which = bisect(self._firsts, number) - 1
        return self._names[which], number - self._firsts[which]
