"""What goes from one process to another where recognizers have processes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qc_speech.model import Chunk, Metadata, Span, Stamp
from qc_speech.ports import Passage, Samples
from qc_speech.store.queue import Item

if TYPE_CHECKING:
    from qc_speech.pipeline import Asked


@dataclass(frozen=True)
class Handoff:
    """A prepared recording: what the recognizer hears (samples in a file, (channels, n) float32 at
    16 kHz) and what the rest of the inspection needs."""

    item: Item
    path: str
    metadata: Metadata
    samples: str
    recording_id: str
    key: str
    parts: tuple[tuple[int, int | None, tuple[Span, ...], tuple[str, ...]], ...]
    seconds: float
    questions: tuple[tuple[str, ...], ...] = ()  # texts to be weighed, by stretch of the sound
    answers: tuple[tuple[float, ...], ...] | None = None  # empty: it cannot be asked


class Questions(Exception):
    """What the recognizer has to be asked before a recording can be finished."""

    def __init__(self, asked: Sequence[tuple[Samples, Sequence[str]]]) -> None:
        super().__init__("to be asked")
        self.asked = asked


class Relay:
    """Stands where the recognizer is elsewhere: passes on what it answered."""

    answers: tuple[tuple[float, ...], ...] | None = None

    @property
    def stamp(self) -> Stamp:
        return Stamp("relay", "1", "none")

    def transcribe(self, passages: Sequence[Passage]) -> tuple[tuple[Chunk, ...], ...]:
        raise RuntimeError("this process does not hear")

    def log_likelihoods(
        self, asked: Sequence[tuple[Samples, Sequence[str]]]
    ) -> tuple[tuple[float, ...], ...]:
        if self.answers is None:
            raise Questions(asked)
        return self.answers


class Mute:
    """The same for a recognizer that cannot be asked."""

    stamp, transcribe = Relay.stamp, Relay.transcribe


def passages_of(handoff: Handoff) -> Asked:
    """What the recognizer hears of a prepared recording."""
    from qc_speech.pipeline import Asked

    rows = np.load(handoff.samples, mmap_mode="r")
    passages = tuple(
        Passage(np.asarray(rows[row]), spans, channel, hotwords)
        for row, channel, spans, hotwords in handoff.parts
    )
    return Asked(handoff.recording_id, handoff.key, passages)
