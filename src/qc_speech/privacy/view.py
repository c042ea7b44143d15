"""An utterance as detection reads it: one comparable character for each that was written."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from qc_speech.model import Span, Utterance
from qc_speech.text.normalize import simplify

MARK = "，"
_DIGITS = "零一二三四五六七八九"
_SAME = {"幺": "一", "〇": "零", **{str(n): char for n, char in enumerate(_DIGITS)}}


@dataclass(frozen=True)
class View:
    """`text`: simplified, lower case, digits as 零 to 九, every run of marks and spaces as one ，.
    `origin`: for each of its characters the place in `Utterance.text`; `words`: its word."""

    utterance: Utterance
    text: str
    origin: tuple[int, ...]
    words: tuple[int, ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Characters [start, end) of the view as a range of `Utterance.text`."""
        return self.origin[start], self.origin[end - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """When they are said: from the first word's start to the last word's end."""
        spans = [self.utterance.words[word].span for word in self.words[start:end]]
        return Span(min(s.start_ms for s in spans), max(s.end_ms for s in spans))


def view(utterance: Utterance) -> View:
    text: list[str] = []
    origin: list[int] = []
    words: list[int] = []
    at = 0
    for number, word in enumerate(utterance.words):
        simple = simplify(word.text)
        for place, written in enumerate(word.text):
            char = simple[place] if len(simple) == len(word.text) else written
            read = _read(char)
            if read != MARK or (text and text[-1] != MARK):
                text.append(read)
                origin.append(at)
                words.append(number)
            at += 1
    return View(utterance, "".join(text), tuple(origin), tuple(words))


def _read(char: str) -> str:
    folded = unicodedata.normalize("NFKC", char).lower()
    one = _SAME.get(folded, folded)
    han = len(one) == 1 and ("\u3400" <= one <= "\u9fff" or (one.isascii() and one.isalnum()))
    return one if han else MARK
