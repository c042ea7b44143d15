"""Wordings as templates, searched by ear in many readings at once.

A template is a small grammar: `(a|b)` alternatives, `[x|y]` optional, `…` a slot of any words,
freely nested, `<x>` for the words that carry the meaning, where a mismatch weighs more, and `$` for
the end of what is said. It is matched as a lattice, not expanded: one dynamic program over the text
per syllable of the template (Sellers 1980, the alternatives' rows joined by their maximum).

What is maximized is the evidence in nats: how much likelier each syllable was heard with the
wording said than by chance (confusion.py), less a price that grows with the number of wordings a
template stands for and with the talk that is searched: who looks for more finds more by chance. So
a long wording may be heard with errors and a short one must be heard well, in one additive scale.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

import numpy as np
import numpy.typing as npt

from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import ALPHABET, GAP, Floats, Ids, syllables

SAME_CHARACTER = 0.7  # more for the very character than for a homophone
AGAINST = 2.0  # how much more a mismatch weighs than a match
CORE_AGAINST = 4.0  # the same in the words that carry the meaning
FRAME = 0.7  # weight of the other words of a wording that has such words
COMMON = 0.7  # weight of a word that stands in every second sentence
EXACT = 0.985
INSERT = 3.0
FILLER_INSERT = 0.4
DELETE = 2.6
GAP_STEP = 0.1
PRICE = 8.0
BREADTH = 1.0  # of the price, for each unit of log wordings that a template stands for
SHORT = 2.0  # more of it for a wording of one or two syllables: the language has too many alike
SLOPE = 1.6
END = 3.5  # evidence of a wording that stands at the very end
WALL = 50.0
_NOWHERE = 2**40  # beyond every text
_SLOT_BREADTH = 20.0
_LEAST_ROOM, _USUAL_ROOM = 200, 300  # characters of talk; the price is that of the usual room
SLOT_REACH = 12  # characters a slot takes in the very words
_END = "|"  # the wall as a syllable
_COMMON = frozenset("您你我请问的了吗呢吧是有什么可以一下给帮为这那就还会来去到个在好没不")
_FILLERS = frozenset("嗯啊呃哦喔哎诶唉呢吧嘛呀那个就是")


@dataclass(frozen=True, eq=False)  # one object for each (`_syllable`), told apart by identity
class Syllable:
    id: int
    code: int
    weight: float
    against: float  # weight of a mismatch


_syllable = functools.lru_cache(maxsize=None)(Syllable)


@dataclass(frozen=True)
class Choice:
    branches: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Slot:
    pass


Node = Union["Syllable", "Choice", "Slot"]
Begins = npt.NDArray[np.int64]


class Corpus:
    """Readings of stretches of talk laid end to end with walls between that no match crosses."""

    def __init__(
        self,
        texts: Sequence[str],
        searched: int | None = None,
        spoken: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """`searched`: characters of talk that the texts stand for, when some are only other
        readings of the same talk; the more there are, the more is found by chance. `spoken`: the
        texts' syllables where they are known already (making them takes longest)."""
        self.texts = tuple(texts)
        size = sum(map(len, self.texts)) if searched is None else searched
        self.room = math.log(max(_LEAST_ROOM, size) / _USUAL_ROOM)
        lengths = np.array([len(text) + 1 for text in self.texts], dtype=np.int64)
        self.begins: Begins = np.cumsum(lengths) - lengths
        self.empty = lengths == 1
        said = map(syllables, self.texts) if spoken is None else spoken
        self.ids: Ids = ALPHABET.ids([name for names in said for name in (*names, _END)])
        joined = "\0".join((*self.texts, ""))
        self.codes: Ids = np.frombuffer(joined.encode("utf-32-le"), dtype=np.int32)
        self.walls: Begins = self.begins + lengths - 1
        fillers = np.array([char in _FILLERS for char in joined], dtype=bool)
        insert = np.where(fillers, FILLER_INSERT, INSERT)
        gap = np.full(len(joined), GAP_STEP)
        insert[self.walls] = gap[self.walls] = WALL
        self.insert: Floats = np.concatenate(([0.0], np.cumsum(insert))).astype(np.float32)
        self.gap: Floats = np.concatenate(([0.0], np.cumsum(gap))).astype(np.float32)
        self._fits: dict[Syllable, Floats] = {}

    def like(self, texts: Sequence[str]) -> Corpus:
        """Some of the texts, searched at the price of all."""
        part = Corpus(texts)
        part.room = self.room
        return part

    @property
    def starts(self) -> list[int]:
        """Where each text begins."""
        return [int(at) for at in self.begins]

    @functools.cached_property
    def texts_with(self) -> dict[str, int]:
        """For each character the texts that have it, as bits."""
        found: dict[str, int] = {}
        for number, text in enumerate(self.texts):
            for char in set(text):
                found[char] = found.get(char, 0) | 1 << number
        return found

    @functools.cached_property
    def _places(self) -> dict[int, Begins]:
        """Where each character stands."""
        order = np.argsort(self.codes, kind="stable")
        codes, firsts = np.unique(self.codes[order], return_index=True)
        return dict(zip(codes.tolist(), np.split(order, firsts[1:])))

    def fit(self, node: Syllable) -> Floats:
        """For each place, the weighed evidence that the syllable was said there."""
        row = self._fits.get(node)
        if row is None:
            row = self._fits[node] = self._fit(node)
        return row

    def _fit(self, node: Syllable) -> Floats:
        if not node.code:  # a wall is no syllable: only `$` may take it
            last: Floats = np.where(self.codes == 0, np.float32(END), np.float32(-WALL))
            return last
        row: Floats = _weighed(node, ALPHABET.size)[self.ids]
        if node.code in self._places:
            row[self._places[node.code]] += SAME_CHARACTER * node.weight
        row[self.walls] = -WALL
        return row


