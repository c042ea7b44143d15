"""Wordings as trainers type them, characters or pinyin, held against what was heard. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process

from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import syllables
from qc_speech.text.template import Corpus, find_in

_HAN = re.compile(r"[\u3400-\u9fff]")
_MASK = re.compile(r"［[^］]*］")
# What a telephone line and a southern accent confuse is written alike: zh z, ch c, sh s, ng n.
_FOLDS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"), ("v", "u"))
FIRST_LOOK = 60.0  # of 100: what sounds less alike is not looked at twice
MOST_LOOKED_AT = 300
LEAST = 0.3  # probability that a wording was said
_PINYIN_ALIKE = 75.0  # of 100, where only pinyin was typed and no characters to weigh
_ROOM = 300  # characters: one call's talk, what the matcher's price is made for
_SHORT = 5  # letters: so short a pinyin has to be heard exactly


def heard(text: str) -> str:
    """Normalized characters of a masked text."""
    return normalize(_MASK.sub("", text))


def spoken(text: str) -> tuple[str, ...]:
    """The syllables of a normalized text, one for each character."""
    return syllables(text)


def sound(said: Sequence[str]) -> str:
    """Syllables as folded pinyin without spaces."""
    return folded("".join(said))


def folded(pinyin: str) -> str:
    text = re.sub(r"[^a-z]", "", pinyin.lower().replace("ü", "v"))
    for old, new in _FOLDS:
        text = text.replace(old, new)
    return text


@dataclass(frozen=True)
class Wording:
    """Words that must all be found. characters: empty where pinyin was typed."""

    terms: tuple[tuple[str, str], ...]  # (characters, sound)

    @classmethod
    def of(cls, typed: str) -> Wording:
        """Characters, split at spaces; or pinyin, with or without spaces and tone numbers."""
        if not _HAN.search(typed):
            pinyin = folded(re.sub(r"[0-9]", "", typed))
            return cls((("", pinyin),) if pinyin else ())
        parts = [normalize(part) for part in typed.split()]
        return cls(tuple((part, sound(spoken(part))) for part in parts if part))

    def found_in(self, sounds: Sequence[str]) -> list[int]:
        """Places of the texts that sound at all like every term, the likest first: a fast first
        look at many."""
        scores: dict[int, float] = dict.fromkeys(range(len(sounds)), 100.0)
        for _, pinyin in self.terms:
            least = 100.0 if len(pinyin) <= _SHORT else FIRST_LOOK
            hits = process.extract(
                pinyin, sounds, scorer=fuzz.partial_ratio, score_cutoff=least, limit=None
            )
            near = {at: score for text, score, at in hits if len(text) >= 0.7 * len(pinyin)}
            scores = {at: min(old, near[at]) for at, old in scores.items() if at in near}
        return sorted(scores, key=lambda at: (-scores[at], at))[:MOST_LOOKED_AT]

    def likenesses(
        self, texts: Sequence[str], sounds: Sequence[str], said: Sequence[Sequence[str]]
    ) -> npt.NDArray[np.float64]:
        """For each text, how surely all terms are said in it, 0..1; below `LEAST` it is 0."""
        found = np.ones(len(texts))
        for characters, pinyin in self.terms:
            if characters:
                hits = find_in(characters, Corpus(texts, _ROOM, said))
                likely = np.array([hit.probability for hit in hits])
            else:
                likely = np.array([_by_pinyin(pinyin, one) for one in sounds])
            same = np.array([0.95 if pinyin in one else 0.0 for one in sounds])
            exact = np.array([1.0 if characters and characters in one else 0.0 for one in texts])
            found = np.minimum(found, np.maximum(np.maximum(likely, same), exact))
        return np.where(found >= LEAST, found, 0.0)


def _by_pinyin(wanted: str, sounds: str) -> float:
    if len(wanted) <= _SHORT or len(sounds) < 0.8 * len(wanted):
        return 0.0
    alike = fuzz.partial_ratio(wanted, sounds)
    return 0.9 * alike / 100 if alike >= _PINYIN_ALIKE else 0.0


def grams(text: str) -> Iterable[str]:
    """Pairs of neighbouring characters: what texts are compared by."""
    return (text[at : at + 2] for at in range(max(1, len(text) - 1)))
