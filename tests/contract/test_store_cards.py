"""What SQL counts for cards is what is counted by hand from the calls and findings."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from qc_speech.cards.agent import Lines
from qc_speech.cards.cells import KIND, call_cells, check_cells, family_cells, merged_checks
from qc_speech.cards.period import Period
from qc_speech.cards.rows import CallLine, FindingLine, agent_of
from qc_speech.cards.tally import add_up
from qc_speech.model import (
    Call,
    CallResult,
    Evidence,
    Finding,
    Measures,
    Metadata,
    Outcome,
    PartyMeasures,
    Recording,
    Review,
    Role,
    RoleGuess,
    Settled,
    Severity,
    Span,
)
from qc_speech.report.cards import make_agent_card, make_group_card, make_weekly_report
from qc_speech.reviews import settle, unreviewed
from qc_speech.rules.kind import Kind, Params
from qc_speech.rules.rulebook import Check, Escalation, Rulebook, Scoring
from qc_speech.score import price, score_call
from qc_speech.store import open_store
from qc_speech.store.cards import CardRows, Scope

PERIOD = Period(date(2026, 3, 2), date(2026, 3, 15))
INSPECTED = datetime(2026, 3, 10, 1, 0)
CHECKS = {
    "greeting": ("phrase", Severity.MINOR),
    "thanks": ("phrase", Severity.MINOR),
    "negative": ("banned", Severity.MAJOR),
    "insult": ("banned", Severity.CRITICAL),
}
BOOK = Rulebook(
    "complaint", "", "1", None, Scoring(),
    tuple(
        Check(name, Kind(name, Params, lambda ctx, params: ()), Params(), family, 5, 12, severity,
              "服务态度", "S1")
        for name, (family, severity) in CHECKS.items()
    ),
)  # fmt: skip


def made(rng: random.Random, n: int) -> CallResult:
    """A call of some agent, day, team and line, with findings as a rulebook makes them."""
    started = PERIOD.start + timedelta(minutes=rng.randint(-3000, 20 * 24 * 60))
    meta = Metadata(
        f"c{n:03d}",
        agent_id=rng.choice(["1023", "2001", "3", None, "Unknown", "1023、2001"]),
        agent_name=rng.choice(["林晓", "王平", None]),
        started_at=None if rng.random() < 0.15 else started,
        team=rng.choice(["一班", "二班", None]),
        queue=rng.choice(["q1", None]),
    )
    findings: list[Finding] = []
    for check, (family, severity) in CHECKS.items():
        outcomes = [rng.choice([Outcome.PASS, Outcome.NOT_APPLICABLE])]
        if rng.random() < 0.4:
            outcomes = rng.choices([Outcome.VIOLATION, Outcome.UNCERTAIN], k=rng.randint(1, 3))
        for place, outcome in enumerate(outcomes):
            span = Span(1000 * place, 1000 * place + 500)
            findings.append(
                Finding(check, family, outcome, severity, 0.9, "S1", "原因",
                        dimension="服务态度", evidence=Evidence(span, Role.AGENT, None, "话"))
            )  # fmt: skip
    call = Call(
        Recording(f"{n:064d}", "x.wav", 60_000 + n, 8000, 2, meta), (), (),
        RoleGuess((("a", Role.AGENT),), 0.9),
    )  # fmt: skip
    party = PartyMeasures(
        Role.AGENT, rng.randint(0, 40_000), 1, None, rng.choice([None, 0.37, 1]), None
    )
    priced = price(findings, BOOK)
    measures = Measures(
        (party,), (), (), (), None, None, snr_db=rng.choice([None, 10.0, 15.0, 30.0])
    )
    score = score_call(call, priced, BOOK)
    return CallResult(call, "complaint", 1.0, BOOK.label, measures, priced, score, "0")


def judged(rng: random.Random, result: CallResult) -> list[Review]:
    """People's verdicts: on what the machine found, on what it did not, and on what is gone."""
    found = []
    for n, finding in enumerate(result.findings):
        if rng.random() < 0.3 and finding.evidence:
            outcome = rng.choice([Outcome.PASS, Outcome.VIOLATION, Outcome.UNCERTAIN])
            found.append(
                Review(f"{result.call_id}-{n}", result.call_id, finding.check,
                       finding.evidence.span, outcome, finding.outcome, "w", INSPECTED)
            )  # fmt: skip
    if rng.random() < 0.3:
        found.append(
            Review(f"{result.call_id}-miss", result.call_id, "insult", Span(50_000, 51_000),
                   Outcome.VIOLATION, None, "w", INSPECTED)
        )  # fmt: skip
    if rng.random() < 0.2:
        found.append(
            Review(f"{result.call_id}-gone", result.call_id, "greeting", Span(58_000, 59_000),
                   Outcome.PASS, Outcome.VIOLATION, "w", INSPECTED)
        )  # fmt: skip
    return found


