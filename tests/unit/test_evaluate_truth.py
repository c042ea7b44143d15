"""What the labels demand of an inspection: scope by scenario, by ring time and by date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qc_speech.evaluate.files import read_label
from qc_speech.evaluate.truth import Scope, checks_of, truths

Json = dict[str, Any]


def turn(who: str, start: float, end: float, text: str, *tags: str) -> Json:
    return {"who": who, "start": start, "end": end, "spoken": text, "tags": list(tags)}


def label(call_id: str, scenario: str, turns: list[Json], **changes: Any) -> Json:
    base = {
        **{"id": call_id, "scenario": scenario, "started_at": "2026-03-11 10:05:00"},
        **{"direction": "inbound", "ring_seconds": 5, "channels": "mono", "seconds": 60.0},
        **{"turns": turns, "expect": {"violations": [], "clean": []}},
    }
    return {**base, **changes}


def found(folder: Path, row: Json, scope: Scope = Scope.IN) -> dict[str, bool]:
    """The phrase checks of that scope, and whether each is violated."""
    path = folder / "x.json"
    path.write_text(json.dumps(row), encoding="utf-8")
    return {t.check: t.violated for t in truths(read_label(path)) if t.phrase and t.scope is scope}


@pytest.mark.parametrize(
    ("scenario", "asked"),
    [
        ("inbound_service", "self_id verify_identity anything_else thanks"),
        ("complaint", "self_id verify_identity apology anything_else thanks"),
        (
            "repair_hotline",
            "self_id verify_identity ask_address ask_phone readback followup_promise thanks",
        ),
        (
            "callback_survey",
            "self_id time_ok survey_resolved survey_attitude survey_charged survey_score thanks",
        ),
        ("outbound_sales", "self_id time_ok purpose"),
        ("switchboard", ""),
    ],
)
def test_scope_by_scenario(tmp_path: Path, scenario: str, asked: str) -> None:
    silent = found(tmp_path, label("x", scenario, []))
    assert silent == dict.fromkeys(["greeting", "farewell", *asked.split()], True)


def test_hold_request_only_where_a_silence_over_10_seconds_follows(tmp_path: Path) -> None:
    for gap, expected in ((9.9, None), (10.1, False)):
        turns = [
            turn("agent", 0, 2, "请稍等", "hold_request"),
            turn("agent", 2 + gap, 20, "好", "hold_thanks"),
        ]
        row = label("x", "switchboard", turns)
        assert found(tmp_path, row).get("hold_request") is expected
        assert found(tmp_path, row, Scope.DETECTION) == {"hold_thanks": False}
    row = label("x", "switchboard", [])
    row["expect"]["violations"] = ["hold_notice_missing"]
    assert found(tmp_path, row)["hold_request"] is True


def test_codes_stand_for_checks() -> None:
    assert checks_of("identity_missing") == ("verify_identity",)
    assert checks_of("complaint_apology_missing") == ("apology",)
    assert checks_of("greeting_missing") == ("greeting",)
    assert checks_of("dead_air") == ("dead_air",)
    assert len(checks_of("survey_item_missing")) == 4


def test_survey_item_is_the_untagged_ones_and_readback_needs_its_tag(tmp_path: Path) -> None:
    survey = label(
        "s",
        "callback_survey",
        [turn("agent", 0, 1, "问", "survey_resolved", "survey_score", "survey_attitude")],
        expect={"violations": ["survey_item_missing", "slow_answer"], "clean": []},
    )
    path = tmp_path / "s.json"
    path.write_text(json.dumps(survey), encoding="utf-8")
    violated = {t.check for t in truths(read_label(path)) if t.violated}
    assert {c for c in violated if c.startswith("survey")} == {"survey_charged"}
    assert "slow_answer" in violated  # a code that the list does not know is judged where named
    survey.update(scenario="repair_hotline", expect={"violations": [], "clean": []})
    path.write_text(json.dumps(survey), encoding="utf-8")
    assert "readback" in {t.check for t in truths(read_label(path)) if t.violated}


@pytest.mark.parametrize(
    ("day", "festival"),
    [
        *(("2026-01-01", True), ("2026-01-02", False), ("2026-02-16", False)),
        *(("2026-02-17", True), ("2026-02-19", True), ("2026-02-20", False)),
        *(("2026-05-03", True), ("2026-05-04", False), ("2026-09-25", True)),
        *(("2026-10-03", True), ("2026-10-04", False), ("2025-10-06", True)),
    ],
)
def test_festival_is_in_scope_by_date(tmp_path: Path, day: str, festival: bool) -> None:
    path = tmp_path / "x.json"
    text = json.dumps(label("x", "switchboard", [], started_at=f"{day} 09:00:00"))
    path.write_text(text, encoding="utf-8")
    scope = {t.check for t in truths(read_label(path)) if t.scope is Scope.IN}
    assert ("festival" in scope) is festival


def test_late_apology_only_for_inbound_calls_that_rang_over_12_seconds(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for direction, ring, expected in [
        *(("inbound", 12, False), ("inbound", 12.5, True), ("outbound", 30, False)),
    ]:
        row = label("x", "switchboard", [], direction=direction, ring_seconds=ring)
        path.write_text(json.dumps(row), encoding="utf-8")
        found = {t.check for t in truths(read_label(path)) if t.violated}
        assert ("late_apology" in found) is expected
