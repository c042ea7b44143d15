"""Which channels carry different speech, and cross-talk taken off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import lfilter

from qc_speech.parties import parties

RATE = 16_000
Sound = npt.NDArray[np.float32]


def voice(seed: int, *spans: tuple[float, float], seconds: float = 40.0) -> Sound:
    """Coloured noise in syllables where this party speaks, line noise 50 dB below elsewhere."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    talk = np.zeros(count)
    for start, stop in spans:
        talk[int(start * RATE) : int(stop * RATE)] = 1.0
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * np.arange(count) / RATE)
    colour = lfilter([1.0], [1.0, -1.3, 0.7], random.standard_normal(count))
    sound = 0.1 * talk * syllables * colour / colour.std()
    return np.asarray(sound + 0.0003 * random.standard_normal(count), np.float32)


LEFT = ((1.0, 9.0), (16.0, 22.0), (30.0, 34.0))
RIGHT = ((9.5, 15.0), (21.0, 29.0), (34.5, 39.0))


def two() -> tuple[Sound, Sound]:
    return voice(1, *LEFT), voice(2, *RIGHT)


def late(sound: Sound, samples: int, gain_db: float) -> Sound:
    """What leaks: weaker, later, dulled."""
    dull = np.convolve(sound, [0.25, 0.5, 0.25])[: len(sound)]
    return np.asarray(10 ** (gain_db / 20) * np.roll(dull, samples), np.float32)


def db(sound: Sound, start: float, stop: float) -> float:
    part = sound[int(start * RATE) : int(stop * RATE)].astype(np.float64)
    return float(10 * np.log10(np.mean(part**2)))


def test_two_parties_stay_as_they_are() -> None:
    left, right = two()
    kept, notes = parties(np.stack([left, right]), None)
    assert notes == [] and kept.shape[0] == 2
    np.testing.assert_allclose(kept, np.stack([left, right]), atol=1e-4)


@pytest.mark.parametrize("gain_db", [-12.0, -20.0])
@pytest.mark.parametrize("delay", [0, 40, 900])
def test_cross_talk_is_taken_off_and_the_parties_own_speech_is_not(
    gain_db: float, delay: int
) -> None:
    left, right = two()
    mixed = np.stack([left + late(right, delay, gain_db), right + late(left, delay, gain_db)])
    kept, notes = parties(mixed.copy(), None)
    assert notes == ["cross_talk"]
    assert db(kept[1], 2, 8) < db(mixed[1], 2, 8) - 15  # only the left party speaks
    assert db(kept[0], 10, 14.5) < db(mixed[0], 10, 14.5) - 15
    for row, own in ((0, left), (1, right)):
        start = 2 if row == 0 else 10
        part = slice(start * RATE, (start + 4) * RATE)
        assert np.corrcoef(kept[row, part], own[part])[0, 1] > 0.995


def test_cross_talk_of_one_side_only() -> None:
    left, right = two()
    kept, notes = parties(np.stack([left + late(right, 10, -14), right]), None)
    assert notes == ["cross_talk"]
    np.testing.assert_allclose(kept[1], right, atol=1e-4)
    assert db(kept[0], 10, 14.5) < -50


@pytest.mark.parametrize("gain_db", [-40.0, -50.0])
def test_cross_talk_that_nobody_hears_is_left(gain_db: float) -> None:
    left, right = two()
    mixed = np.stack([left + late(right, 5, gain_db), right + late(left, 5, gain_db)])
    kept, notes = parties(mixed.copy(), None)
    assert notes == []
    np.testing.assert_allclose(kept, mixed, atol=1e-4)


def test_long_recordings_are_filtered_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = two()
    mixed = np.stack([left + late(right, 40, -14), right + late(left, 40, -14)])
    whole, _ = parties(mixed.copy(), None)
    monkeypatch.setattr("qc_speech.parties._PIECE", 3 * RATE + 7)
    pieces, _ = parties(mixed.copy(), None)
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


@pytest.mark.parametrize("gain", [1.0, 0.3, -1.0, -0.5])
@pytest.mark.parametrize("delay", [0, 80])
def test_the_same_sound_twice_is_one_row(gain: float, delay: int) -> None:
    sound = voice(1, *LEFT)
    other = np.asarray(gain * np.roll(sound, delay), np.float32)
    kept, notes = parties(np.stack([sound, other]), None)
    assert notes == ["same_channels"]
    assert kept.shape[0] == 1
    assert db(kept[0], 2, 8) == pytest.approx(db(sound, 2, 8), abs=0.1)


def test_an_inverted_copy_does_not_cancel_when_the_manifest_says_mono() -> None:
    sound = voice(1, *LEFT)
    kept, notes = parties(np.stack([sound, -sound]), "mono")
    assert notes == ["not_mono"]
    assert db(kept[0], 2, 8) == pytest.approx(db(sound, 2, 8), abs=0.1)


@pytest.mark.parametrize("noise", [0.0, 0.0001, 0.003])
@pytest.mark.parametrize("row", [0, 1])
def test_an_empty_channel_leaves_the_other_as_mono(noise: float, row: int) -> None:
    sound = voice(1, *LEFT)
    hiss = np.random.default_rng(5).standard_normal(len(sound)).astype(np.float32) * noise
    pair = [sound, hiss] if row == 0 else [hiss, sound]
    kept, notes = parties(np.stack(pair), "stereo")
    assert notes == ["one_channel"]
    np.testing.assert_allclose(kept[0], sound, atol=1e-4)


def test_two_empty_channels_stay_two() -> None:
    kept, notes = parties(np.zeros((2, RATE), np.float32), None)
    assert notes == [] and kept.shape[0] == 2


def test_a_party_that_says_one_word_is_not_an_empty_channel() -> None:
    left, right = voice(1, *LEFT), voice(2, (10.0, 10.8))
    assert parties(np.stack([left, right]), None)[1] == []


@pytest.mark.parametrize("offset", [0.3, -0.2])
def test_dc_offset_goes(offset: float) -> None:
    left, right = two()
    kept, notes = parties(np.stack([left + offset, right]).astype(np.float32), None)
    assert notes == [] and kept.shape[0] == 2
    np.testing.assert_allclose(kept[0], left, atol=1e-3)


@pytest.mark.parametrize("length", [1, 100, 2000, 17_000])
def test_short_sound_does_not_crash(length: int) -> None:
    left, right = two()
    kept, _ = parties(np.stack([left, right])[:, 20_000 : 20_000 + length].copy(), None)
    assert kept.shape[1] == length


def test_other_counts_of_channels() -> None:
    left, right = two()
    assert parties(np.stack([left, right, left]), None)[1] == ["many_channels"]
    assert parties(left[None].copy(), "stereo")[1] == ["not_stereo"]
    assert parties(left[None].copy(), None)[1] == []
