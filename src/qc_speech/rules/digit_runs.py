"""Numbers said digit by digit, compared by ear: two hearings of one number rarely look the same.

A recognizer writes 幺三八零零零零 as 要三把零零零零 or as 138-000. So each character is a slot that
may be several digits, each at the cost of how unlike it sounds, and two runs of slots are aligned
(Needleman and Wunsch 1970, ends free): what they share, and where two digits that sound unlike
stand against each other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from qc_speech.model import Span
from qc_speech.rules.phrases import AgentTurn
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import distance, syllables

_SOUNDS = (
    ("ling",), ("yao", "yi"), ("er",), ("san",), ("si",), ("wu",), ("liu",), ("qi",),
    ("ba",), ("jiu",),
)  # fmt: skip
WRITTEN = {char: digit for digit, char in enumerate("零一二三四五六七八九")} | {
    "两": 2, "洞": 0, "拐": 7, "勾": 9,
}  # fmt: skip
_FILLERS = frozenset("嗯啊呃哦那个杠吧就是再后面前然接着")
# Beside these stands a counted number or another sentence: no number read digit by digit goes on.
_UNITS = frozenset("十百千万亿块元点号楼栋幢层室年月日时分秒岁个第单对错话")
_ONCE = tuple("下遍次会起样种些直定般共边")  # 一下, 一遍, 一样
DIGIT_KINDS = ("digit", "near")
_NEAR = 0.36  # a character that sounds at least this much like a digit may be one
EARN = {"digit": 1.0, "near": 0.45, "filler": -0.15, "other": -0.6, "unit": -2.0}
_FILLS = 0.6  # a turn is a piece of a number when the digits are so much of it
_PIECE_GAP_MS = 6_000
_BREAK = 1.6  # three characters that are no digits end a number
_MATCH, _MISMATCH, _GAP, _ZERO_GAP = 1.0, 2.0, -1.0, -0.3
_LEFT_OVER, _CUT_OFF = -0.1, -0.75  # an end of the longer, and of the shorter, without a partner
_UNLIKE = 0.5  # digits that sound less alike than this are not taken for each other


@dataclass(frozen=True)
class Slot:
    """One character of a run. `digit` is what is written, None where only the sound may be one;
    `costs` is how unlike each of the ten digits it sounds (0 the same .. 1)."""

    digit: int | None
    costs: tuple[float, ...]
    confidence: float
    span: Span
    utterance: int

    @property
    def likeliest(self) -> int:
        return self.digit if self.digit is not None else self.costs.index(min(self.costs))


@dataclass(frozen=True)
class Run:
    """A number as it was heard."""

    slots: tuple[Slot, ...]

    @property
    def digits(self) -> str:
        """As read: a digit that can only be guessed from its sound stands as `?`."""
        return "".join("?" if s.digit is None else str(s.digit) for s in self.slots).strip("?")

    @property
    def written(self) -> int:
        return sum(slot.digit is not None for slot in self.slots)

    @property
    def span(self) -> Span:
        return Span(self.slots[0].span.start_ms, max(slot.span.end_ms for slot in self.slots))

    @property
    def utterance(self) -> int:
        return self.slots[0].utterance


@dataclass(frozen=True)
class Comparison:
    """Two runs held against each other. `pairs` stand side by side; `gaps` is what one of them has
    in the middle and the other has not (a dropped zero counts a third)."""

    pairs: tuple[tuple[Slot, Slot], ...]
    gaps: float
    score: float

    @property
    def equal(self) -> int:
        """Digits that are written the same in both."""
        return sum(a.digit is not None and a.digit == b.digit for a, b in self.pairs)

    @property
    def differing(self) -> tuple[tuple[Slot, Slot], ...]:
        """Pairs of written digits that differ."""
        return tuple(
            (a, b)
            for a, b in self.pairs
            if a.digit is not None and b.digit is not None and a.digit != b.digit
        )

    @property
    def unlike(self) -> tuple[tuple[Slot, Slot], ...]:
        """Those of them that sound too unlike to be taken for each other."""
        return tuple((a, b) for a, b in self.differing if _unlike(a, b) >= _UNLIKE)


@functools.lru_cache(maxsize=4096)
def digit_costs(char: str) -> tuple[float, ...]:
    """How unlike each of the ten digits a normalized character sounds (0 the same .. 1)."""
    digit = WRITTEN.get(char)
    (sound,) = syllables(char)
    costs = [min(distance(sound, name) for name in names) for names in _SOUNDS]
    if digit is not None:
        costs[digit] = 0.0
    return tuple(costs)


@dataclass(frozen=True)
class _Found:
    """A run in a turn of `size` characters: it stands in characters [start, end) of it."""

    run: Run
    start: int
    end: int
    size: int


def runs(turn: AgentTurn, least: int = 4) -> tuple[Run, ...]:
    """The numbers in a party's turn that have at least so many written digits, in order."""
    return tuple(found.run for found in _found(turn) if found.run.written >= least)


