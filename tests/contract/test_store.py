"""What every store must do, whatever keeps the data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qc_speech.errors import StoreError
from qc_speech.model import (
    Call,
    CallResult,
    Evidence,
    Finding,
    Measures,
    Metadata,
    Outcome,
    Recording,
    Review,
    Role,
    RoleGuess,
    Score,
    Settled,
    Severity,
    Span,
    Stamp,
    Utterance,
    Voiceprint,
    Word,
)
from qc_speech.ports import Store
from qc_speech.store import open_store
from qc_speech.store_memory import MemoryStore


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    on_server = request.param == "postgresql"
    place = request.getfixturevalue("postgres_url") if on_server else tmp_path / "store.db"
    with open_store(place) as opened:
        yield opened


def finding(n: int = 0, points: float = -5.0) -> Finding:
    return Finding(
        check=f"check{n}",
        family="phrase",
        outcome=Outcome.VIOLATION,
        severity=Severity.MAJOR,
        confidence=0.8,
        clause="S4 1.3.2",
        reason="打断了客户",
        points=points,
        dimension="服务态度",
        evidence=Evidence(Span(100, 900), Role.AGENT, 0, "您先听我说"),
    )


def result(call_id: str = "d01", *, findings: tuple[Finding, ...] | None = None) -> CallResult:
    metadata = Metadata(call_id, "1023", "王芳", datetime(2026, 1, 15, 9, 12), ring_ms=5000)
    recording = Recording("ab" * 32, "d01.wav", 87_400, 8000, 2, metadata)
    words = (Word(Span(610, 980), "您好", 0.97), Word(Span(980, 1200), "，"))
    roles = RoleGuess((("S0", Role.AGENT),), 0.9)
    utterance = Utterance(0, Span(610, 1200), "S0", Role.AGENT, words)
    stamps = (Stamp("fake", "1", "m"),)
    call = Call(recording, (utterance,), (), roles, stamps)
    found = (finding(0), replace(finding(1), evidence=None)) if findings is None else findings
    score = Score(90.0, (("服务态度", 95.0),), False, "B", True, ("听不清",))
    measures = Measures((), (), (), (), 1200, 300)
    return CallResult(call, "repair_hotline", 0.9, "repair@3", measures, found, score, "0.1")


def test_stage_unknown_is_none(store: Store) -> None:
    assert store.stage("r", "asr", "k") is None


def test_stage_comes_back_under_its_own_key_only(store: Store) -> None:
    store.put_stage("r", "asr", "k1", {"text": "您好", "n": [1, 2.5, None, True]})
    store.put_stage("r", "asr", "k2", ["other"])
    store.put_stage("r", "diarize", "k1", "third")
    assert store.stage("r", "asr", "k1") == {"text": "您好", "n": [1, 2.5, None, True]}
    assert store.stage("r", "asr", "k2") == ["other"]
    assert store.stage("r", "diarize", "k1") == "third"
    assert store.stage("r2", "asr", "k1") is None


def test_stage_is_replaced(store: Store) -> None:
    store.put_stage("r", "asr", "k", 1)
    store.put_stage("r", "asr", "k", {"a": 2})
    assert store.stage("r", "asr", "k") == {"a": 2}


def test_stage_is_a_copy(store: Store) -> None:
    payload: dict[str, Any] = {"words": ["a"]}
    store.put_stage("r", "asr", "k", payload)
    payload["words"].append("b")
    read = store.stage("r", "asr", "k")
    assert read is not None
    read["words"].append("c")
    assert store.stage("r", "asr", "k") == {"words": ["a"]}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(payload=json_values)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_json_survives(store: Store, payload: Any) -> None:
    store.put_stage("r", "asr", "k", payload)
    assert store.stage("r", "asr", "k") == payload


def test_result_comes_back_whole(store: Store) -> None:
    assert store.result("d01") is None
    store.put_result(result())
    assert store.result("d01") == result()
    assert store.result("d02") is None


def test_result_is_replaced(store: Store) -> None:
    store.put_result(result())
    again = result(findings=(finding(7, -1.0),))
    store.put_result(again)
    assert list(store.results()) == [again]


def test_result_without_findings(store: Store) -> None:
    store.put_result(result(findings=()))
    read = store.result("d01")
    assert read is not None and read.findings == ()


def test_one_recording_under_two_call_ids(store: Store) -> None:
    store.put_result(result("a"))
    store.put_result(result("b"))
    assert [one.call_id for one in store.results()] == ["a", "b"]


def test_results_come_by_call_id(store: Store) -> None:
    ids = ["d10", "d2", "呼叫1", "A", "a", "d02"]
    for call_id in ids:
        store.put_result(result(call_id))
    assert [one.call_id for one in store.results()] == sorted(ids)


def test_results_can_be_left_early_and_written_meanwhile(store: Store) -> None:
    for n in range(5):
        store.put_result(result(f"d{n}"))
    for one in store.results():
        store.put_result(replace(one, rulebook="repair@4"))
        if one.call_id == "d3":
            break
    assert [one.rulebook for one in store.results()] == ["repair@4"] * 4 + ["repair@3"]


def test_failures(store: Store) -> None:
    assert store.failures() == ()
    store.put_failure("b.wav", "no sound")
    store.put_failure("a.wav", "damaged")
    store.put_failure("b.wav", "empty file")
    assert store.failures() == (("a.wav", "damaged"), ("b.wav", "empty file"))
    store.clear_failure("a.wav")
    store.clear_failure("never.wav")
    assert store.failures() == (("b.wav", "empty file"),)


def test_file_names_that_are_not_utf8(store: Store) -> None:
    name = b"\xd5\xc5.wav".decode("utf-8", "surrogateescape")
    one = result()
    recording = replace(one.call.recording, source_name=name)
    one = replace(one, call=replace(one.call, recording=recording))
    store.put_result(one)
    assert store.result("d01") == one
    store.put_failure(name, "damaged")
    assert len(store.failures()) == 1
    store.clear_failure(name)
    assert store.failures() == ()


def voiceprint(agent_id: str = "1023", first: float = 0.6) -> Voiceprint:
    return Voiceprint(agent_id, (first, -0.8), 31.5, "campplus", datetime(2026, 1, 15, 9, 12))


def test_voiceprints_come_back_are_replaced_and_erased(store: Store) -> None:
    assert store.voiceprint("1023") is None
    assert store.voiceprints() == ()
    store.put_voiceprint(voiceprint())
    store.put_voiceprint(voiceprint("坐席 7"))
    store.put_voiceprint(voiceprint("0042"))
    assert store.voiceprint("1023") == voiceprint()
    assert [one.agent_id for one in store.voiceprints()] == ["0042", "1023", "坐席 7"]
    again = voiceprint("1023", 0.8)
    store.put_voiceprint(again)
    assert store.voiceprint("1023") == again
    assert store.remove_voiceprint("1023")
    assert store.voiceprint("1023") is None
    assert not store.remove_voiceprint("1023")
    assert [one.agent_id for one in store.voiceprints()] == ["0042", "坐席 7"]


def review(n: int = 0, call_id: str = "d01", **more: Any) -> Review:
    at = datetime(2026, 1, 16, 8, n)
    given = {"machine": Outcome.VIOLATION, "reviewer": "李检", "note": "客户同意了", **more}
    return Review(f"{n:032x}", call_id, "check0", Span(100, 900), Outcome.PASS, at=at, **given)


def test_reviews_come_back_oldest_first(store: Store) -> None:
    assert list(store.reviews()) == []
    late, early = review(9), review(3, machine=None, purpose="appeal")
    whole = replace(review(5, "呼叫 2"), span=None, outcome=Outcome.UNCERTAIN)
    for one in (late, whole, early):
        store.put_review(one)
    assert list(store.reviews()) == [early, whole, late]
    assert list(store.reviews("d01")) == [early, late]
    assert list(store.reviews("呼叫 2")) == [whole]
    assert list(store.reviews("d3")) == []


def test_a_review_is_withdrawn(store: Store) -> None:
    store.put_review(review())
    store.put_review(replace(review(), withdrawn=True))
    (one,) = store.reviews("d01")
    assert one == replace(review(), withdrawn=True)


def test_reviews_outlive_a_new_result(store: Store) -> None:
    store.put_result(result())
    store.put_review(review())
    store.put_result(result(findings=()))
    assert list(store.reviews("d01")) == [review()]


def settled(machine: CallResult, *added: Finding) -> Settled:
    first, *rest = machine.findings
    overturned = replace(first, outcome=Outcome.PASS, points=0.0, confidence=1.0)
    score = replace(machine.score, total=95.0, grade="A", review=False, review_reasons=())
    return Settled((overturned, *rest, *added), score, (review(),), (0,))


def test_verdicts_leave_the_machines_result_as_it_is(store: Store) -> None:
    store.put_result(result(), settled(result()))
    assert store.result("d01") == result()
    store.put_settled("d01", settled(result(), finding(7)))
    assert store.result("d01") == result()
    assert list(store.results()) == [result()]


def test_verdicts_on_another_call_are_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="no call d01"):
        store.put_settled("d01", settled(result()))
    store.put_result(result())
    other = result(findings=(finding(5),))
    with pytest.raises(StoreError, match="inspected anew"):
        store.put_settled("d01", settled(other))
    store.put_settled("d01", settled(result()))


def test_a_verdict_and_what_it_makes_of_the_call_are_kept_together(store: Store) -> None:
    store.put_result(result())
    seen: list[tuple[Review, ...]] = []

    def change(reviews: tuple[Review, ...]) -> tuple[Review, Settled]:
        seen.append(reviews)
        return review(len(reviews)), settled(result())

    assert store.amend("d01", change) == settled(result())
    store.amend("d01", change)
    assert seen == [(), (review(0),)]
    assert list(store.reviews("d01")) == [review(0), review(1)]


def test_a_change_that_is_given_up_leaves_nothing(store: Store) -> None:
    store.put_result(result())
    other = result(findings=(finding(5),))
    with pytest.raises(StoreError, match="inspected anew"):
        store.amend("d01", lambda _: (review(), settled(other)))
    with pytest.raises(ZeroDivisionError):
        store.amend("d01", lambda _: (review(), settled(result())) if 1 // 0 else None)
    with pytest.raises(StoreError, match="no call d9"):
        store.amend("d9", lambda _: (review(1, "d9"), settled(result())))
    assert list(store.reviews()) == []


def test_nobody_else_judges_a_call_while_somebody_does(store: Store) -> None:
    store.put_result(result())

    def change(reviews: tuple[Review, ...]) -> tuple[Review, Settled]:
        return review(len(reviews)), settled(result())  # two at once would take one number

    in_threads(lambda _: [store.amend("d01", change) for _ in range(3)], 6)
    assert len(list(store.reviews("d01"))) == 18


def in_threads(work: Callable[[int], None], count: int) -> None:
    errors: list[BaseException] = []

    def run(n: int) -> None:
        try:
            work(n)
        except BaseException as error:  # shown below: a thread's own traceback fails no test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_many_threads_at_once(store: Store) -> None:
    def work(n: int) -> None:
        for k in range(6):
            store.put_stage(f"r{n}", "asr", f"k{k}", [n, k])
            store.put_result(result(f"c{n}-{k}"))
            assert store.stage(f"r{n}", "asr", f"k{k}") == [n, k]
            assert any(one.call_id == f"c{n}-{k}" for one in store.results())

    in_threads(work, 8)
    assert len(list(store.results())) == 48
