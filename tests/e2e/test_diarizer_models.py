"""The diarizer with its real models, and the channel turns, on labelled telephone sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from line_sounds import SOUNDS, on_the_line

from qc_speech import audio
from qc_speech.engines.channels import channel_turns, speech_spans
from qc_speech.engines.pyannote import PyannoteDiarizer
from qc_speech.model import Diarization, Metadata, Span, Turn

DATA = Path(__file__).parent / "diarizer_data"
MODELS = Path(__file__).parents[2] / "models"
SEGMENTATION = MODELS / "pyannote-segmentation-3.0" / "pytorch_model.bin"
EMBEDDING = MODELS / "campplus-zh-en" / "campplus_cn_en_common.pt"
RATE = 16_000
Sound = npt.NDArray[np.float32]

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def diarizer() -> PyannoteDiarizer:
    if not (SEGMENTATION.is_file() and EMBEDDING.is_file()):
        pytest.skip("the default models are not fetched")
    return PyannoteDiarizer(SEGMENTATION, EMBEDDING)


def sound(name: str) -> Sound:
    return audio.load(DATA / f"{name}.wav", Metadata(name)).samples


def truth(name: str) -> list[Turn]:
    found = []
    for line in (DATA / f"{name}.rttm").read_text().splitlines():
        fields = line.split()
        start, length = float(fields[3]), float(fields[4])
        span = Span(round(1000 * start), round(1000 * (start + length)))
        found.append(Turn(span, fields[7]))
    return found


def error_rate(turns: list[Turn], found: tuple[Turn, ...], end_ms: int) -> float:
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    sides = []
    for side in (turns, found):
        annotation = Annotation()
        for number, turn in enumerate(side):
            segment = Segment(turn.span.start_ms / 1000, turn.span.end_ms / 1000)
            annotation[segment, number] = turn.speaker
        sides.append(annotation)
    whole = Timeline([Segment(0, end_ms / 1000)])
    return float(DiarizationErrorRate(collar=0.0)(*sides, uem=whole))


def speakers(found: Diarization) -> set[str]:
    return {turn.speaker for turn in found.turns}


def test_two_voices_in_one_channel(diarizer: PyannoteDiarizer) -> None:
    samples = sound("two_voices")[0]
    found = diarizer.diarize(samples, "r")
    assert error_rate(truth("two_voices"), found.turns, 36_000) < 0.07
    assert error_rate(truth("two_voices"), found.exclusive, 36_000) < 0.09
    for turn in truth("two_voices"):
        assert any(abs(turn.span.start_ms - other.span.start_ms) < 150 for other in found.turns)


def test_double_talk_gives_overlapping_turns(diarizer: PyannoteDiarizer) -> None:
    samples = sound("two_voices")[0]
    first, second = (truth("two_voices")[row].span for row in (1, 2))
    mixed = np.zeros(RATE * 20, np.float32)
    for span, start in ((first, 0.5), (second, 8.0)):
        part = samples[span.start_ms * 16 : span.end_ms * 16]
        mixed[int(start * RATE) : int(start * RATE) + len(part)] += part
    found = diarizer.diarize(mixed, "r")
    spans = [[turn.span for turn in found.turns if turn.speaker == name] for name in ("S0", "S1")]
    double = sum(a.overlap_ms(b) for a in spans[0] for b in spans[1])
    true = round((0.5 - 8.0) * 1000) + first.duration_ms
    assert true > 1500
    assert 0.6 * true < double < 1.2 * true


def test_one_voice_is_one_speaker(diarizer: PyannoteDiarizer) -> None:
    samples = sound("two_voices")[0]
    parts = [t.span for t in truth("two_voices") if t.speaker == "agent"]
    alone = np.concatenate([samples[span.start_ms * 16 : span.end_ms * 16] for span in parts])
    assert speakers(diarizer.diarize(alone, "r")) == {"S0"}


def later(found: Diarization, shift: int) -> tuple[Turn, ...]:
    """Turns after `shift` ms, in the time of what begins there."""
    return tuple(
        Turn(Span(max(0, turn.span.start_ms - shift), turn.span.end_ms - shift), turn.speaker)
        for turn in found.turns
        if turn.span.end_ms > shift + 300
    )


def test_an_announcement_is_a_third_voice(diarizer: PyannoteDiarizer) -> None:
    menu = sound("two_channels")[0][: 8 * RATE]
    found = diarizer.diarize(np.concatenate([menu, sound("two_voices")[0]]), "r")
    assert speakers(found) == {"S0", "S1", "S2"}
    assert {turn.speaker for turn in found.turns if turn.span.end_ms < 8000} == {"S0"}
    assert "S0" not in {turn.speaker for turn in later(found, 8000)}
    assert error_rate(truth("two_voices"), later(found, 8000), 36_000) < 0.1


LINE = ("ring tone", "keys", "busy tone", "strings", "band", "tune with vibrato", "white noise")


@pytest.mark.parametrize("name", SOUNDS)
def test_what_sounds_on_a_line_is_nobodys_turn(diarizer: PyannoteDiarizer, name: str) -> None:
    found = diarizer.diarize(on_the_line(SOUNDS[name], -25), "r")
    assert found.turns == found.exclusive == ()


@pytest.mark.parametrize("name", LINE)
def test_turns_after_other_sounds_are_found(diarizer: PyannoteDiarizer, name: str) -> None:
    before = on_the_line(SOUNDS[name], -25)
    found = diarizer.diarize(np.concatenate([before, sound("two_voices")[0]]), "r")
    shift = len(before) // 16
    assert min(turn.span.start_ms for turn in found.turns) > shift - 800
    assert error_rate(truth("two_voices"), later(found, shift), 36_000) < 0.1


def test_hold_music_in_the_middle_is_nobodys_turn(diarizer: PyannoteDiarizer) -> None:
    samples = sound("two_voices")[0]
    cut = next(turn.span.end_ms for turn in truth("two_voices")) + 100
    music = on_the_line(SOUNDS["strings"], -25)
    held = np.concatenate([samples[: cut * 16], music, samples[cut * 16 :]])
    found = diarizer.diarize(held, "r")
    inside = Span(cut + 800, cut + len(music) // 16 - 800)
    assert sum(turn.span.overlap_ms(inside) for turn in found.turns) == 0
    assert len(speakers(found)) == 2


@pytest.mark.parametrize("gain", [0.02, 0.005, 3.0])
def test_level_does_not_matter(diarizer: PyannoteDiarizer, gain: float) -> None:
    samples = np.clip(sound("two_voices")[0] * gain, -1, 1)
    assert error_rate(truth("two_voices"), diarizer.diarize(samples, "r").turns, 36_000) < 0.1


def test_two_channels_need_no_diarizer() -> None:
    samples = sound("two_channels")
    assert samples.shape[0] == 2
    found = channel_turns(samples, "r")
    names = {"agent": "ch0", "customer": "ch1"}
    wanted = [Turn(turn.span, names[turn.speaker]) for turn in truth("two_channels")]
    assert error_rate(wanted, found.turns, 30_000) < 0.04
    for turn in wanted[:-1]:
        mine = [other.span for other in found.turns if other.speaker == turn.speaker]
        assert any(abs(turn.span.start_ms - span.start_ms) < 120 for span in mine)
        assert any(abs(turn.span.end_ms - span.end_ms) < 120 for span in mine)


def wanted_by_channel() -> list[Turn]:
    names = {"agent": "ch0", "customer": "ch1"}
    return [Turn(turn.span, names[turn.speaker]) for turn in truth("two_channels")]


def by_channel(folder: Path, samples: Sound) -> tuple[Diarization, tuple[str, ...]]:
    """Turns of stereo sound that went through a file."""
    path = folder / "call.wav"
    soundfile.write(path, samples.T, RATE, subtype="PCM_24")
    heard = audio.load(path, Metadata("call"))
    return channel_turns(heard.samples, "r"), heard.recording.warnings


@pytest.mark.parametrize("leak_db", [-12.0, -16.0, -20.0])
@pytest.mark.parametrize("delay", [0, 30, 400])
def test_cross_talk_makes_no_turns(tmp_path: Path, leak_db: float, delay: int) -> None:
    left, right = sound("two_channels")
    leak = 10 ** (leak_db / 20)
    mixed = [left + leak * np.roll(right, delay), right + leak * np.roll(left, delay)]
    found, notes = by_channel(tmp_path, np.stack(mixed))
    assert notes == ("cross_talk",)
    assert error_rate(wanted_by_channel(), found.turns, 30_000) < 0.06


@pytest.mark.parametrize("gain_db", [-30.0, -40.0])
def test_a_very_quiet_stereo_recording(tmp_path: Path, gain_db: float) -> None:
    quiet = sound("two_channels") * np.float32(10 ** (gain_db / 20))
    found, notes = by_channel(tmp_path, quiet)
    assert notes == ("very_quiet",)
    assert error_rate(wanted_by_channel(), found.turns, 30_000) < 0.06


def test_a_clipped_stereo_recording_with_dc_offset(tmp_path: Path) -> None:
    loud = np.clip(sound("two_channels") * 12 + np.array([[0.1], [0.0]]), -1, 1)
    found, notes = by_channel(tmp_path, loud.astype(np.float32))
    assert notes == ("clipped",)
    assert error_rate(wanted_by_channel(), found.turns, 30_000) < 0.06


def test_music_on_one_channel_is_nobodys_turn() -> None:
    left, right = sound("two_channels")
    music = on_the_line(SOUNDS["strings"], -28)
    held = np.zeros((2, len(music)), np.float32)
    held[0] = music
    found = channel_turns(np.concatenate([np.stack([left, right]), held], axis=1), "r")
    assert max(turn.span.end_ms for turn in found.turns) < 30_600


def test_spans_for_the_recognizer_cover_the_speech() -> None:
    spans = speech_spans(sound("two_channels")[0])
    for turn in truth("two_channels"):
        if turn.speaker == "agent":
            assert sum(turn.span.overlap_ms(s) for s in spans) > 0.9 * turn.span.duration_ms
