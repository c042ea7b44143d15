"""Regular expressions over what was said: in RE2 only, so that none is ever slow."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from qc_speech.model import Span, Utterance
from qc_speech.rules.conditions.answer import Place
from qc_speech.rules.conditions.scene import Scene, Stretch
from qc_speech.text.expression import linear
from qc_speech.text.normalize import normalize

_ALTERNATIVE_TRUST = 0.93
_EXACT_TRUST = 0.95
_TO_DIGITS = str.maketrans("零一二三四五六七八九", "0123456789")
_SLOT = ".{0,12}"

View = Literal["spoken", "digits", "written"]


def as_pattern(template: str) -> str:
    """The expression of a template's very characters."""
    template = template.replace("您", "你").replace("你", "(你|您)")
    parts = re.split(r"([()\[\]|<>$…])", template)
    marks = {"[": "(?:(?:", "]": "))?", "(": "(?:", "<": "", ">": "", "…": _SLOT}
    return "".join(
        marks.get(part, part) if part in "()[]|<>$…" else re.escape(normalize(part))
        for part in parts
        if part
    )


@dataclass(frozen=True)
class Pattern:
    """What to find, what a hit must not lie in, and in which form of the text."""

    match: str
    innocent: tuple[str, ...] = ()
    form: View = "spoken"
    whole_words: bool = False

    def hits(self, text: str) -> Iterator[tuple[int, int]]:
        """Characters [start, end) of each hit."""
        against = [m.span() for p in self.innocent for m in linear(p).finditer(text)]
        borders = _borders(text) if self.whole_words else frozenset()
        for match in linear(self.match).finditer(text):
            start, end = match.span()
            if any(start < stop and begin < end for begin, stop in against):
                continue
            if self.whole_words and not {start, end} <= borders:
                continue
            yield start, end


def search(
    scene: Scene, where: Stretch, pattern: Pattern, absence_costs: bool
) -> tuple[Place, ...]:
    """The first hit in each utterance, in what was heard or in another reading of it."""
    places = (_find(scene, u, pattern, absence_costs) for u in scene.utterances(where))
    return tuple(place for place in places if place)


def _find(
    scene: Scene, utterance: Utterance, pattern: Pattern, absence_costs: bool
) -> Place | None:
    text, owners = viewed(utterance, pattern.form)
    for start, end in pattern.hits(text):
        words = [utterance.words[i] for i in owners[start : max(end, start + 1)]]
        span = Span(words[0].span.start_ms, max(w.span.end_ms for w in words))
        raw = Place(span, utterance.role, utterance.index, text[start:end], _EXACT_TRUST)
        return scene.judged(raw, absence_costs)
    for other in utterance.alternatives:
        text = _view(other.text, pattern.form)
        for start, end in pattern.hits(text):
            trust = _EXACT_TRUST * _ALTERNATIVE_TRUST
            raw = Place(utterance.span, utterance.role, utterance.index, text[start:end], trust)
            return scene.judged(raw, absence_costs)
    return None


def viewed(utterance: Utterance, form: View) -> tuple[str, tuple[int, ...]]:
    """The text of an utterance in one form, and for each character the word it belongs to."""
    text, owners = "", list[int]()
    for index, word in enumerate(utterance.words):
        part = _view(word.text, form)
        text += part
        owners.extend(index for _ in part)
    return text, tuple(owners)


def _view(text: str, form: View) -> str:
    if form == "written":
        return text
    spoken = normalize(text)
    return spoken.translate(_TO_DIGITS) if form == "digits" else spoken


@functools.lru_cache(maxsize=4096)
def _borders(text: str) -> frozenset[int]:
    """Where words begin and end (jieba)."""
    import jieba

    jieba.setLogLevel(60)
    return frozenset(at for _, start, end in jieba.tokenize(text) for at in (start, end))
