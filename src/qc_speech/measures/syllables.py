"""Counting syllables: in text, and in sound without any text."""

from __future__ import annotations

import functools
import re

import numpy as np

from qc_speech.measures.frames import BLOCK, Floats, block_power, decibels
from qc_speech.ports import SAMPLE_RATE_HZ, Samples
from qc_speech.text.normalize import normalize

_PIECE = re.compile(r"[\u3400-\u9fff]|[A-Za-z][A-Za-z'’]*|\d+(?:\.\d+)?%?")
_VOWELS = re.compile(r"[aeiouy]+")
_SPOKEN_DIGITS = frozenset("零一二三四五六七八九幺〇两")
_BAND_HZ = (300.0, 3400.0)  # vowels; in a wider band hiss and hum make peaks of their own
_SMOOTH = np.hanning(7)[1:-1] / np.hanning(7).sum()  # 50 ms: shorter dips are no syllable's end
_DIP_DB = 1.5  # a syllable's peak stands out of both its valleys by this (de Jong & Wempe 2009)
_REACH_DB = 25.0  # quieter peaks are breath and noise
_PERIODIC = 0.4  # normalized autocorrelation of a voiced peak
_WINDOW = 640  # 40 ms: three periods of the lowest voice
_LAGS = slice(SAMPLE_RATE_HZ // 400, SAMPLE_RATE_HZ // 75)


def pieces(text: str) -> tuple[str, ...]:
    """Chinese characters, Latin words and numbers, in order; all else is dropped."""
    return tuple(_PIECE.findall(text))


def syllables(piece: str) -> int:
    """How many syllables one piece is spoken with."""
    if piece[0].isdigit():
        return len(normalize(piece))
    if not piece[0].isascii():
        return 1
    if piece.isupper() and len(piece) <= 4:  # spelled out: VIP, QQ; W is "double u"
        return len(piece) + 2 * piece.count("W")
    word = piece.lower().strip("'’")
    count = len(_VOWELS.findall(word))
    if count > 1 and word.endswith("e") and not word.endswith(("le", "ee", "ie", "ye")):
        count -= 1
    return max(1, count)


def characters(text: str) -> int:
    """Length as it is spoken: a Chinese character is one, foreign words count by syllables,
    numbers as they are read."""
    return sum(syllables(piece) for piece in pieces(text))


def digit_share(text: str) -> float:
    """Share of characters that are digits said one by one (runs of four or more)."""
    spoken = normalize(text)
    total, dictated, run = len(spoken), 0, 0
    for char in spoken + " ":
        if char in _SPOKEN_DIGITS:
            run += 1
            continue
        dictated += run if run >= 4 else 0
        run = 0
    return dictated / total if total else 0.0


def nuclei(samples: Samples) -> int:
    """Syllable nuclei in a 1-D signal: voiced peaks of its envelope with a dip on both sides."""
    from scipy.signal import sosfilt  # takes a while to load

    power = block_power(sosfilt(_band(), samples).astype(np.float32))
    if power.size < _SMOOTH.size:
        return 0
    levels = decibels(np.convolve(power, _SMOOTH, "same"))
    floor = float(np.percentile(levels, 95)) - _REACH_DB
    peaks = [peak for peak in _peaks(levels) if levels[peak] > floor]
    return int(_voiced(samples, peaks).sum())


@functools.lru_cache(maxsize=1)
def _band() -> Floats:
    from scipy.signal import butter

    sections = butter(4, _BAND_HZ, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    return np.asarray(sections, dtype=np.float64)


def _peaks(levels: Floats) -> list[int]:
    found: list[int] = []
    valley, candidate = float("inf"), -1
    for block, level in enumerate(levels.tolist()):
        if candidate < 0:
            valley = min(valley, level)
            if level - valley >= _DIP_DB or (block == 0 and level > -60):
                candidate = block
        elif level > levels[candidate]:
            candidate = block
        elif levels[candidate] - level >= _DIP_DB:
            found.append(candidate)
            candidate, valley = -1, level
    return [*found, candidate] if candidate >= 0 else found


def _voiced(samples: Samples, peaks: list[int]) -> Floats:
    """1.0 for each peak around which the signal repeats itself, else 0.0."""
    if not peaks:
        return np.zeros(0)
    padded = np.pad(samples.astype(np.float64), _WINDOW)
    centre = np.asarray(peaks) * BLOCK + BLOCK // 2 + _WINDOW
    rows = padded[centre[:, None] + np.arange(-_WINDOW // 2, _WINDOW // 2)]
    return np.asarray(periodicity(rows)[0] > _PERIODIC, dtype=np.float64)


def periodicity(rows: Floats) -> tuple[Floats, Floats]:
    """Per row of 40 ms: the highest normalized autocorrelation at 75..400 Hz, and its lag
    in samples."""
    window = np.hanning(rows.shape[1])
    size = 2 * rows.shape[1]
    rows = (rows - rows.mean(axis=1, keepdims=True)) * window
    own = np.fft.irfft(np.abs(np.fft.rfft(rows, size)) ** 2)[:, : rows.shape[1]]
    of_window = np.fft.irfft(np.abs(np.fft.rfft(window, size)) ** 2)[: rows.shape[1]]
    shape = of_window / of_window[0] + 1e-3
    ratio = (own / (own[:, :1] + 1e-12) / shape)[:, _LAGS]
    best = ratio.max(axis=1)
    # a double period repeats as well as the period: take the shortest lag that is nearly as good
    peak = (ratio[:, 1:-1] >= ratio[:, :-2]) & (ratio[:, 1:-1] >= ratio[:, 2:])
    good = peak & (ratio[:, 1:-1] >= 0.93 * best[:, None])
    lag = np.where(good.any(axis=1), good.argmax(axis=1) + 1, ratio.argmax(axis=1))
    return best, lag + float(_LAGS.start)
