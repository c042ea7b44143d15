"""Word lists the measures need: dialect words, accepted loanwords, listener's signals.

The YAML files are edited by supervisors; `rules/speech_lexicons.py` reads them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import pydantic

from qc_speech.measures.ear import Ear, variants
from qc_speech.measures.floor_words import BackchannelLexicon, FloorLexicon
from qc_speech.text.normalize import normalize


class _Entry(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class DialectWord(_Entry):
    """A dialect word with its Mandarin meaning; `hit` and `miss` are tested when it is loaded."""

    word: str = pydantic.Field(min_length=1)
    mandarin: str
    weight: Literal["strong", "weak"]
    not_in: tuple[str, ...] = ()  # innocent texts that contain the word's characters
    alone: bool = True  # False: only the phrases of `heard` count, not the word by itself
    heard: tuple[str, ...] = ()  # phrases found by ear where other characters are written
    unless: tuple[str, ...] = ()  # Mandarin words that sound alike
    hit: str
    miss: str

    @pydantic.model_validator(mode="after")
    def _examples(self) -> DialectWord:
        if not self.alone and not self.heard:
            raise ValueError("alone: false needs `heard`; give the phrases in which it counts")
        if not self.count(normalize(self.hit)):
            raise ValueError(f"hit: does not contain {self.word}; correct the example or not_in")
        if self.count(normalize(self.miss)):
            raise ValueError(f"miss: {self.word} is found in it; correct the example or not_in")
        if any(len(text) < 2 for text in self.phrases()):
            raise ValueError("heard: one syllable sounds like too much; give more words with it")
        return self

    @property
    def strong(self) -> bool:
        return self.weight == "strong"

    @property
    def label(self) -> str:
        return f"{self.word}（{self.mandarin}）"

    def phrases(self) -> tuple[str, ...]:
        """Every wording of `heard`, longest first."""
        found = dict.fromkeys(text for phrase in self.heard for text in variants(phrase))
        return tuple(sorted(found, key=len, reverse=True))

    def count(self, text: str) -> int:
        """How often the word stands in a normalized text, innocent contexts left out."""
        cleared = self._cleared(text)
        if self.alone:
            return cleared.count(self.word)
        count = 0
        for phrase in (normalize(phrase.rstrip("$")) for phrase in self.phrases()):
            count += cleared.count(phrase)
            cleared = cleared.replace(phrase, "|")
        return count

    def masked(self, text: str) -> str:
        """The text without the word and its innocent contexts."""
        return self._cleared(text).replace(self.word, "|")

    def _cleared(self, text: str) -> str:
        for innocent in self.not_in:
            text = text.replace(innocent, "|")
        return text


class DialectRegion(_Entry):
    """`group`: neighbouring regions whose words one speaker mixes; empty: the region alone."""

    region: str
    group: str = ""
    words: tuple[DialectWord, ...] = pydantic.Field(min_length=1)


class DialectLexicon(_Entry):
    version: int
    regions: tuple[DialectRegion, ...] = pydantic.Field(min_length=1)


class LoanwordLexicon(_Entry):
    """Latin words that are part of spoken Mandarin. `short_capitals`: letters said one by one."""

    version: int
    words: tuple[str, ...]
    short_capitals: int = pydantic.Field(default=4, ge=0, le=8)  # APP, VIP, ETC: up to this long
    single_words: int = pydantic.Field(default=2, ge=0)  # brand names a Chinese sentence may hold


@dataclass(frozen=True)
class SpeechLexicons:
    """The word lists of the measures."""

    dialect: DialectLexicon
    loanwords: LoanwordLexicon
    backchannels: BackchannelLexicon
    floor: FloorLexicon

    def is_loanword(self, word: str) -> bool:
        if word.isupper() and len(word) <= self.loanwords.short_capitals:
            return True
        return word.lower() in _lowered(self.loanwords.words)

    def region_of(self, word: DialectWord) -> str:
        """The region a dialect word is listed under."""
        return self._regions[word.word]

    def group_of(self, word: DialectWord) -> str:
        """The group of regions that a dialect word belongs to."""
        return self._groups[word.word]

    @functools.cached_property
    def _groups(self) -> dict[str, str]:
        return {w.word: r.group or r.region for r in self.dialect.regions for w in r.words}

    @functools.cached_property
    def ear(self) -> Ear:
        """The dialect phrases made ready for searching by ear."""
        return Ear(word for region in self.dialect.regions for word in region.words)

    @functools.cached_property
    def _regions(self) -> dict[str, str]:
        return {word.word: r.region for r in self.dialect.regions for word in r.words}

    @functools.cached_property
    def _longest_first(self) -> tuple[DialectWord, ...]:
        words = [word for region in self.dialect.regions for word in region.words]
        return tuple(sorted(words, key=lambda entry: -len(entry.word)))

    def dialect_words(self, text: str) -> tuple[DialectWord, ...]:
        """Dialect words written in a text, one per occurrence; a longer word hides the shorter
        in it."""
        left = normalize(text)
        found: list[DialectWord] = []
        for entry in self._longest_first:
            count = entry.count(left)
            if count:
                found += [entry] * count
                left = entry.masked(left)
        return tuple(found)


@functools.lru_cache(maxsize=8)
def _lowered(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)
