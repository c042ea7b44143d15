"""A known agent's voice in the pipeline, and the commands that keep voiceprints."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scripted_engines import TALK, Script, write_call
from scripted_voices import SIZE, ScriptedVoices, sound
from typer.testing import CliRunner

from qc_speech.cli.app import app
from qc_speech.engines import registry
from qc_speech.model import Metadata, Role, Span, Stamp, Voiceprint
from qc_speech.pipeline import Engines, Inspector
from qc_speech.ports import Samples
from qc_speech.setup import load_rules
from qc_speech.store import open_store
from qc_speech.store_memory import MemoryStore

META = Metadata("c1", agent_id="1023", scenario="repair_hotline", direction="inbound")
NOW = datetime(2026, 1, 15, 9, 12)


class Parties:
    """A VoiceEncoder that knows who speaks when in the scripted talk: 0 the agent, 1 the other."""

    def __init__(self) -> None:
        self.asked = 0

    @property
    def stamp(self) -> Stamp:
        return Stamp("scripted", "1", "voices")

    def embed(self, samples: Samples, spans: Sequence[Span]) -> np.ndarray:
        self.asked += 1
        found = np.zeros((len(spans), SIZE), np.float32)
        for row, span in enumerate(spans):
            who = next(who for who, start, end, _ in TALK if start <= span.start_ms < end)
            found[row, who] = 1.0
        return found


def print_of(person: int, model: str = "voices") -> Voiceprint:
    vector = tuple(float(place == person) for place in range(SIZE))
    return Voiceprint("1023", vector, 40.0, model, NOW)


def engines(voices: Parties | None) -> Engines:
    made = Script().engines()
    if voices is None:
        return made
    return replace(made, voices=lambda: voices, voices_model="voices")


@pytest.mark.parametrize("stereo", [False, True])
def test_a_known_voice_is_evidence_and_only_the_likeness_is_kept(
    tmp_path: Path, stereo: bool
) -> None:
    recording, store, voices = (
        write_call(tmp_path / "c.wav", stereo=stereo),
        MemoryStore(),
        Parties(),
    )
    inspector = Inspector(engines(voices), load_rules(), store)
    before = inspector.inspect(recording, META)
    assert voices.asked == 0
    store.put_voiceprint(print_of(0))
    assert inspector.is_done(recording, META) is None
    result = inspector.inspect(recording, META)
    agent = "ch0" if stereo else "S0"
    assert result.call.roles.of(agent) is Role.AGENT
    assert any("声纹相似 1.00" in line for line in result.call.roles.evidence)
    assert not any("声纹" in line for line in before.call.roles.evidence)
    kept = [text for (_, stage, _), text in store._stages.items() if stage == "likeness"]
    assert len(kept) == 1 and len(kept[0]) < 60
    asked = voices.asked
    assert inspector.is_done(recording, META) is not None
    inspector.inspect(recording, META)
    assert voices.asked == asked  # compared once
    store.remove_voiceprint("1023")
    assert inspector.inspect(recording, META).call.roles == before.call.roles


def test_the_customers_voice_in_the_agents_place_goes_to_review(tmp_path: Path) -> None:
    store = MemoryStore()
    store.put_voiceprint(print_of(5))
    recording = write_call(tmp_path / "c.wav")
    result = Inspector(engines(Parties()), load_rules(), store).inspect(recording, META)
    assert result.call.roles.of("ch0") is Role.AGENT
    assert any("声纹" in reason for reason in result.score.review_reasons)


@pytest.mark.parametrize("case", ["off", "another model", "another agent", "no agent"])
def test_a_voice_is_compared_only_where_it_may_be(tmp_path: Path, case: str) -> None:
    store, voices = MemoryStore(), Parties()
    store.put_voiceprint(print_of(0, "older" if case == "another model" else "voices"))
    meta = {"another agent": replace(META, agent_id="9"), "no agent": replace(META, agent_id=None)}
    made = engines(None if case == "off" else voices)
    recording = write_call(tmp_path / "c.wav")
    Inspector(made, load_rules(), store).inspect(recording, meta.get(case, META))
    assert voices.asked == 0


# --- qc-speech voices ---------------------------------------------------------------------------


@pytest.fixture
def voices(monkeypatch: pytest.MonkeyPatch) -> ScriptedVoices:
    encoder = ScriptedVoices()
    monkeypatch.setattr(registry, "voice_encoder", lambda settings: lambda: encoder)
    monkeypatch.setattr(
        registry,
        "speech_spans",
        lambda row: tuple(
            Span(at, at + 2400)
            for at in range(0, len(row) // 16 - 2400, 2500)
            if row[at * 16 : (at + 2400) * 16].all()
        ),
    )
    return encoder


def wav(path: Path, *channels: Samples) -> Path:
    # FLOAT: the level tells the person, so it must come back as it was
    soundfile.write(path, np.stack(channels, axis=1), 16_000, subtype="FLOAT")
    return path


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["voices", *map(str, arguments)])
    return result.exit_code, result.output


def two_sides(path: Path) -> Path:
    """The agent (person 1) left, a customer (person 2) right, by turns."""
    left, right = sound((1, 60)), sound((2, 60))
    for at in range(0, 60, 10):
        left[at * 16_000 : (at + 5) * 16_000] = 0
        right[(at + 5) * 16_000 : (at + 10) * 16_000] = 0
    return wav(path, left, right)


@pytest.mark.usefixtures("voices")
def test_enrol_list_remove(tmp_path: Path) -> None:
    out, file = tmp_path / "out", wav(tmp_path / "a.wav", sound((1, 40)))
    code, said = call("enrol", "1023", file, "--out", out)
    assert code == 0, said
    assert "agent 1023: voiceprint enrolled" in said and "consent" in said
    assert stat.S_IMODE((out / "qc.sqlite").stat().st_mode) == 0o600
    with open_store(out / "qc.sqlite") as store:
        (made,) = store.voiceprints()
    assert (made.agent_id, made.model) == ("1023", "voices") and made.seconds > 30
    code, said = call("list", "--out", out)
    assert code == 0 and "1023" in said and f"{made.vector[1]:.3f}"[:5] not in said
    assert "replaced" in call("enrol", "1023", file, "--out", out)[1]
    assert call("remove", "1023", "--out", out) == (0, "agent 1023: voiceprint erased\n")
    code, said = call("remove", "1023", "--out", out)
    assert code == 2 and "no voiceprint" in said
    assert "no voiceprints" in call("list", "--out", out)[1]


@pytest.mark.usefixtures("voices")
def test_the_agents_side_or_stretch_of_a_call_can_be_chosen(tmp_path: Path) -> None:
    out = tmp_path / "out"
    stereo = two_sides(tmp_path / "two.wav")
    mono = wav(tmp_path / "one.wav", sound((2, 30), (1, 40)))
    code, said = call("enrol", "1", stereo, "--out", out)
    assert code == 2 and "--channel left" in said
    assert call("enrol", "1", stereo, "--channel", "left", "--out", out)[0] == 0
    code, said = call("enrol", "2", mono, "--out", out)
    assert code == 2 and "two voices" in said
    assert call("enrol", "2", mono, "--from", "31", "--out", out)[0] == 0
    with open_store(out / "qc.sqlite") as store:
        assert np.dot(*(one.vector for one in store.voiceprints())) > 0.9


@pytest.mark.usefixtures("voices")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--channel", "both"], "write left or right"),
        (["--from", "10", "--to", "5"], "not after --from"),
        (["--from", "100"], "before --from"),
        (["--channel", "right"], "one channel only"),
        (["--to", "9"], "too little for a voiceprint"),
    ],
)
def test_what_cannot_be_enrolled_is_one_line(
    tmp_path: Path, options: list[str], message: str
) -> None:
    file = wav(tmp_path / "a.wav", sound((1, 40)))
    code, said = call("enrol", "1023", file, "--out", tmp_path / "out", *options)
    assert code == 2 and said.startswith("error: ") and said.count("\n") == 1
    assert message in said
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("voices")
def test_files_and_folders_that_are_not_there(tmp_path: Path) -> None:
    code, said = call("enrol", "1", tmp_path / "no.wav", "--out", tmp_path / "out")
    assert code == 1 and "no.wav: no such file" in said
    for command in (["list"], ["remove", "1"]):
        code, said = call(*command, "--out", tmp_path / "nowhere")
        assert code == 2 and "holds no store" in said
