"""How well given words fit a sound, by a Whisper model: its own forced alignment gives the
probability of every token of a text (CTranslate2's `Whisper.align`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qc_speech.ports import SAMPLE_RATE_HZ, Samples

_TEXTS = 16  # compared with their sounds at a time
_LEAST_PROBABILITY = 1e-9
_LEAST_SAMPLES = SAMPLE_RATE_HZ  # a shorter stretch is filled up with silence
_FRAMES_PER_SECOND = 100
_MOST_FRAMES = 3000  # the model's window of 30 s


def log_likelihoods(
    whisper: Any, tokenizer: Any, asked: Sequence[tuple[Samples, Sequence[str]]], batch: int
) -> tuple[tuple[float, ...], ...]:
    """For each stretch (1-D float32 at 16 kHz, 30 s at most) and each of its texts the sum of the
    tokens' log probabilities and of that nothing follows. `whisper`: faster-whisper's model.

    A stretch is encoded once for all its texts, and only as far as it goes: without the usual
    filling up to 30 s the ratios of texts stay the same, at a fifth of the cost.
    """
    found: list[list[float]] = [[] for _ in asked]
    by_length = sorted(range(len(asked)), key=lambda number: len(asked[number][0]))
    for first in range(0, len(by_length), batch):
        some = by_length[first : first + batch]
        encoded = _encoded(whisper, [asked[number][0] for number in some])
        rows = [(row, n, text) for row, n in enumerate(some) for text in asked[n][1]]
        for low in range(0, len(rows), _TEXTS):
            part = rows[low : low + _TEXTS]
            lengths = [len(asked[n][0]) for _, n, _ in part]
            texts = [text for _, _, text in part]
            features = encoded[[row for row, _, _ in part]]
            for (_, n, _), score in zip(part, _fits(whisper, tokenizer, features, lengths, texts)):
                found[n].append(score)
    return tuple(tuple(scores) for scores in found)


def _encoded(whisper: Any, sounds: Sequence[Samples]) -> Any:
    """Features of stretches, filled up with silence to the longest: an array on the CPU."""
    import ctranslate2

    longest = max(_LEAST_SAMPLES, max(len(sound) for sound in sounds))
    padded = [np.pad(sound, (0, longest - len(sound))) for sound in sounds]
    features = np.stack([whisper.feature_extractor(sound) for sound in padded])
    frames = min(_MOST_FRAMES, features.shape[-1] // 2 * 2)  # the encoder halves them
    encoded = whisper.encode(np.ascontiguousarray(features[..., :frames]))
    return np.array(encoded.to_device(ctranslate2.Device.cpu))


def _fits(
    whisper: Any, tokenizer: Any, encoded: Any, lengths: Sequence[int], texts: Sequence[str]
) -> list[float]:
    """`encoded`: the sounds' features, one row for each text; `lengths` in samples."""
    import ctranslate2

    frames = [max(2, length * _FRAMES_PER_SECOND // SAMPLE_RATE_HZ) for length in lengths]
    results = whisper.model.align(
        ctranslate2.StorageView.from_array(np.ascontiguousarray(encoded)),
        [*tokenizer.sot_sequence, tokenizer.no_timestamps],
        [[*tokenizer.encode(text), tokenizer.eot] for text in texts],  # and nothing more
        [min(one, _MOST_FRAMES) for one in frames],
    )
    return [
        float(np.sum(np.log(np.maximum(np.asarray(one.text_token_probs), _LEAST_PROBABILITY))))
        for one in results
    ]
