"""How well the machine does by people's verdicts, and labels made from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_calls import call

from qc_speech.evaluate.files import read_label
from qc_speech.evaluate.judged import judged
from qc_speech.evaluate.labelling import write_labels
from qc_speech.evaluate.truth import truths
from qc_speech.evaluate.verdicts import Judged, quality, threshold
from qc_speech.model import CallResult, Finding, Outcome, Review, Span
from qc_speech.pipeline import score
from qc_speech.reviews import WHOLE_CALL
from qc_speech.settling import settle_stored
from qc_speech.setup import load_rules
from qc_speech.store import SqlStore, open_store
from qc_speech.store.notes import Note, put_note

V, P, U = Outcome.VIOLATION, Outcome.PASS, Outcome.UNCERTAIN


def test_precision_and_recall_count_what_they_say() -> None:
    rows = [
        *[Judged("a", V, V, 0.9)] * 3,
        Judged("a", V, P, 0.6),
        Judged("a", None, V, 1.0),  # a miss in a flagged call says nothing of recall
        *[Judged("a", V, V, 0.9, sample=True)] * 2,
        *[Judged("a", V, V, 0.9, sample=True, whole=True)] * 4,
        Judged("a", P, V, 0.9, sample=True),
        Judged("a", U, V, 0.5),
        Judged("a", U, P, 0.5),
    ]
    (one,) = quality(rows)
    assert one.precision and one.sample_precision and one.recall
    assert (one.precision.part, one.precision.whole) == (5, 6)
    assert (one.sample_precision.part, one.sample_precision.whole) == (6, 6)
    assert (one.recall.part, one.recall.whole) == (6, 7)
    assert (one.tried.yes, one.tried.no) == (1, 1)
    assert one.recall.low < 6 / 7 < one.recall.high


def test_a_check_that_nobody_charged_has_no_precision() -> None:
    (one,) = quality([Judged("a", U, P, 0.5)])
    assert one.precision is None and one.recall is None and one.threshold is None


def test_a_threshold_from_which_on_it_can_be_trusted() -> None:
    sure = [(0.95, True)] * 60
    doubtful = [(0.6, True)] * 10 + [(0.6, False)] * 20
    found = threshold([*doubtful, *sure])
    assert found and found.confidence == 0.95
    assert (found.precision.part, found.precision.whole, found.kept, found.of) == (60, 60, 60, 70)
    assert threshold(sure) is None  # all is good already
    assert threshold([(0.9, True)] * 5) is None  # too few to say
    assert threshold([(0.9, True), (0.9, False)] * 40) is None


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.8, 0.9]), st.booleans()), max_size=300))
def test_a_threshold_promises_no_more_than_was_seen(charged: list[tuple[float, bool]]) -> None:
    found = threshold(charged)
    if found is not None:
        above = [right for confidence, right in charged if confidence >= found.confidence]
        assert (found.precision.part, found.precision.whole) == (sum(above), len(above))
        assert found.precision.low >= 0.9 and len(above) >= 20


# From a store


def inspected(call_id: str) -> CallResult:
    made = call(call_id)
    own = replace(made.call.recording, id=call_id.ljust(64, "0"))
    parties = tuple((s, r) for s, r in made.call.roles.roles if r.value in ("agent", "customer"))
    roles = replace(made.call.roles, roles=parties)
    said = tuple(u for u in made.call.utterances if u.speaker in dict(parties))
    lines = tuple(replace(u, index=n) for n, u in enumerate(said))
    turns = tuple(t for t in made.call.turns if t.speaker in dict(parties))
    heard = replace(made.call, recording=own, roles=roles, utterances=lines, turns=turns)
    return score(heard, made.measures, load_rules(), None)


def says(
    store: SqlStore, result: CallResult, finding: Finding | None, outcome: Outcome, **more: object
) -> None:
    span = finding.evidence.span if finding and finding.evidence else None
    count = len(list(store.reviews()))
    review = Review(
        uuid4().hex, result.call_id, finding.check if finding else WHOLE_CALL, span, outcome,
        finding.outcome if finding else None, "wang",
        datetime(2026, 2, 1) + timedelta(minutes=count),
    )  # fmt: skip
    store.put_review(replace(review, **more))  # type: ignore[arg-type]
    settle_stored(store, result.call_id, load_rules().rulebooks)


@pytest.fixture
def store(tmp_path: Path):  # type: ignore[no-untyped-def]
    with open_store(tmp_path / "qc.sqlite") as one:
        yield one


def decide_all(store: SqlStore, result: CallResult, purpose: str = "flagged") -> None:
    for finding in result.findings:
        if finding.outcome is U:
            says(store, result, finding, P, purpose=purpose)
    says(store, result, None, P, purpose=purpose)


def test_verdicts_of_a_store(store: SqlStore) -> None:
    flagged, sampled = inspected("flagged"), inspected("sampled")
    for result in (flagged, sampled):
        store.put_result(result)
    first = next(f for f in flagged.findings if f.outcome is V)
    says(store, flagged, first, V)
    says(store, flagged, first, P)  # he thought again: the last word counts
    says(store, flagged, first, V, purpose="calibration")  # does not count
    says(store, flagged, first, V, withdrawn=True)
    says(store, sampled, None, P, purpose="sample")  # heard whole: what was charged stands
    added = Span(600, 4600)
    says(store, sampled, replace(first, check="impatience", evidence=None), V,
         span=added, machine=None, purpose="sample")  # fmt: skip
    rows = {row.check: row for row in quality(judged(store))}
    own = rows[first.check]
    charged = [f for f in sampled.findings if f.check == first.check and f.outcome is V]
    assert own.precision and own.precision.part == 0 and own.precision.whole == 1
    assert own.recall and (own.recall.part, own.recall.whole) == (len(charged), len(charged))
    missed = rows["impatience"].recall
    assert missed and missed.whole - missed.part == 1


def test_calls_that_were_heard_whole_become_labels(store: SqlStore, tmp_path: Path) -> None:
    whole, half, undecided = inspected("whole"), inspected("half"), inspected("undecided")
    for result in (whole, half, undecided):
        store.put_result(result)
    trap = next(f for f in whole.findings if f.outcome is V and f.family != "phrase")
    says(store, whole, trap, P)
    decide_all(store, whole)
    line = whole.call.utterances[1]
    note = Note("n" * 32, "whole", "text", line.span, line.speaker, "我家暖气不热", "wang",
                datetime(2026, 2, 1))  # fmt: skip
    put_note(store, note)
    says(store, undecided, None, P)
    written, left = write_labels(store, load_rules(), tmp_path / "labels")
    unsure = any(f.outcome is U for f in undecided.findings)
    assert written == (1 if unsure else 2)
    assert [one.call_id for one in left] == (["undecided"] if unsure else [])
    label = read_label(tmp_path / "labels" / "whole.json")
    assert label.turns[1].text == "我家暖气不热" and label.turns[0].text
    assert trap.check in label.clean and trap.check not in label.violations
    settled = settle_stored(store, "whole", load_rules().rulebooks)
    truth = {one.check: one.violated for one in truths(label)}
    for finding in settled.findings:
        if finding.check in truth and finding.outcome in (V, P):
            worst = any(f.check == finding.check and f.outcome is V for f in settled.findings)
            assert truth[finding.check] is worst, finding.check
    assert not (tmp_path / "labels" / "half.json").exists()
