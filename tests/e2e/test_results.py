"""What one run of three labelled calls leaves behind, held against the published format."""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from command_line import ROOT, files, published, rows, run_it

from conftest import Finished

pytestmark = pytest.mark.models
LABELS = ROOT / "tests" / "data" / "labelled"
IDS = ("d01", "d13", "d14")
Number = (int, float)
OPTIONAL = (int, float, type(None))

# Names and types of the published format; a speaker is one of these.
SPEAKERS = {"agent", "customer", "other", "unknown"}
TOP = {
    "schema": str, "call_id": str, "agent_id": str, "scenario": str, "direction": str,
    "started_at": str, "duration": Number, "ring_seconds": Number, "engine": dict, "turns": list,
    "measures": dict, "findings": list, "score": dict,
}  # fmt: skip
ENGINE = {"asr": str, "diarizer": str, "rulebook": str, "qc_speech": str}
TURN = {
    "speaker": str, "start": Number, "end": Number, "text": str, "language": str,
    "confidence": OPTIONAL, "words": list,
}  # fmt: skip
WORD = {"text": str, "start": Number, "end": Number, "confidence": OPTIONAL}
AGENT = {
    "speech_seconds": Number, "characters": int, "characters_per_minute": OPTIONAL,
    "mandarin_share": OPTIONAL, "loudness_dbfs": OPTIONAL,
}  # fmt: skip
CUSTOMER = {name: AGENT[name] for name in ("speech_seconds", "characters", "characters_per_minute")}
SILENCE = {"start": Number, "end": Number, "after": (str, type(None))}
OVERLAP = {"start": Number, "end": Number, "first": str, "second": str, "kind": str}
FINDING = {
    "check": str, "family": str, "outcome": str, "speaker": (str, type(None)), "start": OPTIONAL,
    "end": OPTIONAL, "quote": str, "points": Number, "confidence": Number, "severity": str,
    "clause": str, "reason": str,
}  # fmt: skip
SCORE = {
    "total": Number, "dimensions": dict, "critical": bool, "grade": str, "review": bool,
    "review_reasons": list,
}  # fmt: skip
# The scope table of the published format.
EVERYWHERE = {"greeting", "farewell", "late_apology", "festival", "hold_request", "hold_thanks"}
SCOPE = {
    "repair_hotline": EVERYWHERE | {
        "self_id", "verify_identity", "ask_address", "ask_phone", "readback", "followup_promise",
        "thanks",
    },
    "switchboard": EVERYWHERE,
}  # fmt: skip


@pytest.fixture(scope="module")
def results(three: Finished) -> dict[str, dict[str, Any]]:
    return published(three.out)


def has(value: dict[str, Any], names: dict[str, Any], where: str) -> None:
    for name, kind in names.items():
        assert name in value, f"{where}: no {name}"
        assert isinstance(value[name], kind), f"{where}: {name} is {value[name]!r}"
        assert kind is bool or not isinstance(value[name], bool), f"{where}: {name} is a bool"


def timed(value: dict[str, Any], duration: float, where: str) -> None:
    start, end = value["start"], value["end"]
    assert (start is None) == (end is None), where
    assert start is None or 0 <= start <= end <= duration, f"{where}: {start}..{end}"


def test_the_run_ends_well(three: Finished) -> None:
    assert three.ran.code == 0, three.ran.err
    assert three.ran.errors == []
    assert "inspected 3, unchanged 0, failed 0" in three.ran.out
    assert str(three.out / "report" / "index.html") in three.ran.out
    assert all(call_id in three.ran.out for call_id in IDS)


@pytest.mark.parametrize("call_id", IDS)
def test_the_published_format(call_id: str, results: dict[str, dict[str, Any]]) -> None:
    result = results[call_id]
    duration = result["duration"]
    has(result, TOP, call_id)
    has(result["engine"], ENGINE, "engine")
    has(result["score"], SCORE, "score")
    has(result["measures"]["agent"], AGENT, "agent")
    has(result["measures"]["customer"], CUSTOMER, "customer")
    assert result["schema"] == "qc-speech/call-result/1"
    assert datetime.fromisoformat(result["started_at"])
    for name, shape in (("silences", SILENCE), ("overlaps", OVERLAP)):
        for n, one in enumerate(result["measures"][name]):
            has(one, shape, f"{name} {n}")
            timed(one, duration, f"{name} {n}")
    assert {one["kind"] for one in result["measures"]["overlaps"]} <= {
        "interruption", "backchannel", "overlap",
    }  # fmt: skip
    for n, turn in enumerate(result["turns"]):
        has(turn, TURN, f"turn {n}")
        timed(turn, duration, f"turn {n}")
        assert turn["speaker"] in SPEAKERS
        assert "".join(word["text"] for word in turn["words"]) == turn["text"]
        for word in turn["words"]:
            has(word, WORD, f"turn {n}")
            timed(word, duration, f"turn {n}")
    for finding in result["findings"]:
        has(finding, FINDING, finding["check"])
        timed(finding, duration, finding["check"])
        assert finding["outcome"] in {"pass", "violation", "uncertain", "not_applicable"}
        assert finding["speaker"] in SPEAKERS | {None}
        assert 0 <= finding["confidence"] <= 1
        assert finding["clause"] and finding["reason"]