def line_of_call(result: CallResult, settled: Settled) -> CallLine:
    meta, party = result.call.recording.metadata, result.measures.parties[0]
    return CallLine(
        result.call_id, meta.agent_id, meta.started_at or INSPECTED, result.scenario,
        result.call.recording.duration_ms, settled.score.total, settled.score.grade,
        meta.agent_name, meta.team, meta.queue, party.speech_ms, result.measures.snr_db,
        party.mandarin_share, settled.score.critical, settled.score.review,
        bool(settled.reviewed), result.score.total, result.rulebook,
    )  # fmt: skip


def lines_of_findings(result: CallResult, settled: Settled) -> list[FindingLine]:
    found = []
    for n, one in enumerate(settled.findings):
        machine = result.findings[n] if n < len(result.findings) else None
        found.append(
            FindingLine(
                result.call_id, one.check, one.family, one.outcome, one.severity, one.points,
                machine.confidence if machine else one.confidence,
                one.evidence.span if one.evidence else None, one.clause, one.dimension,
                machine.outcome if machine else None, machine.points if machine else 0.0, n,
            )
        )  # fmt: skip
    return found


@pytest.fixture(params=range(3), scope="module")
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[CardRows, Lines]]:
    """A store of calls with verdicts, and the same as lines made by hand."""
    rng = random.Random(request.param)
    calls, findings = [], []
    with open_store(tmp_path_factory.mktemp("cards") / "store.db") as store:
        store._clock = lambda: INSPECTED
        for n in range(60):
            result = made(rng, n)
            reviews = judged(rng, result) if n % 2 else []
            for review in reviews:
                store.put_review(review)
            settled = settle(result, reviews, BOOK) if reviews else unreviewed(result)
            store.put_result(result, settled)
            line = line_of_call(result, settled)
            if line.at.date() in PERIOD:
                calls.append(line)
                findings += lines_of_findings(result, settled)
        yield CardRows(store), Lines(tuple(calls), tuple(findings))


SCOPES = [
    Scope("site"), Scope("team", "一班"), Scope("team", None), Scope("queue", "q1"),
    Scope("agent", "1023"), Scope("agent", None),
]  # fmt: skip


def within(lines: Lines, scope: Scope) -> Lines:
    def holds(call: CallLine) -> bool:
        if scope.kind == "agent":
            return agent_of(call.agent_id) == scope.name
        return scope.kind == "site" or getattr(call, scope.kind) == scope.name

    calls = tuple(call for call in lines.calls if holds(call))
    ids = {call.call_id for call in calls}
    return Lines(calls, tuple(one for one in lines.findings if one.call_id in ids))


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_sql_counts_what_hands_count(world: tuple[CardRows, Lines], scope: Scope) -> None:
    rows, every = world
    own = within(every, scope)
    assert Counter(rows.cells(scope, PERIOD)) == Counter(call_cells(own.calls))
    by_hand = check_cells(own.calls, own.findings)
    asked = [cell for cell in by_hand if cell.tally.calls]  # what applies nowhere has no line
    assert Counter(rows.checks(scope, PERIOD)) == Counter(asked)
    together = rows.checks(scope, PERIOD, by_agent=False)
    assert Counter(together) == Counter(merged_checks(replace(c, agent=None) for c in asked))
    for keys in ((), ("agent", "team"), ("day",), KIND):
        assert Counter(rows.cells(scope, PERIOD, keys)) == Counter(call_cells(own.calls, keys))
    families, unsure = rows.families(scope, PERIOD)
    assert Counter(families) == Counter(family_cells(own.findings))
    assert unsure == len({f.call_id for f in own.findings if f.outcome is Outcome.UNCERTAIN})
    read = rows.lines(scope, PERIOD)
    assert Counter(read.calls) == Counter(own.calls)
    assert Counter(read.findings) == Counter(own.findings)


