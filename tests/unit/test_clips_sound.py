"""Sound of clips: loudness, slowing down, disguise, files."""

from __future__ import annotations

import io

import av
import numpy as np
import pyloudnorm
import pytest
import soundfile
from clip_calls import made, sound_of

from qc_speech.clips import rendering, sound
from qc_speech.clips.values import Recipe
from qc_speech.model import Role, Span
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

RESULT = made()


def voice(hz: float, seconds: float = 2.0, formant: float = 700.0) -> Samples:
    """A buzz with one formant: harmonics weighted by their distance to it."""
    time = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    row = np.zeros_like(time)
    for n in range(1, int(3500 / hz)):
        row += np.exp(-(((n * hz - formant) / 250) ** 2)) * np.sin(2 * np.pi * n * hz * time)
    return (0.2 * row / np.abs(row).max()).astype(np.float32)


def pitch(row: Samples) -> float:
    middle = row[len(row) // 2 : len(row) // 2 + 2048].astype(np.float64)
    likeness = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    low, high = SAMPLE_RATE_HZ // 400, SAMPLE_RATE_HZ // 60
    return SAMPLE_RATE_HZ / (low + int(np.argmax(likeness[low:high])))


def test_both_parties_come_to_the_same_loudness() -> None:
    quiet, loud = voice(200) * 0.1, voice(120)
    for row in (quiet, loud):
        out = sound.levelled(row, (Span(0, 2000),))
        measured = pyloudnorm.Meter(SAMPLE_RATE_HZ).integrated_loudness(out.astype(np.float64))
        assert measured == pytest.approx(sound.LOUDNESS_LUFS, abs=0.5)


def test_silence_is_not_turned_up() -> None:
    row = np.zeros(16_000, np.float32)
    assert not sound.levelled(row, (Span(0, 1000),)).any()
    assert not sound.levelled(row, ()).any()


def test_nothing_clips() -> None:
    rows = np.stack([voice(200) * 4, voice(120) * 4])
    assert np.abs(sound.mixed(rows)).max() <= 0.9


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.25])
def test_slower_with_the_pitch_kept(speed: float) -> None:
    row = voice(200)
    out = sound.stretched(row[None, :], speed)[0]
    assert len(out) / len(row) == pytest.approx(1 / speed, rel=0.03)
    assert pitch(out) == pytest.approx(200, rel=0.03)


@pytest.mark.parametrize(("hz", "higher"), [(120.0, True), (220.0, False)])
def test_a_disguised_voice_has_another_pitch_and_other_formants(hz: float, higher: bool) -> None:
    row = voice(hz)
    out = sound.disguised(row, hz)
    assert len(out) == len(row), "words stay at their times"
    assert (pitch(out) > 1.1 * hz) if higher else (pitch(out) < 0.9 * hz)
    strongest = [abs(np.fft.rfft(r[8000:24000])) for r in (row, out)]
    hertz = np.fft.rfftfreq(16_000, 1 / SAMPLE_RATE_HZ)
    before, after = (float((s * hertz).sum() / s.sum()) for s in strongest)
    assert abs(np.log2(after / before)) > 0.1


def test_mcadams_moves_formants_and_keeps_pitch_and_level() -> None:
    row = voice(150)
    out = sound.mcadams(row)
    assert pitch(out) == pytest.approx(150, rel=0.03)
    assert np.sqrt(np.mean(out**2)) == pytest.approx(np.sqrt(np.mean(row**2)), rel=0.35)
    assert np.corrcoef(row[4000:8000], out[4000:8000])[0, 1] < 0.95


def test_only_the_asked_voice_is_changed() -> None:
    audio = sound_of(RESULT)
    focus = RESULT.call.utterances[2].span
    plain = rendering.render(RESULT, audio, focus, Role.AGENT, Recipe(0, 0, "agent"))
    other = rendering.render(
        RESULT, audio, focus, Role.AGENT, Recipe(0, 0, "agent", disguise=(Role.CUSTOMER,))
    )
    assert np.array_equal(plain.samples, other.samples)
    mine = rendering.render(
        RESULT, audio, focus, Role.AGENT, Recipe(0, 0, "agent", disguise=(Role.AGENT,))
    )
    assert not np.array_equal(plain.samples, mine.samples)
    assert plain.samples.shape == mine.samples.shape


def test_a_mixed_recording_gives_one_party_too() -> None:
    result = made("mono", stereo=False)
    focus = result.call.utterances[2].span
    clip = rendering.render(result, sound_of(result), focus, Role.AGENT, Recipe(1, 0, "agent"))
    assert {line.role for line in clip.lines} == {Role.AGENT}
    other = result.call.utterances[1].span
    start, end = (max(0, ms - clip.span.start_ms + 200) * 16 for ms in (other.start_ms, 0))
    assert not clip.samples[0, start : start + (other.duration_ms - 400) * 16].any() or end == 0


def test_a_slower_clip_has_slower_subtitles() -> None:
    audio, focus = sound_of(RESULT), RESULT.call.utterances[2].span
    slow = rendering.render(RESULT, audio, focus, Role.AGENT, Recipe(0, 0, speed=0.5))
    fast = rendering.render(RESULT, audio, focus, Role.AGENT, Recipe(0, 0))
    assert slow.lines[-1].span.end_ms == pytest.approx(2 * fast.lines[-1].span.end_ms, abs=2)
    assert slow.samples.shape[1] == pytest.approx(2 * fast.samples.shape[1], rel=0.03)


def test_clips_begin_and_end_without_a_click() -> None:
    out = sound.faded(np.ones((1, 16_000), np.float32))
    assert out[0, 0] == 0 and out[0, -1] == 0 and out[0, 8000] == 1


def test_files_are_what_they_say() -> None:
    row = sound.mixed(voice(200)[None, :])
    back, rate = soundfile.read(io.BytesIO(sound.wav(row)))
    assert rate == SAMPLE_RATE_HZ and back.shape == (32_000,)
    with av.open(io.BytesIO(sound.mp3(row))) as container:
        stream = container.streams.audio[0]
        frames = sum(frame.samples for frame in container.decode(stream))
    assert stream.codec_context.name.startswith("mp3") and abs(frames - 32_000) < 3000
