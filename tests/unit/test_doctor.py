"""The doctor: what it looks at, what it says, and that one broken part hides no other."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from qc_speech import doctor
from qc_speech.cli.doctor_cmd import EPILOG
from qc_speech.cli.doctor_cmd import doctor as doctor_command
from qc_speech.errors import ModelError

NAMES = [
    "Python",
    "packages",
    "processor",
    "memory",
    "GPU",
    "audio formats",
    "models",
    "lexicons",
    "disk space",
    "database",
    "write permission",
]


def by_name(out: Path) -> dict[str, doctor.CheckResult]:
    return {result.name: result for result in doctor.examine(out)}


@pytest.fixture(autouse=True)
def lexicons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "lexicons"
    folder.mkdir()
    (folder / "book.yaml").write_text("name: x\n", encoding="utf-8")
    monkeypatch.setenv("QC_SPEECH_LEXICONS", str(folder))
    return folder


@pytest.fixture
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QC_SPEECH_MODELS", str(tmp_path / "no-models"))


def test_everything_is_looked_at_and_every_bad_state_has_a_cure(
    tmp_path: Path, no_models: None
) -> None:
    results = doctor.examine(tmp_path / "not" / "yet" / "there")
    assert [result.name for result in results] == NAMES
    assert all(result.state in ("ok", "warn", "fail") for result in results)
    assert all(bool(result.cure) == (result.state != "ok") for result in results)
    found = {result.name: result for result in results}
    for name in ("Python", "audio formats", "lexicons", "database", "write permission"):
        assert found[name].state == "ok", found[name]
    assert "journal wal" in found["database"].found and "JSON" in found["database"].found
    assert "AMR" in found["audio formats"].found and "GSM" in found["audio formats"].found
    assert not (tmp_path / "not").exists()  # looking changes nothing
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lexicons"]


def test_missing_models_fail_with_the_command_that_cures(tmp_path: Path, no_models: None) -> None:
    result = by_name(tmp_path)["models"]
    assert result.state == "fail" and result.cure == "qc-speech models fetch"
    assert "whisper-base" in result.found and "campplus-zh-en" in result.found
    assert "large" not in result.found  # optional models are not asked for


def test_models_that_are_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "require", lambda model_id: tmp_path / model_id)
    assert by_name(tmp_path)["models"].state == "ok"

    def damaged(model_id: str) -> Path:
        raise ModelError(f"model {model_id}: model.bin is damaged; run: qc-speech models fetch x")

    monkeypatch.setattr(doctor, "require", damaged)
    assert "model.bin is damaged" in by_name(tmp_path)["models"].found


def test_lexicons_missing_or_empty(
    tmp_path: Path, lexicons: Path, no_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lexicons / "book.yaml").unlink()
    assert "holds no YAML file" in by_name(tmp_path)["lexicons"].found
    monkeypatch.setenv("QC_SPEECH_LEXICONS", str(tmp_path / "gone"))
    result = by_name(tmp_path)["lexicons"]
    assert result.state == "fail" and "is missing" in result.found


def test_one_broken_library_hides_no_other_result(
    tmp_path: Path, no_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> doctor.CheckResult:
        raise ImportError("libavcodec.so: cannot open\nsecond line")

    monkeypatch.setattr(doctor, "_audio", broken)
    results = doctor.examine(tmp_path)
    assert [result.name for result in results] == NAMES
    found = {result.name: result for result in results}["audio formats"]
    assert (found.state, found.found) == ("fail", "ImportError: libavcodec.so: cannot open")


def test_a_codec_that_is_not_there(
    tmp_path: Path, no_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import av

    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"amrnb"}, raising=True)
    result = by_name(tmp_path)["audio formats"]
    assert result.state == "warn" and result.found == "no decoder for AMR" and "av" in result.cure


def test_a_package_that_is_not_there(
    tmp_path: Path, no_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = (*doctor._PACKAGES, ("qc-nothing", "qc_nothing.deep"))
    monkeypatch.setattr(doctor, "_PACKAGES", wanted)
    result = by_name(tmp_path)["packages"]
    assert result.state == "fail" and "qc-nothing" in result.found
    assert result.cure.startswith("pip install") and "qc-nothing" in result.cure


@pytest.mark.parametrize(
    ("free", "expected"), [(10**8, "fail"), (10**9, "warn"), (3 * 10**9, "ok")]
)
def test_disk_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, expected: str
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage(free, 0, free))
    assert doctor._disk(tmp_path).state == expected


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "NamedTemporaryFile", refuse)
    result = doctor._writable(tmp_path)
    assert result.state == "fail" and "Permission denied" in result.found


def fake_nvidia_smi(folder: Path, text: str) -> None:
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in tool is a shell script")
def test_graphics_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ctranslate2

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    fake_nvidia_smi(tmp_path, "echo 'NVIDIA A10, 23028 MiB, 550.54.15'")
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    seen = doctor._gpu()
    assert seen.state == "ok"
    assert seen.found == "1 CUDA device(s): NVIDIA A10, 23028 MiB, driver 550.54.15"
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    hidden = doctor._gpu()
    assert hidden.state == "warn" and "CUDA does not see it" in hidden.found and hidden.cure
    fake_nvidia_smi(tmp_path, "echo 'NVIDIA-SMI has failed'; exit 9")
    assert doctor._gpu() == doctor.CheckResult("GPU", "ok", "none; the CPU is used")


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 1))
    assert doctor._python().state == "fail"


def app() -> typer.Typer:
    made = typer.Typer()
    made.command(epilog=EPILOG)(doctor_command)
    made.command("other")(lambda: None)
    return made


def test_the_command_says_what_failed_and_ends_with_1(tmp_path: Path, no_models: None) -> None:
    result = CliRunner().invoke(app(), ["doctor", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "models fetch" in " ".join(result.output.replace("│", " ").split())
    assert "checks failed" in result.output


def test_the_command_ends_with_0_when_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = (
        doctor.CheckResult("one", "ok", "[red]1[/red]"),
        doctor.CheckResult("two", "warn", "2", "do it"),
    )
    monkeypatch.setattr(doctor, "examine", lambda out: fine)
    result = CliRunner().invoke(app(), ["doctor", "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert "[red]1[/red]" in result.output  # what was found is text, not markup


def test_help_shows_an_example() -> None:
    result = CliRunner().invoke(app(), ["doctor", "--help"])
    assert result.exit_code == 0 and "Example: qc-speech doctor" in result.output


def test_looking_does_not_load_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from qc_speech.doctor import examine;"
        f"examine(Path({str(tmp_path)!r})); print('torch' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
