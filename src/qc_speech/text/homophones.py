"""Characters put right that sound as they were heard: Whisper hears 那 and writes 拿.

More than a third of what a small recognizer gets wrong in telephone Mandarin has the very syllable
that was said. Each character is weighed against others of the same or nearly the same sound and
against the recognizer's other readings: how surely it was heard, how likely the sound is confused,
and how well it fits its neighbours in service Mandarin (a noisy channel, Brill & Moore 2000, over
syllables; Viterbi search with a beam). Only the writing changes, hardly ever the sound: a phrase
whose sounds were not heard cannot come out of it.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from qc_speech.text.language import END, ORDER, START, LanguageModel
from qc_speech.text.phonetic import distance, syllables
from qc_speech.text.words import likelier

_BEAM = 12
_CHANGED = re.compile("x+")
_DIGITS = frozenset("零一二三四五六七八九")  # a number is left as it was heard
_MOST_ALIKE = 24  # characters of one syllable that are tried, the commonest


@dataclass(frozen=True)
class Channel:
    """How the recognizer errs. Logarithms are natural; `likely` of it calibrates a confidence."""

    language: float = 0.75  # weight of the language model against the recognizer
    surely: tuple[float, float] = (-1.4, 4.6)  # log-odds of being right: a + b * confidence
    same_sound: float = 0.4  # share of errors that have the very syllable
    near_sound: float = 0.15  # share of those that nearly have it,
    reach: float = 0.2  # no further away than this (phonetic.distance),
    decay: float = 8.0  # and the less likely the further
    other_reading: float = 0.25  # share of errors that another reading has right
    least_words: float = -3.0  # no change that makes the text so much less likely as words


@dataclass(frozen=True)
class Heard:
    """One character as recognized; `others` stand there in other readings of the same sound."""

    char: str
    confidence: float
    others: tuple[str, ...] = ()


@dataclass
class Corrector:
    """Holds a language model and what sounds alike in it. Not changed by use but for its caches."""

    model: LanguageModel
    channel: Channel = field(default_factory=Channel)
    names: tuple[str, ...] = ()  # which need be no common words

    def __post_init__(self) -> None:
        self._by_sound: dict[str, list[str]] = {}
        common = sorted(self.model.characters(), key=lambda char: -self.model.log("", char))
        for char in common:
            if is_han(char):
                alike = self._by_sound.setdefault(syllables(char)[0], [])
                if len(alike) < _MOST_ALIKE:
                    alike.append(char)
        self._near = functools.lru_cache(maxsize=4096)(self._sounds_near)

    def correct(self, heard: Sequence[Heard]) -> str:
        """The likeliest writing of one utterance, character for character as long as it was."""
        if not any(is_han(item.char) for item in heard):
            return "".join(item.char for item in heard)
        beam: list[tuple[float, str]] = [(0.0, START)]
        sounds = syllables("".join(item.char for item in heard))
        for item, sound in zip(heard, sounds):
            best: dict[str, tuple[float, str]] = {}
            for char, channel in self._choices(item, sound).items():
                for score, text in beam:
                    total = score + channel + self._language(text, char)
                    end = text[2 - ORDER :] + char
                    if end not in best or best[end][0] < total:
                        best[end] = (total, text + char)
            beam = sorted(best.values(), reverse=True)[:_BEAM]
        ended = [(score + self._language(text, END), text) for score, text in beam]
        written = "".join(item.char for item in heard)
        return self._keeping_words(written, max(ended)[1][len(START) :])

    def _keeping_words(self, heard: str, text: str) -> str:
        """The text without changes that break common words, which the corpus need not know."""
        kept = heard
        named = [m.span() for name in self.names for m in re.finditer(re.escape(name), text)]
        for run in _CHANGED.finditer("".join("x="[a == b] for a, b in zip(heard, text))):
            start, end = run.span()
            own = any(first < end and start < last for first, last in named)
            if own or likelier(kept, start, end, text[start:end]) >= self.channel.least_words:
                kept = kept[:start] + text[start:end] + kept[end:]
        return kept

    def _language(self, text: str, char: str) -> float:
        return self.channel.language * self.model.log(text, char)

    def _choices(self, item: Heard, sound: str) -> dict[str, float]:
        """Characters that may have been said, with the channel's log-probability of each."""
        channel = self.channel
        if not is_han(item.char) or item.char in _DIGITS:
            return {item.char: 0.0}
        low, slope = channel.surely
        right = 1 / (1 + math.exp(-(low + slope * item.confidence)))
        wrong = math.log(1 - right)
        found = {item.char: math.log(right)}
        shares = [(char, channel.other_reading) for char in item.others if is_han(char)]
        shares += self._near(sound)
        for char, share in shares:
            value = wrong + math.log(share)
            if char != item.char and value > found.get(char, -math.inf):
                found[char] = value
        return found

    def _sounds_near(self, sound: str) -> tuple[tuple[str, float], ...]:
        channel = self.channel
        found: list[tuple[str, float]] = []
        for other, chars in self._by_sound.items():
            away = distance(sound, other)
            if away > channel.reach:
                continue
            share = channel.near_sound * math.exp(-channel.decay * away)
            found.extend((char, channel.same_sound if away == 0 else share) for char in chars)
        return tuple(found)


def is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff"