def test_agents_add_up_to_teams_and_the_site(world: tuple[CardRows, Lines]) -> None:
    rows, every = world
    site = make_group_card(rows, "site", None, PERIOD)
    agents = [make_agent_card(rows, head.agent, PERIOD, {}) for head in site.agents]
    teams = [make_group_card(rows, "team", name, PERIOD) for name in ("一班", "二班", None)]
    assert add_up(card.tally for card in agents) == site.tally
    assert add_up(card.tally for card in teams) == site.tally
    assert site.tally.calls == len(every.calls)
    assert site.unassigned == sum(agent_of(call.agent_id) is None for call in every.calls)
    assert sum(hour.calls for hour in site.hours) <= site.tally.calls


def test_a_card_tells_what_people_changed_and_which_verdicts_are_stale(
    world: tuple[CardRows, Lines],
) -> None:
    rows, every = world
    card = make_agent_card(rows, "2001", PERIOD, {"complaint": Escalation()})
    own = within(every, Scope("agent", "2001"))
    changed = [one for one in own.findings if one.machine is not one.outcome]
    assert len(card.changed) == len(changed) > 0
    assert {one.purpose for one in card.changed} == {"flagged"}
    assert all(one.clip.quote or one.by == "person" for one in card.violations)
    ids = {one.call_id for one in rows._store.reviews() if one.id.endswith("-gone")}
    stale = [one.findings for one in card.not_counted if one.why == "stale"]
    assert sum(stale) == len(ids & {call.call_id for call in own.calls})
    assert all(one.nth > 1 and one.extra <= 0 for one in card.repeats)


def test_a_week_is_reported_with_its_words(world: tuple[CardRows, Lines]) -> None:
    rows, _ = world
    week = Period(date(2026, 3, 9), date(2026, 3, 15))
    report = make_weekly_report(rows, week)
    assert report.site.period == week and report.before.n > 0
    assert report.words_all >= report.words_read > 0
    assert sum(word.occurrences for word in report.words) <= report.words_read
    assert all(not one.call.review and not one.call.critical for one in report.best)
    assert report.new == ()  # every check was violated in the weeks before


def test_a_store_without_calls(tmp_path: Path) -> None:
    with open_store(tmp_path / "store.db") as store:
        rows = CardRows(store)
        assert rows.last_day() is None
        assert make_group_card(rows, "site", None, PERIOD).score is None
        assert make_agent_card(rows, "1", PERIOD, {}).calls == ()
        assert make_weekly_report(rows, PERIOD).coach == ()


def test_a_call_scored_by_a_new_rulebook_replaces_the_old_one(tmp_path: Path) -> None:
    rng = random.Random(1)
    first = made(rng, 1)
    meta = replace(first.call.recording.metadata, agent_id="9", started_at=PERIOD.start)
    recording = replace(first.call.recording, metadata=meta)
    first = replace(first, call=replace(first.call, recording=recording))
    with open_store(tmp_path / "store.db") as store:
        store.put_result(first)
        store.put_result(replace(first, rulebook="complaint@2", findings=first.findings[:1]))
        card = make_agent_card(CardRows(store), "9", PERIOD, {})
    assert card.rulebooks == (("complaint@2", 1),)
    assert card.tally.calls == 1 and len(card.checks) <= 1
