"""Where a setting comes from."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from qc_speech.errors import UsageError
from qc_speech.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("QC_SPEECH_")]:
        monkeypatch.delenv(name)


def file(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "qc.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_defaults() -> None:
    assert load_settings() == Settings()


def test_each_source_wins_over_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path, "beam = 2\nbatch = 2\nthreads = 2\n")
    assert load_settings(path).beam == 2
    monkeypatch.setenv("QC_SPEECH_BATCH", "3")
    monkeypatch.setenv("QC_SPEECH_THREADS", "3")
    found = load_settings(path, threads=4, asr_model=None)
    assert (found.beam, found.batch, found.threads) == (2, 3, 4)
    assert found.asr_model == Settings().asr_model  # None is not given


def test_the_file_may_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path, 'device = "cpu"\n')
    monkeypatch.setenv("QC_SPEECH_CONFIG", str(path))
    assert load_settings().device == "cpu"
    other = tmp_path / "other.toml"
    other.write_text('device = "cuda"\n')
    assert load_settings(other).device == "cuda"


def test_folders_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QC_SPEECH_LEXICONS", "somewhere")
    monkeypatch.setenv("QC_SPEECH_MODELS", "somewhere")
    assert load_settings() == Settings()


def test_unknown_names_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, "beem = 2\n")
    with pytest.raises(UsageError, match=r"unknown setting beem; one of .*beam") as caught:
        load_settings(path)
    assert str(path) in str(caught.value)
    monkeypatch.setenv("QC_SPEECH_BEEM", "2")
    with pytest.raises(UsageError, match="environment QC_SPEECH_BEEM: unknown setting beem"):
        load_settings()


@pytest.mark.parametrize(
    "text", ["beam = 'wide'\n", "beam = [1]\n", "beam = 2.5\n", "beam = true\n"]
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"setting beam: .* is not a int"):
        load_settings(file(tmp_path, text))


def test_a_number_in_the_environment_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QC_SPEECH_BEAM", "7")
    assert load_settings().beam == 7
    monkeypatch.setenv("QC_SPEECH_BEAM", "seven")
    with pytest.raises(UsageError, match="'seven' is not a int"):
        load_settings()


@pytest.mark.parametrize("text", ["beam = \n", "= 2\n", "beam = 2\nbeam = 3\n", "beam: 2\n"])
def test_a_file_that_is_not_toml(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"qc\.toml: not TOML: .*; correct the file") as caught:
        load_settings(file(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_in_gbk(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not TOML"):
        load_settings(file(tmp_path, 'hotwords = "大龙供暖"\n'.encode("gbk")))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_settings(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        load_settings(tmp_path)


def test_every_setting_has_help() -> None:
    assert all(item.metadata.get("help") for item in fields(Settings))


def test_the_example_file_names_every_setting_with_its_default() -> None:
    from dataclasses import fields
    from pathlib import Path

    path = Path(__file__).resolve().parents[2] / "batch" / "settings.toml"
    assert load_settings(path) == Settings()
    text = path.read_text(encoding="utf-8")
    for item in fields(Settings):
        assert f"\n{item.name} = " in text
