"""What every diarizer must do. Engines with models run it too (marker `models`)."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from qc_speech.engines.pyannote import PipelineDiarizer, PyannoteDiarizer
from qc_speech.errors import ModelError
from qc_speech.model import Diarization, Span
from qc_speech.ports import Diarizer

MODELS = Path(__file__).parents[2] / "models"
SEGMENTATION = MODELS / "pyannote-segmentation-3.0" / "pytorch_model.bin"
EMBEDDING = MODELS / "campplus-zh-en" / "campplus_cn_en_common.pt"
RATE = 16_000
Sound = npt.NDArray[np.float32]


class StandIn:
    """Answers as a pyannote.audio 4 pipeline does, with the segments it was made with."""

    def __init__(self, segments: list[tuple[float, float, str]], alone: Any = None) -> None:
        self.segments, self.alone, self.asked = segments, alone, {}

    def __call__(self, file: dict[str, Any], **options: Any) -> Any:
        self.asked = {**file, **options}
        for done in range(3):
            options["hook"]("embeddings", None, completed=done, total=2)
        talk = annotation(self.segments)
        if self.alone is None:
            return talk  # older pipelines answer with the annotation itself
        return SimpleNamespace(
            speaker_diarization=talk, exclusive_speaker_diarization=annotation(self.alone)
        )


def annotation(segments: list[tuple[float, float, str]]) -> Any:
    from pyannote.core import Annotation, Segment

    found = Annotation()
    for track, (start, stop, name) in enumerate(segments):
        found[Segment(start, stop), track] = name
    return found


def voice(pitch: float, seconds: float, seed: int) -> Sound:
    """A buzz with a syllable rhythm: enough like speech for a contract, not for a measurement."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * time)
    noise = np.random.default_rng(seed).standard_normal(len(time)) * 0.05
    return (0.05 * (wave * beat + noise)).astype(np.float32)


