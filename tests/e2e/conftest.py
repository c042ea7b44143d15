"""Three example calls and one folder full of trouble, each run once for all tests."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import clips
import pytest
from command_line import Ran, run_it

from qc_speech.engines.registry import require_models
from qc_speech.errors import ModelError
from qc_speech.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))  # scripted_engines


@dataclass(frozen=True)
class Finished:
    """A folder of recordings, where its results are, and how the run ended."""

    calls: Path
    out: Path
    ran: Ran


@pytest.fixture(scope="session")
def models() -> None:
    try:
        require_models(Settings())
    except ModelError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def three(models: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """d01 (stereo wav), d13 (mono wav) and d14 (stereo mp3) with their manifest."""
    folder = tmp_path_factory.mktemp("three")
    calls = clips.three_calls(folder / "calls")
    return Finished(calls, folder / "out", run_it("run", calls, "--out", folder / "out"))


@pytest.fixture(scope="session")
def mixed(models: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Good recordings of every kind among files that are none, and a manifest with mistakes."""
    folder = tmp_path_factory.mktemp("mixed")
    calls = clips.good_clips(folder / "calls")
    clips.bad_files(calls)
    clips.excel_manifest(calls / "excel", calls / "plain.wav")
    clips.name_in_gbk(calls, calls / "plain.wav")
    return Finished(calls, folder / "out", run_it("run", calls, "--out", folder / "out"))
