"""What comes first, when time is up, how many processes a machine carries."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.model import Metadata
from qc_speech.nightly.deadline import Deadline, next_time
from qc_speech.nightly.machine import (
    Machine,
    memory_limit,
    preparers_for,
    this_machine,
    workers_for,
)
from qc_speech.nightly.order import AgentRecord, priority_of, rank_of, risk_of
from qc_speech.nightly.profile import PriorityRule

CALL = Metadata("1", agent_id="7", queue="vip", scenario="complaint")


def test_priorities_add_up_where_all_that_is_named_is_true() -> None:
    rules = (
        PriorityRule(add=10, queue="vip"),
        PriorityRule(add=5, queue="vip", scenario="complaint"),
        PriorityRule(add=100, queue="vip", agent_id="8"),
        PriorityRule(add=3, source="inbox"),
        PriorityRule(add=1000),
    )
    assert priority_of(CALL, "inbox", rules) == 18
    assert priority_of(CALL, "other", rules) == 15
    assert priority_of(Metadata("2"), "other", rules) == 0


def test_newest_and_oldest_go_by_the_call_then_by_the_file() -> None:
    early = Metadata("1", started_at=datetime(2026, 1, 1))
    late = Metadata("2", started_at=datetime(2026, 1, 2))
    assert rank_of("newest", late, 0, {}) > rank_of("newest", early, 9e9, {})
    assert rank_of("oldest", early, 0, {}) > rank_of("oldest", late, 0, {})
    assert rank_of("newest", Metadata("3"), 2, {}) > rank_of("newest", Metadata("3"), 1, {})


def test_the_riskiest_are_complaints_and_agents_with_a_record() -> None:
    agents = {"good": AgentRecord(200, 0, 2), "bad": AgentRecord(200, 60, 100)}
    good, bad, new = (Metadata("1", agent_id=name) for name in ("good", "bad", "new"))
    assert risk_of(bad, agents) > risk_of(new, agents) > risk_of(good, agents)
    complaint = Metadata("1", agent_id="good", scenario="complaint")
    assert risk_of(complaint, agents) > risk_of(bad, agents)
    one_bad_call = {"7": AgentRecord(1, 1, 1)}
    assert risk_of(CALL, one_bad_call) < risk_of(CALL, {"7": AgentRecord(100, 100, 100)})
    assert rank_of("riskiest", good, 2e9, agents) > rank_of("riskiest", good, 1e9, agents)
    assert rank_of("riskiest", bad, 0, agents) > rank_of("riskiest", good, 2e9, agents)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_risk_is_bounded(calls: int, critical: int, review: int) -> None:
    record = AgentRecord(max(calls, critical, review), critical, review)
    assert 0 <= risk_of(Metadata("1", agent_id="7"), {"7": record}) <= 1


def test_until_is_the_next_time_of_that_name() -> None:
    evening, morning = datetime(2026, 1, 1, 22, 30), datetime(2026, 1, 2, 5, 59)
    assert next_time("06:00", evening) == datetime(2026, 1, 2, 6)
    assert next_time("6:00", morning) == datetime(2026, 1, 2, 6)
    assert next_time("06:00", datetime(2026, 1, 2, 6)) == datetime(2026, 1, 3, 6)
    assert next_time("", evening) is None


def test_a_deadline_goes_by_the_wall_whatever_is_done_to_the_clock() -> None:
    now = [datetime(2026, 1, 1, 22)]
    deadline = Deadline(next_time("06:00", now[0]), lambda: now[0])
    assert not deadline.passed() and deadline.seconds_left() == 8 * 3600
    now[0] = datetime(2026, 1, 2, 7)
    assert deadline.passed() and deadline.seconds_left() == -3600
    now[0] = datetime(2026, 1, 1, 12)  # set back
    assert not deadline.passed()
    assert not Deadline(None).passed()


@pytest.mark.parametrize(
    ("cores", "gigabytes", "model", "workers"),
    [(2, 20, 0.15, 2), (16, 128, 0.15, 16), (16, 8, 0.15, 4), (64, 256, 3.1, 34), (4, 0.5, 3, 1)],
)
def test_workers_by_cores_and_memory(
    cores: int, gigabytes: float, model: float, workers: int
) -> None:
    assert workers_for(Machine(cores, gigabytes * 1e9), model * 1e9) == workers


def test_a_gpu_is_fed_by_the_cores_that_are_left() -> None:
    assert preparers_for(Machine(16, 128e9, gpus=1)) == 15
    assert preparers_for(Machine(16, 8e9, gpus=1)) == 4
    assert preparers_for(Machine(1, 8e9, gpus=1)) == 1


def test_one_process_may_take_what_the_others_leave() -> None:
    assert memory_limit(Machine(2, 20e9), 2) == pytest.approx(16.7e9)
    assert memory_limit(Machine(2, 1e9), 2) == 3e9


def test_this_machine_has_something() -> None:
    found = this_machine()
    assert found.cores >= 1 and found.memory > 0
