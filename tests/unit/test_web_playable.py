"""The waveform of a recording, and a copy of it that browsers play."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from qc_speech.errors import AudioError
from qc_speech.web.call.playable import flac_of, peaks_of

RATE = 8000


def sound(path: Path, *channels: np.ndarray, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, np.stack(channels, axis=1), RATE, subtype=subtype)
    return path


def levels(path: Path) -> tuple[int, list[np.ndarray]]:
    peaks = peaks_of(path)
    rows = [np.frombuffer(base64.b64decode(row), np.uint8) for row in peaks.channels]
    return peaks.step_ms, [(row / 255.0) ** 2 for row in rows]


def test_peaks_of_each_channel_where_the_sound_is(tmp_path: Path) -> None:
    loud, quiet = np.zeros(4 * RATE), np.zeros(4 * RATE)
    loud[RATE : 2 * RATE] = 0.8
    quiet[3 * RATE :] = 0.01
    step, (first, second) = levels(sound(tmp_path / "a.wav", loud, quiet))
    assert step == 20 and len(first) == len(second) == 200
    assert np.allclose(first[50:100], 0.8, atol=0.01)
    assert not first[:50].any() and not first[100:].any()
    assert np.allclose(second[150:], 0.01, atol=0.001)  # a quiet line keeps its shape
    assert not second[:150].any()


def test_the_end_of_a_recording_is_not_lost(tmp_path: Path) -> None:
    tone = np.zeros(RATE * 3 + 77)
    tone[-40:] = 0.5
    step, (row,) = levels(sound(tmp_path / "a.wav", tone))
    assert len(row) == -(-len(tone) * 1000 // (RATE * step))
    assert row[-1] == pytest.approx(0.5, abs=0.01)


def test_a_long_recording_has_no_more_peaks_than_a_picture_needs(tmp_path: Path) -> None:
    tone = np.zeros(RATE * 900, np.float32)
    tone[-RATE:] = 0.5
    step, (row,) = levels(sound(tmp_path / "a.wav", tone))
    assert step == 40 and len(row) == 22_500
    assert row[-25:].min() > 0.49 and not row[:-25].any()


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "GSM610", "IMA_ADPCM"])
def test_a_copy_sounds_as_the_recording(subtype: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    tone = 0.3 * np.sin(np.arange(2 * RATE) * 0.2) + rng.normal(0, 0.01, 2 * RATE)
    channels = [tone] if subtype == "GSM610" else [tone, 0.2 * tone]
    source = sound(tmp_path / "a.wav", *channels, subtype=subtype)
    copy, rate = soundfile.read(io.BytesIO(flac_of(source)), always_2d=True)
    heard, _ = soundfile.read(source, always_2d=True)
    assert rate == RATE and copy.shape[1] == len(channels)
    assert abs(len(copy) - len(heard)) <= 640
    short = min(len(copy), len(heard))
    assert np.allclose(copy[:short], heard[:short], atol=2e-3)


def test_what_is_no_recording(tmp_path: Path) -> None:
    broken = tmp_path / "a.wav"
    broken.write_bytes(b"RIFF....WAVEnothing")
    with pytest.raises(AudioError, match=r"a\.wav"):
        flac_of(broken)
    with pytest.raises(AudioError, match=r"a\.wav"):
        peaks_of(broken)
    with pytest.raises(AudioError, match=r"gone\.wav"):
        peaks_of(tmp_path / "gone.wav")
