"""Numbers said digit by digit, also misheard ones and those given over several turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from qc_speech.model import Span
from qc_speech.privacy.lexicon import Words, load_words
from qc_speech.privacy.view import MARK, View
from qc_speech.rules.digit_runs import (
    DIGIT_KINDS,
    EARN,
    WRITTEN,
    Slot,
    digit_costs,
    kind_of,
    stretches,
)
from qc_speech.text.expression import linear

_PIECE_GAP_MS = 8_000  # between two pieces of one number
_FILLS = 0.6  # a turn is a piece of a number when the digits are so much of it
_NEAR_CHARS = 24  # before a number, in which its kind is named
_BEFORE_CHARS = 40  # of the other party's words before
_LEAD = frozenset("是就也以又对吧事时")  # sound like digits, but stand after numbers
_HOLE = 4  # places between two written digits of one run
_MOBILE = 11  # digits of a mobile number
_ECHO = 3  # written digits of a piece that repeats a part of a number


@dataclass(frozen=True)
class Piece:
    """Digits in characters [start, end) of a view. `digits`: as heard, ? where only the sound may
    be one; `guess`: with the likeliest digit in its place."""

    view: int
    start: int
    end: int
    digits: str
    guess: str
    span: Span
    bare: bool  # hardly anything else is said in the turn
    last: bool  # nothing follows it in the turn

    @property
    def written(self) -> int:
        return sum(char != "?" for char in self.digits)


@dataclass(frozen=True)
class Said:
    """A number with what it is: phone, id_card, bank_card or number."""

    kind: str
    confidence: float
    pieces: tuple[Piece, ...]


def numbers(views: Sequence[View], words: Words) -> tuple[Said, ...]:
    """All personal numbers of a call, in order of their first piece."""
    found: list[Said] = []
    rest: list[tuple[Piece, ...]] = []
    for pieces in _joined(views, words):
        judged = _judged(views, pieces, words)
        if judged:
            found.append(judged)
        else:
            rest.append(pieces)
    for pieces in rest:  # what repeats, or goes on with, a number that is personal
        source = next((one for one in found if _belongs(pieces, one, views)), None)
        if source:
            found.append(Said(source.kind, min(0.75, source.confidence), pieces))
    return tuple(sorted(found, key=lambda one: (one.pieces[0].view, one.pieces[0].start)))


def pieces(view: View, number: int = 0, words: Words | None = None) -> Iterator[Piece]:
    """Runs of digits in one view that hold at least two written ones."""
    places = [at for at, char in enumerate(view.text) if char != MARK]
    text = "".join(view.text[at] for at in places)
    slots = [
        Slot(WRITTEN.get(char), digit_costs(char), 0.0, Span(0, 0), 0)
        if not char.isascii()
        else Slot(None, (1.0,) * 10, 0.0, Span(0, 0), 0)
        for char in text
    ]
    kinds = [
        "unit" if text[at + 1 : at + 2] == "位" else kind_of(text, at, slot)  # 后四位
        for at, slot in enumerate(slots)
    ]
    words = words or load_words()
    announced = {match.start() for match in words.matches(words.file.phone, text)}
    for start, end in _trimmed(text, slots, kinds, announced):
        digits = [at for at in range(start, end) if kinds[at] in DIGIT_KINDS]
        first, last = places[start], places[end - 1] + 1
        yield Piece(
            number, first, last,
            "".join("?" if slots[at].digit is None else str(slots[at].digit) for at in digits),
            "".join(str(slots[at].likeliest) for at in digits) + ("x" * (text[end - 1] in "x叉")),
            view.span(first, last),
            start <= 3 and end - start >= _FILLS * len(text),
            end >= len(text) - 2,
        )  # fmt: skip


def _trimmed(
    text: str, slots: Sequence[Slot], kinds: Sequence[str], announced: Set[int]
) -> Iterator[tuple[int, int]]:
    """Runs from written digit to written digit, broken where too much else stands between, or
    where another number is announced (places in `announced`); with what sounds like 幺 before a
    mobile number, and what sounds like its last digits after it."""
    for start, end in stretches([EARN[kind] for kind in kinds]):
        run: list[int] = []
        for at in range(start, end):
            if slots[at].digit is None or kinds[at] not in DIGIT_KINDS:
                continue
            between = range(run[-1] + 1, at) if run else range(0)
            if len(between) >= _HOLE or announced & set(between):
                if len(run) >= 2:
                    yield _extended(text, slots, kinds, run)
                run = []
            run.append(at)
        if len(run) >= 2:
            yield _extended(text, slots, kinds, run)


def _extended(
    text: str, slots: Sequence[Slot], kinds: Sequence[str], run: Sequence[int]
) -> tuple[int, int]:
    first, end = run[0], run[-1] + 1
    if slots[first].digit in range(3, 10) and first > 0 and kinds[first - 1] == "near":
        first -= slots[first - 1].likeliest == 1
    digits = [at for at in range(first, end) if kinds[at] in DIGIT_KINDS]
    if slots[digits[0]].likeliest == 1 and len(digits) > _MOBILE:  # what follows it is no digit
        sloppy = [at for at in digits[_MOBILE:] if slots[at].digit is None]
        if sloppy:
            return first, digits[_MOBILE - 1] + 1
    missing = _MOBILE - len(digits) if len(digits) >= 6 else 0
    while missing > 0 and end < len(text) and kinds[end] == "near" and text[end] not in _LEAD:
        end, missing = end + 1, missing - 1
    if text[end : end + 1] in ("x", "叉") and len(digits) >= 15:
        end += 1
    return first, end


def _joined(views: Sequence[View], words: Words) -> list[tuple[Piece, ...]]:
    """Pieces of one speaker that follow each other turn after turn are one number."""
    numbers: list[list[Piece]] = []
    open_of: dict[str, int] = {}  # speaker -> the number that may go on
    for at, one in enumerate(views):
        speaker = one.utterance.speaker
        found = list(pieces(one, at, words))
        for place, piece in enumerate(found):
            before = open_of.get(speaker) if place == 0 else None
            near = before is not None and (
                piece.span.start_ms - numbers[before][-1].span.end_ms <= _PIECE_GAP_MS
            )
            if before is not None and near and piece.bare:
                numbers[before].append(piece)
            else:
                numbers.append([piece])
                before = len(numbers) - 1
            if piece.last:
                open_of[speaker] = before
        if not (found and found[-1].last) and len(one.text) > 4:
            open_of.pop(speaker, None)
    return [tuple(number) for number in numbers]


def _judged(views: Sequence[View], number: tuple[Piece, ...], words: Words) -> Said | None:
    guess = "".join(piece.guess for piece in number)
    written = sum(piece.written for piece in number)
    size = len(guess)
    first = views[number[0].view]
    near = first.text[max(0, number[0].start - _NEAR_CHARS) : number[0].start]
    asked = _said_before(views, number[0].view)
    after = views[number[-1].view].text[number[-1].end :]
    if written < 4 or _excused(guess, near, after, size, words):
        return None
    kind, confidence = _kind(guess, written, near, asked, words)
    return Said(kind, confidence, number) if kind else None


def _excused(guess: str, near: str, after: str, size: int, words: Words) -> bool:
    """A number of the public, the agent's own, an amount, a time, a count."""
    file = words.file
    if linear(f"^(?:{file.public_number})$").match(guess):
        return True
    if size <= 7 and linear(f"(?:{file.own_number})[^，]{{0,3}}$").search(near):
        return True
    return size <= 6 and bool(linear(f"^(?:{file.counted})").match(after))


