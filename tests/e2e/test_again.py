"""Running and scoring again: what is not new is neither heard nor written."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from clips import three_calls
from command_line import files, heard, published, rows, run_it

from conftest import Finished

pytestmark = pytest.mark.models
LOADED = (
    "import atexit, sys\n"
    "engines = ('qc_speech.engines.whisper', 'pyannote.audio', 'torch')\n"
    "loaded = lambda: [name for name in engines if name in sys.modules]\n"
    "atexit.register(lambda: print('loaded:', loaded(), file=sys.stderr))\n"
    "from qc_speech.cli import main\n"
    "main()\n"
)


@pytest.fixture
def own(three: Finished, tmp_path: Path) -> Finished:
    """A copy of the folder and its results, to be changed."""
    for name, source in (("calls", three.calls), ("out", three.out)):
        shutil.copytree(source, tmp_path / name)
    return Finished(tmp_path / "calls", tmp_path / "out", three.ran)


def test_again_nothing_is_new(three: Finished) -> None:
    before, stages = files(three.out), heard(three.out)
    ran = run_it("run", three.calls, "--out", three.out, command=(sys.executable, "-c", LOADED))
    assert ran.code == 0
    assert "inspected 0, unchanged 3, failed 0" in ran.out
    assert "loaded: []" in ran.err  # no engine, so no model
    assert files(three.out) == before
    assert heard(three.out) == stages
    assert ran.seconds < three.ran.seconds / 2


def test_another_agent_is_scored_and_not_heard_again(own: Finished) -> None:
    stages = heard(own.out)
    three_calls(own.calls, agent_id="7777")
    ran = run_it("run", own.calls, "--out", own.out, command=(sys.executable, "-c", LOADED))
    assert ran.code == 0
    assert "inspected 3, unchanged 0, failed 0" in ran.out
    assert "loaded: []" in ran.err
    assert heard(own.out) == stages
    assert {result["agent_id"] for result in published(own.out).values()} == {"7777"}
    assert [page.stem for page in (own.out / "report" / "agents").iterdir()] == ["7777"]


def test_score_needs_neither_sound_nor_models(own: Finished, three: Finished) -> None:
    before = published(own.out)
    away = three.calls.with_name("calls-away")
    nothing = own.out.parent / "no-models"
    nothing.mkdir()
    three.calls.rename(away)
    shutil.rmtree(own.calls)
    try:
        ran = run_it(
            "score",
            own.out,
            command=(sys.executable, "-c", LOADED),
            env={"QC_SPEECH_MODELS": str(nothing)},
        )
    finally:
        away.rename(three.calls)
    assert ran.code == 0, ran.err
    assert "loaded: []" in ran.err
    assert published(own.out) == before


def test_score_with_another_rulebook(own: Finished) -> None:
    before, stages = published(own.out), heard(own.out)
    ran = run_it("score", own.out, "--rulebook", "complaint")
    assert ran.code == 0, ran.err
    after = published(own.out)
    assert all(r["engine"]["rulebook"].startswith("complaint@") for r in after.values())
    assert all("apology" in {f["check"] for f in r["findings"]} for r in after.values())
    assert heard(own.out) == stages
    changing = ("findings", "score", "engine")
    for call_id, result in after.items():
        assert {k: v for k, v in result.items() if k not in changing} == {
            k: v for k, v in before[call_id].items() if k not in changing
        }
    assert dict(rows(own.out, "SELECT call_id, total FROM results")) == {
        call_id: result["score"]["total"] for call_id, result in after.items()
    }

    again = run_it("run", own.calls, "--out", own.out)  # what `run` says is what is there
    assert again.code == 0
    assert {k: v["engine"]["rulebook"] for k, v in published(own.out).items()} == {
        k: v["engine"]["rulebook"] for k, v in before.items()
    }


def test_an_edited_word_list_is_scored(own: Finished) -> None:
    from qc_speech.resources import data_dir

    lexicons = own.out.parent / "lexicons"
    shutil.copytree(data_dir("lexicons"), lexicons)
    book = lexicons / "rulebooks" / "switchboard.yaml"
    text = book.read_text(encoding="utf-8")
    book.write_text(text + "  - {check: festival, points: 11}\n", encoding="utf-8")
    ran = run_it("score", own.out, env={"QC_SPEECH_LEXICONS": str(lexicons)})
    assert ran.code == 0, ran.err
    (festival,) = (f for f in published(own.out)["d14"]["findings"] if f["check"] == "festival")
    assert festival["points"] in (-11, 0)
    assert (festival["points"] == -11) == (festival["outcome"] == "violation")

    book.write_text(text + "  - {check: festival, point: 11}\n", encoding="utf-8")
    ran = run_it("score", own.out, env={"QC_SPEECH_LEXICONS": str(lexicons)})
    assert ran.code in (1, 2)
    assert len(ran.err.splitlines()) == 1
    line = len(text.splitlines()) + 1
    assert f"switchboard.yaml:{line}" in ran.err


def test_without_metadata_the_channels_are_told_apart_by_what_is_said(own: Finished) -> None:
    stages = heard(own.out)
    three_calls(
        own.calls, agent_channel="", scenario="", agent_id="", direction="", ring_seconds=""
    )
    ran = run_it("run", own.calls, "--out", own.out)
    assert ran.code == 0, ran.err
    assert heard(own.out) == stages
    results = published(own.out)
    assert results["d01"]["roles"]["speakers"] == {"ch0": "agent", "ch1": "customer"}
    # d14 opens with 喂 and its words were heard badly: it may stay open, but not be mistaken.
    assert results["d14"]["roles"]["speakers"] in (
        {"ch0": "agent", "ch1": "customer"},
        {"ch0": "unknown", "ch1": "unknown"},
    )
    for result in results.values():
        known = "unknown" not in result["roles"]["speakers"].values()
        assert (result["roles"]["confidence"] >= 0.8) == known
        assert result["roles"]["evidence"]
        assert known or result["score"]["review"]
        assert 0 < result["scenario_confidence"] < 1
        assert result["agent_id"] == "unknown"
        assert result["ring_seconds"] is None
    assert [page.stem for page in (own.out / "report" / "agents").iterdir()] == ["unassigned"]
