"""The Python API: one call in, one value out, nothing printed, kept or sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import qc_speech
from qc_speech.errors import AudioError, ModelError, QcError, UsageError
from qc_speech.model import Metadata, Role
from qc_speech.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit"))

from scripted_engines import Script, write_call  # noqa: E402


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    from qc_speech import api

    one = Script()
    monkeypatch.setattr(api, "make_engines", lambda settings: one.engines())
    api._inspector.cache_clear()
    yield one
    api._inspector.cache_clear()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_call(tmp_path / "call 7.wav")


def test_a_recording_gives_a_result(
    script: Script, recording: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = qc_speech.inspect(str(recording))
    assert isinstance(result, qc_speech.CallResult)
    assert result.call_id == "call 7"
    assert result.call.by_role(Role.AGENT)
    assert result.findings
    assert result.score.total <= 100
    assert capfd.readouterr() == ("", "")


def test_metadata_and_rulebook(script: Script, recording: Path) -> None:
    metadata = Metadata("c9", agent_id="1023", scenario="switchboard", agent_channel=0)
    result = qc_speech.inspect(recording, metadata)
    assert result.call.recording.metadata == metadata
    assert result.rulebook.startswith("switchboard@")
    assert qc_speech.inspect(recording, metadata, rulebook="complaint").rulebook.startswith(
        "complaint@"
    )


def test_engines_are_made_once_and_calls_are_not_kept(script: Script, recording: Path) -> None:
    first = qc_speech.inspect(recording)
    assert qc_speech.inspect(recording) == first
    assert script.heard == 4  # heard again: nothing of a call stays in memory


@pytest.mark.parametrize("content", [None, b"", b"text\n" * 100])
def test_no_recording(content: bytes | None, script: Script, tmp_path: Path) -> None:
    path = tmp_path / "bad.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioError, match=r"bad\.wav: .*; ") as caught:
        qc_speech.inspect(path)
    assert isinstance(caught.value, QcError)
    assert len(str(caught.value).splitlines()) == 1


def test_an_unknown_rulebook(script: Script, recording: Path) -> None:
    with pytest.raises(UsageError, match="rulebook nowhere: not known; one of"):
        qc_speech.inspect(recording, rulebook="nowhere")
    assert script.heard == 0  # said before anything is heard


def test_a_model_that_is_not_there(recording: Path, tmp_path: Path) -> None:
    wanted = Settings(asr_model="whisper-nowhere")
    with pytest.raises(QcError, match="whisper-nowhere"):
        qc_speech.inspect(recording, settings=wanted)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="inspector"):
        _ = qc_speech.inspector


HEARS = """
import json, os, socket, sys
reached = []
def reach(*where, **more):
    reached.append(str(where))
    raise OSError("no network in this test")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = reach
from qc_speech import inspect
results = [inspect(path) for path in sys.argv[2:]]
with open(sys.argv[1], "w") as file:
    json.dump({
        "reached": reached,
        "metrics": os.environ.get("PYANNOTE_METRICS_ENABLED"),
        "pyannote": "pyannote.audio" in sys.modules,
        "turns": [len(result.call.utterances) for result in results],
        "diarizers": [str(result.call.stamps[1]) for result in results],
    }, file)
"""


@pytest.mark.models
def test_real_hearing_is_silent_and_sends_nothing(tmp_path: Path) -> None:
    from qc_speech.engines.registry import require_models

    try:
        require_models(Settings())
    except ModelError as error:
        pytest.skip(str(error))
    mono = tmp_path / "mono.wav"
    import soundfile

    samples, rate = soundfile.read(ROOT / "examples" / "calls" / "d13.wav", frames=40_000)
    soundfile.write(mono, samples, rate)
    environment = {k: v for k, v in os.environ.items() if k != "PYANNOTE_METRICS_ENABLED"}
    done = subprocess.run(
        [sys.executable, "-c", HEARS, str(tmp_path / "seen.json"), str(mono)],
        env={**environment, "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    assert seen["reached"] == []
    assert seen["pyannote"] and seen["metrics"] == "0"
    assert seen["turns"][0] >= 1
    assert seen["diarizers"][0].startswith("pyannote.audio")