def _kind(guess: str, written: int, near: str, asked: str, words: Words) -> tuple[str, float]:
    file, size = words.file, len(guess)
    about = near + "，" + asked
    if 17 <= size <= 19 and (is_id_card(guess) or _dated(guess) or file.says("id_card", about)):
        return "id_card", 0.97 if is_id_card(guess) else 0.85
    if 15 <= size <= 20:
        sure = 0.95 if luhn(guess) and size >= 16 else 0.8
        return "bank_card", sure if file.says("bank_card", about) else sure - 0.15
    mobile = 10 <= size <= 12 and guess[0] == "1"
    if mobile or (10 <= size <= 12 and guess[0] == "0"):
        exact = size == 11 and written == 11
        return "phone", 0.97 if exact else 0.85
    named = file.says("number", near) or file.says("bank_card", near) or file.says("id_card", near)
    if not named and file.says("phone", near):
        return "phone", 0.85 if written >= 7 else 0.6
    if named or file.says("number", asked) or file.says("bank_card", asked):
        return "number", 0.85 if written >= 4 and named else 0.7
    if file.says("phone", asked) and (written >= 6 or file.says("asks_number", asked)):
        return "phone", 0.7
    if size >= 7 and written >= 6:
        return ("phone", 0.65) if size >= 8 and guess[0] in "01" else ("number", 0.6)
    return ("number", 0.4) if written >= 5 else ("", 0.0)


def _said_before(views: Sequence[View], at: int) -> str:
    """The last words of the other speaker before a turn."""
    mine = views[at].utterance.speaker
    for one in reversed(views[:at]):
        if one.utterance.speaker != mine:
            return one.text[-_BEFORE_CHARS:]
    return ""


def _belongs(pieces_: tuple[Piece, ...], number: Said, views: Sequence[View]) -> bool:
    """Whether pieces repeat a part of a personal number (the other party reads it back), or are
    said bare beside one of its pieces."""
    whole = "".join(piece.guess for piece in number.pieces)
    for piece in pieces_:
        if piece.written >= _ECHO and piece.guess in whole:
            return True
        if piece.bare and piece.written >= _ECHO:
            gaps = (
                max(
                    piece.span.start_ms - other.span.end_ms, other.span.start_ms - piece.span.end_ms
                )
                for other in number.pieces
            )
            if min(gaps) <= _PIECE_GAP_MS // 2:
                return True
    return False


def is_id_card(number: str) -> bool:
    """Whether 18 digits (the last may be x) carry the check digit of GB 11643-1999."""
    if len(number) != 18 or not number[:17].isdigit() or not _dated(number):
        return False
    total = sum(int(digit) * (2 ** (17 - i) % 11) for i, digit in enumerate(number[:17]))
    return "10x98765432"[total % 11] == number[17]


def _dated(number: str) -> bool:
    year, month, day = number[6:10], number[10:12], number[12:14]
    return (
        len(number) >= 17
        and year[:2] in ("19", "20")
        and "01" <= month <= "12"
        and "01" <= day <= "31"
    )


def luhn(number: str) -> bool:
    """The check digit of bank cards (ISO/IEC 7812-1)."""
    if not number.isdigit():
        return False
    total = 0
    for i, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if i % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
