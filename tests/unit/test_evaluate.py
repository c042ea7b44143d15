"""Results made from the truth score perfectly; each fault moves the numbers as counted by hand."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from qc_speech.cli.eval_cmd import evaluate_cmd
from qc_speech.errors import UsageError
from qc_speech.evaluate import Evaluation, evaluate, read_ids, save, to_json

Json = dict[str, Any]


def turn(who: str, start: float, end: float, text: str, *tags: str, cuts: bool = False) -> Json:
    return {
        **{"who": who, "start": start, "end": end, "text": text, "spoken": text, "lang": "zh"},
        **{"tags": list(tags), "gain_db": 0, "cuts": cuts, "cut_off": False},
    }


def label(call_id: str, scenario: str, turns: list[Json], **changes: Any) -> Json:
    base = {
        **{"id": call_id, "scenario": scenario, "started_at": "2026-03-11 10:05:00"},
        **{"direction": "inbound", "ring_seconds": 5, "channels": "mono", "seconds": 60.0},
        **{"turns": turns, "expect": {"violations": [], "clean": []}},
    }
    return {**base, **changes}


def service() -> Json:
    """10 + 10 + 10 + 6 characters; thanks is missing, the agent cuts in at 12 s."""
    return label(
        "a1",
        "inbound_service",
        [
            turn("agent", 1, 4, "您好一二三号为您服务", "greeting", "self_id", "verify_identity"),
            turn("customer", 5, 13, "我家网络昨天就不能用了"[:10]),
            turn("agent", 12, 16, "您先听我说重启一下试试"[:10], "anything_else", cuts=True),
            turn("agent", 17, 19, "那就这样再见", "farewell"),
        ],
        expect={"violations": ["thanks_missing", "agent_interrupts"], "clean": ["negative"]},
    )


def complaint() -> Json:
    """All said; long ring with apology, on a festival; a hold of 12 s announced and thanked for."""
    return label(
        "b2",
        "complaint",
        [
            turn("agent", 1, 4, "您好中秋快乐让您久等了", "greeting", "self_id", "late_apology"),
            turn("agent", 4, 6, "请稍等", "festival", "hold_request", "verify_identity"),
            turn("agent", 18, 20, "感谢等待抱歉", "hold_thanks", "apology", "anything_else"),
            turn("customer", 20, 22, "好的"),
            turn("agent", 22, 24, "感谢来电再见", "thanks", "farewell"),
        ],
        ring_seconds=16,
        started_at="2026-09-25 10:05:00",
        channels="stereo",
        expect={"violations": [], "clean": ["shouting", "hold_notice_missing"]},
    )


SCOPE = {  # written out by hand: check, outcome of a perfect inspection
    "a1": {
        **dict.fromkeys(["greeting", "self_id", "verify_identity"], "pass"),
        **{"anything_else": "pass", "farewell": "pass", "thanks": "violation"},
    },
    "b2": dict.fromkeys(
        [
            *("greeting", "self_id", "verify_identity", "apology", "anything_else", "thanks"),
            *("farewell", "late_apology", "festival", "hold_request", "hold_thanks"),
        ],
        "pass",
    ),
}


def finding(check: str, outcome: str, start: float | None = None) -> Json:
    end = None if start is None else start + 0.5
    return {"check": check, "outcome": outcome, "start": start, "end": end}


def perfect(truth: Json) -> Json:
    findings = [finding(check, outcome) for check, outcome in SCOPE[truth["id"]].items()]
    if truth["id"] == "a1":
        findings.append(finding("agent_interrupts", "violation", 12.0))
    return {
        "call_id": truth["id"],
        "scenario": truth["scenario"],
        "findings": findings,
        "turns": [
            {
                **{"speaker": t["who"], "start": t["start"], "end": t["end"]},
                **{"text": t["spoken"], "confidence": 0.95},
            }
            for t in truth["turns"]
        ],
    }


class Bench:
    """Two labelled calls and their results, to be changed before they are compared."""

    def __init__(self, folder: Path) -> None:
        self.labelled, self.out = folder / "labelled", folder / "out"
        self.labels = {"a1": service(), "b2": complaint()}
        self.results = {name: perfect(truth) for name, truth in self.labels.items()}

    def write(self) -> None:
        for folder, rows in ((self.labelled, self.labels), (self.out / "calls", self.results)):
            folder.mkdir(parents=True, exist_ok=True)
            for name, row in rows.items():
                path = folder / f"{name}.json"
                path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")

    def run(self) -> Evaluation:
        self.write()
        return evaluate(self.labelled, self.out)

    def json(self) -> Json:
        return to_json(self.run())

    def set(self, call_id: str, check: str, outcome: str) -> None:
        next(f for f in self.results[call_id]["findings"] if f["check"] == check)["outcome"] = (
            outcome
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def four(counts: Json) -> tuple[int, int, int, int]:
    return counts["tp"], counts["fp"], counts["fn"], counts["tn"]


def test_a_result_made_from_the_truth_is_perfect(bench: Bench) -> None:
    found = bench.json()
    phrase = found["groups"]["phrase"]
    assert four(phrase["violation"]) == (1, 0, 0, 15)
    assert four(phrase["said"]) == (15, 0, 0, 1)
    assert found["groups"]["overall"]["violation"]["f1"] == 1.0
    assert four(found["groups"]["interruption"]["violation"]) == (1, 0, 0, 1)
    assert four(found["checks"]["hold_thanks"]["said"]) == (1, 0, 0, 0)
    assert found["checks"]["hold_thanks"]["violation"] is None
    assert found["traps"] == {"total": 3, "sprung": 0, "list": []}
    assert found["interruptions"]["agent_cuts_found"] == found["interruptions"]["agent_cuts"] == 1
    for name in ("cer", "cpcer", "cpcer_with_roles", "der", "der_with_roles"):
        assert found["speech"]["all"][name]["rate"] == 0.0, name
    assert found["speech"]["all"]["roles"]["accuracy"] == 1.0
    assert found["speech"]["mono"]["calls"] == found["speech"]["stereo"]["calls"] == 1
    assert found["reliability"][9]["accuracy"] == 1.0
    assert found["mistakes"] == found["faults"] == found["label_conflicts"] == []


def test_a_phrase_wrongly_called_missing(bench: Bench) -> None:
    bench.set("a1", "greeting", "violation")
    phrase = bench.json()["groups"]["phrase"]
    assert four(phrase["violation"]) == (1, 1, 0, 14)
    assert phrase["violation"]["precision"] == 0.5
    assert phrase["violation"]["f1"] == 0.6667
    assert four(phrase["said"]) == (14, 0, 1, 1)
    assert phrase["said"]["recall"] == 0.9333


def test_a_missing_phrase_not_noticed(bench: Bench) -> None:
    bench.set("a1", "thanks", "pass")
    found = bench.json()
    assert four(found["groups"]["phrase"]["violation"]) == (0, 0, 1, 15)
    assert four(found["groups"]["phrase"]["said"]) == (15, 1, 0, 0)
    assert found["mistakes"] == [
        {"call_id": "a1", "check": "thanks", "kind": "miss", "outcome": "pass", "start": None}
    ]


def test_uncertain_is_counted_apart_on_violations_and_on_clean_checks(bench: Bench) -> None:
    bench.set("a1", "thanks", "uncertain")
    bench.set("a1", "greeting", "uncertain")
    found = bench.json()
    violation, said = (found["groups"]["phrase"][sense] for sense in ("violation", "said"))
    assert four(violation) == (0, 0, 1, 15)
    assert (violation["uncertain_on_violation"], violation["uncertain_on_clean"]) == (1, 1)
    assert four(said) == (14, 0, 1, 1)
    assert (said["uncertain_on_said"], said["uncertain_on_missing"]) == (1, 1)
    # 6 + 10 phrases in scope (hold_thanks is not in the table) and 2 x 16 other checks
    assert found["uncertain"]["checks"] == 2
    assert found["uncertain"]["checks_in_scope"] == 48
    assert found["uncertain"]["share"] == round(2 / 48, 4)
    assert found["uncertain"]["findings"] == 2


def test_false_alarms_spring_traps_and_violations_outside_the_scope_count(bench: Bench) -> None:
    findings = bench.results["b2"]["findings"]
    findings += [finding("shouting", "violation", 4), finding("shouting", "violation", 9)]
    findings += [finding("readback", "violation"), finding("monotone", "violation")]
    found = bench.json()
    assert found["traps"]["list"] == [{"call_id": "b2", "code": "shouting"}]
    assert four(found["groups"]["delivery_timing"]["violation"])[:3] == (0, 1, 0)
    assert four(found["checks"]["readback"]["violation"]) == (0, 1, 0, 0)
    assert four(found["checks"]["readback"]["said"]) == (0, 0, 0, 0)
    assert found["unlabelled"] == {"monotone": 1}
    assert four(found["groups"]["overall"]["violation"])[:3] == (2, 2, 0)
    assert four(found["groups"]["everything_else"]["violation"])[:3] == (1, 1, 0)


def test_an_interruption_elsewhere_is_detected_but_not_at_the_cut(bench: Bench) -> None:
    bench.results["a1"]["findings"][-1] = finding("agent_interrupts", "violation", 5.5)
    found = bench.json()
    assert four(found["groups"]["interruption"]["violation"]) == (1, 0, 0, 1)
    assert found["interruptions"]["agent_cuts_found"] == 0


def test_swapped_roles_hurt_only_what_is_measured_with_roles(bench: Bench) -> None:
    other = {"agent": "customer", "customer": "agent"}
    for heard in bench.results["a1"]["turns"]:
        heard["speaker"] = other[heard["speaker"]]
    speech = bench.json()["speech"]["mono"]
    assert speech["cer"]["rate"] == speech["cpcer"]["rate"] == speech["der"]["rate"] == 0.0
    assert speech["cpcer_with_roles"]["reference"] == 36
    assert speech["cpcer_with_roles"]["rate"] > 0.8
    # Reference 3 + 4 + 2 s of the agent and 8 s of the customer; 12 to 13 s is both, so right.
    assert speech["der_with_roles"]["reference_seconds"] == 17.0
    assert speech["der_with_roles"]["confusion_seconds"] == 15.0
    assert speech["der_with_roles"]["rate"] == round(15 / 17, 4)
    assert speech["roles"] == {"right": 0, "wrong": 1, "unknown": 0, "accuracy": 0.0}


def test_unknown_roles_are_unknown_and_not_wrong(bench: Bench) -> None:
    for heard in bench.results["a1"]["turns"]:
        heard["speaker_label"], heard["speaker"] = heard["speaker"], "other"
    bench.results["a1"]["roles"] = {"speakers": {"agent": "unknown", "customer": "unknown"}}
    assert bench.json()["speech"]["mono"]["roles"]["unknown"] == 1


def test_a_dropped_turn_is_deletions_and_missed_time(bench: Bench) -> None:
    del bench.results["a1"]["turns"][3]
    speech = bench.json()["speech"]["mono"]
    for name in ("cer", "cpcer", "cpcer_with_roles"):
        assert (speech[name]["deletions"], speech[name]["rate"]) == (6, round(6 / 36, 4)), name
    assert speech["der"]["missed_seconds"] == 2.0
    assert speech["der"]["rate"] == round(2 / 17, 4)


def test_a_wrong_character_lowers_the_accuracy_of_its_confidence_bin(bench: Bench) -> None:
    heard = bench.results["a1"]["turns"][3]
    heard["text"], heard["confidence"] = "那就这样再渐", 0.55
    found = bench.json()
    assert found["speech"]["mono"]["cer"]["substitutions"] == 1
    row = found["reliability"][5]
    assert (row["from"], row["utterances"], row["characters"], row["right"]) == (0.5, 1, 6, 5)
    assert row["mean_confidence"] == 0.55
    assert found["reliability"][9]["utterances"] == 8


def test_evaluations_of_parts_add_to_the_whole(bench: Bench) -> None:
    bench.set("a1", "greeting", "violation")
    bench.set("b2", "farewell", "uncertain")
    whole = bench.run()
    parts = [evaluate(bench.labelled, bench.out, calls=frozenset({n})) for n in ("a1", "b2")]
    assert to_json(parts[0] + parts[1]) == to_json(whole)
    mistakes = [judged.mistake for _, judged in whole.mistakes()]
    assert mistakes.count("false_alarm") == whole.violations().fp == 1
    assert mistakes.count("miss") == whole.violations().fn == 0


def test_labels_that_contradict_themselves_are_named(bench: Bench) -> None:
    bench.labels["b2"]["expect"]["violations"] = ["complaint_apology_missing"]
    bench.labels["a1"]["expect"]["clean"] = ["thanks_missing"]
    conflicts = bench.json()["label_conflicts"]
    assert len(conflicts) == 2
    assert any("complaint_apology_missing" in line and "b2" in line for line in conflicts)


def test_what_cannot_be_compared_is_listed(bench: Bench) -> None:
    bench.labels["c3"] = {**copy.deepcopy(service()), "id": "c3"}
    bench.results["x9"] = {**copy.deepcopy(bench.results["a1"]), "call_id": "x9"}
    bench.results["a1"]["findings"] = bench.results["a1"]["findings"][1:]
    bench.write()
    (bench.out / "calls" / "zz.json").write_text('{"call_id": "zz",\n oops', encoding="utf-8")
    (bench.labelled / "bad.json").write_text('{"id": "bad"}', encoding="utf-8")
    found = evaluate(bench.labelled, bench.out)
    assert found.without_result == ("c3",)
    assert found.without_label == ("x9",)
    assert not found.complete
    assert "bad.json: scenario" in found.problems[0]
    assert "zz.json:2: not JSON" in found.problems[1]
    assert "a1: greeting is in scope and has 0 findings" in to_json(found)["faults"]


def test_nothing_to_compare_is_a_usage_error(bench: Bench, tmp_path: Path) -> None:
    bench.write()
    with pytest.raises(UsageError, match="no labelled calls"):
        evaluate(tmp_path / "nowhere", bench.out)
    with pytest.raises(UsageError, match="no results of qc-speech run"):
        evaluate(bench.labelled, tmp_path)
    with pytest.raises(UsageError, match="no labelled call q7"):
        evaluate(bench.labelled, bench.out, calls=frozenset({"q7", "a1"}))


def test_calls_by_list_or_file(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_text("d01 # first\n\nd02,d03\n", encoding="utf-8")
    assert read_ids(str(path)) == {"d01", "d02", "d03"}
    assert read_ids("d01, d02") == {"d01", "d02"}
    with pytest.raises(UsageError):
        read_ids(" , ")


def test_saved_file_is_the_json_and_replaces_an_old_one(bench: Bench) -> None:
    found = bench.run()
    (bench.out / "eval.json").write_text("old", encoding="utf-8")
    path = save(found, bench.out)
    assert json.loads(path.read_text(encoding="utf-8")) == to_json(found)
    assert [p.name for p in bench.out.iterdir() if p.is_file()] == ["eval.json"]


def app() -> typer.Typer:
    cli = typer.Typer()
    cli.command()(evaluate_cmd)
    return cli


def test_command_line_tables_errors_and_exit_codes(bench: Bench) -> None:
    bench.set("a1", "greeting", "violation")
    bench.write()
    arguments = [str(bench.labelled), "--out", str(bench.out)]
    done = CliRunner().invoke(app(), [*arguments, "--errors"])
    assert done.exit_code == 0, done.output
    assert "false_alarm" in done.output
    assert "traps sprung: 0 of 3" in done.output
    (bench.out / "calls" / "b2.json").unlink()
    done = CliRunner().invoke(app(), arguments)
    assert done.exit_code == 1
    assert "labelled but without a result: b2" in done.output
    assert CliRunner().invoke(app(), [*arguments, "--calls", "a1"]).exit_code == 0
    done = CliRunner().invoke(app(), [str(bench.out / "none"), "--out", str(bench.out)])
    assert done.exit_code == 2
    assert len(done.output.strip().splitlines()) == 1


def test_the_command_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, qc_speech.cli.eval_cmd, qc_speech.cli.export_cmd;"
        "heavy = {'pyannote', 'jiwer', 'pandas', 'pydantic', 'numpy', 'torch'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_telemetry_is_off_before_pyannote_is_imported(bench: Bench) -> None:
    bench.write()
    code = f"""
