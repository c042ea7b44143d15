"""Whatever lies in a folder: recordings are inspected, the rest is one clear line each."""

from __future__ import annotations

from typing import Any

import pytest
from clips import EXCEL
from command_line import published, rows
from rapidfuzz import fuzz

from conftest import Finished

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def results(mixed: Finished) -> dict[str, dict[str, Any]]:
    return published(mixed.out)


def text(result: dict[str, Any]) -> str:
    return "".join(turn["text"] for turn in result["turns"])


def findings(result: dict[str, Any], outcome: str) -> list[str]:
    return [one["check"] for one in result["findings"] if one["outcome"] == outcome]


def test_some_failed(mixed: Finished) -> None:
    assert mixed.ran.code == 1
    # 5 files that are no recordings, 3 lines of the manifest
    assert "failed 8" in mixed.ran.out
    assert len(mixed.ran.errors) == 8
    assert "internal error" not in mixed.ran.err


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("empty.wav", "empty"),
        ("text.wav", "not an audio file"),
        ("noise.mp3", "not an audio file"),
        ("playlist.wav", "not an audio file"),
        ("header.wav", "no sound|0 seconds|nothing"),
    ],
)
def test_a_file_that_is_no_recording(name: str, wrong: str, mixed: Finished) -> None:
    (line,) = mixed.ran.about(name)
    assert line.startswith(f"error: {name}: ")
    assert any(part in line for part in wrong.split("|"))
    assert "; " in line  # and what to do
    failed = dict(rows(mixed.out, "SELECT source, message FROM failures"))
    assert f"error: {failed[str(mixed.calls / name)]}" == line


@pytest.mark.parametrize(
    ("number", "wrong"),
    [(3, "no such file"), (4, "call_id 'k1' is used before"), (5, "started_at '2026/13/45 9:12'")],
)
def test_a_wrong_line_of_a_manifest(number: int, wrong: str, mixed: Finished) -> None:
    manifest = mixed.calls / "excel" / "manifest.csv"
    lines = mixed.ran.about(f"{manifest}:{number}:")
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ") and wrong in lines[0]


def test_a_manifest_of_excel(results: dict[str, dict[str, Any]]) -> None:
    assert "王芳" in EXCEL
    call = results["k1"]
    assert (call["agent_id"], call["agent_name"], call["scenario"], call["direction"]) == (
        "1023", "王芳", "inbound_service", "inbound",
    )  # fmt: skip
    assert (call["started_at"], call["ring_seconds"]) == ("2026-01-15T09:12:00", 5)


def test_every_recording_has_a_result(results: dict[str, dict[str, Any]]) -> None:
    named = {
        "aac", "alaw", "both_same", "cut", "k1", "opus", "plain", "silent", "six", "swapped",
    }  # fmt: skip
    assert named <= set(results)


@pytest.mark.parametrize("name", ["alaw", "opus", "aac", "six", "both_same"])
def test_every_format_sounds_the_same(name: str, results: dict[str, dict[str, Any]]) -> None:
    """The same words at the same times: neither rate nor channels were mistaken."""
    plain, other = results["plain"], results[name]
    assert len(text(plain)) > 10
    assert fuzz.ratio(text(plain), text(other)) > 45
    assert other["duration"] == pytest.approx(plain["duration"], abs=0.1)
    assert other["turns"][0]["start"] == pytest.approx(plain["turns"][0]["start"], abs=0.4)
    assert other["channels"] == 1


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("six.wav", "many_channels", "more than two channels"),
        ("silent.wav", "silent", "no sound"),
        ("both_same.wav", "same_channels", "inspected as mono"),
        ("cut.mp3", "truncated", "ends early"),
    ],
)
def test_what_is_odd_is_noted(
    name: str, code: str, says: str, mixed: Finished, results: dict[str, dict[str, Any]]
) -> None:
    (line,) = mixed.ran.about(name)
    assert line.startswith(f"note: {name}: ") and says in line
    assert code in results[name.partition(".")[0]]["warnings"]


def test_a_silent_call_goes_to_review(results: dict[str, dict[str, Any]]) -> None:
    call = results["silent"]
    assert call["turns"] == []
    assert call["score"]["review"] and call["score"]["review_reasons"]
    assert findings(call, "violation") == []
    assert call["score"]["total"] == 100


def test_a_call_cut_short_keeps_what_is_there(results: dict[str, dict[str, Any]]) -> None:
    assert 8 < results["cut"]["duration"] < 15
    assert results["cut"]["turns"]


def test_the_agent_is_found_in_the_other_channel(results: dict[str, dict[str, Any]]) -> None:
    call = results["swapped"]
    assert call["channels"] == 2
    assert call["roles"]["speakers"] == {"ch1": "agent", "ch0": "customer"}
    assert 0.8 <= call["roles"]["confidence"] <= 1
    assert call["turns"][0]["speaker"] == "agent"


def test_a_name_in_gbk(mixed: Finished, results: dict[str, dict[str, Any]]) -> None:
    if not [path for path in mixed.calls.iterdir() if path.name.endswith("0042.wav")]:
        pytest.skip("this file system takes UTF-8 names only")
    (call_id,) = [name for name in results if name.endswith("0042")]
    assert text(results[call_id]) == text(results["plain"])


def test_a_browser_can_play_every_call(mixed: Finished) -> None:
    """What browsers do not play has a copy that they do."""
    copies = {path.stem for path in (mixed.out / "audio").iterdir()}
    assert "alaw" in copies and not copies & {"plain", "opus", "cut"}
