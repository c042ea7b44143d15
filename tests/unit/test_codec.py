"""Frozen values to JSON and back."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qc_speech import model
from qc_speech.codec import from_json, to_json
from qc_speech.model import CallResult, Metadata, Score, Span

st.register_type_strategy(
    Span,
    st.tuples(st.integers(0, 10**8), st.integers(0, 10**7)).map(lambda t: Span(t[0], t[0] + t[1])),
)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(str, st.text(st.characters(codec="utf-8"), max_size=8))

KINDS = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind is not CallResult
]


def through_text(value: Any) -> Any:
    return json.loads(json.dumps(to_json(value), ensure_ascii=False, allow_nan=False))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_value_of_the_model_comes_back_the_same(kind: type, data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    assert from_json(kind, through_text(value)) == value


@given(data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_whole_result_comes_back_the_same(data: st.DataObject) -> None:
    value = data.draw(st.from_type(CallResult))
    back = from_json(CallResult, through_text(value))
    assert back == value
    assert back.seconds == value.seconds  # left out of ==
    assert hash(back) == hash(value)


def test_every_dataclass_of_the_model_is_frozen() -> None:
    assert len(KINDS) >= 20
    for kind in (*KINDS, CallResult):
        assert kind.__dataclass_params__.frozen, kind  # type: ignore[attr-defined]


def test_times_and_nothing() -> None:
    moment = datetime.fromisoformat("2026-01-15T09:12:00+08:00")
    value = Metadata("d01", started_at=moment, ring_ms=0)
    assert to_json(value)["started_at"] == "2026-01-15T09:12:00+08:00"
    assert to_json(value)["agent_id"] is None
    assert from_json(Metadata, through_text(value)) == value


def test_what_a_newer_version_wrote_beside_is_passed_over() -> None:
    data = {**to_json(Metadata("d01")), "mood": "good"}
    assert from_json(Metadata, data) == Metadata("d01")


def test_whole_numbers_become_floats_again() -> None:
    data = to_json(Score(100.0, (("服务态度", 95.0),), False, "A", False))
    data.update(total=100, dimensions=[["服务态度", 95]])
    score = from_json(Score, data)
    assert isinstance(score.total, float) and isinstance(score.dimensions[0][1], float)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Span, [1, 2]),
        (Span, "x"),
        (Span, {"start_ms": 5, "end_ms": 1}),
        (Span, {"start_ms": 5}),
        (Span, {}),
        (model.Turn, {"span": 3, "speaker": "S0"}),
        (model.Diarization, {"recording_id": "r", "turns": 3, "exclusive": [], "stamp": {}}),
        (model.Finding, {"outcome": "perhaps"}),
        (Metadata, {"call_id": "d01", "started_at": "yesterday"}),
        (Metadata, {"call_id": "d01", "started_at": 7}),
        (Score, None),
    ],
)
def test_data_of_another_shape_is_a_value_error(kind: type, data: Any) -> None:
    with pytest.raises(ValueError):
        from_json(kind, data)
