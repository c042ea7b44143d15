"""How a voice changes over a call, and how the agent takes a customer who raises his."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qc_speech.model import Call, Role, Span, Strain, Utterance

_LEAST = 6  # utterances that make a trend
_LEAST_MS = 30_000
_RAISED_DB = 5.0
_CALM_DB = 2.5
_ANSWER_MS = 15_000  # the agent's next words answer the customer's


def rise(utterances: Sequence[Utterance], values: Mapping[int, float | None]) -> float | None:
    """Change from the first utterance to the last along the Theil-Sen line (Sen 1968: the median
    of all slopes, which single outbursts do not bend). None with too little to see a trend."""
    points = [
        (utterance.span.start_ms, value)
        for utterance in utterances
        if (value := values.get(utterance.index)) is not None
    ]
    if len(points) < _LEAST or points[-1][0] - points[0][0] < _LEAST_MS:
        return None
    at = np.array([start for start, _ in points], dtype=np.float64)
    level = np.array([value for _, value in points])
    first, second = np.triu_indices(len(points), 1)
    apart = at[second] - at[first]
    slopes = (level[second] - level[first])[apart > 0] / apart[apart > 0]
    return round(float(np.median(slopes) * (at[-1] - at[0])), 1)


def strains(call: Call, above: Mapping[int, float | None]) -> tuple[Strain, ...]:
    """Stretches in which the customer speaks louder than normal, with the agent's answers.
    `above`: dB above each party's normal, by utterance."""
    found: list[Strain] = []
    run: list[Utterance] = []
    for utterance in [*call.utterances, None]:
        if utterance is not None and utterance.role is not Role.CUSTOMER:
            continue
        loud = utterance is not None and (above.get(utterance.index) or 0.0) >= _RAISED_DB
        if loud and utterance is not None:
            run.append(utterance)
        elif run:
            strain = _strain(call, run, above)
            if strain:
                found.append(strain)
            run = []
    return tuple(found)


def _strain(
    call: Call, run: Sequence[Utterance], above: Mapping[int, float | None]
) -> Strain | None:
    """None where the agent says nothing to it."""
    span = Span(run[0].span.start_ms, max(u.span.end_ms for u in run))
    answers = [
        level
        for u in call.by_role(Role.AGENT)
        if span.start_ms < u.span.start_ms <= span.end_ms + _ANSWER_MS
        and (level := above.get(u.index)) is not None
    ]
    if not answers:
        return None
    customer = max(above.get(u.index) or 0.0 for u in run)
    return Strain(span, round(customer, 1), round(max(answers), 1), max(answers) < _CALM_DB)
