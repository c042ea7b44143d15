"""One recording through the stages: what is kept, what is done anew, what the result is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import scripted_engines
from scripted_engines import TALK, Recognizer, Script, write_call

from qc_speech.errors import AudioError, ModelError, UsageError
from qc_speech.model import CallResult, Metadata, Outcome, Role
from qc_speech.pipeline import STAGES, Inspector, Rules, rescore
from qc_speech.ports import Samples
from qc_speech.resources import data_dir
from qc_speech.setup import load_rules
from qc_speech.store_memory import MemoryStore

META = Metadata("c1", agent_id="1023", scenario="repair_hotline", direction="inbound")


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_call(tmp_path / "c1.wav")


@pytest.fixture
def inspector(script: Script, rules: Rules, store: MemoryStore) -> Inspector:
    return Inspector(script.engines(), rules, store)


def outcomes(result: CallResult) -> dict[str, Outcome]:
    return {finding.check: finding.outcome for finding in result.findings}


def test_a_stereo_call_is_heard_channel_by_channel(
    inspector: Inspector, script: Script, recording: Path
) -> None:
    result = inspector.inspect(recording, META)
    assert (script.heard, script.told_apart) == (2, 0)
    assert script.made == ["transcriber"]
    assert [u.role for u in result.call.utterances[:2]] == [Role.AGENT, Role.CUSTOMER]
    assert outcomes(result)["greeting"] is Outcome.PASS
    assert outcomes(result)["ask_phone"] is Outcome.VIOLATION
    assert result.score.total == 100 + sum(finding.points for finding in result.findings) < 100
    assert result.rulebook.startswith("repair_hotline@")


def test_a_mono_call_is_told_apart(inspector: Inspector, script: Script, tmp_path: Path) -> None:
    result = inspector.inspect(write_call(tmp_path / "m.wav", stereo=False), META)
    assert script.heard
    assert script.told_apart == 1
    assert len(result.call.utterances) == len(TALK)
    assert dict(result.call.roles.roles) == {"S0": Role.AGENT, "S1": Role.CUSTOMER}


def test_the_named_channel_is_the_agent(inspector: Inspector, recording: Path) -> None:
    result = inspector.inspect(recording, replace(META, agent_channel=1))
    assert dict(result.call.roles.roles) == {"ch1": Role.AGENT, "ch0": Role.CUSTOMER}


def test_a_channel_that_contradicts_the_talk_charges_nobody(
    inspector: Inspector, recording: Path
) -> None:
    result = inspector.inspect(recording, replace(META, agent_channel=1))
    assert result.call.roles.confidence < 0.5
    assert result.score.total == 100
    assert Outcome.UNCERTAIN in outcomes(result).values()
    assert any("声道" in reason for reason in result.score.review_reasons)
    right = inspector.inspect(recording, replace(META, agent_channel=0))
    assert right.call.roles.confidence == 1 and right.score.total < 100


def test_stages_and_progress_have_names(inspector: Inspector, recording: Path) -> None:
    seen: list[tuple[str, float]] = []
    result = inspector.inspect(
        recording, META, lambda stage, done, total: seen.append((stage, done))
    )
    assert [stage for stage, done in seen if not done] == list(STAGES)
    assert [stage for stage, _ in result.seconds] == list(STAGES)


def test_once_done_nothing_is_done_again(
    inspector: Inspector, script: Script, recording: Path
) -> None:
    assert inspector.is_done(recording, META) is None
    first = inspector.inspect(recording, META)
    assert inspector.is_done(recording, META) == first
    inspector.inspect(recording, META)
    assert script.heard == 2


def test_new_metadata_is_not_heard_again(
    inspector: Inspector, script: Script, recording: Path
) -> None:
    inspector.inspect(recording, META)
    other = replace(META, agent_id="2044", started_at=datetime(2026, 1, 1, 9, 0))
    assert inspector.is_done(recording, other) is None
    result = inspector.inspect(recording, other)
    assert script.heard == 2
    assert result.call.recording.metadata == other
    assert outcomes(result)["festival"] is Outcome.VIOLATION


def test_metadata_corrected_and_corrected_back(inspector: Inspector, recording: Path) -> None:
    """What is stored must be the result of the metadata that is asked for now."""
    inspector.inspect(recording, META)
    inspector.inspect(recording, replace(META, agent_id="2044"))
    done = inspector.is_done(recording, META)
    assert done is None or done.call.recording.metadata == META


def test_a_result_scored_with_another_rulebook_is_not_done(
    inspector: Inspector, rules: Rules, store: MemoryStore, recording: Path
) -> None:
    result = inspector.inspect(recording, META)
    store.put_result(rescore(result, rules, "complaint"))
    done = inspector.is_done(recording, META)
    assert done is None or done.rulebook == result.rulebook


def test_another_recording_under_the_same_id_is_not_done(
    inspector: Inspector, recording: Path, tmp_path: Path
) -> None:
    inspector.inspect(recording, META)
    other = write_call(tmp_path / "other.wav", seed=7)
    inspector.inspect(other, META)
    done = inspector.is_done(recording, META)
    assert done is None or done.call.recording.source_name == recording.name


def test_the_same_sound_under_another_name_is_not_heard_again(
    inspector: Inspector, script: Script, recording: Path
) -> None:
    inspector.inspect(recording, META)
    copy = Path(shutil.copy(recording, recording.with_name("copy.wav")))
    result = inspector.inspect(copy, replace(META, call_id="c2"))
    assert script.heard == 2
    assert (result.call_id, result.call.recording.source_name) == ("c2", "copy.wav")


@pytest.mark.parametrize(
    ("stamps", "hears", "tells_apart"),
    [
        (("asr/1", "diarizer/1"), False, False),
        (("asr/2", "diarizer/1"), True, False),  # another recognizer: who speaks when is kept
        (("asr/1", "diarizer/2"), True, True),  # another diarizer cuts the speech elsewhere
    ],
)
def test_another_engine_redoes_its_stage(
    stamps: tuple[str, str],
    hears: bool,
    tells_apart: bool,
    script: Script,
    rules: Rules,
    store: MemoryStore,
    tmp_path: Path,
) -> None:
    path = write_call(tmp_path / "m.wav", stereo=False)
    Inspector(script.engines(), rules, store).inspect(path, META)
    script.heard = script.told_apart = 0
    again = Inspector(script.engines(stamps), rules, store)
    assert (again.is_done(path, META) is None) == (hears or tells_apart)
    again.inspect(path, META)
    assert (script.heard > 0, script.told_apart > 0) == (hears, tells_apart)


def test_another_diarizer_does_not_touch_stereo(
    script: Script, rules: Rules, store: MemoryStore, recording: Path
) -> None:
    Inspector(script.engines(), rules, store).inspect(recording, META)
    Inspector(script.engines(("asr/1", "diarizer/2")), rules, store).inspect(recording, META)
    assert script.heard == 2


def test_edited_lexicons_are_scored_and_not_heard_again(
    script: Script, rules: Rules, store: MemoryStore, recording: Path, tmp_path: Path
) -> None:
    before = Inspector(script.engines(), rules, store).inspect(recording, META)
    folder = tmp_path / "lexicons"
    shutil.copytree(data_dir("lexicons"), folder)
    book = folder / "rulebooks" / "repair_hotline.yaml"
    text = book.read_text(encoding="utf-8")
    changed = text.replace(
        "check: ask_phone, family: phrase, points: 3", "check: ask_phone, family: phrase, points: 9"
    )
    assert changed != text
    book.write_text(changed, encoding="utf-8")
    edited = Inspector(script.engines(), load_rules(folder), store)
    assert edited.is_done(recording, META) is None
    after = edited.inspect(recording, META)
    assert script.heard == 2
    assert after.score.total == before.score.total - 6
    assert after.rulebook != before.rulebook

    back = Inspector(script.engines(), rules, store)
    done = back.is_done(recording, META)  # the edit was undone
    assert done is None or done.rulebook == before.rulebook


def test_a_rulebook_by_name(script: Script, rules: Rules, recording: Path) -> None:
    inspector = Inspector(script.engines(), rules, MemoryStore(), rulebook="switchboard")
    result = inspector.inspect(recording, META)
    assert result.rulebook.startswith("switchboard@")
    assert "self_id" not in outcomes(result)
    with pytest.raises(UsageError, match="nowhere"):
        rescore(result, rules, "nowhere")


def test_rescoring_gives_what_inspecting_gave(
    inspector: Inspector, rules: Rules, recording: Path
) -> None:
    result = inspector.inspect(recording, META)
    assert rescore(result, rules, None) == result


def test_a_stage_is_kept_when_a_later_one_fails(
    script: Script, rules: Rules, store: MemoryStore, tmp_path: Path
) -> None:
    def fail() -> None:
        raise ModelError("model: broken; fetch it again")

    path = write_call(tmp_path / "m.wav", stereo=False)
    script.before = fail
    inspector = Inspector(script.engines(), rules, store)
    with pytest.raises(ModelError):
        inspector.inspect(path, META)
    assert store.result("c1") is None
    script.before = lambda: None
    result = inspector.inspect(path, META)
    assert script.told_apart == 1
    assert result.call_id == "c1"


def test_without_metadata_the_scenario_is_recognized(inspector: Inspector, recording: Path) -> None:
    result = inspector.inspect(recording, Metadata("c1"))
    assert result.scenario == "repair_hotline"
    assert 0 < result.scenario_confidence <= 1
    assert result.rulebook.startswith(f"{result.scenario}@")


@pytest.mark.parametrize("content", [b"", b"hello, this is text\n" * 50])
def test_no_recording_is_an_audio_error(
    content: bytes, inspector: Inspector, script: Script, tmp_path: Path
) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"bad\.wav.*;"):
        inspector.inspect(path, META)
    assert script.made == []


def test_silence_goes_to_review_and_costs_nothing(inspector: Inspector, tmp_path: Path) -> None:
    path = write_call(tmp_path / "quiet.wav", level=0.0, seconds=0.2)
    result = inspector.inspect(path, META)
    assert result.call.recording.warnings == ("silent",)
    assert (result.score.total, result.score.review) == (100, True)
    assert not [f for f in result.findings if f.outcome is Outcome.VIOLATION]


class Keen(Recognizer):
    """A recognizer that can be asked, and likes one text best."""

    liked = ""
    asked = 0

    def log_likelihoods(
        self, asked: Sequence[tuple[Samples, Sequence[str]]]
    ) -> tuple[tuple[float, ...], ...]:
        type(self).asked += 1
        assert all(len(sound) for sound, _ in asked)
        return tuple(
            tuple(0.0 if self.liked and self.liked in text else -60.0 for text in texts)
            for _, texts in asked
        )


def test_where_the_text_is_in_doubt_the_audio_is_asked_once(
    script: Script,
    rules: Rules,
    store: MemoryStore,
    recording: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unclear = (0, 6300, 8500, "请问您贵姓您的地址是哪里电罗波少")
    monkeypatch.setattr(scripted_engines, "TALK", (*TALK[:2], unclear, *TALK[3:]))

    class Liking(Keen):
        liked = "电话多少"

    engines = replace(script.engines(), transcriber=lambda: Liking(script), ask=True)
    result = Inspector(engines, rules, store).inspect(recording, META)
    assert result.call.asked and Liking.asked == 1
    assert outcomes(result)["ask_phone"] is Outcome.PASS
    other = replace(META, agent_name="某某")  # scored again, with the same questions
    again = Inspector(engines, rules, store).inspect(recording, other)
    assert Liking.asked == 1 and again.call.asked == result.call.asked
    assert rescore(result, rules, None).findings == result.findings


def test_a_recognizer_that_cannot_be_asked_leaves_it_to_the_text(
    script: Script, rules: Rules, store: MemoryStore, recording: Path
) -> None:
    asking = Inspector(replace(script.engines(), ask=True), rules, store)
    assert asking.inspect(recording, META).call.asked == ()
