"""Words of turn-taking: listener's signals, finished and unfinished sentences, waiting, leaving.

The lists are `lexicons/backchannels.yaml` and `lexicons/floor.yaml`. Chinese listeners' responses
follow Clancy, Thompson, Suzuki & Tao (1996) and Tao & Thompson (1991): few, short, mostly 嗯, 对
and reactive expressions, and placed at the ends of clauses.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

import pydantic

from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import distance, syllables

_HEARD_AS = 0.12  # syllables this near are one by ear
_PARTICLES = re.compile("[的了吧呢嘛呀]")  # what may be left of a token half heard
_ALONE = "嗯唔哦噢喔哎诶欸好对"
_ECHOED = 0.7  # share of the syllables that must come back


class _List(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class BackchannelLexicon(_List):
    """A listener's signals, and short words that are none because they take the floor."""

    version: int
    words: tuple[str, ...] = pydantic.Field(min_length=1)
    cut_in: tuple[str, ...]
    not_cut_in: tuple[str, ...] = ()  # polite phrases that hold such a word

    def is_backchannel(self, text: str) -> bool:
        """Whether a text is listener's signals, one character in four misheard or written with
        characters of the same sound (an empty text is not)."""
        plain = normalize(text)
        if not plain or self.cuts_in(text):
            return False
        left = _any(self.words).sub("", plain)
        if left != plain and len(_PARTICLES.sub("", left)) * 4 <= len(plain):
            return True
        return len(plain) <= 6 and _only(syllables(plain), _sounds(self.words))

    def cuts_in(self, text: str) -> bool:
        """Whether a talk opens with words that take the floor; of four syllables one may be
        misheard."""
        plain = normalize(text)
        for polite in self.not_cut_in:
            plain = plain.replace(polite, "|")
        plain = plain[:8]
        return any(
            word in plain or (len(word) >= 4 and echoes(word, plain[:6]) >= 0.75)
            for word in self.cut_in
        )

    def leading(self, text: str) -> int:
        """How many characters at the start of a normalized text are listener's signals. Of single
        characters only those that hardly begin another word (是 and 行 do)."""
        words = tuple(word for word in self.words if len(word) > 1 or word in _ALONE)
        found = re.match(f"(?:{_any(words).pattern})+", text)
        return found.end() if found else 0


class FloorLexicon(_List):
    """Evidence of finished sentences, of waits and of leaving."""

    version: int
    finals: tuple[str, ...]
    closings: tuple[str, ...]
    unfinished: tuple[str, ...]
    protests: tuple[str, ...]
    accepts: tuple[str, ...]
    agent_waits: tuple[str, ...]
    customer_waits: tuple[str, ...]
    asks: tuple[str, ...]
    calls_out: tuple[str, ...]
    leaves: tuple[str, ...]
    goodbyes: tuple[str, ...]

    def completeness(self, text: str) -> float:
        """How finished a sentence sounds by its last word: 1 finished, -1 broken off, 0 unknown.

        A possible end of a turn is syntactic, pragmatic and prosodic at once (Sacks, Schegloff &
        Jefferson 1974; Ford & Thompson 1996); this is the lexical part of it.
        """
        plain = normalize(text)
        if not plain:
            return 0.0
        if text.rstrip()[-1:] in "?？":
            return 1.0
        if plain.endswith(self.closings):
            return 0.8
        if plain.endswith(self.finals):
            return 0.7 if plain.endswith("了") else 1.0
        if plain.endswith(self.unfinished):
            return -1.0
        return 0.3 if text.rstrip()[-1:] in "。.!！" else 0.0

    def says(self, words: Sequence[str], text: str) -> bool:
        plain = normalize(text)
        return any(word in plain for word in words)

    def accepted(self, text: str) -> bool:
        return normalize(text).startswith(self.accepts)


def echoes(text: str, other: str) -> float:
    """Share (0..1) of the syllables of `text` that come in this order in `other`, by ear.

    A listener who repeats, or who says the same words at the same time, takes no floor.
    """
    mine, theirs = syllables(normalize(text)), syllables(normalize(other))
    if not mine or not theirs:
        return 0.0
    best = [0] * (len(theirs) + 1)  # longest common subsequence
    for one in mine:
        row = [0]
        for place, two in enumerate(theirs, 1):
            same = best[place - 1] + 1 if distance(one, two) <= _HEARD_AS else 0
            row.append(max(same, best[place], row[-1]))
        best = row
    return best[-1] / len(mine)


def is_repetition(text: str, other: str) -> bool:
    """At least two syllables, nearly all of them the other's."""
    return len(syllables(normalize(text))) >= 2 and echoes(text, other) >= _ECHOED


@functools.lru_cache(maxsize=8)
def _any(words: tuple[str, ...]) -> re.Pattern[str]:
    ordered = sorted(words, key=len, reverse=True)
    return re.compile("|".join(re.escape(word) for word in ordered))


@functools.lru_cache(maxsize=8)
def _sounds(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    return frozenset(syllables(word) for word in words)


def _only(heard: tuple[str, ...], words: frozenset[tuple[str, ...]]) -> bool:
    """Whether the syllables can be cut into listed words."""
    reached = [True] + [False] * len(heard)
    for end in range(1, len(heard) + 1):
        reached[end] = any(
            reached[end - size] and heard[end - size : end] in words
            for size in range(1, min(end, 8) + 1)
        )
    return reached[-1]
