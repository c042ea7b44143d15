"""Mandarin by ear: syllables, how easily telephone speech confuses them, and fuzzy search.

A pattern is searched in a longer text with a weighted edit distance over toneless syllables
(Sellers 1980: the match may start and end anywhere). A substitution costs what the two syllables
differ by ear (0 the same .. 1 nothing in common); gaps in a pattern cost little.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qc_speech.text.normalize import normalize

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]

GAP = "…"
_RUNS = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")
_INSERT = 0.55  # a syllable heard that the pattern does not have
DELETE = 0.9  # a syllable of the pattern that was not heard
_GAP_STEP = 0.03  # each syllable inside a gap

_INITIALS = (
    "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r",
    "z", "c", "s", "y", "w",
)  # fmt: skip

# Cost of hearing one initial as another: the confusions of southern accents and of an 8 kHz line
# (fricatives and affricates lose their upper band; nasals and laterals blur).
_INITIAL_PAIRS: dict[frozenset[str], float] = {
    frozenset(pair): cost
    for cost, pairs in (
        (0.05, ("z zh", "c ch", "s sh")),
        (0.12, ("n l", "l r", "f h", "y ", "w ")),
        (0.2, ("zh j", "z j", "ch q", "c q", "sh x", "s x", "h w", "g k", "d t", "b p", "zh ch", "z c",
               "j q", "m n", "f s", "f sh", "h x", "h k", "r y", "zh d", "b m", "f w", "l y", "n y",
               "q x", "ch sh", "c s", "zh sh", "z s", "zh c", "ch z", "r zh", "r sh")),
        (0.3, ("b d", "p t", "t k", "d g", "m w", "h ", "d l", "g h", "n m", "d n", "j y", "j d", "q t",
               "j x", "sh c", "b f", "p f", "m l", "w y", "k h", "t ch", "g d", "b w", "l ", "n ", "r ")),
    )
    for pair in (tuple(text.split(" ")) for text in pairs)
}  # fmt: skip
_FAR_INITIAL = 0.55

_FINAL_PAIRS: dict[frozenset[str], float] = {
    frozenset(pair.split(" ")): cost
    for cost, pairs in (
        (0.05, ("an ang", "en eng", "in ing", "ian iang", "uan uang", "un ong", "uo o", "e o")),
        (0.12, ("ing eng", "in en", "ong eng", "ui ei", "un en", "ian an", "iang ang", "iao ao", "ie e",
                "uo e", "i v", "u v", "van ian", "ve ie", "vn in", "vn un", "van uan", "iu ou", "ia a",
                "ua a", "uai ai", "uan an", "uang ang", "iong ong", "uo ou", "ei i", "ai ei", "ao ou",
                "ui i", "ian in", "ie i", "iang ing", "an en", "ang eng", "ou u", "e i", "uo u")),
        (0.22, ("ai a", "ao a", "an a", "an ai", "ang ao", "ei e", "en e", "eng ong", "ou e", "o a",
                "ian ie", "iao ie", "in i", "ing i", "ong u", "ong ou", "uan uo", "un u", "ui u", "a e",
                "u i", "ao uo", "iu i", "ia ian", "ian ai", "ve uo", "er e", "er a", "en ei", "an e",
                "ang ong", "ai i", "ou ong", "iao ou", "iu iao", "v iu", "e ai", "u e")),
    )
    for pair in pairs
}  # fmt: skip
_FAR_FINAL = 0.65


@dataclass(frozen=True)
class Match:
    """Where a pattern was found: syllables [start, end) of the text, its cost, and the pattern's
    length without gaps. `strength` is 1 for the very sounds, 0 or less for none of them."""

    start: int
    end: int
    cost: float
    length: int

    @property
    def strength(self) -> float:
        return 1.0 - self.cost / self.length


@functools.lru_cache(maxsize=65536)
def _char_syllable(char: str) -> str:
    import pypinyin

    return str(pypinyin.lazy_pinyin(char, style=pypinyin.Style.NORMAL, v_to_u=False)[0])


@functools.lru_cache(maxsize=65536)
def _word_syllables(word: str) -> tuple[str, ...]:
    """A word as pypinyin cuts them: words come again and again, texts do not."""
    import pypinyin

    return tuple(pypinyin.lazy_pinyin(word, v_to_u=False))


@functools.lru_cache(maxsize=65536)
def syllables(text: str) -> tuple[str, ...]:
    """Toneless syllables of a normalized text, one per character (Latin letters stand for
    themselves). Polyphones by phrase (pypinyin)."""
    from pypinyin.seg import mmseg

    found: list[str] = []
    for part in _RUNS.findall(text):
        if part.isascii():  # letters and digits stand for themselves
            found.extend(part)
        else:
            found.extend(one for word in mmseg.seg.cut(part) for one in _word_syllables(word))
    if len(found) != len(text):  # a phrase rule merged characters: fall back to single ones
        found = [_char_syllable(char) for char in text]
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def split(syllable: str) -> tuple[str, str]:
    """Initial and final; y and w spellings undone so that finals compare (yan -> ian)."""
    initial = next((i for i in _INITIALS if syllable.startswith(i)), "")
    final = syllable[len(initial) :]
    if initial in ("j", "q", "x", "y") and final.startswith("u"):
        final = "v" + final[1:]
    if initial == "y" and final[:1] in ("a", "o", "e") and final not in ("e",):
        final = {"ou": "iu", "an": "ian", "ang": "iang", "ao": "iao", "a": "ia", "ong": "iong"}.get(
            final, final
        )
    if initial == "w" and final in ("a", "o", "ai", "an", "ang", "ei", "en", "eng"):
        final = {"ei": "ui", "en": "un", "eng": "ong"}.get(final, "u" + final)
    return initial, final


@functools.lru_cache(maxsize=200_000)
def distance(one: str, other: str) -> float:
    """How differently two syllables sound, 0..1."""
    if one == other:
        return 0.0
    if not (one.isascii() and other.isascii()) or len(one) == 1 or len(other) == 1:
        if {one, other} <= {"a", "e", "o"}:
            return 0.3
        if not (one in ("a", "e", "o") or other in ("a", "e", "o")):
            return 1.0
    (initial, final), (initial2, final2) = split(one), split(other)
    return min(1.0, initial_cost(initial, initial2) + final_cost(final, final2))


def initial_cost(one: str, other: str) -> float:
    """How differently two initials sound, 0..1."""
    return 0.0 if one == other else _INITIAL_PAIRS.get(frozenset((one, other)), _FAR_INITIAL)


def final_cost(one: str, other: str) -> float:
    """How differently two finals sound, 0..1."""
    return 0.0 if one == other else _FINAL_PAIRS.get(frozenset((one, other)), _FAR_FINAL)


class Alphabet:
    """Ids of syllables, with tables over them that grow as syllables are met."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._names: list[str] = []
        self._table = np.zeros((0, 0), dtype=np.float32)
        self._evidence: dict[int, Floats] = {}

    def ids(self, names: Sequence[str]) -> Ids:
        for name in names:
            if name not in self._ids:
                self._ids[name] = len(self._names)
                self._names.append(name)
        return np.array([self._ids[name] for name in names], dtype=np.int32)

    @property
    def size(self) -> int:
        return len(self._names)

    def rows(self, wanted: Ids) -> Floats:
        """Distances of the wanted syllables to all there are."""
        size = len(self._names)
        if self._table.shape[0] < size:
            table = np.zeros((size, size), dtype=np.float32)
            old = self._table.shape[0]
            table[:old, :old] = self._table
            for i in range(old, size):
                for j in range(i + 1):
                    table[i, j] = table[j, i] = distance(self._names[i], self._names[j])
            self._table = table
        return np.asarray(self._table[wanted])

    def nearest(self, heard: Ids) -> Floats:
        """For each syllable there is, its distance to the nearest one heard."""
        self.rows(heard[:0])  # the table may have to grow
        least: Floats = self._table[:, np.unique(heard)].min(axis=1)
        return least

    def evidence(self, said: int) -> Floats:
        """For each syllable there is, the evidence (nats) of hearing it that `said` was said."""
        from qc_speech.text.confusion import evidence

        row = self._evidence.get(said)
        if row is None or len(row) < len(self._names):
            known = [] if row is None else row.tolist()
            new = [evidence(self._names[said], name) for name in self._names[len(known) :]]
            row = self._evidence[said] = np.array(known + new, dtype=np.float32)
        return row


