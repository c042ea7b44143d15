"""What the recognizer wrote of a window, cut into words and laid on the window's stretches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qc_speech.engines.windows import Window
from qc_speech.model import Alternative, Chunk, Span, Word
from qc_speech.text.normalize import simplify

_PUNCTUATION = re.compile(r"^[\W_]+$")


@dataclass(frozen=True)
class Reading:
    """One hypothesis of the beam; `score` is the mean log probability of its tokens."""

    tokens: tuple[int, ...]
    text: str
    score: float


def words_of(found: list[dict[str, Any]], window: Window) -> list[tuple[int, Word]]:
    """Aligned words with the piece each lies in; marks join the word before, digits each other."""
    words: list[tuple[int, Word]] = []
    for item in found:
        text = simplify(item["word"]).replace("\ufffd", "")
        if not text.strip():
            continue
        if not text.strip()[0].isascii():
            text = text.strip()  # only foreign words keep the space that parts them
        middle = (float(item["start"]) + float(item["end"])) * 500
        piece, _ = window.place(middle)
        limit = window.pieces[piece]
        start, end = (
            min(max(window.place(float(item[edge]) * 1000)[1], limit.start_ms), limit.end_ms)
            for edge in ("start", "end")
        )
        word = Word(Span(start, max(start, end)), text, round(float(item["probability"]), 4))
        before = words[-1][1] if words and words[-1][0] == piece else None
        if before and (_PUNCTUATION.match(text.strip()) or (before.text + text).strip().isdigit()):
            words[-1] = (piece, _joined(before, word))
        else:
            words.append((piece, word))
    return words


def _joined(one: Word, other: Word) -> Word:
    sound = bool(re.search(r"\w", other.text))
    span = Span(one.span.start_ms, max(one.span.end_ms, other.span.end_ms)) if sound else one.span
    confidence = min(one.confidence or 0.0, other.confidence or 0.0) if sound else one.confidence
    return Word(span, one.text + other.text.strip(), confidence)


def by_piece(
    template: Chunk, window: Window, words: list[tuple[int, Word]], others: Sequence[Reading]
) -> list[Chunk]:
    """One chunk per stretch. Other readings have no times of their own: they are laid beside the
    best one, character by character, and cut where it is cut."""
    best = [(piece, word.text) for piece, word in words]
    split = [split_like(best, other.text, len(window.pieces)) for other in others]
    chunks = []
    for index, piece in enumerate(window.pieces):
        own = tuple(word for place, word in words if place == index)
        text = "".join(word.text for word in own)
        alternatives = {
            parts[index]: other.score for parts, other in reversed(list(zip(split, others)))
        }
        chunks.append(
            replace(
                template,
                span=piece,
                words=own,
                alternatives=tuple(
                    Alternative(other, round(score, 4))
                    for other, score in reversed(alternatives.items())
                    if other and other != text
                ),
            )
        )
    return chunks


def split_like(best: Sequence[tuple[int, str]], other: str, pieces: int) -> list[str]:
    """Cut another reading of a window where the best one is cut between its pieces."""
    from difflib import SequenceMatcher

    text = "".join(word for _, word in best)
    owner = [piece for piece, word in best for _ in word]
    parts = [""] * pieces
    for _, i1, i2, j1, j2 in SequenceMatcher(None, text, other, autojunk=False).get_opcodes():
        for step, char in enumerate(other[j1:j2]):
            place = i1 + (step * (i2 - i1)) // max(1, j2 - j1)
            parts[owner[min(place, len(owner) - 1)] if owner else 0] += char
    return parts
