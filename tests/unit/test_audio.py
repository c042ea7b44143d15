"""Odd recordings: what is decoded, and what people are told about it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from qc_speech import audio
from qc_speech.model import Metadata
from qc_speech.report.labels import tables

Wave = npt.NDArray[np.float64]


def talk(rate: int = 8000, seconds: float = 6.0, begin: float = 0.5, seed: int = 0) -> Wave:
    """A buzz in syllables at about -20 dBFS from `begin` to a second before the end."""
    time = np.arange(int(rate * seconds)) / rate
    wave = sum(np.sin(2 * np.pi * 140 * k * time + k * seed) / k for k in range(1, 20))
    loud = (time > begin) & (time < seconds - 1) & (np.sin(2 * np.pi * 3 * time) > -0.5)
    noise = np.random.default_rng(seed).standard_normal(len(time)) * 1e-4
    return np.asarray(0.1 * wave * loud + noise)


def two() -> Wave:
    return np.stack([talk(seed=1), talk(begin=2.5, seed=7)], axis=1)


def loaded(folder: Path, sound: Wave, rate: int = 8000, subtype: str = "PCM_16") -> audio.Audio:
    path = folder / "call.wav"
    soundfile.write(path, sound, rate, subtype=subtype)
    return audio.load(path, Metadata("call"))


def level(samples: npt.NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2)))


def test_every_note_has_words_that_people_read() -> None:
    assert set(audio.NOTES) <= set(tables()["warnings"])


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "ULAW", "PCM_U8"])
def test_rates_and_samples_of_every_kind(tmp_path: Path, rate: int, subtype: str) -> None:
    found = loaded(tmp_path, talk(rate), rate, subtype)
    assert found.recording.sample_rate_hz == rate
    assert found.recording.duration_ms == pytest.approx(6000, abs=20)
    assert found.recording.warnings == ()
    assert found.samples.dtype == np.float32 and found.samples.shape[0] == 1
    # above 8 kHz nothing is left of a wider band
    assert level(found.samples[0]) == pytest.approx(level(talk().astype(np.float32)), abs=1.0)


def test_a_very_quiet_recording_is_noted(tmp_path: Path) -> None:
    quiet = loaded(tmp_path, talk() * 10 ** (-30 / 20), subtype="PCM_24")
    assert quiet.recording.warnings == ("very_quiet",)
    silent = loaded(tmp_path, np.zeros(8000 * 3))
    assert silent.recording.warnings == ("silent",)


@pytest.mark.parametrize("subtype", ["PCM_16", "ULAW", "FLOAT", "PCM_U8"])
def test_a_clipped_recording_is_noted(tmp_path: Path, subtype: str) -> None:
    loud = np.clip(talk() * 8, -1, 1)
    assert loaded(tmp_path, loud, subtype=subtype).recording.warnings == ("clipped",)
    peak = talk() / np.abs(talk()).max()  # as loud as can be, nothing cut off
    assert loaded(tmp_path, peak, subtype=subtype).recording.warnings == ()


def test_samples_beyond_full_scale_and_no_numbers(tmp_path: Path) -> None:
    sound = talk() * 30
    sound[5000:5100] = np.nan
    sound[6000] = np.inf
    found = loaded(tmp_path, sound, subtype="FLOAT")
    assert np.isfinite(found.samples).all() and np.abs(found.samples).max() <= 1.1


@pytest.mark.parametrize("offset", [0.05, -0.4])
def test_dc_offset_is_taken_off(tmp_path: Path, offset: float) -> None:
    found = loaded(tmp_path, two() + np.array([offset, 0.0]))
    assert found.recording.warnings == () and found.samples.shape[0] == 2
    assert abs(float(found.samples[0].mean())) < 1e-4


@pytest.mark.parametrize("gain", [1.0, -1.0, 0.5])
def test_both_channels_the_same_or_upside_down_are_mono(tmp_path: Path, gain: float) -> None:
    found = loaded(tmp_path, np.stack([talk(), gain * talk()], axis=1))
    assert found.recording.channels == 1
    assert found.recording.warnings == ("same_channels",)
    assert level(found.samples[0]) == pytest.approx(level(loaded(tmp_path, talk()).samples[0]), 0.1)


def test_one_sided_recording_is_mono(tmp_path: Path) -> None:
    found = loaded(tmp_path, np.stack([np.zeros(48_000), talk()], axis=1))
    assert found.recording.channels == 1
    assert found.recording.warnings == ("one_channel",)


def test_cross_talk_is_taken_off_and_noted(tmp_path: Path) -> None:
    left = np.concatenate([talk(seconds=8, seed=1), np.zeros(64_000)])
    right = np.concatenate([np.zeros(64_000), talk(seconds=8, seed=2)])
    leak = 10 ** (-15 / 20)
    sound = np.stack([left + leak * np.roll(right, 16), right + leak * np.roll(left, 16)], axis=1)
    found = loaded(tmp_path, sound)
    assert found.recording.warnings == ("cross_talk",)
    assert level(found.samples[1, :112_000]) < level(found.samples[0, :112_000]) - 30


def test_a_long_recording_is_held_once(tmp_path: Path) -> None:
    """Peak of what is allocated: little more than the samples themselves."""
    minutes = 6
    sound = np.tile(two(), (minutes * 10, 1))
    path = tmp_path / "long.flac"
    soundfile.write(path, sound, 8000)
    held = minutes * 60 * 16_000 * 4 * 2
    tracemalloc.start()
    try:
        found = audio.load(path, Metadata("long"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.samples.nbytes == pytest.approx(held, rel=0.01)
    assert peak < 1.6 * held
