"""Clips of labelled calls, heard again with the real recognizer: nothing personal is left."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from conftest import Finished
from qc_speech.clips import desk, rendering, sound
from qc_speech.clips.rendering import Hearing
from qc_speech.clips.values import Recipe, Rendered
from qc_speech.engines.encoder import CamPlusPlusEncoder
from qc_speech.model import Role, Span
from qc_speech.models import require
from qc_speech.ports import Passage
from qc_speech.settings import load_settings
from qc_speech.setup import make_engines
from qc_speech.store import open_store
from qc_speech.text.normalize import normalize

pytestmark = pytest.mark.models
DATA = Path(__file__).parents[1] / "data"
LABELS = yaml.safe_load((DATA / "personal.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def hearing(models: None) -> Hearing:
    engines = make_engines(load_settings())
    return Hearing(engines.transcriber, engines.speech_spans)


def turns(call_id: str) -> list[dict[str, Any]]:
    return json.loads((DATA / "labelled" / f"{call_id}.json").read_text("utf-8"))["turns"]


def place(turn: dict[str, Any], words: str) -> Span:
    """Where words of a labelled turn are said, by characters."""
    step = (turn["end"] - turn["start"]) * 1000 / len(turn["spoken"])
    at = turn["spoken"].index(words)
    start = turn["start"] * 1000
    return Span(round(start + at * step), round(start + (at + len(words)) * step))


def render(three: Finished, call_id: str, span: Span, recipe: Recipe, ear: Hearing) -> Rendered:
    with open_store(three.out / "qc.sqlite") as store:
        result, audio = desk.load(store, call_id)
    return rendering.render(result, audio, span, None, recipe, ear)


def heard(rendered: Rendered, hearing: Hearing) -> str:
    """What a stranger's recognizer makes of the finished file."""
    import soundfile

    samples, _ = soundfile.read(io.BytesIO(sound.mp3(rendered.samples)), dtype="float32")
    row = np.ascontiguousarray(samples)
    passage = Passage(row, (Span(0, len(row) // 16),))
    (chunks,) = hearing.transcriber().transcribe([passage])
    return normalize("".join(chunk.text for chunk in chunks))


NUMBERS = [(c, n) for c, n, kind, _ in LABELS if kind == "phone" and c in ("d01", "d13")]


@pytest.mark.parametrize(("call_id", "number"), NUMBERS)
def test_a_telephone_number_cannot_be_heard(
    three: Finished, hearing: Hearing, call_id: str, number: int
) -> None:
    turn = turns(call_id)[number]
    whole = Span(round(turn["start"] * 1000), round(turn["end"] * 1000))
    clip = render(three, call_id, whole, Recipe(1, 1), hearing)
    assert clip.report.clean and clip.report.rounds
    text = heard(clip, hearing) + "/" + normalize("".join(line.text for line in clip.lines))
    for c, n, _, words in LABELS:
        if (c, n) == (call_id, number):
            said = normalize(words)
            pieces = {said[at : at + 4] for at in range(max(1, len(said) - 3))}
            assert not {piece for piece in pieces if piece in text}, "left audible or readable"
            covered = sum(
                place(turn, words).overlap_ms(
                    Span(h.span.start_ms + clip.span.start_ms, h.span.end_ms + clip.span.start_ms)
                )
                for h in clip.report.hidden
            )
            assert covered >= 0.7 * place(turn, words).duration_ms


def test_the_behaviour_is_in_the_cut_and_its_words_are_whole(
    three: Finished, hearing: Hearing
) -> None:
    """Empathy in d01 (turn 2): the turn lies inside, its neighbours too, and none is cut."""
    said = turns("d01")
    clip = render(three, "d01", place(said[2], "屋里不热确实难受"), Recipe(1, 1), hearing)
    start, end = clip.span.start_ms, clip.span.end_ms
    inside = [t for t in said if start < t["end"] * 1000 and t["start"] * 1000 < end]
    assert inside == said[1:4]
    for turn in inside:
        assert clip.span.start_ms <= turn["start"] * 1000 + 60
        assert turn["end"] * 1000 - 60 <= clip.span.end_ms


def test_a_disguised_voice_is_another_to_the_voice_encoder(
    three: Finished, hearing: Hearing
) -> None:
    folder = require("campplus-zh-en")
    encoder = CamPlusPlusEncoder(folder / "campplus_cn_en_common.pt", device="cpu", threads=2)
    with open_store(three.out / "qc.sqlite") as store:
        result, audio = desk.load(store, "d01")
    spans = [
        turn.span for turn in result.call.role_turns(Role.CUSTOMER) if turn.span.duration_ms > 2500
    ]
    row = audio.samples[1]
    pitch = rendering.pitches(result)[Role.CUSTOMER]
    before, after = (
        found / np.linalg.norm(found, axis=1, keepdims=True)
        for found in (encoder.embed(row, spans), encoder.embed(sound.disguised(row, pitch), spans))
    )
    same = float(np.mean(before @ before.T))
    other = float(np.mean(before @ after.T))
    assert other < 0.5 < same, f"{other:.2f} against {same:.2f} of the voice with itself"
