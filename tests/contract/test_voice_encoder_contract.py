"""What every voice encoder must do. CAM++ runs it too where its weights are (marker `models`)."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from scripted_voices import ScriptedVoices, sound

from qc_speech import audio
from qc_speech.engines.encoder import CamPlusPlusEncoder
from qc_speech.errors import ModelError
from qc_speech.model import Metadata, Span
from qc_speech.models import model_dir
from qc_speech.ports import Samples, VoiceEncoder

WEIGHTS = model_dir("campplus-zh-en") / "campplus_cn_en_common.pt"
SPEECH = Path(__file__).resolve().parents[1] / "data" / "aishell_2.wav"


@pytest.fixture(params=["scripted", pytest.param("campplus", marks=pytest.mark.models)])
def case(request: pytest.FixtureRequest) -> tuple[VoiceEncoder, Samples]:
    """An encoder and some seconds of one voice that it can tell."""
    if request.param == "scripted":
        return ScriptedVoices(), sound((1, 6))
    if not WEIGHTS.is_file():
        pytest.skip("the CAM++ weights are not here")
    return CamPlusPlusEncoder(WEIGHTS), audio.load(SPEECH, Metadata("a")).samples[0]


def test_each_stretch_has_a_vector_near_to_others_of_its_voice(
    case: tuple[VoiceEncoder, Samples],
) -> None:
    encoder, samples = case
    middle = len(samples) // 32
    found = encoder.embed(samples, (Span(0, middle), Span(middle, 2 * middle)))
    assert found.dtype == np.float32 and found.shape[0] == 2
    assert np.isfinite(found).all()
    units = found / np.linalg.norm(found, axis=1, keepdims=True)
    assert units[0] @ units[1] > 0.4
    again = encoder.embed(samples, (Span(middle, 2 * middle),))
    assert np.allclose(again[0], found[1], atol=1e-3)


def test_what_is_too_short_or_beyond_the_end_is_zeros(case: tuple[VoiceEncoder, Samples]) -> None:
    encoder, samples = case
    end = len(samples) // 16
    found = encoder.embed(samples, (Span(0, 50), Span(end + 1000, end + 3000)))
    assert not found.any()
    assert encoder.embed(samples, ()).shape[0] == 0


def test_the_stamp_names_the_model(case: tuple[VoiceEncoder, Samples]) -> None:
    assert case[0].stamp.model


def test_missing_weights_are_one_line_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no\.pt: no such file; run 'qc-speech models fetch'"):
        CamPlusPlusEncoder(tmp_path / "no.pt")
