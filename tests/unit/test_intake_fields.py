"""Cells of a manifest: what is understood, and that nothing else is guessed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.intake import SCENARIOS
from qc_speech.intake.fields import (
    CALL_ID_BYTES,
    parse_call_id,
    parse_channels,
    parse_direction,
    parse_ring,
    parse_scenario,
    parse_side,
    parse_text,
    parse_when,
    read_fields,
    safe_call_id,
)
from qc_speech.intake.values import FieldError, shown

WHEN = datetime(2026, 1, 5, 9, 3)


@pytest.mark.parametrize(
    "text",
    [
        "2026/1/5 9:03",
        "2026-01-05 09:03",
        "2026-01-05T09:03:00",
        "2026-01-05T09:03:00.000",
        "2026-01-05T09:03:00+08:00",
        "2026-01-05T01:03:00Z",
        "2026-01-05 10:03:00+0900",
        "20260105090300",
        "202601050903",
        "20260105_090300",
        "20260105T090300",
        "2026.1.5 9:03",
        "2026年1月5日 9:03",
        "2026年1月5日9时03分",
        "2026年1月5日9时03分00秒",
        "2026/1/5 上午 9:03",
        "2026/1/5 9:03 AM",
        "  ２０２６/１/５　９：０３ ",
    ],
)
def test_dates_as_people_write_them(text: str) -> None:
    assert parse_when(text) == WHEN


def test_afternoon_and_midnight() -> None:
    assert parse_when("2026/1/5 下午 3:03:07") == datetime(2026, 1, 5, 15, 3, 7)
    assert parse_when("2026/1/5 12:10 AM") == datetime(2026, 1, 5, 0, 10)
    assert parse_when("2026/1/5 12:10 PM") == datetime(2026, 1, 5, 12, 10)
    assert parse_when("2026-01-05") == parse_when("20260105") == datetime(2026, 1, 5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "05/01/2026 9:03",
        "2026-02-30",
        "2026-13-01 09:00",
        "2026-01-05 24:00",
        "2026-01-05 9:60",
        "2026-01-05 9:031",
        "2026-01-05 9",
        "2026/1-5",
        "2026/1/5 13:00 AM",
        "1026-01-05",
        "20261305090300",
        "2026010509030",
        "1767575000",
        "46027.377",
        "2026-01-05T09:03:00+99:99",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_bad_dates_are_refused(text: str) -> None:
    with pytest.raises(FieldError, match="write it like 2026-01-05"):
        parse_when(text)


FORMATS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S")
moments = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)).map(
    lambda when: when.replace(microsecond=0)
)


@given(when=moments, form=st.sampled_from(FORMATS))
def test_every_moment_survives_every_format(when: datetime, form: str) -> None:
    assert parse_when(when.strftime(form)) == when


@given(when=st.datetimes(datetime(1991, 1, 1), datetime(2099, 1, 1)))
def test_every_iso_moment_survives(when: datetime) -> None:
    assert parse_when(when.isoformat()) == when
    assert parse_when(when.isoformat(" ")) == when
    excel = f"{when.year}/{when.month}/{when.day} {when.hour}:{when.minute:02}"
    assert parse_when(excel) == when.replace(second=0, microsecond=0)


@given(
    when=st.datetimes(datetime(1991, 1, 1), datetime(2099, 1, 1)),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_zones_are_brought_to_china(when: datetime, minutes: int) -> None:
    there = when.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    home = there.astimezone(timezone(timedelta(hours=8))).replace(tzinfo=None)
    assert parse_when(there.isoformat()) == home


date_like = st.text(st.sampled_from("0123456789-/.: 年月日时分TZ+上下午APM"), max_size=30)


@given(text=date_like | st.text(max_size=40))
def test_no_date_crashes(text: str) -> None:
    try:
        when = parse_when(text)
    except FieldError as error:
        assert "\n" not in str(error)
    else:
        assert when.tzinfo is None and 1990 <= when.year < 2100


def test_words() -> None:
    assert [parse_direction(t) for t in ("呼入", "IN", " inbound ")] == ["inbound"] * 3
    assert [parse_direction(t) for t in ("呼出", "out", "Outbound")] == ["outbound"] * 3
    assert [parse_channels(t) for t in ("单声道", "1", "mono")] == ["mono"] * 3
    assert [parse_channels(t) for t in ("双声道", "2", "Stereo")] == ["stereo"] * 3
    assert [parse_side(t) for t in ("left", "0", "左")] == [0] * 3
    assert [parse_side(t) for t in ("RIGHT", "1", "右")] == [1] * 3
    assert parse_scenario(" Repair Hotline ", SCENARIOS) == "repair_hotline"


def test_unknown_words_name_the_choice() -> None:
    with pytest.raises(FieldError) as caught:
        parse_scenario("sales", SCENARIOS)
    assert all(name in str(caught.value) for name in SCENARIOS)
    with pytest.raises(FieldError, match="呼入"):
        parse_direction("进")
    with pytest.raises(FieldError, match="stereo"):
        parse_channels("3")
    with pytest.raises(FieldError, match="left"):
        parse_side("2")


@given(ms=st.integers(0, 3_600_000))
def test_ring_seconds_are_exact(ms: int) -> None:
    assert parse_ring(f"{ms // 1000}.{ms % 1000:03}") == ms
    assert parse_ring(str(ms // 1000)) == ms // 1000 * 1000


@pytest.mark.parametrize("text", ["-1", "-0.5", "five", "1e3", "nan", "inf", "1_0", "5s", "3601"])
def test_bad_ring_seconds(text: str) -> None:
    with pytest.raises(FieldError, match="ring_seconds"):
        parse_ring(text)


def test_ring_seconds_of_a_spreadsheet() -> None:
    assert parse_ring("１２.5") == 12_500
    assert parse_ring("+3.") == parse_ring("3.000") == 3000
    assert parse_ring("-0") == 0


@pytest.mark.parametrize(
    "text",
    [
        "a/b",
        "a\\b",
        "..",
        "a..b",
        ".hidden",
        "a\nb",
        "a\x00b",
        "a\u202eb",
        "a\u200bb",
        "\ud800",
        " ",
        "呼" * 43,
        "x" * 129,
    ],
)
def test_unsafe_call_ids(text: str) -> None:
    with pytest.raises(FieldError, match="call_id") as caught:
        parse_call_id(text)
    assert str(caught.value).isprintable()


def test_safe_call_ids() -> None:
    assert parse_call_id(" 2026-01-05T09:03_张三 #1 ") == "2026-01-05T09:03_张三 #1"
    assert parse_call_id("呼" * 42) == "呼" * 42
    assert parse_call_id("e\u0301") == "\u00e9"  # one way to write an id, whoever typed it


@given(stem=st.text(st.characters(), max_size=200))
def test_any_name_becomes_a_safe_call_id(stem: str) -> None:
    call_id = safe_call_id(stem)
    assert parse_call_id(call_id) == call_id
    assert len(call_id.encode()) <= CALL_ID_BYTES
    assert safe_call_id(call_id) == call_id


@given(name=st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20))
def test_an_accepted_call_id_is_kept(name: str) -> None:
    assert safe_call_id(parse_call_id(name)) == parse_call_id(name)


def test_texts_do_not_repeat_what_may_be_personal() -> None:
    assert parse_text("queue", " 供暖 ") == "供暖"
    for bad in ("138\x07", "1" * 300):
        with pytest.raises(FieldError) as caught:
            parse_text("customer_id", bad)
        assert "1" not in str(caught.value).replace("256", "")


def test_fields_of_a_line() -> None:
    cells = {
        "file": "a.wav",
        "agent_id": "0012",
        "ring_seconds": "5",
        "queue": " ",
        "direction": "",
    }
    fields = read_fields(cells, SCENARIOS)
    assert fields.values == {"agent_id": "0012", "ring_ms": 5000}
    assert fields.faults == ()
    assert read_fields({"agent_id": "Unknown"}, SCENARIOS).values == {}


def test_all_faults_of_a_line_are_told() -> None:
    cells = {"started_at": "x", "scenario": "y", "channels": "z", "agent_since": "w"}
    fields = read_fields(cells, SCENARIOS)
    assert [fault.split()[0] for fault in fields.faults] == list(cells)


def test_what_rules_may_ask_of_agent_and_customer() -> None:
    fields = read_fields({"agent_since": "2025/12/1", "customer_class": " VIP "}, SCENARIOS)
    assert fields.values == {"agent_since": datetime(2025, 12, 1), "customer_class": "VIP"}


@given(cells=st.dictionaries(st.sampled_from(["call_id", "agent_id", "direction"]), st.text()))
def test_no_cell_crashes(cells: dict[str, str]) -> None:
    fields = read_fields(cells, SCENARIOS)
    assert all(fault.isprintable() for fault in fields.faults)


@given(text=st.text(st.characters()))
def test_shown_is_one_printable_line(text: str) -> None:
    assert shown(text).isprintable() and len(shown(text)) <= 63
