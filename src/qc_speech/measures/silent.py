"""Interruptions without simultaneous speech: one stops in mid-sentence just where the other starts.

Ferguson (1977) calls them silent interruptions. In a mixed channel they are also what is left of a
short overlap that the diarizer did not hear. The words alone prove little (recognition is worst at
such places), so what counts is what happens besides: the other's tone, and what the speaker who
was stopped does next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from qc_speech.measures.floor_words import BackchannelLexicon, FloorLexicon
from qc_speech.measures.overlaps import AGAIN_MS
from qc_speech.measures.talk import Sides, Talk
from qc_speech.model import Overlap, Role, Span

_NO_GAP_MS = 120  # no gap, no overlap: shorter than anyone notices (Heldner 2011)
_EARLIER_MS = 99  # an overlap shorter than what `overlaps` counts
_HELD_MS = 1500  # who spoke less than this has hardly begun
_SHORT_MS = 950
_PROTEST_MS = 12_000
_BASE = -3.2  # log-odds: without any evidence such a change of turn is a smooth one
_BROKEN, _FINISHED, _CUTTING, _PROTEST, _RESUMED = 1.6, -0.8, 3.4, 3.6, 0.8


def silent_interruptions(
    sides: Sides,
    overlaps: Iterable[Overlap],
    tokens: BackchannelLexicon,
    words: FloorLexicon,
) -> tuple[Overlap, ...]:
    """Changes of turn without a gap that may be interruptions, with their probability.

    Their span is the moment of the change; `kind` is interruption, `form` silent, `confidence`
    the probability that it is one. Improbable ones (below 0.25) are left out.
    """
    near = [overlap.span.start_ms for overlap in overlaps]
    found = []
    for first, second in ((Role.AGENT, Role.CUSTOMER), (Role.CUSTOMER, Role.AGENT)):
        for holder in sides.of(first):
            comer = sides.next_of(second, holder.span.end_ms - _EARLIER_MS)
            if comer is None or comer.span.start_ms - holder.span.end_ms > _NO_GAP_MS:
                continue
            if any(abs(start - comer.span.start_ms) < 1000 for start in near):
                continue  # judged as an overlap
            probability = _probability(sides, holder, comer, tokens, words)
            if probability >= 0.25:
                at = Span(comer.span.start_ms, comer.span.start_ms)
                talk = comer.span.duration_ms
                found.append(
                    Overlap(at, first, second, "interruption", probability, True, talk, "silent")
                )
    return tuple(sorted(found, key=lambda overlap: overlap.span))


def _probability(
    sides: Sides, holder: Talk, comer: Talk, tokens: BackchannelLexicon, words: FloorLexicon
) -> float:
    if holder.span.duration_ms < _HELD_MS or tokens.is_backchannel(comer.text):
        return 0.0
    if comer.span.duration_ms < _SHORT_MS:
        return 0.0
    finished = words.completeness(holder.text)
    odds = _BASE + (_FINISHED * finished if finished > 0 else -_BROKEN * finished)
    if tokens.cuts_in(comer.text):
        odds += _CUTTING
    following = sides.next_of(holder.role, comer.span.end_ms - AGAIN_MS // 5)
    if following is not None and following.span.start_ms - comer.span.end_ms <= AGAIN_MS:
        odds += _RESUMED if following.span.start_ms < comer.span.end_ms else 0.0
    end = comer.span.start_ms
    if any(
        words.says(words.protests, talk.text)
        for talk in sides.of(holder.role)
        if end < talk.span.start_ms <= end + _PROTEST_MS
    ):
        odds += _PROTEST
    return round(1 / (1 + math.exp(-odds)), 3)
