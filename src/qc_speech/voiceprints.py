"""Voiceprints: enrolling an agent's voice, and how like it a speaker of a call sounds.

A voiceprint is the mean direction of CAM++ embeddings of an agent's speech. It is personal data:
it is kept in the store only, made only on purpose, and never written to logs or results; of the
other party's voice nothing is kept at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from qc_speech.engines import voices
from qc_speech.errors import UsageError
from qc_speech.model import Span, Turn, Voiceprint
from qc_speech.ports import Samples, VoiceEncoder
from qc_speech.roles.announcements import MACHINE

Floats = npt.NDArray[np.floating]

LEAST_SECONDS = 15.0  # of speech; less makes a voiceprint that is like nobody for sure
PIECE_MS, LEAST_PIECE_MS = 2000, 800
COMPARED_MS = 40_000  # of a speaker in a call: more makes no difference
_ONE_VOICE = 0.8  # likeness above which the two halves of a recording are one voice
_OTHER_SHARE, _OTHER_SECONDS = 0.1, 3.0  # of a second voice that is no accident
_SAME_PERSON = 0.65  # likeness of one file to the others
_SURE_PRINT = 1e3  # weight of a voiceprint beside pieces of a call: it is taken as it is


@dataclass(frozen=True)
class Sample:
    """One recording (or stretch of one) of the agent alone. `name` is for messages."""

    name: str
    samples: Samples  # 1-D, 16 kHz
    speech: tuple[Span, ...]


def enrol(
    agent_id: str, samples: Sequence[Sample], encoder: VoiceEncoder, now: datetime
) -> Voiceprint:
    """The voiceprint of an agent from recordings of his own voice. Raises UsageError if there is
    too little speech, more than one voice in a recording, or different voices in two of them."""
    heard = [_heard(sample, encoder) for sample in samples]
    seconds = sum(float(weights.sum()) for _, weights in heard)
    if seconds < LEAST_SECONDS:
        raise UsageError(
            f"{seconds:.0f} s of speech are too little for a voiceprint; give recordings with "
            f"{LEAST_SECONDS:.0f} s or more of the agent's own speech"
        )
    for sample, (units, weights) in zip(samples, heard):
        _refuse_two_voices(sample.name, units, weights)
    for place, sample in enumerate(samples):
        _refuse_a_stranger(sample.name, place, heard)
    units, weights = (np.concatenate(part) for part in zip(*heard))
    mean = _direction(units, weights)
    return Voiceprint(
        agent_id=agent_id,
        vector=tuple(round(float(value), 6) for value in mean),
        seconds=round(seconds, 1),
        model=encoder.stamp.model,
        enrolled_at=now,
    )


def likeness(
    voiceprint: Voiceprint, samples: Samples, speech: Sequence[Span], encoder: VoiceEncoder
) -> float | None:
    """How like the voiceprint some speech sounds: cosine in -1..1, freed of the noise of short
    pieces. None: too little speech to say."""
    units, weights = _heard(Sample("", samples, tuple(speech)), encoder)
    if not len(units):
        return None
    print_ = np.asarray(voiceprint.vector)[None]
    table = voices.likeness(
        np.concatenate([print_, units]),
        np.concatenate([[_SURE_PRINT], weights]),
        np.array([0, *[1] * len(units)]),
    )
    return float(np.clip(table[0, 1], -1.0, 1.0))


def alone(turns: Sequence[Turn], channels: int) -> dict[str, tuple[Span, ...]]:
    """Each speaker's speech (no machine's); in a mixed channel without what others talk into."""
    found: dict[str, list[Span]] = {}
    for turn in turns:
        if turn.speaker.endswith(MACHINE):
            continue
        others = [t.span for t in turns if t.speaker != turn.speaker] if channels == 1 else []
        found.setdefault(turn.speaker, []).extend(_without(turn.span, others))
    return {speaker: tuple(spans) for speaker, spans in sorted(found.items())}


def _without(span: Span, others: Sequence[Span]) -> list[Span]:
    left, at = [], span.start_ms
    for other in sorted(other for other in others if other.overlap_ms(span)):
        if other.start_ms > at:
            left.append(Span(at, other.start_ms))
        at = max(at, other.end_ms)
    if at < span.end_ms:
        left.append(Span(at, span.end_ms))
    return left


def longest(speech: Sequence[Span], most_ms: int = COMPARED_MS) -> tuple[Span, ...]:
    """The longest stretches, in order of time, up to so much speech together."""
    chosen: list[Span] = []
    left = most_ms
    for span in sorted(speech, key=lambda span: (-span.duration_ms, span)):
        if left < LEAST_PIECE_MS:
            break
        chosen.append(Span(span.start_ms, span.start_ms + min(span.duration_ms, left)))
        left -= chosen[-1].duration_ms
    return tuple(sorted(chosen))


def pieces(speech: Sequence[Span]) -> tuple[Span, ...]:
    """Stretches of speech in pieces of 2 to 4 s; what is too short for a voice is left out."""
    found: list[Span] = []
    for span in speech:
        count = max(1, span.duration_ms // PIECE_MS)
        edges = [span.start_ms + span.duration_ms * n // count for n in range(count + 1)]
        found.extend(
            Span(start, end)
            for start, end in itertools.pairwise(edges)
            if end - start >= LEAST_PIECE_MS
        )
    return tuple(found)


def _heard(sample: Sample, encoder: VoiceEncoder) -> tuple[Floats, Floats]:
    """Unit embeddings (n, d) of the pieces and the seconds of speech in each."""
    cut = pieces(sample.speech)
    found = encoder.embed(sample.samples, cut)
    norms = np.linalg.norm(found, axis=1)
    known = norms > 0
    seconds = np.array([span.duration_ms / 1000 for span in cut])
    return found[known] / norms[known, None], seconds[known]


def _direction(units: Floats, weights: Floats) -> Floats:
    mean = (units * weights[:, None]).sum(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9))


def _refuse_two_voices(name: str, units: Floats, weights: Floats) -> None:
    if len(units) < 4:
        return
    unchanging = np.zeros(len(units) - 1)
    labels = voices.tell_apart(units, weights, unchanging, voices.Limits(2, _ONE_VOICE))
    amount = np.bincount(labels, weights)
    if len(amount) > 1 and amount.min() >= max(_OTHER_SECONDS, _OTHER_SHARE * amount.sum()):
        raise UsageError(
            f"{name}: two voices are heard; give the agent's side alone (--channel left or right, "
            "or --from and --to)"
        )


def _refuse_a_stranger(name: str, place: int, heard: Sequence[tuple[Floats, Floats]]) -> None:
    own, others = heard[place], [part for n, part in enumerate(heard) if n != place]
    if not others or not len(own[0]) or not sum(len(units) for units, _ in others):
        return
    rest = tuple(np.concatenate(part) for part in zip(*others))
    labels = np.array([0] * len(own[0]) + [1] * len(rest[0]))
    table = voices.likeness(
        np.concatenate([own[0], rest[0]]), np.concatenate([own[1], rest[1]]), labels
    )
    if table[0, 1] < _SAME_PERSON:
        raise UsageError(
            f"{name}: another voice than in the other recordings; enrol from one person's speech"
        )