@dataclass(frozen=True)
class Hit:
    """The best place of a template in one text of a corpus: characters [start, end)."""

    probability: float
    start: int
    end: int


def find_in(template: str, corpus: Corpus) -> tuple[Hit, ...]:
    """For each text of the corpus, how surely the template is said in it and where."""
    if not len(corpus.ids):
        return tuple(Hit(0.0, 0, 0) for _ in corpus.texts)
    size = len(corpus.ids) + 1
    margin = np.zeros(size, dtype=np.float32)
    start = np.arange(size, dtype=np.int32)
    nodes = parse(template)
    margin, start, _ = _sequence(nodes, corpus, margin, start)
    cost = price(template) + corpus.room
    exact = _exact(nodes, corpus, np.arange(size, dtype=np.int64))
    hits = []
    for first, text in zip(corpus.starts, corpus.texts):
        if not text:
            hits.append(Hit(0.0, 0, 0))
            continue
        end = first + 1 + int(np.argmax(margin[first + 1 : first + 2 + len(text)]))
        begins = exact[first : first + 2 + len(text)]
        begins = np.where(begins >= first, begins, _NOWHERE)
        if begins.min() < _NOWHERE:
            at = int(np.argmin(begins))
            hits.append(Hit(EXACT, int(begins[at]) - first, min(at, len(text))))
            continue
        stop = min(end - first, len(text))
        begin = min(max(0, int(start[end]) - first), stop)
        hits.append(Hit(min(EXACT, likely(float(margin[end]) - cost)), begin, stop))
    return tuple(hits)