ALPHABET = Alphabet()


@dataclass(frozen=True)
class Heard:
    """A text made ready for searching: its characters and their syllables."""

    text: str
    ids: Ids

    @classmethod
    def of(cls, text: str) -> Heard:
        """From any text; it is normalized first, so positions count normalized characters."""
        clean = normalize(text)
        return cls(clean, ALPHABET.ids(syllables(clean)))


@dataclass(frozen=True)
class Pattern:
    """A phrase to find. `gaps` are positions before which anything may stand."""

    text: str
    ids: Ids
    gaps: frozenset[int]

    @classmethod
    def of(cls, text: str) -> Pattern:
        """From characters; "…" marks a slot of any words (a name, an address)."""
        parts = [normalize(part) for part in text.split(GAP)]
        gaps, length = set(), 0
        for part in parts[:-1]:
            length += len(part)
            gaps.add(length)
        joined = "".join(parts)
        # Syllables per part: a slot breaks the phrase, so polyphones must not look across it.
        names = [name for part in parts for name in syllables(part)]
        return cls(joined, ALPHABET.ids(names), frozenset(gaps))

    def __len__(self) -> int:
        return len(self.text)


def search(pattern: Pattern, heard: Heard) -> Match | None:
    """The best place of a pattern in a text; None when either is empty."""
    if not len(pattern) or not len(heard.ids):
        return None
    row = _last_row(pattern.ids, pattern.gaps, heard.ids)
    end = int(np.argmin(row[1:])) + 1
    return Match(_start_of(pattern, heard, end), end, float(row[end]), len(pattern))


