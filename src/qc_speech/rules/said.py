"""How surely a phrase was said: what the text shows, and how well it could have been heard.

Bayes' rule over two explanations of a weak resemblance: the phrase was not said, or it was said and
lost on the way (garbled or dropped by the recognizer). `lost` says how likely the second is for
these turns; the constants are fitted on labelled calls by benchmarks/phrases.py, where tagged turns
are taken as said and the same calls without their tagged turns as missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qc_speech.rules.phrases import AgentTurn
from qc_speech.text.evidence import logit


@dataclass(frozen=True)
class Hearing:
    """Constants of how phrases are lost. A turn whose mean word confidence is `half` loses half of
    the share between `lost_at_best` and `lost_at_worst`. `slope` and `offset` turn the log odds of
    a resemblance into a log-likelihood ratio of the phrase heard to one like it by chance."""

    lost_at_worst: float
    lost_at_best: float
    half: float
    width: float
    slope: float
    offset: float


FITTED = Hearing(0.58, 0.011, 0.614, 0.025, 1.4, -0.925)
_SHORT = 6  # characters: too short a turn to hold a phrase
_UNWORDED = 0.05  # said in words that no wording is like: the audio was not asked for those
_HINTED = 0.35  # lost, at least, where what usually stands beside the phrase was heard
_FIRST = 0.75  # of opening phrases in the first turn, of closing phrases in the last


def lost(
    turns: Sequence[AgentTurn],
    zone: str,
    *,
    hinted: bool = False,
    refuted: bool = False,
    hearing: Hearing = FITTED,
) -> float:
    """Probability that a phrase said in one of these turns was lost by the recognizer. `hinted`:
    what usually stands beside it, or answers it, was heard. `refuted`: the audio itself was asked
    for the likeliest wordings and says no."""
    share = _lost(turns, zone, hearing)
    if refuted:
        return min(share, max(hearing.lost_at_best, _UNWORDED))
    return max(_HINTED, share) if hinted else share


def _lost(turns: Sequence[AgentTurn], zone: str, hearing: Hearing) -> float:
    able = [turn for turn in turns if len(turn.text) >= _SHORT] or list(turns)
    if not able:
        return 1.0
    shares = [_lost_in(turn.confidence, hearing) for turn in able]
    if zone == "anywhere" or len(able) == 1:
        return sum(shares) / len(shares)
    main, rest = (shares[0], shares[1:]) if zone == "opening" else (shares[-1], shares[:-1])
    return _FIRST * main + (1 - _FIRST) * sum(rest) / len(rest)


def _lost_in(confidence: float, hearing: Hearing) -> float:
    fade = 1.0 / (1.0 + math.exp((confidence - hearing.half) / hearing.width))
    return hearing.lost_at_best + (hearing.lost_at_worst - hearing.lost_at_best) * fade


def probability_said(
    resemblance: float, lost_share: float, before: float, hearing: Hearing = FITTED
) -> float:
    """That the phrase was said. `resemblance` is the best match of the text (0..1), `before` the
    share of calls in which it is said."""
    ratio = math.exp(hearing.slope * logit(resemblance) + hearing.offset)
    odds = before / (1.0 - before) * (lost_share + (1.0 - lost_share) * ratio)
    return odds / (1.0 + odds)
