"""Fetching from hubs, against a stand-in server on this machine that speaks their two dialects.

The repositories, revisions and file names asked for are those of the shipped manifest; only the
bytes (and so their hashes) are tiny stand-ins.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import hub_stand_in
import pytest
import yaml
from hub_stand_in import TOKEN, StandIn, content_of, leftovers, serve, stand_for
from typer.testing import CliRunner

from qc_speech.cli.models_cmd import app
from qc_speech.errors import ModelError
from qc_speech.models import fetch, hub, require, verify


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    made = StandIn()
    server = serve(made)
    monkeypatch.setenv("HF_ENDPOINT", made.endpoint + "/")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", made.endpoint)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(hub, "TIMEOUT_S", 0.5)
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("QC_SPEECH_MODELS", str(folder))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in ("HF_TOKEN", "HF_TOKEN_PATH", "QC_SPEECH_MODELS_FROM"):
        monkeypatch.delenv(name, raising=False)
    return folder


REMOTE = [
    ("whisper-large-v3-turbo", "huggingface"),
    ("whisper-large-v3-turbo", "modelscope"),
    ("whisper-large-v3", "huggingface"),
    ("whisper-large-v3", "modelscope"),
    ("whisper-base", "huggingface"),
    ("campplus-zh-en", "modelscope"),
]


@pytest.mark.parametrize("pinned", [True, False], ids=["pinned", "first use"])
@pytest.mark.parametrize(("model_id", "source"), REMOTE)
def test_every_open_remote_source_of_the_manifest_is_asked_in_its_dialect(
    stand_in: StandIn,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    model_id: str,
    source: str,
    pinned: bool,
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    stand_for(stand_in, root, model_id, source, pinned=pinned)
    folder = fetch(model_id)
    for name in stand_in.names:
        assert (folder / name).read_bytes() == content_of(name)
    assert require(model_id) == folder
    assert leftovers(root) == [model_id]
    assert len(stand_in.files_asked()) == len(stand_in.names)
    assert {sent for _, sent in stand_in.asked} == {None}  # no token where none is needed


def test_the_command_fetches_and_says_so(stand_in: StandIn, root: Path) -> None:
    stand_for(stand_in, root, "whisper-large-v3-turbo", "huggingface")
    result = CliRunner().invoke(app, ["fetch", "whisper-large-v3-turbo"])
    assert result.exit_code == 0, result.output
    assert "whisper-large-v3-turbo: ready in" in result.output
    stand_in.asked.clear()
    assert CliRunner().invoke(app, ["fetch", "whisper-large-v3-turbo"]).exit_code == 0
    assert stand_in.asked == []  # what is right already is not fetched again
    verified = CliRunner().invoke(app, ["verify"])
    assert verified.exit_code == 0 and "damaged" not in verified.output


# --- the token ------------------------------------------------------------------------------


def test_a_gated_model_gets_the_token_from_the_environment(
    stand_in: StandIn, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_for(stand_in, root, "pyannote-community-1", "huggingface")
    stand_in.gated = True
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    folder = fetch("pyannote-community-1")
    assert (folder / "plda/plda.npz").read_bytes() == content_of("plda/plda.npz")
    assert {sent for _, sent in stand_in.asked} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("place", ["HF_TOKEN_PATH", "HF_HOME"])
def test_or_from_a_token_file(
    stand_in: StandIn,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
) -> None:
    stand_for(stand_in, root, "pyannote-community-1", "huggingface")
    stand_in.gated = True
    (tmp_path / "token").write_text(TOKEN + "\n", encoding="utf-8")
    monkeypatch.setenv(place, str(tmp_path / "token" if place == "HF_TOKEN_PATH" else tmp_path))
    assert fetch("pyannote-community-1").is_dir()


def test_without_a_token_nothing_is_asked_and_the_cure_is_named(
    stand_in: StandIn, root: Path
) -> None:
    stand_for(stand_in, root, "pyannote-community-1", "huggingface")
    result = CliRunner().invoke(app, ["fetch", "pyannote-community-1"])
    assert result.exit_code == 1
    assert "accept the terms of pyannote/speaker-diarization-community-1" in result.output
    assert "HF_TOKEN" in result.output
    assert stand_in.asked == []


def test_a_refused_token_is_said_and_never_shown(
    stand_in: StandIn, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_for(stand_in, root, "pyannote-community-1", "huggingface")
    stand_in.gated = True
    monkeypatch.setenv("HF_TOKEN", "hf_someone_else")
    with pytest.raises(ModelError, match=r"refused \(401\): accept its terms") as caught:
        fetch("pyannote-community-1")
    assert "hf_someone_else" not in str(caught.value)


def test_the_token_goes_only_to_the_endpoint_not_where_it_redirects(
    stand_in: StandIn, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_for(stand_in, root, "pyannote-community-1", "huggingface")
    stand_in.gated = True
    store = StandIn(names=stand_in.names)
    server = serve(store)
    stand_in.elsewhere = store.endpoint
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    try:
        fetch("pyannote-community-1")
    finally:
        server.shutdown()
        server.server_close()
    assert len(store.asked) == len(stand_in.names)
    assert {sent for _, sent in store.asked} == {None}
    assert {sent for _, sent in stand_in.asked} == {f"Bearer {TOKEN}"}


def test_a_redirect_within_the_endpoint_keeps_the_token(
    stand_in: StandIn, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_for(stand_in, root, "pyannote-community-1", "huggingface")
    stand_in.gated = True
    stand_in.elsewhere = stand_in.endpoint
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    fetch("pyannote-community-1")
    assert {sent for _, sent in stand_in.asked} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [("http://hub.invalid", "without encryption"), ("hub.invalid", "must start with http")],
)
def test_a_token_is_not_sent_in_the_clear(
    stand_in: StandIn, root: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, words: str
) -> None:
    stand_for(stand_in, root, "pyannote-community-1", "huggingface")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(ModelError, match=words):
        fetch("pyannote-community-1")


# --- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("404", r"model\.bin not found in deepdml/faster-whisper-large-v3-turbo-ct2 at .* \(404\)"),
        ("403", r"access to .* refused \(403\)"),
        ("500", r"the server answered 500 for model\.bin"),
        ("hang", r"no answer for model\.bin within 0\.5 s"),
        ("truncate", r"model\.bin broke off after 1800 of 3600 bytes"),
        ("wrong", r"model\.bin refused: SHA-256 [0-9a-f]{12}… instead of [0-9a-f]{12}…"),
        ("long", r"model\.bin is longer than the 3600 bytes"),
    ],
)
def test_a_fault_gives_one_clear_line_and_leaves_nothing(
    stand_in: StandIn, root: Path, fault: str, words: str
) -> None:
    stand_for(stand_in, root, "whisper-large-v3-turbo", "huggingface")
    stand_in.faults["model.bin"] = fault
    with pytest.raises(ModelError, match=words) as caught:
        fetch("whisper-large-v3-turbo")
    assert "\n" not in str(caught.value) and "127.0.0.1" not in str(caught.value)
    assert leftovers(root) == []
    stand_in.faults.clear()
    assert fetch("whisper-large-v3-turbo").is_dir()  # and the next try is not hindered


def test_a_server_that_is_not_there(
    stand_in: StandIn, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_for(stand_in, root, "whisper-large-v3", "modelscope")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    result = CliRunner().invoke(app, ["fetch", "whisper-large-v3"])
    assert result.exit_code == 1
    assert "modelscope: the connection for model.bin was refused" in result.output


def test_the_command_goes_on_with_the_other_models(stand_in: StandIn, root: Path) -> None:
    stand_for(stand_in, root, "whisper-base", "huggingface")
    text = (root / "manifest.yaml").read_text(encoding="utf-8")
    value = yaml.safe_load(text)
    value["models"].insert(0, {**value["models"][0], "id": "broken"})
    value["models"][0]["sources"] = [{"name": "local", "kind": "local"}]
    text = yaml.safe_dump(json.loads(json.dumps(value)))  # no aliases
    (root / "manifest.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(app, ["fetch"])
    assert result.exit_code == 1
    assert "error: model broken" in result.output and "whisper-base: ready" in result.output


# --- trust on first use ---------------------------------------------------------------------


def test_the_first_fetch_pins_what_the_hub_vouched_for(
    stand_in: StandIn, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_for(stand_in, root, "whisper-large-v3-turbo", "huggingface", pinned=False)
    listed = CliRunner().invoke(app, ["list"])
    assert "hash at first use" in listed.output and ".lock.json" in listed.output
    folder = fetch("whisper-large-v3-turbo")
    lock = json.loads((folder / ".lock.json").read_text(encoding="utf-8"))
    assert lock["repo"] == "deepdml/faster-whisper-large-v3-turbo-ct2"
    for name in stand_in.names:
        assert lock["files"][name]["sha256"] == hashlib.sha256(content_of(name)).hexdigest()
    assert {found.state for found in verify("whisper-large-v3-turbo")} == {"ok"}

    (folder / "model.bin").write_bytes(b"swapped")
    assert verify("whisper-large-v3-turbo")[0].state == "damaged"
    # The hub now serves (and vouches for) other bytes: the pin says no.
    monkeypatch.setattr(hub_stand_in, "content_of", lambda name: b"other " + name.encode())
    with pytest.raises(ModelError, match=r"model\.bin refused"):
        fetch("whisper-large-v3-turbo")
    assert (folder / "model.bin").read_bytes() == b"swapped"


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"model.bin": "wrong"}, r"model\.bin refused: SHA-256"),
        ({"config.json": "wrong"}, r"config\.json refused: git id"),
        ({"model.bin": "truncate"}, "broke off"),
        ({"list": "500"}, "answered 500 for the list of files"),
        ({"list": "not json"}, "the list of files is not JSON"),
        ({"list": "empty"}, r"holds no model\.bin"),
    ],
)
def test_what_the_hub_does_not_vouch_for_is_refused(
    stand_in: StandIn, root: Path, faults: dict[str, str], words: str
) -> None:
    stand_for(stand_in, root, "whisper-large-v3-turbo", "huggingface", pinned=False)
    stand_in.faults.update(faults)
    with pytest.raises(ModelError, match=words):
        fetch("whisper-large-v3-turbo")
    assert leftovers(root) == []


def test_files_put_there_by_hand_are_not_believed_without_a_hash(
    stand_in: StandIn, root: Path
) -> None:
    stand_for(stand_in, root, "whisper-large-v3-turbo", "huggingface", pinned=False)
    (root / "whisper-large-v3-turbo").mkdir()
    for name in stand_in.names:
        (root / "whisper-large-v3-turbo" / name).write_bytes(b"by hand")
    with pytest.raises(ModelError, match="by hand and no hash is known"):
        require("whisper-large-v3-turbo")
    assert {found.state for found in verify("whisper-large-v3-turbo")} == {"unpinned"}
    fetch("whisper-large-v3-turbo")
    assert {found.state for found in verify("whisper-large-v3-turbo")} == {"ok"}


# --- several processes ----------------------------------------------------------------------


def test_two_processes_fetch_one_model_once(stand_in: StandIn, root: Path) -> None:
    stand_for(stand_in, root, "whisper-base", "huggingface")
    stand_in.faults["model.bin"] = "slow"
    code = "from qc_speech.models import fetch; print(fetch('whisper-base'))"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert answers == [str(root / "whisper-base")] * 2
    assert sorted(stand_in.files_asked()) == sorted(set(stand_in.files_asked()))
    assert {found.state for found in verify("whisper-base")} == {"ok"}


def test_a_fetch_that_is_killed_hinders_nobody(stand_in: StandIn, root: Path) -> None:
    stand_for(stand_in, root, "whisper-base", "huggingface")
    stand_in.faults["vocabulary.txt"] = "slow"
    code = "from qc_speech.models import fetch; fetch('whisper-base')"
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 30
    while not any("vocabulary" in path for path in stand_in.files_asked()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait(30)
    assert any(name.endswith(".tmp") for name in leftovers(root))
    fetch("whisper-base")
    assert leftovers(root) == ["whisper-base"]


# --- the command's manners ------------------------------------------------------------------


def test_usage_errors_end_with_2(root: Path, tmp_path: Path) -> None:
    for arguments in (
        ["fetch", "nope"],
        ["verify", "nope"],
        ["fetch", "whisper-base", "--source", "moon"],
        ["fetch", "whisper-base", "--from", str(tmp_path / "gone")],
        ["fetch", "--frobnicate"],
    ):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 2, (arguments, result.output)
        assert "Traceback" not in result.output


def test_verify_ends_with_1_and_names_the_file(root: Path) -> None:
    result = CliRunner().invoke(app, ["verify", "campplus-zh-en"])
    assert result.exit_code == 1
    assert "missing" in result.output and "models fetch" in result.output


@pytest.mark.parametrize("command", ["list", "fetch", "verify"])
def test_each_help_shows_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"qc-speech models {command}" in " ".join(result.output.split())
