"""Speech and what is not: tones, music and noise give no stretch, voices beside them do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from line_sounds import RATE, SOUNDS, Sound, chords, melody, note, on_the_line

from qc_speech.audio import load
from qc_speech.engines import speech
from qc_speech.engines.options import SpeechOptions
from qc_speech.model import Metadata

DATA = Path(__file__).parents[1]
OPTIONS = SpeechOptions()


def reading() -> Sound:
    """A person reads a sentence: 16 kHz, speech from 0.5 s to 2.6 s or so."""
    return load(DATA / "data" / "aishell_2.wav", Metadata("a")).samples[0]


def speaking() -> Sound:
    """The agent's channel of a telephone call, 30 s."""
    path = DATA / "e2e" / "diarizer_data" / "two_channels.wav"
    return load(path, Metadata("b")).samples[0]


def found(sound: Sound) -> float:
    return sum(stop - start for start, stop in speech.stretches(sound, OPTIONS)) / 100


@pytest.mark.parametrize("dbfs", [-18.0, -38.0])
@pytest.mark.parametrize("name", SOUNDS)
def test_no_speech_in_tones_music_and_noise(name: str, dbfs: float) -> None:
    assert speech.stretches(on_the_line(SOUNDS[name], dbfs), OPTIONS) == ()


@pytest.mark.parametrize("sound", [reading, speaking])
@pytest.mark.parametrize("gain_db", [0.0, -25.0, -40.0])
def test_a_voice_is_heard_at_any_level(sound: object, gain_db: float) -> None:
    clear = sound()  # type: ignore[operator]
    whole = found(clear)
    assert whole > 0.4 * len(clear) / RATE
    assert found(clear * np.float32(10 ** (gain_db / 20))) > 0.85 * whole


@pytest.mark.parametrize("name", SOUNDS)
def test_a_voice_straight_after_other_sounds_is_heard(name: str) -> None:
    """Left to itself Silero is deaf for up to 8 s after music."""
    before, clear = on_the_line(SOUNDS[name], -25), speaking()[8 * RATE : 20 * RATE]
    spans = speech.stretches(np.concatenate([before, clear]), OPTIONS)
    begin = len(before) // 160
    first = speech.stretches(clear, OPTIONS)[0][0]
    assert begin - 30 <= min(start for start, _ in spans) < begin + first + 120
    assert sum(stop - start for start, stop in spans) / 100 > 0.6 * found(clear)


@pytest.mark.parametrize("wave", [chords(), melody()])
def test_a_voice_over_music_is_heard(wave: np.ndarray) -> None:
    clear = speaking()[: 12 * RATE]
    music = on_the_line(np.tile(wave, 2)[: len(clear)], -35)
    assert found(clear + music) > 0.7 * found(clear)


def test_a_long_channel_is_judged_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.tile(speaking(), 2)
    whole = speech.probabilities(sound)
    monkeypatch.setattr(speech, "_BLOCK", 300)
    assert len(speech.probabilities(sound)) == len(whole)
    assert np.mean(np.abs(speech.probabilities(sound) - whole)) < 0.01


def test_music_is_steady_and_a_voice_is_not() -> None:
    assert speech.steadiness(on_the_line(melody())) > 0.4
    assert speech.steadiness(on_the_line(chords())) > 0.4
    assert speech.steadiness(reading()) < 0.2
    assert speech.steadiness(speaking()) < 0.2


@pytest.mark.parametrize("length", [0, 1, 511, 1024, 3000])
def test_steadiness_of_next_to_nothing(length: int) -> None:
    assert 0.0 <= speech.steadiness(np.ones(length, np.float32)) <= 1.0


def told(monkeypatch: pytest.MonkeyPatch, *weak: tuple[float, float, float]) -> None:
    """Silero answers with (start s, stop s, probability)."""

    def answer(sound: Sound) -> np.ndarray:
        chunks = np.zeros(len(sound) // 512)
        for start, stop, probability in weak:
            chunks[int(start * 31.25) : int(stop * 31.25)] = probability
        return chunks

    monkeypatch.setattr("faster_whisper.vad.get_vad_model", lambda: answer)


def test_a_weak_moment_in_music_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, (4.0, 4.5, 0.5))
    assert speech.stretches(on_the_line(melody()), OPTIONS) == ()


def test_a_weak_moment_that_moves_like_a_voice_is(monkeypatch: pytest.MonkeyPatch) -> None:
    glide = np.concatenate([note(60 + k / 4, 0.04, (1, 0.6, 0.4), 0.0) for k in range(400)])
    told(monkeypatch, (4.0, 4.5, 0.5))
    assert len(speech.stretches(on_the_line(glide), OPTIONS)) == 1


def test_a_weak_moment_beside_sure_speech_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, (4.0, 4.5, 0.5), (5.2, 6.0, 0.9))
    assert len(speech.stretches(on_the_line(melody()), OPTIONS)) == 2
