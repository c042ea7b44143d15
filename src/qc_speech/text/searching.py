"""What was said, as tokens that a database can index, and what to ask it for. Pure.

Two characters that follow each other are one token, and so are two syllables: an index of pairs
finds any run of characters or of pinyin without knowing words. The last character (syllable) of an
utterance stands alone, so that single ones are found as the beginning of a token.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qc_speech.text.normalize import normalize

_LONGEST = 6  # letters of a syllable: zhuang
MOST_READINGS = 16  # ways to cut letters into syllables: xian is xian and xi an
_HAN = re.compile(r"[\u3400-\u9fff]+")
_LATIN = re.compile(r"[a-zü]+")
_PARTS = re.compile(r"[a-zü']+(?:\s+[a-zü']+)*|\S+")
_TONES = str.maketrans("āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜü", "aaaaeeeeiiiioooouuuuvvvvv")


@dataclass(frozen=True)
class Wanted:
    """A run of tokens that must follow each other; of the last one only the start is given when
    `open_end`."""

    tokens: tuple[str, ...]
    open_end: bool


def tokens(texts: Iterable[str]) -> str:
    """The tokens of utterances, with spaces between."""
    return " ".join(itertools.chain.from_iterable(_tokens_of(text) for text in texts))


def wanted(query: str) -> tuple[tuple[Wanted, ...], ...]:
    """What to look for: every part of a query must be there, each in one of its readings. Nothing
    to look for: an empty tuple."""
    found = []
    for part in _PARTS.findall(query.strip().lower().translate(_TONES)):
        readings = tuple(_readings(part))
        if readings:
            found.append(readings)
    return tuple(found)


def _tokens_of(text: str) -> Iterator[str]:
    plain = normalize(text)
    yield from _pairs(plain, "")
    for run in _HAN.findall(plain):
        yield from _pairs(_pinyin(run), "_")


def _pairs(parts: Sequence[str], between: str) -> Iterator[str]:
    for first, second in itertools.pairwise(parts):
        yield first + between + second
    if parts:
        yield parts[-1] + between


def _pinyin(text: str) -> list[str]:
    from pypinyin import lazy_pinyin

    return [syllable.replace("ü", "v") for syllable in lazy_pinyin(text)]


def _readings(part: str) -> Iterator[Wanted]:
    plain = normalize(part)
    if plain:
        yield _run(list(plain), "")
    if _LATIN.match(part):
        words = re.split(r"[\s']+", part.replace("ü", "v"))
        for cut in itertools.islice(_cuts([word for word in words if word]), MOST_READINGS):
            yield _run(cut, "_")


def _run(parts: Sequence[str], between: str) -> Wanted:
    if len(parts) == 1:
        return Wanted((parts[0] + between,), True)
    pairs = [first + between + second for first, second in itertools.pairwise(parts)]
    return Wanted(tuple(pairs), False)


def _cuts(words: Sequence[str]) -> Iterator[list[str]]:
    """All ways to read letters as syllables, the longest syllables first."""
    for parts in itertools.product(*(_cuts_of(word) for word in words)):
        yield list(itertools.chain.from_iterable(parts))


def _cuts_of(word: str) -> list[list[str]]:
    """At most MOST_READINGS ways to read a word, made from its end: no way is tried twice."""
    cuts: dict[int, list[list[str]]] = {len(word): [[]]}
    for start in range(len(word) - 1, -1, -1):
        ends = range(min(len(word), start + _LONGEST), start, -1)
        found = (
            [word[start:end], *rest]
            for end in ends
            if word[start:end] in _syllables()
            for rest in cuts[end]
        )
        cuts[start] = list(itertools.islice(found, MOST_READINGS))
    return cuts[0]


@functools.lru_cache(maxsize=1)
def _syllables() -> frozenset[str]:
    from pypinyin import lazy_pinyin

    han = (chr(code) for code in range(0x4E00, 0x9FA6))
    read = {syllable.replace("ü", "v") for char in han for syllable in lazy_pinyin(char)}
    return frozenset(one for one in read if one.isascii() and one.isalpha())
