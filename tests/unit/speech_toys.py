"""Small calls with known truth: who spoke when, what, how loud, and with what sound."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qc_speech.measures import SpeechLexicons
from qc_speech.model import (
    Call,
    Metadata,
    Recording,
    Role,
    RoleGuess,
    Span,
    Turn,
    Utterance,
    Word,
)
from qc_speech.ports import SAMPLE_RATE_HZ, Audio
from qc_speech.rules.speech_lexicons import load_speech_lexicons

LEXICONS: SpeechLexicons = load_speech_lexicons(Path(__file__).parents[2] / "lexicons")
LONG = "这里是一句足够长的普通话用来测量各种数值好吧"


@dataclass(frozen=True)
class Said:
    """One turn: a (agent) or c (customer), seconds, text."""

    who: str
    start: float
    end: float
    text: str = LONG
    db: float = -23.0
    language: str = "zh"
    language_confidence: float = 0.95
    confidence: float = 0.85


@dataclass(frozen=True)
class Toy:
    said: tuple[Said, ...]
    stereo: bool = True
    seconds: float | None = None
    known: bool = True
    roles_confidence: float = 0.97
    metadata: Metadata = field(default_factory=lambda: Metadata("toy"))

    @property
    def duration_ms(self) -> int:
        return round(1000 * (self.seconds or max(s.end for s in self.said) + 1.2))


def call_of(toy: Toy) -> Call:
    names = {"a": "ch0", "c": "ch1"} if toy.stereo else {"a": "S0", "c": "S1"}
    roles = {"a": Role.AGENT, "c": Role.CUSTOMER}
    if not toy.known:
        roles = dict.fromkeys("ac", Role.UNKNOWN)
    utterances, turns = [], []
    for index, said in enumerate(sorted(toy.said, key=lambda s: s.start)):
        span = Span(round(said.start * 1000), round(said.end * 1000))
        utterances.append(
            Utterance(
                index,
                span,
                names[said.who],
                roles[said.who],
                _words(said.text, span),
                said.language,
                said.language_confidence,
                said.confidence,
            )
        )
        turns.append(Turn(span, names[said.who]))
    recording = Recording(
        "0" * 64, "toy.wav", toy.duration_ms, 8000, 2 if toy.stereo else 1, toy.metadata
    )
    guess = RoleGuess(tuple((names[w], roles[w]) for w in "ac"), toy.roles_confidence)
    return Call(recording, tuple(utterances), tuple(turns), guess)


def _words(text: str, span: Span) -> tuple[Word, ...]:
    pieces = re.findall(r"[\x21-\x7e]+|[^\x00-\x7f]", text)
    step = span.duration_ms / max(1, len(pieces))
    return tuple(
        Word(
            Span(round(span.start_ms + i * step), round(span.start_ms + (i + 1) * step)),
            f" {piece}" if piece.isascii() else piece,
            0.9,
        )
        for i, piece in enumerate(pieces)
    )


def voice(
    seconds: float, hertz: float = 150.0, per_second: float = 4.0, swing: float = 0.0
) -> np.ndarray:
    """A buzz of unit RMS whose loudness pulses `per_second` times a second, like syllables, and
    whose pitch swings by so many semitones."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch = hertz * 2 ** (swing * np.sin(2 * np.pi * 0.7 * t) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    pulses = 0.04 + np.sin(np.pi * per_second * t) ** 2
    sound = buzz * pulses
    return np.asarray(sound / np.sqrt(np.mean(sound**2)), dtype=np.float32)


def audio_of(
    toy: Toy, noise_db: float = -55.0, leak_db: float | None = None, swing: float = 4.0
) -> Audio:
    """Each party a buzz of its own pitch at the level that is asked for."""
    rng = np.random.default_rng(7)
    count = toy.duration_ms * SAMPLE_RATE_HZ // 1000
    rows = {w: rng.standard_normal(count) * 10 ** (noise_db / 20) for w in "ac"}
    pitch = {"a": 200.0, "c": 120.0}
    clean = {w: np.zeros(count) for w in "ac"}
    for said in toy.said:
        start = round(said.start * SAMPLE_RATE_HZ)
        sound = voice(said.end - said.start, pitch[said.who], swing=swing) * 10 ** (said.db / 20)
        clean[said.who][start : start + len(sound)] += sound[: count - start]
    if leak_db is not None:
        gain = 10 ** (leak_db / 20)
        clean = {"a": clean["a"] + gain * clean["c"], "c": clean["c"] + gain * clean["a"]}
    both = [rows[w] + clean[w] for w in "ac"]
    samples = np.stack(both if toy.stereo else [both[0] + both[1]]).astype(np.float32)
    return Audio(call_of(toy).recording, samples)
