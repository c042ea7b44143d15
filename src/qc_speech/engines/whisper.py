"""faster-whisper behind the Transcriber port: bounded decoding, n-best, word times.

faster-whisper's own loops decode 30 s windows and hide the beam's other readings. Here its model,
features, tokenizer and alignment are driven directly: stretches come from VAD or diarization, are
batched by length, may not run longer than speech can be, and keep their n-best readings.
Source of the thresholds' form: Radford et al. 2022 (Whisper), section 4.5.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qc_speech.engines.likelihood import log_likelihoods
from qc_speech.engines.readings import Reading, by_piece, words_of
from qc_speech.engines.runaway import is_invented, is_loop
from qc_speech.engines.windows import Window, halves, pack, split_long
from qc_speech.model import Chunk, Span, Stamp
from qc_speech.ports import Passage, Samples
from qc_speech.text.normalize import simplify

_LEAST_SCORE = -0.65
_TOKENS_PER_SECOND = 14  # Mandarin at 500 characters a minute needs about 12
_FRAMES_PER_SECOND = 100
_LATIN = re.compile(r"[A-Za-z]{2,}")


@dataclass(frozen=True)
class WhisperOptions:
    """How to decode. Beam and n-best in readings; batch in chunks per forward pass."""

    beam: int = 5
    n_best: int = 5
    batch: int = 8
    language: str = "zh"
    second_language_threshold: float = 0.7
    hotwords: str = ""


@dataclass(frozen=True)
class _Way:
    """One way to decode: with repeated n-grams forbidden from this length on (0: allowed), by
    sampling at a temperature instead of a beam (0: the beam)."""

    no_repeat: int = 0
    temperature: float = 0.0


_PLAIN, _STRICT, _SAMPLED = _Way(), _Way(4), _Way(4, 0.4)
# By attempt: where the first way ends in a loop, the next is taken. Nine passes at the very most.
_WAYS = ((_PLAIN, _STRICT), (_STRICT,), (_STRICT, _SAMPLED))


class FasterWhisper:
    """The default recognizer. One instance holds one model; not safe for two threads at once."""

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "cpu",
        compute_type: str = "int8",
        threads: int = 0,
        options: WhisperOptions | None = None,
    ) -> None:
        import faster_whisper
        from faster_whisper.tokenizer import Tokenizer

        self._options = options or WhisperOptions()
        self.batch = self._options.batch  # windows per forward pass: halved when memory runs out
        self._whisper = faster_whisper.WhisperModel(
            str(folder), device=device, compute_type=compute_type, cpu_threads=threads,
            local_files_only=True,
        )  # fmt: skip
        self._tokenizers = {
            language: Tokenizer(
                self._whisper.hf_tokenizer,
                self._whisper.model.is_multilingual,
                "transcribe",
                language,
            )
            for language in ("zh", "en")
        }
        self._suppress = _suppressed(self._tokenizers["zh"])
        shown = {**vars(self._options), "compute_type": compute_type, "device": device}
        self._stamp = Stamp(
            "faster-whisper",
            faster_whisper.__version__,
            folder.name,
            json.dumps(shown, sort_keys=True, ensure_ascii=False),
        )

    @property
    def stamp(self) -> Stamp:
        return self._stamp

    def transcribe(self, passages: Sequence[Passage]) -> tuple[tuple[Chunk, ...], ...]:
        heard: list[dict[Span, Chunk]] = [{} for _ in passages]
        windows = [
            (number, window)
            for number, passage in enumerate(passages)
            for window in pack(
                [piece for span in passage.spans for piece in split_long(passage.samples, span)]
            )
        ]
        for ways in _WAYS:  # the windows, then halves and quarters of those heard badly
            for number, chunk in self._hear_all(passages, windows, ways):
                known = heard[number].get(chunk.span)
                if known is None or _better(chunk, known):
                    heard[number][chunk.span] = chunk
            windows = [
                (number, half)
                for number, window in windows
                for half in _cut_again(window, heard[number])
            ]
            if not windows:
                break
        self._hear_foreign(passages, heard)
        return tuple(
            tuple(without_invention(found[span]) for span in sorted(found)) for found in heard
        )

    def log_likelihoods(
        self, asked: Sequence[tuple[Samples, Sequence[str]]]
    ) -> tuple[tuple[float, ...], ...]:
        """How well texts fit sounds (ports.Listener)."""
        tokenizer = self._tokenizers[self._options.language]
        return log_likelihoods(self._whisper, tokenizer, asked, self.batch)

    def _hear_all(
        self, passages: Sequence[Passage], windows: Sequence[_Asked], ways: Sequence[_Way]
    ) -> list[tuple[int, Chunk]]:
        """Windows of all passages in batches of like length, so that little is padding."""
        by_length = sorted(windows, key=lambda asked: asked[1].duration_ms)
        chunks: list[tuple[int, Chunk]] = []
        for first in range(0, len(by_length), self.batch):
            batch = by_length[first : first + self.batch]
            chunks.extend(self._decode(passages, batch, self._options.language, ways))
        return chunks

    def _hear_foreign(
        self, passages: Sequence[Passage], heard: Sequence[dict[Span, Chunk]]
    ) -> None:
        """Ask stretches again that may be in English; they replace what was heard of them."""
        asked = [
            (number, Window((span,)))
            for number, found in enumerate(heard)
            for span in self._foreign(found)
        ]
        for first in range(0, len(asked), self.batch):
            batch = asked[first : first + self.batch]
            for number, chunk in self._decode(passages, batch, "en", (_STRICT,)):
                sure = chunk.language_confidence >= self._options.second_language_threshold
                if sure and chunk.words and not chunk.doubtful and chunk.score > _LEAST_SCORE:
                    heard[number][chunk.span] = chunk

    @staticmethod
    def _foreign(heard: dict[Span, Chunk]) -> list[Span]:
        """Stretches worth asking for English: long enough, with Latin words in them or from a
        window that is not surely in the site's own language. One English sentence among Mandarin
        ones shows only as a little doubt."""
        return [
            span
            for span, chunk in sorted(heard.items())
            if span.duration_ms >= 1_500
            and (chunk.language_confidence < 0.9 or len(_LATIN.findall(chunk.text)) >= 3)
        ]

    def _encode(self, sounds: Sequence[Samples]) -> Any:
        from faster_whisper.audio import pad_or_trim

        features = [pad_or_trim(self._whisper.feature_extractor(sound)) for sound in sounds]
        return self._whisper.encode(np.stack(features))

    def _decode(
        self,
        passages: Sequence[Passage],
        asked: Sequence[_Asked],
        language: str,
        ways: Sequence[_Way],
    ) -> list[tuple[int, Chunk]]:
        """One batch of windows, each of the passage with its number."""
        encoded = self._encode([window.sound(passages[n].samples) for n, window in asked])
        odds = [dict(found) for found in self._whisper.model.detect_language(encoded)]
        windows = [window for _, window in asked]
        tokenizer = self._tokenizers[language]
        readings, silence = self._generate(encoded, windows, tokenizer, ways[0])
        for way in ways[1:]:
            if not any(_is_suspect(found[0], one) for found, one in zip(readings, windows)):
                break
            again, _ = self._generate(encoded, windows, tokenizer, way)
            readings = [
                other if _is_suspect(found[0], window) else found
                for found, other, window in zip(readings, again, windows)
            ]
        readings = [_sane_first(found, window) for found, window in zip(readings, windows)]
        tokens = [[t for t in found[0].tokens if t < tokenizer.eot] for found in readings]
        frames = [max(2, window.duration_ms * _FRAMES_PER_SECOND // 1000) for window in windows]
        aligned = self._whisper.find_alignment(tokenizer, tokens, encoded, frames)
        chunks: list[tuple[int, Chunk]] = []
        for row, (number, window) in enumerate(asked):
            template = Chunk(
                span=window.pieces[0],
                channel=passages[number].channel,
                words=(),
                language=language,
                language_confidence=round(_confidence(odds[row], language), 3),
                score=readings[row][0].score,
                no_speech=round(silence[row], 3),
                doubtful=_is_suspect(readings[row][0], window),
            )
            words = words_of(aligned[row], window)
            pieces = by_piece(template, window, words, readings[row][1:])
            chunks.extend((number, piece) for piece in pieces)
        return chunks

    def _generate(
        self, encoded: Any, windows: Sequence[Window], tokenizer: Any, way: _Way
    ) -> tuple[list[list[Reading]], list[float]]:
        prompt = self._whisper.get_prompt(
            tokenizer, [], without_timestamps=True, hotwords=self._options.hotwords or None
        )
        longest = max(window.duration_ms for window in windows) / 1000
        sampled = way.temperature > 0
        if sampled:
            import ctranslate2

            ctranslate2.set_random_seed(0)  # the same question has the same answer
        results = self._whisper.model.generate(
            encoded,
            [prompt] * len(windows),
            beam_size=1 if sampled else self._options.beam,
            num_hypotheses=min(self._options.n_best, self._options.beam),
            sampling_topk=0 if sampled else 1,
            sampling_temperature=way.temperature if sampled else 1.0,
            length_penalty=1.0,
            max_length=min(448, len(prompt) + 12 + math.ceil(_TOKENS_PER_SECOND * longest)),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppress,
            no_repeat_ngram_size=way.no_repeat,
        )
        readings = [
            [
                Reading(tuple(tokens), simplify(tokenizer.decode(tokens)).strip(), float(score))
                for tokens, score in zip(result.sequences_ids, result.scores)
            ]
            for result in results
        ]
        return readings, [float(result.no_speech_prob) for result in results]


_Asked = tuple[int, Window]  # the number of a passage, and stretches of it


def _cut_again(window: Window, heard: dict[Span, Chunk]) -> tuple[Window, ...]:
    """What of a window is worth hearing again, in another cut. One stretch alone cannot be cut:
    decoding it another way helps only where it went round in circles."""
    if len(window.pieces) == 1:
        return (window,) if heard[window.pieces[0]].doubtful else ()
    return halves(window) if _is_bad(window, heard) else ()


def _is_bad(window: Window, heard: dict[Span, Chunk]) -> bool:
    """Heard so badly that another cut is worth its time: doubtful, improbable, or words missing
    where there is speech (the decoder stopped early)."""
    return any(
        heard[piece].doubtful
        or heard[piece].score < _LEAST_SCORE
        or heard[piece].language_confidence < 0.5
        or _is_lost(heard[piece])
        for piece in window.pieces
    )


def _is_lost(chunk: Chunk) -> bool:
    said = len(re.sub(r"[\W_]+", "", chunk.text))
    return chunk.span.duration_ms >= 900 and said < 1.2 * chunk.span.duration_ms / 1000


def _better(new: Chunk, old: Chunk) -> bool:
    """Whether a later reading of a stretch replaces the earlier one."""
    if new.doubtful != old.doubtful:
        return old.doubtful
    if _is_lost(new) != _is_lost(old):
        return _is_lost(old) and new.score > -1.3
    return _worth(new) > _worth(old)


def _worth(chunk: Chunk) -> float:
    # Fluent nonsense in another language has a good score; the language odds give it away.
    return chunk.score + 0.4 * min(0.0, math.log(max(chunk.language_confidence, 0.01)) + 0.3)


def without_invention(chunk: Chunk) -> Chunk:
    """A stretch of which only an invention was heard has no words."""
    if not is_invented(chunk.text):
        return chunk
    return replace(chunk, words=(), alternatives=(), doubtful=True)


def _is_suspect(reading: Reading, window: Window) -> bool:
    return is_loop(reading.text, window.duration_ms) or is_invented(reading.text)


def _sane_first(readings: list[Reading], window: Window) -> list[Reading]:
    return sorted(readings, key=lambda reading: _is_suspect(reading, window))


def _confidence(odds: dict[str, float], language: str) -> float:
    if language == "en":
        return odds.get("<|en|>", 0.0)
    return odds.get("<|zh|>", 0.0) + odds.get("<|yue|>", 0.0)


def _suppressed(tokenizer: Any) -> list[int]:
    """Marks of music and applause, and the task tokens (as faster-whisper suppresses them)."""
    tasks = [
        tokenizer.transcribe, tokenizer.translate, tokenizer.sot, tokenizer.sot_prev,
        tokenizer.sot_lm,
    ]  # fmt: skip
    return sorted({*tokenizer.non_speech_tokens, *tasks})
