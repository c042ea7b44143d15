"""Metadata of file names, and call ids that stay distinct."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.errors import UsageError
from qc_speech.intake.fields import parse_call_id
from qc_speech.intake.naming import CallIds, compile_pattern
from qc_speech.intake.values import FieldError


@pytest.mark.parametrize(
    ("pattern", "stem", "cells"),
    [
        (
            "{agent_id}_{started_at:%Y%m%d%H%M%S}_{direction}",
            "1023_20260105090300_呼入",
            {"agent_id": "1023", "started_at": "2026-01-05T09:03:00", "direction": "呼入"},
        ),
        (
            "{agent_id}{started_at:%Y%m%d}",
            "102320260105",
            {"agent_id": "1023", "started_at": "2026-01-05T00:00:00"},
        ),
        (
            "{started_at:%y-%m-%d %H.%M}-{}",
            "26-01-05 09.03-x",
            {"started_at": "2026-01-05T09:03:00"},
        ),
        ("{}_({queue})_{call_id}", "x_(a_b)_7", {"queue": "a_b", "call_id": "7"}),
        ("{{{agent_id}}}", "{7}", {"agent_id": "7"}),
        (r"(?P<agent_id>\d+)-(?P<started_at>\d{14})?.*", "12-x", {"agent_id": "12"}),
        ("{agent_id}_{queue}", "no-delimiter", None),
    ],
)
def test_patterns(pattern: str, stem: str, cells: dict[str, str] | None) -> None:
    assert compile_pattern(pattern).cells(stem) == cells


def test_a_date_that_is_none() -> None:
    with pytest.raises(FieldError, match="20261305"):
        compile_pattern("{started_at:%Y%m%d}").cells("20261305")
    with pytest.raises(FieldError):  # 1999-12-30 would be a guess
        compile_pattern("{started_at:%d%m%Y}").cells("19991230")


@pytest.mark.parametrize(
    ("pattern", "cure"),
    [
        ("", "names no field"),
        ("plain", "names no field"),
        ("{agent_id", "close every brace"),
        ("agent_id}", "close every brace"),
        ("{agent}", "write one of call_id, agent_id"),
        ("{file}", "write one of"),
        ("{agent_id}_{agent_id}", "twice"),
        ("{agent_id:>4}", "takes no format"),
        ("{agent_id!r}", "takes no format"),
        ("{started_at:%Y%B%d}", "%B cannot be read"),
        ("{started_at:%H%M}", "year, month and day"),
        ("{started_at:%Y%m%d%Y}", "twice"),
        ("{agent_id}/{queue}", "leave folders out"),
        ("{agent_id}.wav", "leave it out"),
        ("(?P<agent_id>[", "not a regular expression"),
        ("(?P<agent>x)", "write one of"),
        ("(?P<agent_id>x)(?P<agent_id>y)", "not a regular expression"),
    ],
)
def test_bad_patterns_name_the_cure(pattern: str, cure: str) -> None:
    with pytest.raises(UsageError, match=cure) as caught:
        compile_pattern(pattern)
    assert "\n" not in str(caught.value)


@given(pattern=st.text(st.sampled_from("{}agent_id:%Ymd()?P<>[]*\\\n!."), max_size=30) | st.text())
def test_no_pattern_crashes(pattern: str) -> None:
    try:
        compile_pattern(pattern).cells("1023_20260105")
    except (UsageError, FieldError) as error:
        assert "\n" not in str(error)


@given(
    agent=st.from_regex("[0-9]{1,8}", fullmatch=True),
    when=st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)),
)
def test_a_template_reads_what_it_would_write(agent: str, when: datetime) -> None:
    cells = compile_pattern("{agent_id}_{started_at:%Y%m%d%H%M%S}").cells(
        f"{agent}_{when:%Y%m%d%H%M%S}"
    )
    assert cells == {"agent_id": agent, "started_at": when.replace(microsecond=0).isoformat()}


def test_namesakes_are_told_apart_and_stay_so() -> None:
    def ids() -> list[str]:
        given = CallIds()
        places = ["d01.wav", "a/d01.wav", "b/d01.wav"]
        return [given.derive("d01", lambda at=at: iter([at]), at) for at in places]

    assert ids() == ids()
    assert ids()[0] == "d01" and len(set(ids())) == 3
    assert all(call_id.startswith("d01-") for call_id in ids()[1:])


@given(stems=st.lists(st.text(st.characters(), min_size=1, max_size=60), max_size=12))
def test_derived_ids_are_distinct_and_safe(stems: list[str]) -> None:
    given_ids = CallIds()
    ids = [
        given_ids.derive(stem, lambda n=n: iter([f"{n}"]), f"{n}") for n, stem in enumerate(stems)
    ]
    assert len(set(ids)) == len(ids)
    assert all(parse_call_id(call_id) == call_id for call_id in ids)


def test_a_call_id_is_claimed_once() -> None:
    ids = CallIds()
    assert ids.claim("x", "m:2") is None
    assert ids.claim("x", "m:3") == "m:2"
