"""A scorecard's counts are exactly those of its calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from report_calls import call, finding

from qc_speech.model import Finding, Outcome
from qc_speech.report.scorecard import Card, CheckLine, card_of
from qc_speech.report.summary import entry_of, row_of

CHECKS = (("greeting", "phrase"), ("thanks", "phrase"), ("negative", "banned"), ("pace", "pace"))
findings = st.lists(
    st.builds(
        lambda check, outcome, points: finding(
            check[0], outcome, -points if outcome is Outcome.VIOLATION else 0.0, check[1]
        ),
        st.sampled_from(CHECKS),
        st.sampled_from(Outcome),
        st.sampled_from([0.0, 2.5, 5.0]),
    ),
    max_size=12,
)


def card(*calls: list[Finding]) -> Card:
    results = [call(f"c{i}", findings=found) for i, found in enumerate(calls)]
    return card_of("1023", [entry_of(result, row_of(result, result.call_id)) for result in results])


def line(made: Card, check: str) -> CheckLine:
    return next(item for item in made.checks if item.check == check)


@given(st.lists(findings, min_size=1, max_size=6))
def test_every_number_adds_up(calls: list[list[Finding]]) -> None:
    made = card(*calls)
    everything = [f for found in calls for f in found]
    violations = [f for f in everything if f.outcome is Outcome.VIOLATION]
    uncertain = [f for f in everything if f.outcome is Outcome.UNCERTAIN]
    assert made.tally.calls == len(calls)
    assert made.tally.violated == len(violations) == len(made.violations)
    assert made.tally.uncertain == len(uncertain) == len(made.uncertain)
    assert sum(item.occurrences for item in made.checks) == len(violations)
    assert sum(item.occurrences for item in made.families) == len(violations)
    assert sum(item.tally.points for item in made.checks) == sum(f.points for f in everything)
    assert all(item.calls <= len(calls) for item in made.families)
    for item in made.checks:
        judged = item.tally.judged + item.tally.uncertain
        assert item.tally.violated <= item.occurrences
        assert judged <= item.tally.calls <= len(calls)


def test_a_phrase_counts_only_where_it_was_in_scope() -> None:
    said = finding("thanks", Outcome.PASS, 0, "phrase")
    missing = finding("thanks", Outcome.VIOLATION, -5, "phrase", None)
    unheard = finding("thanks", Outcome.UNCERTAIN, 0, "phrase")
    spared = finding("thanks", Outcome.NOT_APPLICABLE, 0, "phrase", None)
    tally = line(card([said], [missing], [unheard], [spared], []), "thanks").tally
    assert (tally.passed, tally.violated, tally.uncertain, tally.calls) == (1, 1, 1, 4)
    assert (tally.violated, tally.judged) == (1, 2)


def test_a_call_counts_once_however_often_a_word_was_said() -> None:
    twice = [finding(), finding(at_ms=20_000)]
    clean = [finding(outcome=Outcome.PASS, points=0, at_ms=None)]
    unheard = [finding(outcome=Outcome.UNCERTAIN, points=0)]
    out_of_scope: list[Finding] = []
    made = line(card(twice, clean, unheard, out_of_scope), "negative")
    assert (made.occurrences, made.tally.violated, made.tally.judged) == (2, 1, 2)
    assert (made.tally.uncertain, made.tally.calls) == (1, 3)


def test_uncertain_costs_nothing_and_is_no_violation() -> None:
    made = card([finding(outcome=Outcome.UNCERTAIN, points=0)])
    assert made.tally.violated == 0
    assert made.families == ()
    assert len(made.uncertain) == 1


def test_the_newest_call_comes_first_and_names_the_agent() -> None:
    from datetime import datetime

    results = [
        call("old", started_at=datetime(2026, 1, 1), agent_name="旧名"),
        call("undated", started_at=None),
        call("new", started_at=datetime(2026, 3, 1), agent_name="林晓"),
    ]
    made = card_of("1023", [entry_of(result, row_of(result, result.call_id)) for result in results])
    assert [row.call_id for row in made.calls] == ["new", "old", "undated"]
    assert made.name == "林晓"
