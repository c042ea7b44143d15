"""Personal data in a call: who is spoken of, how to reach them, what they pay with. Pure.

Made for covering up, so it rather finds too much: `confidence` says how surely something is
personal data, and who beeps or masks chooses from where on. Numbers are read by ear (幺三八, and 要
三把 for it), joined over turns, and found again where the other party repeats them.
"""

from __future__ import annotations

from dataclasses import dataclass

from qc_speech.model import Call, Span
from qc_speech.privacy.lexicon import Words, load_words
from qc_speech.privacy.names import names
from qc_speech.privacy.numbers import numbers
from qc_speech.privacy.places import places
from qc_speech.privacy.view import view

KINDS = ("phone", "id_card", "bank_card", "number", "name", "address")


@dataclass(frozen=True)
class Personal:
    """Characters [start, end) of the text of the utterance with this index, said in `span` (from
    the first word to the end of the last). A number over several turns has one for each.

    kind: phone | id_card | bank_card | number (order, account, code, plate…) | name | address.
    """

    kind: str
    span: Span
    utterance: int
    start: int
    end: int
    confidence: float


def personal(call: Call, words: Words | None = None) -> tuple[Personal, ...]:
    """All personal data of a call in order of time. `words` None: lexicons/privacy.yaml."""
    words = words or load_words()
    views = [view(utterance) for utterance in call.utterances]
    found = [
        (one.kind, piece.view, piece.start, piece.end, one.confidence)
        for one in numbers(views, words)
        for piece in one.pieces
    ]
    metadata = call.recording.metadata
    found += [("name", n.view, n.start, n.end, n.confidence) for n in names(views, metadata, words)]
    found += [("address", p.view, p.start, p.end, p.confidence) for p in places(views, words)]
    seen = [
        Personal(
            kind,
            views[at].span(start, end),
            views[at].utterance.index,
            *views[at].place(start, end),
            confidence,
        )
        for kind, at, start, end, confidence in found
    ]
    return tuple(sorted(seen, key=lambda one: (one.span, one.utterance, one.start)))