def likely(evidence: float) -> float:
    """Evidence in nats, its price paid, as a probability."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, evidence / SLOPE))))


@functools.lru_cache(maxsize=16384)
def _weighed(node: Syllable, size: int) -> Floats:
    """The weighed evidence of a syllable for each of the `size` that may be heard."""
    evidence = ALPHABET.evidence(node.id)[:size]
    return np.where(evidence > 0, node.weight * evidence, node.against * evidence)


@functools.lru_cache(maxsize=8192)
def price(template: str) -> float:
    """The evidence that a template must have to be as likely as not, in talk of usual length."""
    nodes = parse(template)
    short = SHORT if shortest(nodes) <= 2 else 0.0
    return PRICE + BREADTH * math.log(breadth(nodes)) + short


def breadth(nodes: Sequence[Node]) -> float:
    """How many wordings the nodes stand for; a slot counts as so many again."""
    number = 1.0
    for node in nodes:
        if isinstance(node, Choice):
            number *= sum(breadth(branch) for branch in node.branches)
        elif isinstance(node, Slot):
            number *= _SLOT_BREADTH
    return number


def shortest(nodes: Sequence[Node]) -> int:
    """Syllables of the shortest wording."""
    return sum(
        min(shortest(branch) for branch in node.branches)
        if isinstance(node, Choice)
        else isinstance(node, Syllable) and node.code != 0
        for node in nodes
    )


def _exact(nodes: Sequence[Node], corpus: Corpus, begin: Begins) -> Begins:
    """For each place, the earliest begin of the very characters that end there."""
    for node in nodes:
        if isinstance(node, Choice):
            branches = [_exact(branch, corpus, begin) for branch in node.branches]
            begin = np.minimum.reduce(branches)
        else:
            fits = corpus.codes != 0 if isinstance(node, Slot) else corpus.codes == node.code
            reached = begin if isinstance(node, Slot) else np.full_like(begin, _NOWHERE)
            for _ in range(SLOT_REACH if isinstance(node, Slot) else 1):
                moved = np.full_like(begin, _NOWHERE)
                moved[1:] = np.where(fits, begin[:-1], _NOWHERE)
                reached, begin = np.minimum(reached, moved), moved
            begin = reached
    return begin


Row = tuple[Floats, Ids, Floats | None]


def _sequence(
    nodes: Sequence[Node], corpus: Corpus, margin: Floats, start: Ids, pending: Floats | None = None
) -> Row:
    """Run nodes over the text. `pending`: the cost line for words that may come before the next."""
    for node in nodes:
        if isinstance(node, Slot):
            pending = corpus.gap
        elif isinstance(node, Choice):
            rows = [_sequence(branch, corpus, margin, start, pending) for branch in node.branches]
            best, first, wait = rows[0]
            for other, other_start, other_wait in rows[1:]:
                better = other > best
                best, first = np.where(better, other, best), np.where(better, other_start, first)
                wait = wait if wait is not None else other_wait
            margin, start, pending = best, first, wait
        else:
            if pending is not None:
                margin, start = _skip(margin, start, pending)
            margin, start = _step(node, corpus, margin, start)
            pending = corpus.insert
    return margin, start, pending


def _skip(margin: Floats, start: Ids, cost: Floats) -> tuple[Floats, Ids]:
    """Let words stand between: each costs as much as the line `cost` rises over it."""
    raised = margin + cost
    best = np.maximum.accumulate(raised)
    source = np.maximum.accumulate(
        np.where(raised >= best, np.arange(len(raised), dtype=np.int32), 0)
    )
    return best - cost, start[source]


def _step(node: Syllable, corpus: Corpus, margin: Floats, start: Ids) -> tuple[Floats, Ids]:
    fit = corpus.fit(node)
    taken = np.empty_like(margin)
    taken[0] = -WALL
    taken[1:] = margin[:-1] + fit
    left = margin - DELETE * node.against
    moved = np.empty_like(start)
    moved[0] = start[0]
    moved[1:] = start[:-1]
    better = taken >= left
    return np.where(better, taken, left), np.where(better, moved, start)


@functools.lru_cache(maxsize=8192)
def parse(template: str) -> tuple[Node, ...]:
    """The lattice of a template. Raises ValueError when brackets do not match or it is empty."""
    reader = _Reader(template)
    nodes = reader.sequence("")
    if reader.position != len(template):
        raise reader.error("brackets do not match; correct it")
    if reader.inside:
        raise reader.error("`<` without `>`; correct it")
    if not _says(nodes):
        raise reader.error("says nothing; write at least one word")
    return nodes


def _says(nodes: Sequence[Node]) -> bool:
    """Whether at least one word must be said, whatever is left out."""
    return any(
        node.code != 0
        if isinstance(node, Syllable)
        else isinstance(node, Choice) and all(_says(branch) for branch in node.branches)
        for node in nodes
    )


def readable(template: str) -> str:
    """One wording of a template as a person reads it: first alternatives, nothing optional."""
    text = re.sub(r"\[[^\[\]]*\]|[<>$]", "", template)
    while (simpler := re.sub(r"\(([^()|]*)(?:\|[^()]*)?\)", r"\1", text)) != text:
        text = simpler
    return text


class _Reader:
    """Recursive descent over a template."""

    def __init__(self, template: str) -> None:
        self.template = template
        self.position = 0
        self.frame = FRAME if "<" in template else 1.0
        self.inside = False
        self.depth = self.opened = 0

    def error(self, text: str) -> ValueError:
        return ValueError(f"{self.template!r}: {text}")

    def sequence(self, closing: str) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while self.position < len(self.template):
            char = self.template[self.position]
            if char in ")]|":
                if not closing:
                    raise self.error(f"`{char}` without an opening bracket; correct it")
                break
            self.position += 1
            if char in "([":
                self.depth += 1
                nodes.append(self.choice(")" if char == "(" else "]"))
                self.depth -= 1
            elif char in "<>":
                if (char == "<") == self.inside or (self.inside and self.depth != self.opened):
                    raise self.error(f"`{char}` does not match; correct it")
                self.inside, self.opened = char == "<", self.depth
            elif char == GAP:
                nodes.append(Slot())
            elif char == "$":
                nodes.append(_syllable(int(ALPHABET.ids((_END,))[0]), 0, 1.0, 1.0))
            else:
                nodes.extend(self.plain(self.position - 1))
        return tuple(nodes)

    def choice(self, closing: str) -> Choice:
        branches: list[tuple[Node, ...]] = [()] if closing == "]" else []
        while True:
            branches.append(self.sequence(closing))
            if (
                self.position >= len(self.template)
                or self.template[self.position] not in "|" + closing
            ):
                raise self.error("brackets do not match; correct it")
            self.position += 1
            if self.template[self.position - 1] == closing:
                return Choice(tuple(branches))

    def plain(self, start: int) -> tuple[Syllable, ...]:
        """Characters up to the next mark; pinyin by phrase, so they are read together."""
        while (
            self.position < len(self.template)
            and self.template[self.position] not in "()[]|<>$" + GAP
        ):
            self.position += 1
        clean = normalize(self.template[start : self.position])
        ids = ALPHABET.ids(syllables(clean)) if clean else ()
        weight = 1.0 if self.inside else self.frame
        against = CORE_AGAINST if self.inside else weight * AGAINST
        weights = [weight * (COMMON if char in _COMMON else 1.0) for char in clean]
        return tuple(
            _syllable(int(i), ord(char), own, max(against * own / weight, self.inside * against))
            for i, char, own in zip(ids, clean, weights)
        )
