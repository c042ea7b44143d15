"""What other tools read back from an export is what the results say."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from qc_speech.cli.export_cmd import export_cmd
from qc_speech.errors import QcError, UsageError
from qc_speech.export import cell, export, rttm, vtt

Json = dict[str, Any]


def result(call_id: str = "d01", **changes: Any) -> Json:
    base = {
        **{"schema": "qc-speech/call-result/1", "call_id": call_id, "agent_id": "1023"},
        **{"scenario": "complaint", "direction": "inbound", "duration": 9.0, "ring_seconds": 5},
        **{"started_at": "2026-01-15T09:12:00", "engine": {"rulebook": "complaint@1"}},
        "turns": [
            {"speaker": "customer", "start": 2.5, "end": 4.0, "text": "我要投诉 <R&D>"},
            {"speaker": "agent", "start": 0.61, "end": 3.0, "text": "您好"},
            {"speaker": "other", "start": 3661.5, "end": 3662.25, "text": "--> 喂\n喂"},
        ],
        "measures": {
            "agent": {"speech_seconds": 2.39, "characters_per_minute": 248},
            "customer": {"speech_seconds": 1.5},
        },
        "findings": [
            {
                **{"check": "insult", "family": "banned", "outcome": "violation"},
                **{"speaker": "agent", "start": 0.61, "end": 3.0, "quote": '=1+1,"引号"'},
                **{"points": -5, "confidence": 0.9, "severity": "major", "clause": "S1 四"},
                **{"reason": "用了侮辱的话", "dimension": "服务态度"},
            },
            {"check": "greeting", "family": "phrase", "outcome": "uncertain", "points": 0},
        ],
        "score": {
            **{"total": 95.0, "dimensions": {"服务态度": 90.0}, "critical": False, "grade": "A"},
            **{"review": True, "review_reasons": ["低置信度", "申诉"]},
        },
    }
    return {**base, **changes}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    put(folder, result())
    put(folder, result("d02", score={"total": 80.0, "dimensions": {"服务质量": 80.0}}))
    return folder


def put(folder: Path, row: Json) -> None:
    (folder / "calls").mkdir(parents=True, exist_ok=True)
    path = folder / "calls" / f"{row['call_id'].replace(' ', '_')}.json"
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")


def rows(path: Path) -> list[dict[str, str]]:
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_rttm_is_read_back_by_pyannote(out: Path, tmp_path: Path) -> None:
    paths = export(out, "rttm", tmp_path / "r")
    assert [path.name for path in paths] == ["d01.rttm", "d02.rttm"]
    util = pytest.importorskip("pyannote.database.util")
    found = util.load_rttm(paths[0])["d01"]
    assert [
        (round(segment.start, 3), round(segment.end, 3), speaker)
        for segment, _, speaker in found.itertracks(yield_label=True)
    ] == [(0.61, 3.0, "agent"), (2.5, 4.0, "customer"), (3661.5, 3662.25, "other")]


def test_speakers_who_could_not_be_told_keep_their_labels() -> None:
    turns = [
        {"speaker": "other", "speaker_label": "S0", "start": 0.5, "end": 1.0, "text": "喂"},
        {"speaker": "other", "speaker_label": "S1", "start": 1.5, "end": 2.0, "text": "嗯"},
        {"speaker": "other", "speaker_label": "S2", "start": 2.5, "end": 3.0, "text": "请按一"},
    ]
    speakers = {"S0": "unknown", "S1": "unknown", "S2": "other"}
    doubted = result(turns=turns, roles={"speakers": speakers})
    assert [line.split()[7] for line in rttm(doubted).splitlines()] == ["S0", "S1", "other"]
    assert re.findall("<v ([^>]+)>", vtt(doubted)) == ["S0", "S1", "其他"]


def test_rttm_lines_have_ten_fields_whatever_the_call_is_named() -> None:
    empty = {"speaker": "agent", "start": 1.0, "end": 1.0, "text": ""}
    text = rttm(result("call 7\tb", turns=[*result()["turns"], empty]))
    assert [len(line.split()) for line in text.splitlines()] == [10, 10, 10]
    assert text.splitlines()[0] == "SPEAKER call_7_b 1 0.610 2.390 <NA> <NA> agent <NA> <NA>"


def test_vtt_by_hand() -> None:
    assert vtt(result()) == (
        "WEBVTT\n\n"
        "00:00:00.610 --> 00:00:03.000\n<v 坐席>您好</v>\n\n"
        "00:00:02.500 --> 00:00:04.000\n<v 客户>我要投诉 &lt;R&amp;D&gt;</v>\n\n"
        "01:01:01.500 --> 01:01:02.250\n<v 其他>--&gt; 喂 喂</v>\n"
    )


@given(
    st.lists(
        st.tuples(
            st.floats(0, 9000), st.floats(0, 60), st.text(max_size=20), st.sampled_from("acou")
        ),
        max_size=6,
    )
)
def test_vtt_is_well_formed_for_any_text(turns: list[tuple[float, float, str, str]]) -> None:
    names = {"a": "agent", "c": "customer", "o": "other", "u": "unknown"}
    text = vtt(
        result(
            turns=[
                {"start": start, "end": start + size, "text": said, "speaker": names[who]}
                for start, size, said, who in turns
            ]
        )
    )
    head, *cues = text.rstrip("\n").split("\n\n")
    assert head == "WEBVTT"
    assert len(cues) == sum(bool(said.split()) for _, _, said, _ in turns)
    starts = []
    for cue in cues:
        times, payload = cue.split("\n")
        match = re.fullmatch(r"(\d\d:\d\d:\d\d\.\d{3}) --> (\d\d:\d\d:\d\d\.\d{3})", times)
        assert match and match[1] < match[2]
        starts.append(match[1])
        assert re.fullmatch(r"<v (坐席|客户|其他|未知)>[^<>]+</v>", payload)
    assert starts == sorted(starts)


def test_csv_holds_calls_and_findings(out: Path, tmp_path: Path) -> None:
    calls, findings = export(out, "csv", tmp_path / "c")
    first, second = rows(calls)
    assert (first["call_id"], first["score"], first["grade"]) == ("d01", "95.0", "A")
    assert (first["violations"], first["uncertain"], first["review"]) == ("1", "1", "yes")
    assert first["agent_characters_per_minute"] == "248"
    assert first["review_reasons"] == "低置信度; 申诉"
    assert (first["score 服务态度"], first["score 服务质量"]) == ("90.0", "")
    assert (second["score 服务态度"], second["score 服务质量"]) == ("", "80.0")
    table = rows(findings)
    assert [(row["call_id"], row["check"]) for row in table] == [
        *(("d01", "insult"), ("d01", "greeting"), ("d02", "insult"), ("d02", "greeting")),
    ]
    assert (table[0]["quote"], table[0]["points"]) == ('\'=1+1,"引号"', "-5")
    assert table[0]["started_at"] == "2026-01-15T09:12:00"


@given(st.text(max_size=12))
def test_no_text_cell_starts_a_formula(text: str) -> None:
    found = cell(text)
    assert found in (text, "'" + text)
    assert not found.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert not found.startswith(("\t", "\r", "\n"))


def test_numbers_and_plain_texts_stay_as_they_are() -> None:
    assert [cell(v) for v in (-5, 0.5, None, True, "您好", "S1 四")] == [
        *(-5, 0.5, "", "yes", "您好", "S1 四"),
    ]


def test_csv_holds_what_the_customer_answered_and_what_was_promised(tmp_path: Path) -> None:
    answers = [
        {"question": "survey_resolved", "value": "yes"},
        {"question": "survey_score", "value": 9.0},
        {"question": "score", "value": "100"},  # no column of the survey's
    ]
    promises = [
        {"said": "两小时之内", "due": "2026-01-15T11:12:00"},
        {"said": "尽快", "due": None},
    ]
    put(tmp_path / "out", result(answers=answers, promises=promises))
    put(tmp_path / "out", result("d02"))
    export(tmp_path / "out", "csv", tmp_path / "csv")
    with (tmp_path / "csv" / "calls.csv").open(encoding="utf-8-sig", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["survey_resolved"], first["survey_score"]) == ("yes", "9.0")
    assert (first["survey_attitude"], first["score"]) == ("", "95.0")
    assert (first["promised"], first["promise_due"]) == ("尽快", "")
    assert second["survey_resolved"] == second["promised"] == ""


def test_json_lines_are_the_results(out: Path, tmp_path: Path) -> None:
    odd = result("d03", turns=[{"speaker": "agent", "start": 0, "end": 1, "text": "a\u2028b"}])
    put(out, odd)
    (path,) = export(out, "json", tmp_path / "j")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert json.loads(lines[0]) == result()
    assert json.loads(lines[2]) == odd


def test_a_damaged_result_is_named_and_the_others_are_exported(out: Path, tmp_path: Path) -> None:
    (out / "calls" / "d00.json").write_text('{"call_id":\n', encoding="utf-8")
    (out / "calls" / "d09.json").write_text('{"call_id": "d09", "turns": []}', encoding="utf-8")
    with pytest.raises(QcError, match=r"d00\.json:\d+: not JSON.*and 1 more.*2 files") as caught:
        export(out, "vtt", tmp_path / "v")
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in (tmp_path / "v").iterdir()) == ["d01.vtt", "d02.vtt"]


def test_a_write_that_fails_leaves_the_old_file(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = tmp_path / "j"
    dest.mkdir()
    (dest / "calls.jsonl").write_text("old", encoding="utf-8")

    def full(*_: Any, **__: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("qc_speech.export.json.dumps", full)
    with pytest.raises(QcError, match="No space left on device"):
        export(out, "json", dest)
    assert [(p.name, p.read_text()) for p in dest.iterdir()] == [("calls.jsonl", "old")]


def test_nothing_to_export_and_unknown_formats_are_usage_errors(out: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use one of rttm, vtt, csv, json"):
        export(out, "srt", tmp_path / "x")
    with pytest.raises(UsageError, match="no results found"):
        export(tmp_path / "none", "csv", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_command_line(out: Path, tmp_path: Path) -> None:
    cli = typer.Typer()
    cli.command()(export_cmd)
    run = CliRunner().invoke
    done = run(cli, [str(out), "--format", "csv"])
    assert (done.exit_code, (out / "export" / "calls.csv").is_file()) == (0, True), done.output
    assert run(cli, [str(out), "--format", "rttm", "--to", str(tmp_path / "t")]).exit_code == 0
    assert (tmp_path / "t" / "d02.rttm").is_file()
    assert run(cli, [str(out), "--format", "srt"]).exit_code == 2
    assert "--format csv" in run(cli, ["--help"]).output
    (tmp_path / "blocked").write_text("", encoding="utf-8")
    assert run(cli, [str(out), "-f", "csv", "--to", str(tmp_path / "blocked")]).exit_code == 1


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=10), st.floats(0, 1000), st.floats(0, 10))
def test_any_text_survives_every_format(
    tmp_path: Path, text: str, start: float, size: float
) -> None:
    turn = {"speaker": "agent", "start": start, "end": start + size, "text": text}
    put(tmp_path, result("any", turns=[turn]))
    for fmt in ("rttm", "vtt", "csv", "json"):
        assert export(tmp_path, fmt, tmp_path / fmt)
    (line,) = (tmp_path / "json" / "calls.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert json.loads(line)["turns"] == [turn]