@pytest.mark.parametrize("call_id", IDS)
def test_words_lie_in_their_turn_and_turns_in_order(
    call_id: str, results: dict[str, dict[str, Any]]
) -> None:
    turns = results[call_id]["turns"]
    assert turns == sorted(turns, key=lambda turn: turn["start"])
    assert {turn["speaker"] for turn in turns} == {"agent", "customer"}
    for turn in turns:
        starts = [word["start"] for word in turn["words"]]
        assert starts == sorted(starts)
        # Voice activity and attention differ by a little on where a turn begins.
        assert turn["start"] - 0.7 <= starts[0] and turn["words"][-1]["end"] <= turn["end"] + 0.7


@pytest.mark.parametrize("call_id", IDS)
def test_a_check_in_scope_has_one_finding(call_id: str, results: dict[str, dict[str, Any]]) -> None:
    result = results[call_id]
    found = [one["check"] for one in result["findings"] if one["family"] == "phrase"]
    assert sorted(found) == sorted(SCOPE[result["scenario"]])


@pytest.mark.parametrize("call_id", IDS)
def test_points_add_up_to_the_score(call_id: str, results: dict[str, dict[str, Any]]) -> None:
    result, score = results[call_id], results[call_id]["score"]
    lost = sum(finding["points"] for finding in result["findings"])
    assert all(
        finding["points"] <= 0 and (finding["points"] == 0 or finding["outcome"] == "violation")
        for finding in result["findings"]
    )
    if score["critical"]:
        assert any(
            finding["severity"] == "critical" and finding["outcome"] == "violation"
            for finding in result["findings"]
        )
        assert score["total"] <= max(0, 100 + lost)
    else:
        assert score["total"] == pytest.approx(max(0, 100 + lost))
    for name, value in score["dimensions"].items():
        own = sum(f["points"] for f in result["findings"] if f.get("dimension") == name)
        assert value == pytest.approx(max(0, 100 + own))
    unsure = [f for f in result["findings"] if f["outcome"] == "uncertain"]
    assert score["review"] == bool(score["review_reasons"])
    assert score["review"] or not unsure


def test_metadata_comes_from_the_manifest(results: dict[str, dict[str, Any]]) -> None:
    first = results["d01"]
    assert (first["agent_id"], first["scenario"], first["direction"], first["ring_seconds"]) == (
        "1023", "repair_hotline", "inbound", 6,
    )  # fmt: skip
    assert first["started_at"] == "2026-01-01T08:42:00"
    assert first["duration"] == pytest.approx(82.8, abs=0.1)
    assert [results[call_id]["channels"] for call_id in IDS] == [2, 1, 2]
    assert "pyannote" in results["d13"]["engine"]["diarizer"]
    assert "pyannote" not in first["engine"]["diarizer"]  # a channel is a party


def test_the_store_holds_the_same(three: Finished, results: dict[str, dict[str, Any]]) -> None:
    kept = rows(three.out, "SELECT call_id, agent_id, total, grade, review FROM results")
    assert sorted(kept) == sorted(
        (
            r["call_id"],
            r["agent_id"],
            r["score"]["total"],
            r["score"]["grade"],
            r["score"]["review"],
        )
        for r in results.values()
    )
    findings = rows(three.out, 'SELECT call_id, n, "check", outcome, points FROM findings')
    assert sorted(findings) == sorted(
        (r["call_id"], n, f["check"], f["outcome"], f["points"])
        for r in results.values()
        for n, f in enumerate(r["findings"])
    )
    assert rows(three.out, "SELECT * FROM failures") == []