def numbers_given(turns: Sequence[AgentTurn], least: int = 4) -> tuple[Run, ...]:
    """The numbers in a party's turns. One that is dictated piece by piece, while the other party
    repeats each piece, is one number: pieces that fill their turns are joined."""
    joined: list[Run] = []
    open_end = -1  # where in `joined` a number may go on
    for turn in turns:
        found = _found(turn)
        for at, one in enumerate(found):
            before = joined[open_end] if open_end >= 0 and at == 0 else None
            bare = one.start <= 2 and len(one.run.slots) >= _FILLS * one.size
            near = before and one.run.span.start_ms - before.span.end_ms <= _PIECE_GAP_MS
            if before and near and bare:
                joined[open_end] = Run(before.slots + one.run.slots)
            else:
                joined.append(one.run)
                open_end = len(joined) - 1
        ends_open = bool(found) and found[-1].end >= found[-1].size - 2
        open_end = open_end if ends_open else -1
    return tuple(run for run in joined if run.written >= least)


def _found(turn: AgentTurn) -> list[_Found]:
    slots: list[Slot] = []
    text = ""
    for utterance in turn.utterances:
        for word in utterance.words:
            for char in normalize(word.text):
                sure = 0.5 if word.confidence is None else word.confidence
                slot = Slot(WRITTEN.get(char), digit_costs(char), sure, word.span, utterance.index)
                slots.append(slot)
                text += char
    kinds = [kind_of(text, at, slot) for at, slot in enumerate(slots)]
    found = []
    for start, end in stretches([EARN[kind] for kind in kinds]):
        run = tuple(s for s, k in zip(slots[start:end], kinds[start:end]) if k in DIGIT_KINDS)
        found.append(_Found(Run(run), start, end, len(text)))
    return found


def kind_of(text: str, at: int, slot: Slot) -> str:
    """What a character of a normalized text is to a number: digit, near, filler, unit or other."""
    if text[at] in _UNITS or (text[at] == "一" and text[at + 1 : at + 2] in _ONCE):
        return "unit"
    if slot.digit is not None:
        return "digit"
    if text[at] in _FILLERS:
        return "filler"
    return "near" if min(slot.costs) <= _NEAR else "other"


def stretches(earned: Sequence[float]) -> list[tuple[int, int]]:
    """Numbers in what each character earns (EARN): stretches [start, end) where that adds up, each
    as long as it pays."""
    found = []
    start, total, best, end = 0, 0.0, 0.0, 0
    for at, value in enumerate(earned):
        if total <= 0:
            start, total, best = at, 0.0, 0.0
        total += value
        if total > best:
            best, end = total, at + 1
        if total < best - _BREAK or total <= 0:
            if best >= 2.0:
                found.append((start, end))
            total, best = 0.0, 0.0
    if best >= 2.0:
        found.append((start, end))
    return found


def _unlike(one: Slot, other: Slot) -> float:
    """How unlike two slots sound at best: the digit that explains both with the least."""
    return min(1.0, min(a + b for a, b in zip(one.costs, other.costs)))


def compare(one: Run, other: Run) -> Comparison:
    """The best alignment of two runs. The longer may go on at both ends (only a part of it is
    repeated); an end of the shorter that finds no partner costs more."""
    a, b = one.slots, other.slots
    before_a, after_a = _ends(one, other)
    before_b, after_b = _ends(other, one)
    table = [[before_a[i] + before_b[j] for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    step = [[(0, 0)] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            options = (
                (table[i - 1][j - 1] + _MATCH - _MISMATCH * _unlike(a[i - 1], b[j - 1]), (1, 1)),
                (table[i - 1][j] + _gap(a, i - 1), (1, 0)),
                (table[i][j - 1] + _gap(b, j - 1), (0, 1)),
            )
            table[i][j], step[i][j] = max(options)
    ends = [(table[i][len(b)] + after_a[i], i, len(b)) for i in range(len(a) + 1)]
    ends += [(table[len(a)][j] + after_b[j], len(a), j) for j in range(len(b) + 1)]
    score, i, j = max(ends)
    pairs, gaps = [], 0.0
    while i > 0 and j > 0:
        back = step[i][j]
        if back == (1, 1):
            pairs.append((a[i - 1], b[j - 1]))
        else:
            gaps += _gap(a, i - 1) / _GAP if back == (1, 0) else _gap(b, j - 1) / _GAP
        i, j = i - back[0], j - back[1]
    return Comparison(tuple(reversed(pairs)), gaps, score)


def _ends(run: Run, other: Run) -> tuple[list[float], list[float]]:
    """What it costs to leave out the slots before, and from, each place of a run."""
    written = _LEFT_OVER if run.written > other.written else _CUT_OFF
    costs = [_LEFT_OVER if slot.digit is None else written for slot in run.slots]
    places = range(len(costs) + 1)
    return [sum(costs[:at]) for at in places], [sum(costs[at:]) for at in places]


def _gap(slots: tuple[Slot, ...], at: int) -> float:
    """A zero among zeros is easily dropped."""
    around = slots[max(0, at - 1) : at + 2]
    zeros = slots[at].likeliest == 0 and sum(slot.likeliest == 0 for slot in around) > 1
    return _ZERO_GAP if zeros else _GAP
