"""sherpa-onnx's answers as chunks. The answers are recorded ones: no model is loaded."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from qc_speech.engines.registry import transcriber
from qc_speech.engines.sherpa import SherpaOnnx, is_sherpa_folder
from qc_speech.errors import ModelError
from qc_speech.model import Span
from qc_speech.ports import SAMPLE_RATE_HZ, Passage
from qc_speech.settings import Settings

SOUND = np.zeros(5 * SAMPLE_RATE_HZ, np.float32)


@dataclass
class Result:
    """As sherpa_onnx.OfflineRecognitionResult."""

    tokens: list[str]
    timestamps: list[float]
    lang: str = ""
    ys_log_probs: list[float] = field(default_factory=list)


@dataclass
class Stream:
    samples: int = 0
    result: Result | None = None

    def accept_waveform(self, rate: int, samples: Any) -> None:
        assert rate == SAMPLE_RATE_HZ
        self.samples = len(samples)


class Recognizer:
    """Plays recorded answers, the longest stretch last, and notes how it was asked."""

    answers: ClassVar[list[Result]] = []
    asked: ClassVar[list[list[int]]] = []
    made: ClassVar[dict[str, Any]] = {}

    @classmethod
    def from_sense_voice(cls, model: str, **given: Any) -> Recognizer:
        cls.made = {"kind": "sense-voice", "model": model, **given}
        return cls()

    @classmethod
    def from_paraformer(cls, model: str, **given: Any) -> Recognizer:
        if "broken" in model:
            raise RuntimeError("not an ONNX file")
        cls.made = {"kind": "paraformer", "model": model, **given}
        return cls()

    def create_stream(self) -> Stream:
        return Stream()

    def decode_streams(self, streams: list[Stream]) -> None:
        self.asked.append([stream.samples for stream in streams])
        for stream in streams:
            stream.result = self.answers.pop(0)


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = ModuleType("sherpa_onnx")
    fake.OfflineRecognizer = Recognizer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sherpa_onnx", fake)
    monkeypatch.setattr(Recognizer, "answers", [])
    monkeypatch.setattr(Recognizer, "asked", [])


def unpacked(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in ("tokens.txt", *names):
        (folder / name).write_bytes(b"")
    return folder


@pytest.fixture
def sense_voice(tmp_path: Path) -> SherpaOnnx:
    return SherpaOnnx(unpacked(tmp_path / "sherpa-onnx-sense-voice-zh", "model.int8.onnx"))


def test_characters_are_words_with_times_inside_their_stretch(sense_voice: SherpaOnnx) -> None:
    Recognizer.answers = [Result(list("您好，請講"), [0.1, 0.3, 0.5, 0.5, 0.9], "<|zh|>")]
    ((chunk,),) = sense_voice.transcribe((Passage(SOUND, (Span(1000, 2000),), 1),))
    assert chunk.text == "您好，请讲"
    assert [(w.text, w.span.start_ms, w.span.end_ms) for w in chunk.words] == [
        ("您", 1100, 1300), ("好，", 1300, 1500), ("请", 1500, 1900), ("讲", 1900, 2000),
    ]  # fmt: skip
    assert (chunk.channel, chunk.language, chunk.score) == (1, "zh", 0.0)
    assert chunk.words[0].confidence is None


@pytest.mark.parametrize(
    "tokens", [["下", "载", "▁app", "▁wi", "fi", "了"], ["下", "载", "app", "wi@@", "fi", "了"]]
)
def test_pieces_of_foreign_words_are_joined(sense_voice: SherpaOnnx, tokens: list[str]) -> None:
    logs = [-0.1, -0.1, -0.2, -0.3, -0.9, 0.0]
    Recognizer.answers = [Result(tokens, [0.1 * i for i in range(6)], "<|zh|>", logs)]
    ((chunk,),) = sense_voice.transcribe((Passage(SOUND, (Span(0, 1000),)),))
    assert [word.text for word in chunk.words] == ["下", "载", " app", " wifi", "了"]
    assert chunk.words[3].span == Span(300, 500)
    assert chunk.words[3].confidence == pytest.approx(np.exp(-0.9), abs=1e-3)
    assert chunk.score == pytest.approx(sum(logs) / 6)


def test_english_is_told(sense_voice: SherpaOnnx) -> None:
    Recognizer.answers = [Result(["▁good", "▁morning"], [0.1, 0.4], "<|en|>")]
    ((chunk,),) = sense_voice.transcribe((Passage(SOUND, (Span(0, 1000),)),))
    assert (chunk.language, chunk.text) == ("en", " good morning")


def test_stretches_of_all_passages_share_batches_by_length(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "paraformer", "model.onnx", "model.int8.onnx")
    engine = SherpaOnnx(folder, threads=2, batch=2)
    Recognizer.answers = [Result([c], [0.0]) for c in "甲乙丙"]
    first, nothing, second = engine.transcribe(
        (
            Passage(SOUND, (Span(0, 3000), Span(4000, 4500)), 0),
            Passage(SOUND, ()),
            Passage(SOUND, (Span(0, 1000),), 1),
        )
    )
    assert Recognizer.asked == [[8000, 16000], [48000]]
    assert [c.text for c in first] == ["丙", "甲"] and [c.text for c in second] == ["乙"]
    assert nothing == ()
    assert Recognizer.made["kind"] == "paraformer" and Recognizer.made["num_threads"] == 2
    assert Recognizer.made["model"].endswith("model.int8.onnx")


def test_on_a_gpu_the_full_precision_is_taken(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "paraformer", "model.onnx", "model.int8.onnx")
    SherpaOnnx(folder, device="cuda")
    assert Recognizer.made["model"].endswith("/model.onnx")
    assert Recognizer.made["provider"] == "cuda"


@pytest.mark.parametrize(
    ("name", "files", "message"),
    [
        ("some-model", ("model.onnx",), "name the folder"),
        ("paraformer", ("encoder.onnx",), "holds no model.onnx"),
        ("broken-paraformer", ("model.onnx",), "cannot load it"),
    ],
)
def test_a_wrong_folder_is_one_clear_line(
    tmp_path: Path, name: str, files: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as error:
        SherpaOnnx(unpacked(tmp_path / name, *files))
    assert "\n" not in str(error.value) and name in str(error.value)


def test_without_the_package_the_error_tells_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(ModelError, match=r"qc-speech\[sherpa\]"):
        SherpaOnnx(unpacked(tmp_path / "paraformer", "model.onnx"))


def test_the_engine_is_chosen_by_what_the_folder_holds(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "sense-voice-small", "model.int8.onnx")
    assert is_sherpa_folder(folder) and not is_sherpa_folder(tmp_path)
    made = transcriber(Settings(asr_model=str(folder), device="cpu"))()
    assert isinstance(made, SherpaOnnx)
    assert made.stamp.engine == "sherpa-onnx" and made.stamp.model == folder.name
