"""sherpa-onnx behind the Transcriber port: SenseVoice or Paraformer from a folder on this machine.

Both hear Mandarin far better than a small Whisper and are not autoregressive: they cannot run away.
The folder is one of the project's releases as it is unpacked: `tokens.txt` and `model.onnx` or
`model.int8.onnx`, its name telling which of the two it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qc_speech.engines.windows import cut, split_long
from qc_speech.errors import ModelError
from qc_speech.model import Chunk, Span, Stamp, Word
from qc_speech.ports import SAMPLE_RATE_HZ, Passage
from qc_speech.text.normalize import simplify

KINDS = {"sense-voice": "from_sense_voice", "paraformer": "from_paraformer"}
_LAST_MS = 240  # a token has a start only; the last of a stretch is given so long at most
_FOREIGN = {"<|en|>": "en"}


def is_sherpa_folder(folder: Path) -> bool:
    """Whether a model folder is one of sherpa-onnx's."""
    return (folder / "tokens.txt").is_file() and any(folder.glob("*.onnx"))


class SherpaOnnx:
    """One loaded model; not safe for two threads at once. `batch`: stretches a forward pass."""

    def __init__(
        self, folder: Path, *, device: str = "cpu", threads: int = 1, batch: int = 8
    ) -> None:
        kind = next((kind for kind in KINDS if kind in folder.name.lower()), None)
        if kind is None:
            raise ModelError(
                f"{folder}: cannot tell which model this is; name the folder so that it contains "
                f"{' or '.join(KINDS)}"
            )
        self.batch = batch
        self._recognizer = _load(folder, kind, device, threads)
        self._stamp = Stamp(
            "sherpa-onnx", _version(), folder.name, json.dumps({"kind": kind}, sort_keys=True)
        )

    @property
    def stamp(self) -> Stamp:
        return self._stamp

    def transcribe(self, passages: Sequence[Passage]) -> tuple[tuple[Chunk, ...], ...]:
        asked = [
            (number, piece)
            for number, passage in enumerate(passages)
            for span in passage.spans
            for piece in split_long(passage.samples, span)
        ]
        asked.sort(key=lambda item: item[1].duration_ms)
        heard: list[list[Chunk]] = [[] for _ in passages]
        for first in range(0, len(asked), self.batch):
            batch = asked[first : first + self.batch]
            streams = [self._stream(passages[number], piece) for number, piece in batch]
            self._recognizer.decode_streams(streams)
            for (number, piece), stream in zip(batch, streams):
                heard[number].append(_chunk(stream.result, piece, passages[number].channel))
        return tuple(tuple(sorted(found, key=lambda chunk: chunk.span)) for found in heard)

    def _stream(self, passage: Passage, piece: Span) -> Any:
        stream = self._recognizer.create_stream()
        stream.accept_waveform(SAMPLE_RATE_HZ, cut(passage.samples, piece))
        return stream


def _load(folder: Path, kind: str, device: str, threads: int) -> Any:
    try:
        import sherpa_onnx
    except ImportError:
        raise ModelError(
            f"{folder}: needs sherpa-onnx; install it with: pip install 'qc-speech[sherpa]'"
        ) from None
    names = ("model.onnx", "model.int8.onnx")
    files = [folder / name for name in (names if device == "cuda" else names[::-1])]
    model = next((path for path in files if path.is_file()), None)
    if model is None:
        raise ModelError(f"{folder}: holds no {' or '.join(names)}; unpack the release again")
    make = getattr(sherpa_onnx.OfflineRecognizer, KINDS[kind])
    try:
        return make(
            str(model), tokens=str(folder / "tokens.txt"), num_threads=threads, provider=device
        )
    except Exception as error:
        name = type(error).__name__
        raise ModelError(f"{model}: sherpa-onnx cannot load it ({name}); fetch it again") from error


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sherpa-onnx")
    except PackageNotFoundError:
        return "?"


def _chunk(result: Any, piece: Span, channel: int | None) -> Chunk:
    words = _words(result, piece)
    logs = [float(value) for value in getattr(result, "ys_log_probs", None) or ()]
    return Chunk(
        span=piece,
        channel=channel,
        words=words,
        language=_FOREIGN.get(getattr(result, "lang", ""), "zh"),
        language_confidence=1.0,  # the model gives no odds
        score=min(0.0, sum(logs) / len(logs)) if logs else 0.0,
    )


def _words(result: Any, piece: Span) -> tuple[Word, ...]:
    """A Chinese character is a word; the pieces of a foreign one are joined, marks join the word
    before them."""
    tokens, starts = list(result.tokens), [float(start) for start in result.timestamps]
    logs = list(getattr(result, "ys_log_probs", None) or ())
    words: list[Word] = []
    for place, token in enumerate(tokens):
        text = simplify(token.replace("▁", "").replace("@@", "")).strip()
        if not text:
            continue
        start = _ms(starts[place], piece) if place < len(starts) else piece.end_ms
        end = _ms(starts[place + 1], piece) if place + 1 < len(starts) else start + _LAST_MS
        sure = round(math.exp(min(0.0, logs[place])), 4) if place < len(logs) else None
        word = Word(Span(start, max(start, min(end, piece.end_ms))), text, sure)
        if words and not _letters(text):
            words[-1] = replace(words[-1], text=words[-1].text + text)
        elif words and _goes_on(tokens, place):
            words[-1] = _joined(words[-1], word)
        else:
            words.append(replace(word, text=f" {text}") if text.isascii() else word)
    return tuple(words)


def _goes_on(tokens: Sequence[str], place: int) -> bool:
    """Whether a token goes on the foreign word before it. SenseVoice marks beginnings (▁he llo),
    Paraformer what is not ended (he@@ llo)."""
    if not (tokens[place].replace("@@", "").isascii() and place):
        return False
    if any("▁" in token for token in tokens):
        return tokens[place - 1].lstrip("▁").isascii()
    return tokens[place - 1].endswith("@@")


def _joined(word: Word, more: Word) -> Word:
    known = [one.confidence for one in (word, more) if one.confidence is not None]
    span = Span(word.span.start_ms, max(word.span.end_ms, more.span.end_ms))
    return Word(span, word.text + more.text, min(known) if known else None)


def _letters(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _ms(seconds: float, piece: Span) -> int:
    return min(piece.end_ms, piece.start_ms + round(1000 * seconds))
