"""Probabilities and pieces of evidence."""

from __future__ import annotations

import math

_MOST_RATIO = 6.0  # one piece of evidence never decides beyond odds of 400 to 1
_LEAST = 1e-4


def logit(probability: float) -> float:
    """Log odds, finite for 0 and 1 too."""
    kept = min(1.0 - _LEAST, max(_LEAST, probability))
    return math.log(kept / (1.0 - kept))


def posterior(probability: float, ratio: float) -> float:
    """A probability after one more piece of evidence, given as a log-likelihood ratio."""
    odds = logit(probability) + max(-_MOST_RATIO, min(_MOST_RATIO, ratio))
    return 1.0 / (1.0 + math.exp(-odds))
