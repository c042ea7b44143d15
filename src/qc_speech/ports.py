"""The seams: what an engine, a store and a hook must do. Each has a shared contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from qc_speech.model import (
    CallResult,
    Chunk,
    Diarization,
    Recording,
    Review,
    Settled,
    Span,
    Stamp,
    Voiceprint,
)

Samples = npt.NDArray[np.float32]
SAMPLE_RATE_HZ = 16_000


@dataclass(frozen=True)
class Audio:
    """A recording and its sound: float32 of shape (parties, samples) at 16 kHz, in [-1, 1].

    One row for mono, two for stereo (row order = channel order of the file).
    """

    recording: Recording
    samples: Samples


@dataclass(frozen=True)
class Passage:
    """What a recognizer is asked to hear: stretches of one channel (1-D float32, 16 kHz), one
    voice at a time where that is known. `hotwords`: names it may meet there, likeliest first."""

    samples: Samples
    spans: tuple[Span, ...]
    channel: int | None = None
    hotwords: tuple[str, ...] = ()


class Transcriber(Protocol):
    """Speech to words with times."""

    @property
    def stamp(self) -> Stamp: ...

    def transcribe(self, passages: Sequence[Passage]) -> tuple[tuple[Chunk, ...], ...]:
        """Hear passages of one call or of many: for each, in order, its chunks in order of time.
        An engine may batch across passages. No spans: no chunks; characters are simplified."""


@runtime_checkable
class Listener(Protocol):
    """A recognizer that can also be asked how well given words fit the sound."""

    def log_likelihoods(
        self, asked: Sequence[tuple[Samples, Sequence[str]]]
    ) -> tuple[tuple[float, ...], ...]:
        """For each stretch (1-D float32 at 16 kHz, 30 s at most) and each of its texts the natural
        logarithm of the probability that the text is what is said in the stretch."""


class Diarizer(Protocol):
    """Who speaks when in one mixed channel."""

    @property
    def stamp(self) -> Stamp: ...

    def diarize(self, samples: Samples, recording_id: str, hook: Hook) -> Diarization:
        """Turns of the speakers in a 1-D float32 signal at 16 kHz; silence gives no turns."""


class VoiceEncoder(Protocol):
    """Turns speech of one voice into a vector that is near to others of the same voice."""

    @property
    def stamp(self) -> Stamp: ...

    def embed(self, samples: Samples, spans: Sequence[Span]) -> npt.NDArray[np.float32]:
        """(spans, size) vectors of stretches of a 1-D float32 signal at 16 kHz; zeros where a
        stretch is too short or silent."""


class Judge(Protocol):
    """Answers questions about what was said. `covered`: kinds of personal data that must not be
    shown to it, from the confidence `covered_from` on."""

    covered: frozenset[str]
    covered_from: float

    @property
    def stamp(self) -> str: ...

    def ask(self, messages: Sequence[tuple[str, str]]) -> str:
        """The reply to (role, text) messages, as it came. Raises JudgeError."""


class Hook(Protocol):
    """Progress. A library is silent: it only calls this."""

    def __call__(self, stage: str, done: float, total: float) -> None: ...


class Store(Protocol):
    """Keeps each stage's result under (recording, stage, key), and the results of calls."""

    def stage(self, recording_id: str, stage: str, key: str) -> Any | None:
        """The payload (JSON value) stored under this key, or None."""

    def put_stage(self, recording_id: str, stage: str, key: str, payload: Any) -> None:
        """Keep a payload; replaces one under the same key; others of the stage stay."""

    def put_result(self, result: CallResult, settled: Settled | None = None) -> None:
        """Keep a call's result (replaces the same call_id) with its findings as rows, in one
        transaction. `settled`: the same with people's verdicts; None: there are none."""

    def result(self, call_id: str) -> CallResult | None: ...

    def results(self) -> Iterator[CallResult]:
        """All results by call_id, streamed."""

    def put_settled(self, call_id: str, settled: Settled) -> None:
        """Keep what people's verdicts make of a call, in one transaction; what the machine said
        stays. Raises StoreError if there is no such call, or other findings than `settled` has."""

    def put_review(self, review: Review) -> None:
        """Keep a person's verdict; replaces the one of the same id (such as to withdraw it)."""

    def amend(
        self,
        call_id: str,
        change: Callable[[tuple[Review, ...]], tuple[Review, Settled]],
    ) -> Settled:
        """Keep a verdict and what it makes of its call, in one transaction in which nobody else
        writes verdicts on that call. `change` sees the verdicts there are (oldest first) and gives
        the new one with what then counts; what it raises stops all. Raises StoreError."""

    def reviews(self, call_id: str | None = None) -> Iterator[Review]:
        """Verdicts of a call, or of all calls, oldest first; withdrawn ones too."""

    def put_failure(self, source: str, message: str) -> None:
        """Note that a recording could not be inspected (replaces the same source)."""

    def clear_failure(self, source: str) -> None: ...

    def failures(self) -> tuple[tuple[str, str], ...]:
        """(source, message) of what could not be inspected, by source."""

    def put_voiceprint(self, voiceprint: Voiceprint) -> None:
        """Keep an agent's voiceprint; replaces an earlier one of the same agent."""

    def voiceprint(self, agent_id: str) -> Voiceprint | None: ...

    def voiceprints(self) -> tuple[Voiceprint, ...]:
        """All voiceprints by agent."""

    def remove_voiceprint(self, agent_id: str) -> bool:
        """Erase an agent's voiceprint, so that nothing of it stays; False: there was none."""


def silent_hook(stage: str, done: float, total: float) -> None:
    """The no-op progress hook."""
