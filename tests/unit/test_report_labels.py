"""Every identifier that results use has a Chinese and an English name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import qc_speech.report
from qc_speech.model import Outcome, Role, Severity
from qc_speech.report.callpage import DIMENSIONS
from qc_speech.report.labels import label, tables

CHECKS = [
    "greeting",
    "self_id",
    "late_apology",
    "festival",
    "ask_need",
    "verify_identity",
    "ask_address",
    "ask_phone",
    "readback",
    "repeat_request",
    "out_of_scope",
    "complaint_accepted",
    "apology",
    "empathy",
    "solution",
    "followup_promise",
    "satisfied",
    "hold_request",
    "hold_thanks",
    "leader_request",
    "callee_absent",
    "wrong_number",
    "anything_else",
    "thanks",
    "farewell",
    "time_ok",
    "purpose",
    "survey_resolved",
    "survey_attitude",
    "survey_charged",
    "survey_score",
    "polite_words",
    "flow",
    "profanity",
    "insult",
    "discrimination",
    "impatience",
    "mockery",
    "negative",
    "threat",
    "argument",
    "disclosure",
    "side_talk",
    "rambling",
    "too_fast",
    "too_slow",
    "uneven",
    "agent_interrupts",
    "not_mandarin",
    "shouting",
    "monotone",
    "cold",
    "unclear",
    "vocal_noise",
    "speakerphone",
    "slow_answer",
    "dead_air",
    "early_hangup",
    "long_call",
]


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("checks", CHECKS),
        ("families", list(tables()["families"])),
        ("outcomes", [outcome.value for outcome in Outcome]),
        ("severities", [severity.value for severity in Severity]),
        ("roles", [role.value for role in Role]),
        ("overlaps", ["interruption", "backchannel", "overlap"]),
        ("dimensions", list(DIMENSIONS)),
    ],
)
def test_everything_has_two_names(kind: str, keys: list[str]) -> None:
    for key in keys:
        chinese, english = label(kind, key)
        assert re.search(r"[\u4e00-\u9fff]", chinese), key
        assert re.search(r"[A-Za-z]", english), key


def test_an_own_check_is_shown_by_its_identifier() -> None:
    assert label("checks", "our_own") == ("our_own", "our_own")


def test_no_text_is_left_over_and_none_is_missing() -> None:
    folder = Path(qc_speech.report.__file__).parent / "templates"
    source = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.html"))
    python = (folder.parent / "callpage.py").read_text(encoding="utf-8")
    unused = [k for k in tables()["ui"] if f'"{k}"' not in source + python and k[:6] != "group_"]
    assert unused == []