@pytest.fixture(autouse=True)
def all_is_speech(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silero VAD believes no buzz: here it does, but for tests that ask for the real one."""
    if "real_vad" not in request.fixturenames:
        monkeypatch.setattr(
            "qc_speech.engines.speech.stretches", lambda sound, options: ((0, len(sound) // 160),)
        )


SEGMENTS = [(4.0, 6.0, "B"), (0.5, 4.5, "A"), (7.8, 8.8, "B")]
ALONE = [(0.5, 4.2, "A"), (4.2, 6.0, "B"), (7.8, 8.8, "B")]


def stand_in() -> Diarizer:
    return PipelineDiarizer(StandIn(SEGMENTS, ALONE), "stand-in")


def bare_stand_in() -> Diarizer:
    return PipelineDiarizer(StandIn(SEGMENTS), "stand-in")


def local_models() -> Diarizer:
    if not (SEGMENTATION.is_file() and EMBEDDING.is_file()):
        pytest.skip("the default models are not fetched")
    return PyannoteDiarizer(SEGMENTATION, EMBEDDING)


@pytest.fixture(
    scope="module",
    params=[stand_in, bare_stand_in, pytest.param(local_models, marks=pytest.mark.models)],
)
def diarizer(request: pytest.FixtureRequest) -> Diarizer:
    build: Callable[[], Diarizer] = request.param
    return build()


def check(found: Diarization, recording_id: str, length_ms: int) -> None:
    assert found.recording_id == recording_id
    for turns in (found.turns, found.exclusive):
        spans = [turn.span for turn in turns]
        assert spans == sorted(spans)
        assert all(0 <= span.start_ms < span.end_ms <= length_ms for span in spans)
    assert all(a.span.end_ms <= b.span.start_ms for a, b in itertools.pairwise(found.exclusive))
    heard = list(dict.fromkeys(turn.speaker for turn in found.turns))
    assert heard == [f"S{place}" for place in range(len(heard))]
    assert {turn.speaker for turn in found.exclusive} <= set(heard)
    for name in heard:  # one speaker's own turns do not overlap
        own = [turn.span for turn in found.turns if turn.speaker == name]
        assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(own))


def test_turns_are_in_order_named_and_inside_the_recording(diarizer: Diarizer) -> None:
    sound = np.concatenate([voice(110, 5, 1), voice(210, 4, 2)])
    progress: list[tuple[str, float, float]] = []
    found = diarizer.diarize(sound, "abc", lambda *report: progress.append(report))
    check(found, "abc", 9000)
    assert found.stamp == diarizer.stamp
    assert progress and all(name == "diarize" and 0 <= a <= b for name, a, b in progress)
    assert diarizer.diarize(sound, "abc", lambda *_: None) == found


@pytest.mark.parametrize("length", [0, 1, 1600, 3999, RATE * 3])
def test_silence_gives_no_turns(diarizer: Diarizer, length: int) -> None:
    found = diarizer.diarize(np.zeros(length, np.float32), "abc", lambda *_: None)
    assert found.turns == found.exclusive == ()


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.7])
def test_very_short_sound_does_not_crash(diarizer: Diarizer, seconds: float) -> None:
    sound = voice(150, seconds, 3)
    check(diarizer.diarize(sound, "x", lambda *_: None), "x", len(sound) * 1000 // RATE)


def test_noise_alone_does_not_crash(diarizer: Diarizer) -> None:
    sound = np.random.default_rng(0).standard_normal(RATE * 12).astype(np.float32) * 0.1
    check(diarizer.diarize(sound, "x", lambda *_: None), "x", 12_000)


def test_stamp_is_stable_and_canonical(diarizer: Diarizer) -> None:
    import json

    stamp = diarizer.stamp
    assert stamp.engine == "pyannote.audio" and stamp.version and stamp.model
    assert json.dumps(json.loads(stamp.options), sort_keys=True) == stamp.options


def test_a_pipelines_answer_is_translated() -> None:
    pipeline = StandIn(SEGMENTS, ALONE)
    found = PipelineDiarizer(pipeline, "stand-in").diarize(voice(100, 9, 1), "r")
    assert [(turn.speaker, near(turn.span)) for turn in found.turns] == [
        ("S0", (500, 4500)),
        ("S1", (4000, 6000)),
        ("S1", (7800, 8800)),
    ]
    assert [(turn.speaker, near(turn.span)) for turn in found.exclusive] == [
        ("S0", (500, 4200)),
        ("S1", (4200, 6000)),
        ("S1", (7800, 8800)),
    ]
    assert pipeline.asked["waveform"].shape == (1, 9 * RATE)
    assert pipeline.asked["sample_rate"] == RATE and pipeline.asked["max_speakers"] == 2


@pytest.fixture
def real_vad() -> None:
    """Silero VAD as it is."""


@pytest.mark.usefixtures("real_vad")
def test_what_no_vad_hears_is_nobodys_turn() -> None:
    ring = np.tile(np.sin(2 * np.pi * 450 * np.arange(RATE) / RATE), 9).astype(np.float32) * 0.1
    found = PipelineDiarizer(StandIn(SEGMENTS, ALONE), "stand-in").diarize(ring, "r")
    assert found.turns == found.exclusive == ()


def near(span: Span) -> tuple[int, int]:
    return round(span.start_ms, -2), round(span.end_ms, -2)


def test_missing_and_damaged_models_are_one_clear_line(tmp_path: Path) -> None:
    broken = tmp_path / "pytorch_model.bin"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"no such file; run 'qc-speech models fetch'"):
        PyannoteDiarizer(tmp_path / "missing.bin", broken)
    with pytest.raises(ModelError, match=r"pytorch_model.bin: not the CAM\+\+ state dict"):
        PyannoteDiarizer(broken, broken)
    with pytest.raises(ModelError, match=r"holds no config.yaml"):
        PyannoteDiarizer.from_pipeline(tmp_path)
    (tmp_path / "config.yaml").write_text("pipeline: {name: nothing.at.all}\n")
    with pytest.raises(ModelError, match=r"pyannote cannot load it"):
        PyannoteDiarizer.from_pipeline(tmp_path)


TELEMETRY = """
import socket
tried = []
def refuse(*arguments, **named):
    tried.append(arguments)
    raise OSError("no network in this test")
socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse
from qc_speech.engines.pyannote import PipelineDiarizer, PyannoteDiarizer, quiet
with quiet():
    import pyannote.audio
    from pyannote.audio.telemetry import metrics
assert not metrics.is_metrics_enabled()
class Model:
    _otel_origin = "x"
metrics.track_model_init(Model())
metrics.provider.force_flush()
from pathlib import Path
import sys
if len(sys.argv) > 1:
    import numpy
    engine = PyannoteDiarizer(Path(sys.argv[1]), Path(sys.argv[2]))
    sound = numpy.random.default_rng(0).standard_normal(32000).astype("float32") * 0.1
    engine.diarize(sound, "r")
    metrics.provider.force_flush()
assert not tried, tried
"""


def untouched(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the check in a fresh interpreter whose environment asks for telemetry."""
    source = str(Path(__file__).parents[2] / "src")
    environment = {**os.environ, "PYANNOTE_METRICS_ENABLED": "1", "PYTHONPATH": source}
    return subprocess.run(
        [sys.executable, "-c", TELEMETRY, *arguments],
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_no_telemetry_and_nothing_printed() -> None:
    done = untouched()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and done.stderr == ""


@pytest.mark.models
def test_no_telemetry_when_models_run() -> None:
    if not (SEGMENTATION.is_file() and EMBEDDING.is_file()):
        pytest.skip("the default models are not fetched")
    done = untouched(str(SEGMENTATION), str(EMBEDDING))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and done.stderr == ""
