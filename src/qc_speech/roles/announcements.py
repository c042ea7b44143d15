"""A machine on the line (menu, recording notice, "the number you dialled"): neither party. Pure.

A diarizer that looks for two voices gives a machine's words to one of the two, and in two channels
they lie on one party's; so they are known by what is said, utterance by utterance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from qc_speech.model import Span, Turn, Utterance
from qc_speech.roles.evidence import Announcements
from qc_speech.text.normalize import normalize
from qc_speech.text.template import Corpus, find_in

MACHINE = ".ivr"  # after the label of the speaker it was heard as
_SURE = 0.8  # a wording of a machine is clear speech: heard well, or not at all


def set_apart(
    utterances: Sequence[Utterance], turns: Sequence[Turn], announcements: Announcements
) -> tuple[tuple[Utterance, ...], tuple[Turn, ...]]:
    """The same talk with a machine's utterances, and their stretches of the turns, under a label
    of their own (S0.ivr, ch1.ivr)."""
    machine = [u for u, odds in zip(utterances, _log_odds(utterances, announcements)) if odds > 0]
    if not machine:
        return tuple(utterances), tuple(turns)
    chosen = {utterance.index for utterance in machine}
    apart = tuple(
        replace(u, speaker=u.speaker + MACHINE) if u.index in chosen else u for u in utterances
    )
    kept: list[Turn] = []
    for turn in turns:
        spans = [u.span for u in machine if u.speaker == turn.speaker]
        kept.extend(_cut(turn, spans))
    return apart, tuple(sorted(kept, key=lambda turn: (turn.span, turn.speaker)))


def _log_odds(utterances: Sequence[Utterance], announcements: Announcements) -> list[float]:
    texts = [normalize(utterance.text) for utterance in utterances]
    corpus = Corpus(texts)
    odds = [announcements.prior if text else -math.inf for text in texts]
    for wording in announcements.wordings:
        for place, hit in enumerate(find_in(wording.say, corpus)):
            odds[place] += wording.weight if hit.probability > _SURE else 0.0
    first = next((place for place, text in enumerate(texts) if text), None)
    if first is not None:
        odds[first] += announcements.at_start
    return odds


def _cut(turn: Turn, machine: Sequence[Span]) -> list[Turn]:
    """A turn in pieces: those inside the machine's utterances, and the rest."""
    pieces, at = [], turn.span.start_ms
    for span in sorted(machine):
        inside = Span(at, turn.span.end_ms) & span
        if inside is None:
            continue
        if inside.start_ms > at:
            pieces.append(Turn(Span(at, inside.start_ms), turn.speaker))
        pieces.append(Turn(inside, turn.speaker + MACHINE))
        at = inside.end_ms
    if at < turn.span.end_ms:
        pieces.append(Turn(Span(at, turn.span.end_ms), turn.speaker))
    return pieces
