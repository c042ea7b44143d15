"""Word lists the measures need: dialect words, accepted loanwords, listener's signals.

The YAML files are edited by supervisors; `rules/speech_lexicons.py` reads them.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

import pydantic

from qc_speech.text.normalize import normalize

_HAN = re.compile(r"[\u3400-\u9fff]")


class _Entry(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class DialectWord(_Entry):
    """A dialect word with its Mandarin meaning; `hit` and `miss` are tested when it is loaded."""

    word: str = pydantic.Field(min_length=1)
    mandarin: str
    weight: Literal["strong", "weak"]
    not_in: tuple[str, ...] = ()  # innocent texts that contain the word's characters
    sound: bool = False  # also found where the recognizer wrote other characters of its sound
    not_sound: tuple[str, ...] = ()  # innocent words of the same sound
    hit: str
    miss: str

    @pydantic.model_validator(mode="after")
    def _examples(self) -> DialectWord:
        if not self.count(normalize(self.hit)):
            raise ValueError(f"hit: does not contain {self.word}; correct the example or not_in")
        if self.count(normalize(self.miss)):
            raise ValueError(f"miss: {self.word} is found in it; correct the example or not_in")
        if self.sound and len(self.word) < 2:
            raise ValueError("sound: one syllable sounds like too much; leave sound out")
        return self

    def count(self, text: str) -> int:
        """How often the word stands in a normalized text, innocent contexts left out."""
        return self._cleared(text).count(self.word)

    def masked(self, text: str) -> str:
        """The text without the word and its innocent contexts."""
        return self._cleared(text).replace(self.word, "|")

    def _cleared(self, text: str) -> str:
        for innocent in self.not_in:
            text = text.replace(innocent, "|")
        return text


class DialectRegion(_Entry):
    region: str
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


class BackchannelLexicon(_Entry):
    version: int
    words: tuple[str, ...] = pydantic.Field(min_length=1)  # a listener's signals
    cut_in: tuple[str, ...]  # short, but they take the floor


@dataclass(frozen=True)
class DialectHit:
    """A dialect word found in a text; `doubtful` when only its sound agrees."""

    word: str
    label: str
    strong: bool
    doubtful: bool


@dataclass(frozen=True)
class SpeechLexicons:
    """The three lists, compiled once."""

    dialect: DialectLexicon
    loanwords: LoanwordLexicon
    backchannels: BackchannelLexicon

    def is_backchannel(self, text: str) -> bool:
        """Whether a text is listener's signals, one character in four misheard (an empty text
        is not)."""
        plain = normalize(text)
        left = len(_all_of(self.backchannels.words).sub("", plain))
        return bool(plain) and left * 4 <= len(plain)

    def is_cut_in(self, text: str) -> bool:
        plain = normalize(text)
        return any(word in plain for word in self.backchannels.cut_in)

    def is_loanword(self, word: str) -> bool:
        if word.isupper() and len(word) <= self.loanwords.short_capitals:
            return True
        return word.lower() in _lowered(self.loanwords.words)

    def dialect_hits(self, text: str, by_sound: bool = True) -> tuple[DialectHit, ...]:
        """Dialect words in a text, one per occurrence; a longer word hides the shorter in it."""
        plain = normalize(text)
        found: list[DialectHit] = []
        left = plain
        for entry in _longest_first(self.dialect):
            count = entry.count(left)
            if count:
                found += [_hit(entry, doubtful=False)] * count
                left = entry.masked(left)
        if by_sound and left:
            for entry in _longest_first(self.dialect):
                if entry.sound:
                    found += [_hit(entry, doubtful=True)] * _count_sound(entry, left)
        return tuple(found)


def _hit(entry: DialectWord, doubtful: bool) -> DialectHit:
    label = f"{entry.word}（{entry.mandarin}）"
    return DialectHit(entry.word, label, entry.weight == "strong", doubtful)


@functools.lru_cache(maxsize=4)
def _longest_first(lexicon: DialectLexicon) -> tuple[DialectWord, ...]:
    words = [word for region in lexicon.regions for word in region.words]
    return tuple(sorted(words, key=lambda entry: -len(entry.word)))


@functools.lru_cache(maxsize=8)
def _all_of(words: tuple[str, ...]) -> re.Pattern[str]:
    ordered = sorted(words, key=len, reverse=True)
    return re.compile("|".join(re.escape(word) for word in ordered))


@functools.lru_cache(maxsize=8)
def _lowered(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)


def _count_sound(entry: DialectWord, plain: str) -> int:
    """Occurrences of the word's sound (tones and zh/z left out) in other characters."""
    for innocent in (*entry.not_in, *entry.not_sound):
        plain = plain.replace(innocent, "|")
    wanted = _sounds(entry.word)
    size, count, position = len(wanted), 0, 0
    heard = _sounds(plain)
    while position + size <= len(heard):
        if heard[position : position + size] == wanted:
            count, position = count + 1, position + size
        else:
            position += 1
    return count


@functools.lru_cache(maxsize=4096)
def _sounds(text: str) -> tuple[str, ...]:
    from pypinyin import Style, lazy_pinyin  # its dictionaries take a while to load

    parts: list[str] = []
    for char in text:
        if not _HAN.match(char):
            parts.append("|")
            continue
        sound = lazy_pinyin(char, style=Style.NORMAL)[0]
        parts.append(sound[0] + sound[2:] if sound[:2] in ("zh", "ch", "sh") else sound)
    return tuple(parts)
