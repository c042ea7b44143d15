"""The picture of a call over time and its table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_calls import call

from qc_speech.model import Call
from qc_speech.report.overtime import WIDTH, over_time


def test_bands_lie_where_the_parties_speak() -> None:
    result = call()
    shown = over_time(result)
    assert shown is not None
    (agent, own), (customer, other) = shown.speech
    assert (agent, customer) == ("agent", "customer")
    turn = result.call.turns[0]
    assert own[0].x == pytest.approx(turn.span.start_ms / 30_000 * WIDTH, abs=0.1)
    assert own[0].width == pytest.approx(turn.span.duration_ms / 30_000 * WIDTH, abs=0.1)
    assert other and all(band.x + band.width <= WIDTH + 1 for band in (*own, *other))
    assert [band.css for band in shown.across] == ["silence", "overlap k-interruption"]


def test_a_curve_breaks_where_nothing_is_said() -> None:
    shown = over_time(call())
    assert shown is not None
    loudness, pace = shown.lanes
    assert (loudness.name, loudness.low, loudness.high) == ("loudness_lufs", -25, -14)
    agent, customer = loudness.curves
    assert len(agent.lines) == 2 and len(customer.lines) == 1
    assert agent.lines[0] == "50.0,90.9 83.3,81.8"
    x, y = (point.split(",") for point in agent.lines[1].split(" "))
    assert float(x[0]) < 150 < float(y[0])  # a lone value is a dash
    assert customer.lines[0].endswith(",0.0")  # the loudest is at the top
    assert pace.curves[1].lines == ()


def test_the_table_says_the_same_in_figures() -> None:
    shown = over_time(call())
    assert shown is not None
    rows = shown.rows
    assert [row.start_ms for row in rows] == [0, 5000, 10_000, 15_000, 20_000, 25_000]
    assert sum(row.silence_ms for row in rows) == 6500
    assert sum(row.overlaps for row in rows) == 1 and rows[1].overlaps == 1
    spoken = sum(sum(row.speech_ms) for row in rows)
    turns = [t.span.duration_ms for t in call().call.turns if t.speaker in ("ch0", "ch1", "S1")]
    assert spoken > 0 and spoken <= sum(span for span in turns) + 30_000
    assert rows[0].loudness[0] == -24.0
    assert rows[3].loudness == (None, None)  # silence
    assert shown.ticks == (0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000)


def test_a_long_call_has_few_rows() -> None:
    result = call()
    long = replace(result.call.recording, duration_ms=3 * 3_600_000)
    shown = over_time(replace(result, call=replace(result.call, recording=long)))
    assert shown is not None and len(shown.rows) <= 18


def test_a_call_without_speech_has_no_picture() -> None:
    result = call()
    silent = Call(result.call.recording, (), (), result.call.roles)
    assert over_time(replace(result, call=silent)) is None