def search_all(pattern: Pattern, heard: Heard, max_cost: float) -> tuple[Match, ...]:
    """All places that cost at most `max_cost`, best first, none overlapping another."""
    if not len(pattern) or not len(heard.ids):
        return ()
    row = _last_row(pattern.ids, pattern.gaps, heard.ids)
    found: list[Match] = []
    for end in (int(i) for i in np.argsort(row, kind="stable") if row[i] <= max_cost and i > 0):
        if any(match.start < end <= match.end for match in found):
            continue
        match = Match(_start_of(pattern, heard, end), end, float(row[end]), len(pattern))
        if not any(match.start < other.end and other.start < match.end for other in found):
            found.append(match)
    return tuple(found)


def _last_row(pattern: Ids, gaps: frozenset[int], text: Ids) -> Floats:
    """Cost of the best match that ends before each position of the text."""
    steps = np.arange(len(text) + 1, dtype=np.float32)
    table = ALPHABET.rows(pattern)
    row = np.zeros(len(text) + 1, dtype=np.float32)
    for i in range(len(pattern)):
        new = np.empty_like(row)
        new[0] = row[0] + DELETE
        new[1:] = np.minimum(row[:-1] + table[i][text], row[1:] + DELETE)
        insert = _GAP_STEP if i + 1 in gaps else _INSERT
        if i + 1 < len(pattern):  # what follows the last syllable belongs to nobody
            new = np.minimum.accumulate(new - insert * steps) + insert * steps
        row = new
    return row


def least_costs(patterns: Sequence[Pattern], heard: Heard) -> Floats:
    """What the best match of each pattern (without gaps) costs, all at once: as `search`."""
    sizes = np.array([len(pattern) for pattern in patterns])
    ids = np.zeros((len(patterns), int(sizes.max(initial=0))), dtype=np.int32)
    for row, pattern in zip(ids, patterns):
        row[: len(pattern)] = pattern.ids
    table = ALPHABET.rows(ids.T)  # syllable by pattern by all there are
    steps = _INSERT * np.arange(len(heard.ids) + 1, dtype=np.float32)
    best = np.zeros((len(patterns), len(heard.ids) + 1), dtype=np.float32)
    for i, distances in enumerate(table):
        new = best + np.float32(DELETE)
        np.minimum(new[:, 1:], best[:, :-1] + distances[:, heard.ids], out=new[:, 1:])
        inner = (i + 1 < sizes)[:, None]  # what follows the last syllable belongs to nobody
        new = np.where(inner, np.minimum.accumulate(new - steps, axis=1) + steps, new)
        best = np.where((i < sizes)[:, None], new, best)
    least: Floats = best[:, 1:].min(axis=1, initial=np.inf)
    return least


def _start_of(pattern: Pattern, heard: Heard, end: int) -> int:
    """Where the match that ends at `end` begins: the same search backwards from there."""
    size = len(pattern)
    gaps = frozenset(size - gap for gap in pattern.gaps)
    back = ALPHABET.ids(()) if end == 0 else heard.ids[:end][::-1]
    window = back[: size * 3 + (60 if gaps else 4)]
    steps = np.arange(len(window) + 1, dtype=np.float32)
    table = ALPHABET.rows(pattern.ids[::-1])
    row = _INSERT * steps  # anchored: the match must begin at the end
    for i in range(size):
        new = np.empty_like(row)
        new[0] = row[0] + DELETE
        new[1:] = np.minimum(row[:-1] + table[i][window], row[1:] + DELETE)
        insert = _GAP_STEP if i + 1 in gaps else _INSERT
        if i + 1 < size:
            new = np.minimum.accumulate(new - insert * steps) + insert * steps
        row = new
    return max(0, end - int(np.argmin(row)))
