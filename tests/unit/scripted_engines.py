"""Engines that hear a fixed conversation, count what is asked of them, and can be made to fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from qc_speech.model import Chunk, Diarization, Span, Stamp, Turn, Word
from qc_speech.pipeline import Engines
from qc_speech.ports import Hook, Passage, Samples, silent_hook

TALK = (
    (0, 300, 3500, "您好山泉供水一零二三号很高兴为您服务请问有什么可以帮您"),
    (1, 3900, 5900, "你好我家水管漏水了你们什么时候能来"),
    (0, 6300, 8500, "请问您贵姓您的地址是哪里"),
    (1, 8900, 10900, "我姓陈我家住翠湖花园三号楼"),
    (0, 11300, 14500, "好的师傅两个工作日内上门感谢您的来电再见"),
)
SECONDS = 15.0


@dataclass
class Script:
    """What the engines say; `before` is called before a channel is heard (to fail or to wait)."""

    before: Callable[[], None] = lambda: None
    heard: int = 0  # times the recognizer was asked
    told_apart: int = 0  # recordings the diarizer was given
    made: list[str] = field(default_factory=list)  # engines that were loaded
    together: list[int] = field(default_factory=list)  # passages in each question
    most_together: int = 1000  # more passages than this at once break the recognizer

    def engines(self, stamps: tuple[str, str] = ("asr/1", "diarizer/1")) -> Engines:
        def transcriber() -> Recognizer:
            self.made.append("transcriber")
            return Recognizer(self)

        def diarizer() -> Separator:
            self.made.append("diarizer")
            return Separator(self)

        return Engines(transcriber, diarizer, by_channel, whole, stamps)


@dataclass
class Recognizer:
    script: Script

    @property
    def stamp(self) -> Stamp:
        return Stamp("scripted", "1", "talk")

    def transcribe(self, passages: Sequence[Passage]) -> tuple[tuple[Chunk, ...], ...]:
        self.script.together.append(len(passages))
        if len(passages) > self.script.most_together:
            raise RuntimeError("out of memory")
        return tuple(self._passage(passage) for passage in passages)

    def _passage(self, passage: Passage) -> tuple[Chunk, ...]:
        self.script.before()
        self.script.heard += 1
        whole = Span(0, len(passage.samples) // 16)
        asked = [part for span in passage.spans if (part := span & whole)]
        return tuple(
            Chunk(Span(start, end), passage.channel, words(text, start, end), "zh", 0.98, -0.2)
            for who, start, end, text in TALK
            if passage.channel in (None, who) and end <= whole.end_ms
            if any(2 * span.overlap_ms(Span(start, end)) > end - start for span in asked)
        )


@dataclass
class Separator:
    script: Script

    @property
    def stamp(self) -> Stamp:
        return Stamp("scripted", "1", "turns")

    def diarize(self, samples: Samples, recording_id: str, hook: Hook = silent_hook) -> Diarization:
        self.script.told_apart += 1
        return turns(recording_id, "S", len(samples) // 16)


def by_channel(samples: Samples, recording_id: str) -> Diarization:
    return turns(recording_id, "ch", samples.shape[1] // 16)


def whole(samples: Samples) -> tuple[Span, ...]:
    return (Span(0, len(samples) // 16),)


def turns(recording_id: str, label: str, length_ms: int) -> Diarization:
    found = tuple(
        Turn(Span(start, end), f"{label}{who}") for who, start, end, _ in TALK if end <= length_ms
    )
    return Diarization(recording_id, found, found, Stamp("scripted", "1", "turns"))


def words(text: str, start: int, end: int) -> tuple[Word, ...]:
    step = (end - start) / len(text)
    return tuple(
        Word(Span(round(start + i * step), round(start + (i + 1) * step)), char, 0.9)
        for i, char in enumerate(text)
    )


def write_call(
    path: Path,
    *,
    seed: int = 0,
    stereo: bool = True,
    seconds: float = SECONDS,
    subtype: str = "PCM_16",
    level: float = 0.1,
) -> Path:
    """A recording with sound where the talk is; another seed gives other bytes."""
    noise = np.random.default_rng(seed)
    sound = noise.normal(0, level / 100, (round(8000 * seconds), 2))
    for who, start, end, _ in TALK:
        part = sound[start * 8 : end * 8, who]
        part += noise.normal(0, level, len(part))
    samples = sound if stereo else sound.mean(axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, 8000, subtype=subtype)
    return path
