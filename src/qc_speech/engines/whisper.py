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

from qc_speech.engines.runaway import is_invented, is_loop
from qc_speech.engines.windows import Window, halves, pack, split_long
from qc_speech.model import Alternative, Chunk, Span, Stamp, Word
from qc_speech.ports import SAMPLE_RATE_HZ, Passage, Samples
from qc_speech.text.normalize import simplify

_LEAST_SCORE = -0.65
_TOKENS_PER_SECOND = 14  # Mandarin at 500 characters a minute needs about 12
_FRAMES_PER_SECOND = 100
_TEXTS = 16  # compared with their sounds at a time
_LEAST_PROBABILITY = 1e-9
_LEAST_SAMPLES = SAMPLE_RATE_HZ  # a shorter stretch is filled up with silence
_MOST_FRAMES = 3000  # the model's window of 30 s
_LATIN = re.compile(r"[A-Za-z]{2,}")
_PUNCTUATION = re.compile(r"^[\W_]+$")


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


@dataclass(frozen=True)
class _Reading:
    tokens: tuple[int, ...]
    text: str
    score: float


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
        """Of each text the sum of its tokens' log probabilities, given the sound (ports.Listener).
        A stretch is encoded once for all its texts, and only as far as it goes: without the usual
        filling up to 30 s the ratios of texts stay the same, at a fifth of the cost."""
        found: list[list[float]] = [[] for _ in asked]
        by_length = sorted(range(len(asked)), key=lambda number: len(asked[number][0]))
        for first in range(0, len(by_length), self.batch):
            batch = by_length[first : first + self.batch]
            encoded = self._encode_as_long([asked[number][0] for number in batch])
            rows = [(row, n, text) for row, n in enumerate(batch) for text in asked[n][1]]
            for low in range(0, len(rows), _TEXTS):
                some = rows[low : low + _TEXTS]
                lengths = [len(asked[n][0]) for _, n, _ in some]
                texts = [text for _, _, text in some]
                scores = self._fits(encoded[[row for row, _, _ in some]], lengths, texts)
                for (_, n, _), score in zip(some, scores):
                    found[n].append(score)
        return tuple(tuple(scores) for scores in found)

    def _encode_as_long(self, sounds: Sequence[Samples]) -> Any:
        """Features of stretches, filled up with silence to the longest: an array on the CPU."""
        import ctranslate2

        longest = max(_LEAST_SAMPLES, max(len(sound) for sound in sounds))
        padded = [np.pad(sound, (0, longest - len(sound))) for sound in sounds]
        features = np.stack([self._whisper.feature_extractor(sound) for sound in padded])
        frames = min(_MOST_FRAMES, features.shape[-1] // 2 * 2)  # the encoder halves them
        encoded = self._whisper.encode(np.ascontiguousarray(features[..., :frames]))
        return np.array(encoded.to_device(ctranslate2.Device.cpu))

    def _fits(self, encoded: Any, lengths: Sequence[int], texts: Sequence[str]) -> list[float]:
        """`encoded`: the sounds' features, one row for each text; `lengths` in samples."""
        import ctranslate2

        tokenizer = self._tokenizers[self._options.language]
        frames = [max(2, length * _FRAMES_PER_SECOND // SAMPLE_RATE_HZ) for length in lengths]
        results = self._whisper.model.align(
            ctranslate2.StorageView.from_array(np.ascontiguousarray(encoded)),
            [*tokenizer.sot_sequence, tokenizer.no_timestamps],
            [[*tokenizer.encode(text), tokenizer.eot] for text in texts],  # and nothing more
            [min(one, _MOST_FRAMES) for one in frames],
        )
        return [
            float(np.sum(np.log(np.maximum(np.asarray(one.text_token_probs), _LEAST_PROBABILITY))))
            for one in results
        ]

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
            words = _words(aligned[row], window)
            pieces = _by_piece(template, window, words, readings[row][1:])
            chunks.extend((number, piece) for piece in pieces)
        return chunks

    def _generate(
        self, encoded: Any, windows: Sequence[Window], tokenizer: Any, way: _Way
    ) -> tuple[list[list[_Reading]], list[float]]:
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
                _Reading(tuple(tokens), simplify(tokenizer.decode(tokens)).strip(), float(score))
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


def _is_suspect(reading: _Reading, window: Window) -> bool:
    return is_loop(reading.text, window.duration_ms) or is_invented(reading.text)


def _sane_first(readings: list[_Reading], window: Window) -> list[_Reading]:
    return sorted(readings, key=lambda reading: _is_suspect(reading, window))


def _confidence(odds: dict[str, float], language: str) -> float:
    if language == "en":
        return odds.get("<|en|>", 0.0)
    return odds.get("<|zh|>", 0.0) + odds.get("<|yue|>", 0.0)


def _words(found: list[dict[str, Any]], window: Window) -> list[tuple[int, Word]]:
    """Aligned words with the piece each lies in; marks join the word before, digits each other."""
    words: list[tuple[int, Word]] = []
    for item in found:
        text = simplify(item["word"]).replace("\ufffd", "")
        if not text.strip():
            continue
        if not text.strip()[0].isascii():
            text = text.strip()  # only foreign words keep the space that parts them
        middle = (float(item["start"]) + float(item["end"])) * 500
        piece, _ = window.place(middle)
        limit = window.pieces[piece]
        start, end = (
            min(max(window.place(float(item[edge]) * 1000)[1], limit.start_ms), limit.end_ms)
            for edge in ("start", "end")
        )
        word = Word(Span(start, max(start, end)), text, round(float(item["probability"]), 4))
        before = words[-1][1] if words and words[-1][0] == piece else None
        if before and (_PUNCTUATION.match(text.strip()) or (before.text + text).strip().isdigit()):
            words[-1] = (piece, _joined(before, word))
        else:
            words.append((piece, word))
    return words


def _joined(one: Word, other: Word) -> Word:
    sound = bool(re.search(r"\w", other.text))
    span = Span(one.span.start_ms, max(one.span.end_ms, other.span.end_ms)) if sound else one.span
    confidence = min(one.confidence or 0.0, other.confidence or 0.0) if sound else one.confidence
    return Word(span, one.text + other.text.strip(), confidence)


def _by_piece(
    template: Chunk, window: Window, words: list[tuple[int, Word]], others: Sequence[_Reading]
) -> list[Chunk]:
    """One chunk per stretch. Other readings have no times of their own: they are laid beside the
    best one, character by character, and cut where it is cut."""
    best = [(piece, word.text) for piece, word in words]
    split = [split_like(best, other.text, len(window.pieces)) for other in others]
    chunks = []
    for index, piece in enumerate(window.pieces):
        own = tuple(word for place, word in words if place == index)
        text = "".join(word.text for word in own)
        alternatives = {
            parts[index]: other.score for parts, other in reversed(list(zip(split, others)))
        }
        chunks.append(
            replace(
                template,
                span=piece,
                words=own,
                alternatives=tuple(
                    Alternative(other, round(score, 4))
                    for other, score in reversed(alternatives.items())
                    if other and other != text
                ),
            )
        )
    return chunks


def split_like(best: Sequence[tuple[int, str]], other: str, pieces: int) -> list[str]:
    """Cut another reading of a window where the best one is cut between its pieces."""
    from difflib import SequenceMatcher

    text = "".join(word for _, word in best)
    owner = [piece for piece, word in best for _ in word]
    parts = [""] * pieces
    for _, i1, i2, j1, j2 in SequenceMatcher(None, text, other, autojunk=False).get_opcodes():
        for step, char in enumerate(other[j1:j2]):
            place = i1 + (step * (i2 - i1)) // max(1, j2 - j1)
            parts[owner[min(place, len(owner) - 1)] if owner else 0] += char
    return parts


def _suppressed(tokenizer: Any) -> list[int]:
    """Marks of music and applause, and the task tokens (as faster-whisper suppresses them)."""
    tasks = [
        tokenizer.transcribe, tokenizer.translate, tokenizer.sot, tokenizer.sot_prev,
        tokenizer.sot_lm,
    ]  # fmt: skip
    return sorted({*tokenizer.non_speech_tokens, *tasks})
