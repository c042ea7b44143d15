"""Engines that answer from a script: for tests and for trying out rules without any model.

They hear nothing: what is said, when and by whom stands in the script. Same script, same answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from qc_speech.model import Alternative, Chunk, Diarization, Span, Stamp, Turn, Word
from qc_speech.ports import SAMPLE_RATE_HZ, Hook, Passage, Samples, silent_hook


@dataclass(frozen=True)
class Line:
    """One turn of a script. `channel` None: a mixed channel; `speaker`: S0, S1 … in it."""

    span: Span
    text: str
    speaker: str = "S0"
    channel: int | None = None
    language: str = "zh"
    confidence: float = 0.9  # of every word
    alternatives: tuple[Alternative, ...] = ()


class ScriptedTranscriber:
    """A Transcriber that finds the script's words in the stretches it is asked for."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = tuple(sorted(lines, key=lambda line: line.span))
        self._stamp = _stamp(self._lines)

    @property
    def stamp(self) -> Stamp:
        return self._stamp

    def transcribe(self, passages: Sequence[Passage]) -> tuple[tuple[Chunk, ...], ...]:
        """One chunk per stretch, with the words whose middle lies in it."""
        return tuple(self._passage(passage) for passage in passages)

    def _passage(self, passage: Passage) -> tuple[Chunk, ...]:
        whole = Span(0, _length_ms(passage.samples))
        asked = [part for span in sorted(set(passage.spans)) if (part := span & whole)]
        return tuple(self._heard(span, passage.channel) for span in asked)

    def _heard(self, span: Span, channel: int | None) -> Chunk:
        words: list[Word] = []
        lines: list[Line] = []
        for line in self._lines:
            if line.channel != channel or not line.span.overlap_ms(span):
                continue
            inside = [word for word in _words(line) if _holds(span, word.span)]
            words.extend(Word(_within(w.span, span), w.text, w.confidence) for w in inside)
            lines.extend([line] * bool(inside))
        whole = len(lines) == 1 and len(words) == len(_words(lines[0]))
        return Chunk(
            span=span,
            channel=channel,
            words=tuple(sorted(words, key=lambda word: word.span)),
            language=lines[0].language if lines else "zh",
            language_confidence=1.0,
            score=-0.1,
            alternatives=lines[0].alternatives if whole else (),
        )


class ScriptedDiarizer:
    """A Diarizer that gives the script's turns of the mixed channel."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = tuple(sorted((x for x in lines if x.channel is None), key=lambda x: x.span))
        self._stamp = _stamp(self._lines)

    @property
    def stamp(self) -> Stamp:
        return self._stamp

    def diarize(self, samples: Samples, recording_id: str, hook: Hook = silent_hook) -> Diarization:
        """Turns may overlap; in `exclusive` the one that began first keeps the floor."""
        whole = Span(0, _length_ms(samples))
        turns = tuple(
            Turn(part, line.speaker) for line in self._lines if (part := line.span & whole)
        )
        hook("diarize", 1, 1)
        exclusive: list[Turn] = []
        taken = 0
        for turn in turns:
            if turn.span.end_ms > max(taken, turn.span.start_ms):
                start = max(taken, turn.span.start_ms)
                exclusive.append(Turn(Span(start, turn.span.end_ms), turn.speaker))
                taken = turn.span.end_ms
        return Diarization(recording_id, turns, tuple(exclusive), self._stamp)


def _stamp(lines: tuple[Line, ...]) -> Stamp:
    script = json.dumps([asdict(line) for line in lines], sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(script.encode()).hexdigest()[:12]
    return Stamp("scripted", "1", "none", json.dumps({"script": digest}))


def _length_ms(samples: Samples) -> int:
    return len(samples) * 1000 // SAMPLE_RATE_HZ


def _words(line: Line) -> list[Word]:
    """The line's characters (words, where it has spaces), each as long as the others."""
    parts = [f" {part}" for part in line.text.split()] if " " in line.text else list(line.text)
    step = line.span.duration_ms / max(1, len(parts))
    start = line.span.start_ms
    return [
        Word(Span(start + round(i * step), start + round((i + 1) * step)), part, line.confidence)
        for i, part in enumerate(parts)
    ]


def _holds(span: Span, word: Span) -> bool:
    return span.start_ms <= (word.start_ms + word.end_ms) // 2 < span.end_ms


def _within(word: Span, span: Span) -> Span:
    return Span(max(word.start_ms, span.start_ms), min(word.end_ms, span.end_ms))
