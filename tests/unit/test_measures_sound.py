"""Measures of sound against signals whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_toys import LEXICONS, Said, Toy, audio_of, call_of, voice

from qc_speech import codec
from qc_speech.measures import frames, loudness, measure, pitch
from qc_speech.measures.pace import agree, pace
from qc_speech.measures.syllables import characters, digit_share, nuclei
from qc_speech.model import Measures, Role, Span, Turn
from qc_speech.ports import SAMPLE_RATE_HZ


@pytest.mark.parametrize("per_second", [2.0, 3.0, 4.0, 5.0, 6.5])
def test_nuclei_count_pulses_within_five_percent(per_second: float) -> None:
    seconds = 10.0
    found = nuclei(0.1 * voice(seconds, 160, per_second))
    assert found == pytest.approx(per_second * seconds, rel=0.05)


def test_rate_follows_when_pulses_are_sped_up() -> None:
    slow, fast = nuclei(0.1 * voice(12, 150, 3.0)) / 12, nuclei(0.1 * voice(8, 150, 4.5)) / 8
    assert fast / slow == pytest.approx(1.5, rel=0.05)


def test_noise_and_silence_have_no_nuclei() -> None:
    noise = np.random.default_rng(1).standard_normal(5 * SAMPLE_RATE_HZ).astype(np.float32)
    assert nuclei(0.05 * noise) <= 3
    assert nuclei(np.zeros(SAMPLE_RATE_HZ, np.float32)) == 0
    assert nuclei(np.zeros(10, np.float32)) == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [("您好，再见。", 4), ("WiFi", 2), ("VIP客户", 5), ("come on relax", 4), ("120元", 4), ("", 0)],
)
def test_characters_count_as_spoken(text: str, count: int) -> None:
    assert characters(text) == count


@given(st.text(alphabet="的一是了我不人在，。！ ", max_size=60))
def test_chinese_characters_count_one_each(text: str) -> None:
    assert characters(text) == sum("\u4e00" <= char <= "\u9fff" for char in text)


def test_digit_share_sees_dictation_only() -> None:
    assert digit_share("幺三八零零零零二五七幺") == 1.0
    assert digit_share("三楼二单元") == 0.0
    assert digit_share("电话13800002571") > 0.7


@pytest.mark.parametrize("rate", [150.0, 240.0, 360.0])
def test_measured_rate_is_within_five_percent(rate: float) -> None:
    seconds = 6.0
    text = "的" * round(rate * seconds / 60)
    toy = Toy((Said("a", 0.5, 0.5 + seconds, text),))
    call = call_of(toy)
    sound = audio_of(toy).samples.copy()
    start = SAMPLE_RATE_HZ // 2
    pulses = 0.07 * voice(seconds, 200, rate / 60)
    sound[0, start : start + len(pulses)] = pulses
    audio = type(audio_of(toy))(call.recording, sound)
    measured = measure(call, audio, LEXICONS).utterances[0]
    assert measured.characters_per_minute == pytest.approx(rate, rel=0.05)
    assert measured.nuclei_per_minute == pytest.approx(rate, rel=0.05)


def test_no_rate_where_text_and_sound_disagree() -> None:
    toy = Toy((Said("a", 0.5, 8.5, "的" * 80),))  # 600 a minute by text, 240 by sound
    call = call_of(toy)
    assert measure(call, audio_of(toy), LEXICONS).utterances[0].characters_per_minute is None
    assert pace(call.utterances[0], None).speaking == pytest.approx(600, rel=0.01)
    assert not agree(600, 240) and agree(240, 230)


def test_level_is_exact_and_other_voices_are_left_out() -> None:
    said = (
        Said("a", 0.5, 3.5, db=-25),
        Said("c", 4, 7, db=-12),
        Said("a", 6, 9, db=-25),
        Said("a", 10, 12, db=-25),
        Said("a", 13, 15, db=-16),
    )
    for stereo in (True, False):
        toy = Toy(said, stereo=stereo)
        by_index = measure(call_of(toy), audio_of(toy), LEXICONS).utterances
        levels = [m.loudness_dbfs for m in by_index]
        assert levels[0] == pytest.approx(levels[2], abs=1.0)
        assert by_index[4].above_normal_db == pytest.approx(9, abs=1.2)
        assert levels[4] - levels[0] == pytest.approx(9, abs=0.7)


def test_normal_level_survives_a_party_that_shouts_half_the_time() -> None:
    said = tuple(Said("a", 3 * i, 3 * i + 2, db=-14 if i % 2 else -23) for i in range(8))
    toy = Toy(said)
    call = call_of(toy)
    levels = {m.index: m.loudness_dbfs for m in measure(call, audio_of(toy), LEXICONS).utterances}
    normal = loudness.normal_level(call.utterances, levels)
    assert normal is not None and normal - min(v for v in levels.values() if v) <= 1.5
    assert loudness.normal_level(call.utterances[:2], levels) is None


@given(st.floats(90, 350))
@settings(max_examples=25, deadline=None)
def test_pitch_of_a_buzz(hertz: float) -> None:
    steady = 0.1 * voice(2, hertz, 0.5)
    found = pitch.contour(steady)
    assert np.median(found) == pytest.approx(hertz, rel=0.03)


def test_pitch_spread_tells_flat_from_lively() -> None:
    flat = [pitch.contour(0.1 * voice(6, 150, 0.5)) for _ in range(2)]
    lively = [pitch.contour(0.1 * voice(2, hertz, 0.5)) for hertz in (120, 140, 160, 180, 200)]
    assert pitch.spread_semitones(flat) == pytest.approx(0, abs=0.2)
    assert (pitch.spread_semitones(lively) or 0) > 2
    assert pitch.spread_semitones([]) is None


def test_snr_and_clipping() -> None:
    toy = Toy((Said("a", 1, 6), Said("c", 7, 12)))
    measured = measure(call_of(toy), audio_of(toy, noise_db=-43), LEXICONS)
    assert measured.snr_db == pytest.approx(20, abs=2.5)
    assert measured.clipped_share == 0
    loud = audio_of(toy)
    clipped = type(loud)(loud.recording, np.clip(loud.samples * 30, -1, 1))
    assert (measure(call_of(toy), clipped, LEXICONS).clipped_share or 0) > 0.05


@pytest.mark.parametrize("shift", [-0.2, -0.1, 0.1, 0.2])
def test_turn_ends_snap_to_the_sound_of_their_channel(shift: float) -> None:
    toy = Toy((Said("a", 1, 4), Said("c", 4.5, 8), Said("a", 8.4, 11)))
    call = call_of(toy)
    sound = frames.listen(call, audio_of(toy, leak_db=-35))
    moved = tuple(
        Turn(
            Span(turn.span.start_ms + round(shift * 1000), turn.span.end_ms - round(shift * 1000)),
            turn.speaker,
        )
        for turn in call.turns
    )
    off = type(call)(call.recording, call.utterances, moved, call.roles)
    for found, true in zip(frames.sharpen(off, sound), call.turns):
        assert found.span.start_ms == pytest.approx(true.span.start_ms, abs=60)
        assert found.span.end_ms == pytest.approx(true.span.end_ms, abs=60)


def test_measures_without_audio_and_round_trip() -> None:
    toy = Toy((Said("a", 1, 6), Said("c", 7, 12)))
    for audio in (None, audio_of(toy)):
        measured = measure(call_of(toy), audio, LEXICONS)
        assert codec.from_json(Measures, codec.to_json(measured)) == measured
        agent = measured.party(Role.AGENT)
        assert agent is not None and agent.speech_ms == pytest.approx(5000, abs=60)
    assert measure(call_of(toy), None, LEXICONS).snr_db is None


def test_empty_call_and_empty_audio() -> None:
    toy = Toy((Said("a", 0, 0.3, ""),), seconds=0.3)
    call = call_of(toy)
    empty = type(call)(call.recording, (), (), call.roles)
    measured = measure(empty, audio_of(toy), LEXICONS)
    assert measured.last_speech_end_ms is None and measured.tail_ms is None
    assert measure(call, audio_of(toy), LEXICONS).utterances[0].characters == 0