import os, sys
from pathlib import Path
class Watch:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "pyannote":
            sys.exit(0 if os.environ.get("PYANNOTE_METRICS_ENABLED") == "0" else 3)
sys.meta_path.insert(0, Watch())
from qc_speech.evaluate import evaluate
evaluate(Path({str(bench.labelled)!r}), Path({str(bench.out)!r}))
sys.exit(4)  # pyannote was never asked for: this test would prove nothing
"""
    environment = {**os.environ, "PYANNOTE_METRICS_ENABLED": "1"}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_cpcer_agrees_with_meeteval(bench: Bench) -> None:
    meeteval = pytest.importorskip("meeteval")
    from qc_speech.evaluate.speech import comparable

    bench.results["a1"]["turns"][1]["speaker"] = "other"
    bench.results["a1"]["turns"][2].update(speaker="customer", text="您先听说重起一下试")
    found = bench.json()["per_call"]["a1"]["cpcer"]

    def streams(rows: list[Json], who: str, text: str) -> dict[str, str]:
        speakers = dict.fromkeys(row[who] for row in rows)
        return {
            s: " ".join("".join(comparable(row[text]) for row in rows if row[who] == s))
            for s in speakers
        }

    expected = meeteval.wer.cp_word_error_rate(
        streams(bench.labels["a1"]["turns"], "who", "spoken"),
        streams(bench.results["a1"]["turns"], "speaker", "text"),
    )
    errors = found["substitutions"] + found["deletions"] + found["insertions"]
    assert (errors, found["reference"]) == (expected.errors, expected.length)
