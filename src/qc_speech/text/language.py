"""A small language model of service Mandarin: characters given the few before them.

Interpolated n-grams after Witten and Bell (1991), counted from plain text, so that whoever adds
lines to `lexicons/corpus/` changes the model. No file but that text, no training step.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

from qc_speech.text.normalize import normalize

ORDER = 4
START, END = "^", "$"
_FLOOR = 1e-5  # of a character that was never counted
_BREAKS = re.compile(r"[\W_]+")


class LanguageModel:
    """Counts of character n-grams. `probability` is of one character after a history."""

    def __init__(self) -> None:
        self._counts: dict[str, float] = {}
        self._after: dict[str, float] = {}  # how often a history was followed by anything,
        self._kinds: dict[str, int] = {}  # and by how many different characters
        self._known: dict[tuple[str, str], float] = {}

    def add(self, lines: Iterable[str], weight: float = 1.0) -> None:
        """Count lines of text; each stretch between punctuation marks is one utterance."""
        self._known.clear()
        for line in lines:
            for part in _BREAKS.split(line):
                if clean := normalize(part):
                    self._count(START + clean + END, weight)

    def copy(self) -> LanguageModel:
        """A model to add a call's own names to; this one stays as it is."""
        other = LanguageModel()
        other._counts, other._after = dict(self._counts), dict(self._after)
        other._kinds = dict(self._kinds)
        return other

    def characters(self) -> frozenset[str]:
        """Every character that was counted."""
        return frozenset(gram for gram in self._counts if len(gram) == 1 and gram != END)

    def log(self, history: str, char: str) -> float:
        """Natural logarithm of the probability of `char` after `history`."""
        key = (history[1 - ORDER :], char)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = math.log(self._probability(*key))
        return found

    def _count(self, text: str, weight: float) -> None:
        counts, after, kinds = self._counts, self._after, self._kinds
        for end in range(1, len(text)):
            for start in range(end, max(-1, end - ORDER), -1):
                history, gram = text[start:end], text[start : end + 1]
                if gram not in counts:
                    counts[gram] = 0.0
                    kinds[history] = kinds.get(history, 0) + 1
                counts[gram] += weight
                after[history] = after.get(history, 0.0) + weight

    def _probability(self, history: str, char: str) -> float:
        value = _FLOOR
        for start in range(len(history), -1, -1):
            before = history[start:]
            seen = self._after.get(before, 0.0)
            if seen:
                kinds = self._kinds[before]
                value = (self._counts.get(before + char, 0.0) + kinds * value) / (seen + kinds)
        return value


def load_language_model(folder: Path) -> LanguageModel:
    """The model of all text files of a folder (UTF-8, one or more sentences a line; lines that
    start with # are comments). A folder that is missing or empty gives a model of nothing."""
    model = LanguageModel()
    for path in sorted(folder.glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        model.add(line for line in lines if not line.startswith("#"))
    return model
