"""People's verdicts: which finding they are about, what counts, what it costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import talk
from speech_toys import Toy, call_of

from qc_speech.model import (
    CallResult,
    Evidence,
    Finding,
    Measures,
    Metadata,
    Outcome,
    Review,
    Role,
    Settled,
    Severity,
    Span,
)
from qc_speech.reviews import WHOLE_CALL, risk, settle, unreviewed
from qc_speech.rules.kind import Kind, Params
from qc_speech.rules.rulebook import Check, Rulebook, Scoring
from qc_speech.score import price, priced, score_call
from qc_speech.settling import judge, keep_result, settle_stored
from qc_speech.store_memory import MemoryStore

NOON = datetime(2026, 1, 15, 12)
CALL = call_of(
    Toy(
        talk(("a", "您好请问有什么可以帮您"), ("c", "我想问一下我的卡"), ("a", "你自己看吧")),
        metadata=Metadata("d01"),
    )
)


def check(
    name: str, points: float = 5, cap: float = 8, severity: Severity = Severity.MINOR
) -> Check:
    kind = Kind(name, Params, lambda ctx, params: ())
    return Check(name, kind, Params(), "banned", points, cap, severity, "服务态度", "S1")


BOOK = Rulebook(
    "toy", "", "1", None, Scoring(), (check("a"), check("b", 20, 20, Severity.CRITICAL), check("c"))
)


def finding(
    name: str = "a",
    outcome: Outcome = Outcome.VIOLATION,
    span: tuple[int, int] | None = (1000, 2000),
    confidence: float = 0.8,
) -> Finding:
    severity = Severity.CRITICAL if name == "b" else Severity.MINOR
    place = Evidence(Span(*span), Role.AGENT, 0, "您好") if span else None
    return Finding(name, "banned", outcome, severity, confidence, "S1", "原因",
                   dimension="服务态度", evidence=place)  # fmt: skip


def result(*findings: Finding) -> CallResult:
    """Findings grouped by check, priced and scored as the rulebook does."""
    priced_ones: list[Finding] = []
    for asked in BOOK.checks:
        priced_ones += priced([one for one in findings if one.check == asked.check], asked)
    score = score_call(CALL, priced_ones, BOOK)
    measures = Measures((), (), (), (), None, None)
    return CallResult(CALL, "toy", 1.0, BOOK.label, measures, tuple(priced_ones), score, "0.1")


def review(
    name: str = "a",
    outcome: Outcome = Outcome.PASS,
    span: tuple[int, int] | None = (1000, 2000),
    machine: Outcome | None = Outcome.VIOLATION,
    *,
    minute: int = 0,
    **more: object,
) -> Review:
    given = {"id": f"{minute:032}", "call_id": "d01", "reviewer": "li", **more}
    place = Span(*span) if span else None
    at = NOON + timedelta(minutes=minute)
    return Review(check=name, span=place, outcome=outcome, machine=machine, at=at, **given)  # type: ignore[arg-type]


def test_without_reviews_it_is_the_machines() -> None:
    machine = result(finding(), finding("b", Outcome.UNCERTAIN))
    assert settle(machine, (), BOOK) == Settled(machine.findings, machine.score)


def test_an_overturned_violation_costs_nothing_and_the_machines_finding_stays() -> None:
    machine = result(finding(confidence=0.5))
    settled = settle(machine, [review()], BOOK)
    (item,) = settled.findings
    assert (item.outcome, item.points, item.confidence) == (Outcome.PASS, 0.0, 1.0)
    assert (machine.score.total, settled.score.total) == (95, 100)
    assert machine.findings[0].outcome is Outcome.VIOLATION
    assert machine.score.review and not settled.score.review
    assert settled.judged == (0,) and settled.reviewed == (review(),)


def test_a_doubt_that_a_person_decides_costs_its_points() -> None:
    settled = settle(
        result(finding(outcome=Outcome.UNCERTAIN)),
        [review(outcome=Outcome.VIOLATION, machine=Outcome.UNCERTAIN)],
        BOOK,
    )
    assert (settled.score.total, settled.score.review) == (95, False)


def test_the_cap_is_counted_again_for_the_check_that_was_judged() -> None:
    spans = [(1000, 2000), (3000, 4000), (5000, 6000)]
    machine = result(*(finding(span=span) for span in spans))
    assert [item.points for item in machine.findings] == [-5, -3, 0]
    settled = settle(machine, [review()], BOOK)
    assert [item.points for item in settled.findings] == [0, -5, -3]
    assert settled.score.total == 92


def test_a_critical_violation_counts_when_a_person_says_so() -> None:
    unsure = result(finding("b", confidence=0.5))
    assert not unsure.score.critical
    sure = settle(unsure, [review("b", Outcome.VIOLATION)], BOOK)
    assert sure.score.critical and sure.score.total == 0 and not sure.score.review
    gone = settle(unsure, [review("b", Outcome.PASS)], BOOK)
    assert not gone.score.critical and gone.score.total == 100


def test_the_latest_decides_and_one_taken_back_or_for_calibration_does_not_count() -> None:
    machine = result(finding())
    first, second = review(minute=1), review(outcome=Outcome.VIOLATION, minute=2)
    assert settle(machine, [second, first], BOOK).findings[0].outcome is Outcome.VIOLATION
    back = replace(second, withdrawn=True)
    assert settle(machine, [back, first], BOOK).findings[0].outcome is Outcome.PASS
    blind = replace(second, purpose="calibration")
    assert settle(machine, [first, blind], BOOK).findings[0].outcome is Outcome.PASS
    assert settle(machine, [back, blind], BOOK) == unreviewed(machine)


def test_a_miss_is_added_last_with_its_place_and_price() -> None:
    start = CALL.utterances[2].span
    miss = review("c", Outcome.VIOLATION, (start.start_ms, start.end_ms), None, note="语气")
    settled = settle(result(finding()), [miss], BOOK)
    item = settled.findings[1]
    assert (item.check, item.outcome, item.points) == ("c", Outcome.VIOLATION, -5)
    assert item.evidence is not None
    assert (item.evidence.quote, item.evidence.speaker) == ("你自己看吧", Role.AGENT)
    assert "语气" in item.reason and settled.score.total == 90 and settled.judged == (1,)


def test_a_miss_that_the_machine_finds_after_all_is_not_counted_twice() -> None:
    miss = review("a", Outcome.VIOLATION, (900, 2100), None)
    assert len(settle(result(), [miss], BOOK).findings) == 1
    settled = settle(result(finding()), [miss], BOOK)
    assert len(settled.findings) == 1 and settled.score.total == 95


def test_a_miss_that_only_touches_a_finding_is_another_one() -> None:
    miss = review("a", Outcome.VIOLATION, (1900, 4000), None)
    assert len(settle(result(finding()), [miss], BOOK).findings) == 2


def test_a_miss_of_a_check_that_nobody_asks_is_stale() -> None:
    miss = review("gone", Outcome.VIOLATION, None, None)
    settled = settle(result(finding()), [miss], BOOK)
    assert settled.stale == (miss,) and settled.reviewed == ()
    assert settled.score == result(finding()).score


def test_after_a_new_hearing_the_nearest_finding_is_meant() -> None:
    heard = result(finding(span=(900, 1400)), finding(span=(1450, 2600)))
    settled = settle(heard, [review(span=(1300, 2100))], BOOK)
    assert [item.outcome for item in settled.findings] == [Outcome.VIOLATION, Outcome.PASS]


def test_a_finding_inside_another_is_told_from_it() -> None:
    heard = result(finding(span=(0, 9000)), finding(span=(1000, 2000)))
    assert settle(heard, [review()], BOOK).judged == (1,)


def test_a_verdict_whose_finding_is_gone_is_stale() -> None:
    old = review(span=(7000, 8000))
    settled = settle(result(finding()), [old], BOOK)
    assert settled.stale == (old,) and settled.score.total == 95
    missing = review("c", span=None)
    assert settle(result(finding("c")), [missing], BOOK).stale == (missing,)
    assert settle(result(finding("c", span=None)), [missing], BOOK).judged == (0,)


def test_when_two_findings_have_become_one_the_later_verdict_decides() -> None:
    merged = result(finding(span=(1000, 4000)))
    first = review(span=(1000, 2000), minute=1)
    second = review(outcome=Outcome.VIOLATION, span=(3000, 4000), minute=2)
    settled = settle(merged, [second, first], BOOK)
    assert settled.findings[0].outcome is Outcome.VIOLATION
    assert (settled.reviewed, settled.stale) == ((second,), ())


def test_doubts_about_the_call_stay_until_a_person_has_looked_at_it() -> None:
    machine = result(finding(outcome=Outcome.UNCERTAIN))
    doubt = "场景由内容推断"
    reasons = (*machine.score.review_reasons, doubt)
    machine = replace(machine, score=replace(machine.score, review_reasons=reasons))
    one = review(machine=Outcome.UNCERTAIN)
    assert settle(machine, [one], BOOK).score.review_reasons == (doubt,)
    looked = review(WHOLE_CALL, Outcome.PASS, None, None, minute=1)
    assert settle(machine, [one, looked], BOOK).score.review_reasons == ()
    only = settle(machine, [looked], BOOK)
    assert only.score.review_reasons == ("待人工判断：a",) and len(only.findings) == 1


def test_the_queue_has_critical_first_then_doubt_then_nothing() -> None:
    fine = unreviewed(result(finding(confidence=0.9)))
    doubt = unreviewed(result(finding(outcome=Outcome.UNCERTAIN)))
    more = unreviewed(result(finding(outcome=Outcome.UNCERTAIN), finding(confidence=0.5)))
    critical = unreviewed(result(finding("b", confidence=0.9)))
    assert 0 == risk(fine) < risk(doubt) < risk(more) < risk(critical)
    assert risk(settle(result(finding("b")), [review("b", Outcome.VIOLATION)], BOOK)) == 0


SPANS = [(0, 500), (400, 900), (1000, 2000), None]
FINDINGS = st.builds(
    finding,
    st.sampled_from("abc"),
    st.sampled_from(Outcome),
    st.sampled_from(SPANS),
    st.floats(0, 1),
)
REVIEWS = st.builds(
    review,
    st.sampled_from("abc"),
    st.sampled_from(Outcome),
    st.sampled_from(SPANS),
    st.sampled_from([None, *Outcome]),
    minute=st.integers(0, 3),
    id=st.uuids().map(lambda one: one.hex),
    withdrawn=st.booleans(),
    purpose=st.sampled_from(["flagged", "calibration"]),
)


@given(st.lists(FINDINGS, max_size=6), st.lists(REVIEWS, max_size=6))
def test_what_always_holds(found: list[Finding], reviews: list[Review]) -> None:
    machine = result(*found)
    settled = settle(machine, reviews, BOOK)
    assert settle(machine, reviews[::-1], BOOK) == settled
    head = settled.findings[: len(machine.findings)]
    assert [one.check for one in head] == [one.check for one in machine.findings]
    plain = max(0.0, 100 + sum(one.points for one in settled.findings))
    assert settled.score.total == pytest.approx(0 if settled.score.critical else plain)
    for asked in BOOK.checks:
        lost = [one.points for one in settled.findings if one.check == asked.check]
        assert -asked.cap <= sum(lost) <= 0
    for n, one in enumerate(settled.findings):
        assert one.points == 0 or one.outcome is Outcome.VIOLATION
        assert n not in settled.judged or one.confidence == 1.0
        if n not in settled.judged:
            assert one.outcome is machine.findings[n].outcome
    counted = {*settled.reviewed, *settled.stale}
    assert counted <= {r for r in reviews if not r.withdrawn and r.purpose != "calibration"}


# --- verdicts and results that are written at once ---------------------------------------------


class _Late(MemoryStore):
    """A verdict comes in between reading the verdicts and writing the result."""

    late: Review | None = None

    def put_result(self, result: CallResult, settled: Settled | None = None) -> None:
        if self.late is not None:
            self.put_review(self.late)
            self.late = None
        super().put_result(result, settled)


def test_a_verdict_that_comes_in_while_a_result_is_written_counts() -> None:
    store = _Late()
    store.late = review()
    keep_result(store, result(finding()), BOOK)
    assert store._settled["d01"].findings[0].outcome is Outcome.PASS


def test_a_verdict_counts_at_once() -> None:
    store = MemoryStore()
    keep_result(store, result(finding()), BOOK)
    settled = judge(store, review(), {"toy": BOOK})
    assert settled.score.total == 100 and store._settled["d01"] == settled
    judge(store, replace(review(), withdrawn=True), {"toy": BOOK})
    assert settle_stored(store, "d01", {"toy": BOOK}) == unreviewed(result(finding()))


def test_what_a_verdict_frees_of_a_familys_cap_another_check_costs() -> None:
    book = replace(BOOK, scoring=Scoring(family_caps={"banned": 8}))
    found = price([finding("a"), finding("c", span=(5000, 6000))], book)
    assert [one.points for one in found] == [-5, -3]
    machine = replace(result(), findings=found, score=score_call(CALL, found, book))
    settled = settle(machine, [review("a", Outcome.PASS)], book)
    assert [one.points for one in settled.findings] == [0, -5]
    assert settled.score.total == 95