class Links(HTMLParser):
    """All addresses of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [text for name, text in attrs if name in ("href", "src") and text]


def test_the_report_has_a_page_for_everything(three: Finished) -> None:
    report = three.out / "report"
    assert {page.stem for page in (report / "calls").iterdir()} == set(IDS)
    assert {page.stem for page in (report / "agents").iterdir()} == {"1023", "0018", "9003"}
    pages = sorted(report.rglob("*.html"))
    assert len(pages) == 7
    for page in pages:
        for address in Links(page).found:
            assert not re.match(r"(https?:)?//", address), f"{page.name} points to {address}"
            path = unquote(address.partition("#")[0].partition("?")[0])
            if address.startswith("data:"):
                continue
            assert not path or (page.parent / path).exists(), f"{page.name}: {address} is missing"
    for call_id in IDS:
        page = report / "calls" / f"{call_id}.html"
        assert any(link.endswith((".mp3", ".wav", ".flac")) for link in Links(page).found)


def test_no_spoken_words_on_the_terminal(
    three: Finished, results: dict[str, dict[str, Any]]
) -> None:
    shown = three.ran.out + three.ran.err
    for result in results.values():
        for turn in result["turns"]:
            text = re.sub(
                r"[0-9A-Za-z ]", "", turn["text"]
            )  # a spoken number may be the agent's id
            assert not [i for i in range(len(text) - 2) if text[i : i + 3] in shown]


@pytest.fixture(scope="module")
def evaluation(three: Finished) -> dict[str, Any]:
    before = files(three.out)
    ran = run_it("eval", LABELS, "--out", three.out, "--errors")
    assert ran.code == 0, ran.err
    assert files(three.out) == before
    assert "roles right" in ran.out
    return dict(json.loads((three.out / "eval.json").read_text(encoding="utf-8")))


def test_evaluation_finds_the_results_sane(evaluation: dict[str, Any]) -> None:
    """Floors far below what is measured: they catch a broken product and tune nothing."""
    assert evaluation["calls"] in (3, list(IDS))
    assert evaluation["without_result"] == evaluation["without_label"] == []
    speech = evaluation["speech"]["all"]
    assert speech["roles"]["right"] == 3
    assert speech["cer"]["rate"] < 0.45
    assert speech["der"]["rate"] < 0.3
    assert evaluation["groups"]["phrase"]["said"]["recall"] >= 0.7
    assert evaluation["groups"]["overall"]["violation"]["recall"] >= 0.4
    assert evaluation["faults"] == []


def exported(three: Finished, fmt: str, folder: Path) -> Path:
    ran = run_it("export", three.out, "--format", fmt, "--to", folder)
    assert (ran.code, ran.err) == (0, "")
    assert f"written to {folder}" in ran.out
    return folder


def test_export_rttm(three: Finished, results: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    from pyannote.database.util import load_rttm

    for call_id, result in results.items():
        annotations = load_rttm(str(exported(three, "rttm", tmp_path) / f"{call_id}.rttm"))
        assert set(annotations) == {call_id}
        assert set(annotations[call_id].labels()) == {"agent", "customer"}
        spoken = sum(turn["end"] - turn["start"] for turn in result["turns"])
        total = sum(segment.duration for segment, _ in annotations[call_id].itertracks())
        assert total == pytest.approx(spoken, abs=0.05)


CUE = re.compile(
    r"(\d\d:)?[0-5]\d:[0-5]\d\.\d{3} --> (\d\d:)?[0-5]\d:[0-5]\d\.\d{3}\n<v [^>]+>[^\n]+</v>"
)


def test_export_vtt(three: Finished, results: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    folder = exported(three, "vtt", tmp_path)
    for call_id, result in results.items():
        head, *cues = (folder / f"{call_id}.vtt").read_text(encoding="utf-8").strip().split("\n\n")
        assert head == "WEBVTT"
        assert len(cues) == len([turn for turn in result["turns"] if turn["text"].strip()])
        assert all(CUE.fullmatch(cue) for cue in cues)


def test_export_csv(three: Finished, results: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    folder = exported(three, "csv", tmp_path)
    tables = {}
    for name in ("calls", "findings"):
        assert (folder / f"{name}.csv").read_bytes().startswith(b"\xef\xbb\xbf")  # Excel wants it
        with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            tables[name] = list(csv.DictReader(file))
    assert {row["call_id"]: float(row["score"]) for row in tables["calls"]} == {
        call_id: result["score"]["total"] for call_id, result in results.items()
    }
    assert len(tables["findings"]) == sum(len(result["findings"]) for result in results.values())
    assert {row["agent_id"].lstrip("'") for row in tables["calls"]} == {"1023", "0018", "9003"}


def test_export_json(three: Finished, results: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    lines = (exported(three, "json", tmp_path) / "calls.jsonl").read_text(encoding="utf-8")
    assert {one["call_id"]: one for one in map(json.loads, lines.splitlines())} == results


def test_export_of_something_else_is_one_line(three: Finished, tmp_path: Path) -> None:
    for args in ((three.out, "--format", "srt"), (tmp_path, "--format", "csv")):
        ran = run_it("export", *args)
        assert (ran.code, len(ran.err.splitlines())) == (2, 1)
        assert ran.err.startswith("error: ")
