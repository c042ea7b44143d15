"""Loudness, pitch, line and trends against signals whose truth is known; and the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_toys import LEXICONS, Said, Toy, audio_of, call_of, voice

from qc_speech.measures import frames, loudness, measure, pitch, trend
from qc_speech.model import Role
from qc_speech.ports import SAMPLE_RATE_HZ, Audio

SPEECH = Path(__file__).parents[1] / "data" / "aishell_2.wav"
CHARACTERS = 10  # of its text, see tests/data/README.md


def party(toy: Toy, audio: Audio, role: Role = Role.AGENT):  # type: ignore[no-untyped-def]
    found = measure(call_of(toy), audio, LEXICONS).party(role)
    assert found is not None
    return found


def turns(count: int = 8, **levels: float) -> Toy:
    """Agent and customer by turns, 2.5 s each, at the levels given by "a3" (agent's fourth)."""
    said = []
    for i in range(count):
        said.append(Said("a", 6 * i + 0.5, 6 * i + 3, db=levels.get(f"a{i}", -23.0)))
        said.append(Said("c", 6 * i + 3.5, 6 * i + 6, db=levels.get(f"c{i}", -23.0)))
    return Toy(tuple(said))


def test_loudness_is_that_of_the_reference_meter() -> None:
    from pyloudnorm import Meter

    signal = np.concatenate(
        [10 ** (db / 20) * voice(3, 180) for db in (-30, -18, -50, -24)]
    ).astype(np.float32)
    weighted = frames.block_power(frames.k_weighted(signal))
    assert loudness.loudness_lufs(weighted) == pytest.approx(
        Meter(SAMPLE_RATE_HZ).integrated_loudness(signal), abs=0.15
    )


def test_a_sine_at_full_scale_is_about_minus_three_lufs() -> None:
    t = np.arange(5 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    sine = np.sin(2 * np.pi * 997 * t).astype(np.float32)
    level = loudness.loudness_lufs(frames.block_power(frames.k_weighted(sine)))
    assert level == pytest.approx(-3.01, abs=0.3)  # ITU-R BS.1770-4, annex 1
    assert loudness.loudness_lufs(np.zeros(1000)) is None
    assert loudness.loudness_lufs(np.ones(10)) is None


@given(gain=st.floats(-20, 6))
@settings(max_examples=15, deadline=None)
def test_loudness_moves_with_the_gain(gain: float) -> None:
    weighted = frames.block_power(frames.k_weighted(0.05 * voice(2, 150)))
    low, high = (
        loudness.loudness_lufs(weighted),
        loudness.loudness_lufs(weighted * 10 ** (gain / 10)),
    )
    assert low is not None and high is not None
    assert high - low == pytest.approx(gain, abs=0.11)


@pytest.mark.parametrize("hertz", [100.0, 160.0, 240.0])
def test_pitch_survives_the_telephone_band(hertz: float) -> None:
    from scipy.signal import butter, sosfilt

    band = butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    found = pitch.contour(sosfilt(band, 0.3 * voice(3, hertz)).astype(np.float32))
    assert np.median(found) == pytest.approx(hertz, rel=0.03)


def test_range_and_level_in_semitones() -> None:
    voices = [pitch.contour(0.1 * voice(3, 150, swing=s)) for s in (0.0, 6.0)]
    assert pitch.level_hz(voices) == pytest.approx(150, rel=0.06)
    wide = pitch.range_semitones(voices[1:])
    assert wide is not None and wide == pytest.approx(12, abs=2)
    assert pitch.range_semitones([voices[0][:20]]) is None


def test_a_long_call_is_listened_to_in_samples() -> None:
    toy = Toy(tuple(Said("a", 5 * i, 5 * i + 4) for i in range(700)))
    own = call_of(toy).by_role(Role.AGENT)
    spans = pitch.sampled(own, toy.duration_ms)
    total = sum(span.duration_ms for span in spans.values())
    assert 20_000 < total <= 46_000
    assert max(spans) > 650  # to the end of the call
    assert pitch.sampled((), 1000) == {}


def test_cut_outs_are_counted_and_are_the_lines() -> None:
    toy = turns(4)
    audio = audio_of(toy, noise_db=-50)
    assert party(toy, audio).cut_outs == 0
    broken = audio.samples.copy()
    for at in (1.2, 7.4, 13.1):
        start = round(at * SAMPLE_RATE_HZ)
        broken[:, start : start + SAMPLE_RATE_HZ // 10] = 0
    assert party(toy, replace(audio, samples=broken)).cut_outs == 3
    assert party(toy, audio_of(toy, noise_db=-110)).cut_outs is None


def test_snr_and_clipping_are_the_partys_own() -> None:
    toy = turns(4)
    audio = audio_of(toy, noise_db=-55)
    rows = audio.samples.copy()
    rng = np.random.default_rng(3)
    rows[1] += rng.standard_normal(rows.shape[1]).astype(np.float32) * 10 ** (-33 / 20)
    rows[1] = np.clip(rows[1] * 20, -1, 1)
    noisy = replace(audio, samples=rows)
    agent, customer = party(toy, noisy), party(toy, noisy, Role.CUSTOMER)
    assert agent.snr_db > customer.snr_db + 10
    assert agent.clipped_share == 0 and customer.clipped_share > 0.05


def test_agitation_is_a_rise_over_the_call() -> None:
    rising = turns(8, **{f"c{i}": -26 + i for i in range(8)})
    customer = party(rising, audio_of(rising), Role.CUSTOMER)
    agent = party(rising, audio_of(rising))
    assert customer.loudness_rise_db == pytest.approx(7, abs=1)
    assert agent.loudness_rise_db == pytest.approx(0, abs=0.5)
    once = turns(8, c7=-12)
    outburst = party(once, audio_of(once), Role.CUSTOMER).loudness_rise_db
    assert outburst == pytest.approx(0, abs=1)  # one outburst is no trend
    short = turns(2)
    assert party(short, audio_of(short)).loudness_rise_db is None


def test_staying_calm_while_the_customer_rages_is_seen() -> None:
    raging = turns(6, c3=-12, c4=-11)
    (strain,) = measure(call_of(raging), audio_of(raging), LEXICONS).strains
    assert strain.calm and strain.customer_db > 8 and abs(strain.agent_db) < 2.5
    assert strain.span.start_ms == 21_500
    answered = turns(6, c3=-12, a4=-13)
    (strain,) = measure(call_of(answered), audio_of(answered), LEXICONS).strains
    assert not strain.calm
    quiet = turns(6)
    assert measure(call_of(quiet), audio_of(quiet), LEXICONS).strains == ()


def test_rise_follows_the_line_and_not_the_outlier() -> None:
    own = call_of(turns(10)).by_role(Role.AGENT)
    values: dict[int, float | None] = {u.index: 2.0 * i for i, u in enumerate(own)}
    values[own[4].index] = 60.0
    values[own[5].index] = None
    assert trend.rise(own, values) == pytest.approx(18, abs=1)


def test_the_picture_shows_both_parties_over_time() -> None:
    toy = turns(6, a4=-15)
    toy = replace(toy, said=tuple(replace(s, text="的" * 10) for s in toy.said))
    agent, customer = measure(call_of(toy), audio_of(toy), LEXICONS).tracks
    assert (agent.role, customer.role) == (Role.AGENT, Role.CUSTOMER)
    assert agent.step_ms == 1000
    assert (
        len(agent.loudness_lufs) == len(agent.characters_per_minute) == -(-toy.duration_ms // 1000)
    )
    loud, usual = agent.loudness_lufs[25], agent.loudness_lufs[13]
    assert loud is not None and usual is not None and loud - usual == pytest.approx(8, abs=1)
    rates = [rate for rate in agent.characters_per_minute if rate is not None]
    assert rates and min(rates) > 220 and max(rates) < 260  # 10 characters in 2.5 s
    long = Toy((*toy.said, Said("a", 3000, 3004)))
    (track, _) = measure(call_of(long), None, LEXICONS).tracks
    assert len(track.characters_per_minute) <= 600 and track.loudness_lufs[0] is None


def stretched(samples: np.ndarray, factor: float) -> np.ndarray:
    """WSOLA (Verhelst & Roelands 1993): the same voice `factor` times as fast."""
    window, hop, reach = 1024, 512, 256
    shape = np.hanning(window)
    out = np.zeros(int(len(samples) / factor) + 2 * window)
    last = 0
    for k in range(int((len(samples) / factor - window) / hop)):
        target = int(k * hop * factor)
        best = target
        if k:
            natural = samples[last + hop : last + hop + window]
            places = range(max(0, target - reach), target + reach, 8)
            best = max(
                (p for p in places if p + window <= len(samples)),
                key=lambda p: float(
                    natural[: len(samples[p : p + window])]
                    @ samples[p : p + window][: len(natural)]
                ),
                default=target,
            )
        piece = samples[best : best + window]
        out[k * hop : k * hop + len(piece)] += shape[: len(piece)] * piece
        last = best
    return out[: int(len(samples) / factor)].astype(np.float32)


@pytest.mark.parametrize("factor", [0.7, 0.85, 1.0, 1.2, 1.4])
def test_rate_follows_real_speech_that_is_sped_up(factor: float) -> None:
    samples, rate = soundfile.read(SPEECH, dtype="float32")
    assert rate == SAMPLE_RATE_HZ
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    plain = samples[loud[0] : loud[-1]]
    sound = stretched(plain, factor) if factor != 1 else plain
    seconds = len(sound) / SAMPLE_RATE_HZ
    toy = Toy((Said("a", 0.5, 0.5 + seconds, "的" * CHARACTERS),))
    row = np.random.default_rng(5).standard_normal(toy.duration_ms * SAMPLE_RATE_HZ // 1000).astype(
        np.float32
    ) * 10 ** (-60 / 20)
    start = SAMPLE_RATE_HZ // 2
    row[start : start + len(sound)] += sound[: len(row) - start]
    samples_of = np.stack([row, np.zeros_like(row)])
    measured = measure(
        call_of(toy), Audio(call_of(toy).recording, samples_of), LEXICONS
    ).utterances[0]
    true = CHARACTERS / (len(plain) / SAMPLE_RATE_HZ) * 60 * factor
    assert measured.characters_per_minute == pytest.approx(true, rel=0.05)
