"""The published JSON of a call: readers outside rely on its names."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from rule_toys import context, talk

from qc_speech.codec import from_json, to_json
from qc_speech.model import (
    CallResult,
    Evidence,
    Finding,
    Measures,
    Metadata,
    Outcome,
    Overlap,
    PartyMeasures,
    Promise,
    Role,
    RoleGuess,
    Score,
    Severity,
    Silence,
    Span,
    Stamp,
    SurveyAnswer,
)
from qc_speech.result import to_public

# The names of the published schema; anything beside them is welcome.
NAMES: dict[str, Any] = {
    "schema": str, "call_id": str, "agent_id": str, "scenario": str, "direction": str,
    "started_at": str, "duration": float, "ring_seconds": (int, float),
    "engine": {"asr": str, "diarizer": str, "rulebook": str, "qc_speech": str},
    "turns": [{"speaker": str, "start": float, "end": float, "text": str, "language": str,
               "confidence": float,
               "words": [{"text": str, "start": float, "end": float, "confidence": float}]}],
    "measures": {
        "agent": {"speech_seconds": float, "characters": int, "characters_per_minute": (int, float),
                  "mandarin_share": float, "loudness_dbfs": float},
        "customer": {"speech_seconds": float, "characters": int,
                     "characters_per_minute": (int, float)},
        "silences": [{"start": float, "end": float, "after": str}],
        "overlaps": [{"start": float, "end": float, "first": str, "second": str, "kind": str}],
    },
    "findings": [{"check": str, "family": str, "outcome": str, "speaker": str, "start": float,
                  "end": float, "quote": str, "points": (int, float), "confidence": float,
                  "severity": str, "clause": str, "reason": str}],
    "score": {"total": float, "dimensions": dict, "critical": bool, "grade": str, "review": bool,
              "review_reasons": list},
}  # fmt: skip


def party(role: Role) -> PartyMeasures:
    return PartyMeasures(role, 41_200, 170, 248.0, 1.0, -22.9)


def whole() -> CallResult:
    ctx = context(talk(("a", "您好，大龙供暖"), ("c", "我家不热")))
    metadata = Metadata(
        "d01", "1023", "小王", datetime(2026, 1, 15, 9, 12), "repair_hotline", "inbound", 5000
    )
    call = replace(
        ctx.call,
        recording=replace(ctx.call.recording, metadata=metadata),
        stamps=(Stamp("faster-whisper", "1.1", "base"), Stamp("pyannote", "4", "seg")),
    )
    place = Evidence(Span(610, 6740), Role.AGENT, 0, "您好，大龙供暖")
    findings = (
        Finding(
            "greeting",
            "phrase",
            Outcome.PASS,
            Severity.MINOR,
            0.94,
            "S1",
            "说了",
            0.0,
            "服务态度",
            place,
        ),
        Finding(
            "agent_interrupts",
            "interruption",
            Outcome.VIOLATION,
            Severity.MAJOR,
            0.88,
            "S4 1.3.2",
            "打断",
            -5.0,
            "服务态度",
            place,
        ),
    )
    return CallResult(
        call=call,
        scenario="repair_hotline",
        scenario_confidence=1.0,
        rulebook="repair_hotline@1.0",
        measures=Measures(
            (party(Role.AGENT), party(Role.CUSTOMER)),
            (),
            (Silence(Span(50_200, 62_900), Role.AGENT),),
            (Overlap(Span(14_000, 14_600), Role.CUSTOMER, Role.AGENT, "interruption", 0.9),),
            80_000,
            7_400,
        ),
        findings=findings,
        score=Score(95.0, (("服务态度", 95.0),), False, "A", False),
        qc_speech_version="0.1.0",
    )


def fits(value: Any, wanted: Any, place: str = "") -> None:
    if isinstance(wanted, dict):
        for name, kind in wanted.items():
            assert name in value, f"{place}.{name} is missing"
            fits(value[name], kind, f"{place}.{name}")
    elif isinstance(wanted, list):
        assert value, f"{place} is empty"
        for item in value:
            fits(item, wanted[0], place)
    else:
        assert isinstance(value, wanted), f"{place} is {value!r}"


def test_every_published_name_is_there() -> None:
    data = json.loads(json.dumps(to_public(whole()), ensure_ascii=False, allow_nan=False))
    fits(data, NAMES)


def test_values_are_those_of_the_call_in_seconds() -> None:
    data = to_public(whole())
    assert data["schema"] == "qc-speech/call-result/1"
    assert data["started_at"] == "2026-01-15T09:12:00"
    assert data["ring_seconds"] == 5
    first = data["turns"][0]
    assert (first["speaker"], first["text"]) == ("agent", "您好，大龙供暖")
    assert first["start"] == first["words"][0]["start"] == 0.6
    assert data["measures"]["agent"]["speech_seconds"] == 41.2
    silence = data["measures"]["silences"][0]
    assert (silence["start"], silence["end"], silence["after"]) == (50.2, 62.9, "agent")
    assert data["measures"]["overlaps"][0]["kind"] == "interruption"
    violation = data["findings"][1]
    assert (violation["outcome"], violation["points"], violation["severity"]) == (
        "violation",
        -5.0,
        "major",
    )
    assert (violation["start"], violation["end"], violation["speaker"]) == (0.61, 6.74, "agent")
    assert data["score"]["dimensions"] == {"服务态度": 95.0}


def test_what_is_unknown_is_said_to_be_so() -> None:
    base = whole()
    bare = replace(
        base,
        call=replace(
            base.call,
            recording=replace(base.call.recording, metadata=Metadata("d02")),
            utterances=(),
            turns=(),
            roles=RoleGuess((), 0.0),
        ),
        measures=Measures((), (), (Silence(Span(0, 9000), None),), (), None, None),
        findings=(replace(base.findings[0], evidence=None),),
    )
    data = json.loads(json.dumps(to_public(bare), allow_nan=False))
    assert data["agent_id"] == "unknown"
    assert data["started_at"] is data["direction"] is data["ring_seconds"] is None
    assert data["turns"] == []
    assert data["measures"]["silences"][0]["after"] is None
    assert data["findings"][0]["start"] is data["findings"][0]["end"] is None
    assert data["findings"][0]["quote"] == ""


@pytest.mark.parametrize("role", Role)
def test_a_speaker_is_written_by_his_role(role: Role) -> None:
    base = whole()
    utterance = replace(base.call.utterances[0], role=role)
    data = to_public(replace(base, call=replace(base.call, utterances=(utterance,))))
    assert data["turns"][0]["speaker"] == ("other" if role is Role.UNKNOWN else role.value)


def test_who_could_not_be_told_is_no_party_and_the_doubt_is_shown() -> None:
    base = whole()
    call, measures = base.call, base.measures
    guess = RoleGuess((("ch0", Role.UNKNOWN), ("ch1", Role.UNKNOWN)), 0.62)
    call = replace(
        call,
        roles=guess,
        utterances=tuple(replace(u, role=Role.UNKNOWN) for u in call.utterances),
    )
    measures = replace(
        measures,
        parties=(party(Role.UNKNOWN),),
        silences=tuple(replace(s, after=Role.UNKNOWN) for s in measures.silences),
        overlaps=tuple(
            replace(o, first=Role.UNKNOWN, second=Role.UNKNOWN) for o in measures.overlaps
        ),
    )
    place = Evidence(Span(0, 10), Role.UNKNOWN, 0, "您好")
    findings = tuple(replace(finding, evidence=place) for finding in base.findings)
    data = to_public(replace(base, call=call, measures=measures, findings=findings))
    assert {turn["speaker"] for turn in data["turns"]} == {"other"}
    assert {finding["speaker"] for finding in data["findings"]} == {"other"}
    assert data["measures"]["silences"][0]["after"] == "other"
    assert {data["measures"]["overlaps"][0][name] for name in ("first", "second")} == {"other"}
    assert not {"agent", "customer", "other", "unknown"} & set(data["measures"])
    assert data["roles"]["confidence"] == 0.62
    assert data["roles"]["speakers"] == {"ch0": "unknown", "ch1": "unknown"}
    assert [turn["speaker_label"] for turn in data["turns"]] == ["ch0", "ch1"]


def test_answers_and_promises_are_published_with_their_place() -> None:
    customer = Evidence(Span(20_000, 21_500), Role.CUSTOMER, 1, "九分吧")
    agent = Evidence(Span(30_000, 34_000), Role.AGENT, 0, "两个小时之内上门")
    result = replace(
        whole(),
        answers=(
            SurveyAnswer("survey_score", "9", 0.91234, customer),
            SurveyAnswer("survey_charged", "no", 0.9, customer),
            SurveyAnswer("survey_attitude", None, 0.0, customer),
        ),
        promises=(
            Promise("两个小时之内", datetime(2026, 1, 15, 11, 12), 0.9, agent),
            Promise("尽快", None, 0.8, agent),
        ),
    )
    data = json.loads(json.dumps(to_public(result), ensure_ascii=False, allow_nan=False))
    assert data["answers"][0] == {
        "question": "survey_score", "value": 9.0, "confidence": 0.912, "speaker": "customer",
        "start": 20.0, "end": 21.5, "quote": "九分吧",
    }  # fmt: skip
    assert [one["value"] for one in data["answers"]] == [9.0, "no", None]
    assert [one["due"] for one in data["promises"]] == ["2026-01-15T11:12:00", None]
    assert data["promises"][0]["said"] == "两个小时之内"
    assert from_json(CallResult, json.loads(json.dumps(to_json(result)))) == result
    assert to_public(whole())["answers"] == to_public(whole())["promises"] == []
