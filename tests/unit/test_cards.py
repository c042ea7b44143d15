"""Cards of agents, teams and the site: counts add up, and nothing is charged twice or unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from card_toys import START, call_line, finding_line, many_lines, rows_of
from hypothesis import given, settings

from qc_speech.cards.agent import AgentCard, Beside, Lines, agent_card
from qc_speech.cards.cells import call_cells, check_cells
from qc_speech.cards.group import GroupCard, GroupRows, group_card
from qc_speech.cards.lines import NotCounted
from qc_speech.cards.period import Period
from qc_speech.cards.rows import agent_of
from qc_speech.cards.statistics import Scores, add_scores
from qc_speech.cards.tally import add_up
from qc_speech.cards.weekly import WeekRows, clips_of, weekly_report
from qc_speech.codec import from_json, to_json
from qc_speech.model import Outcome
from qc_speech.rules.rulebook import Escalation

PERIOD = Period(date(2026, 3, 2), date(2026, 3, 15))


def agents_in(lines: Lines) -> dict[str | None, Lines]:
    agents = dict.fromkeys(agent_of(call.agent_id) for call in lines.calls)
    return {
        agent: replace(lines, calls=tuple(c for c in lines.calls if agent_of(c.agent_id) == agent))
        for agent in agents
    }


@settings(max_examples=30, deadline=None)
@given(many_lines())
def test_tallies_add_up_from_call_to_agent_to_team_to_site(lines: Lines) -> None:
    site = group_card("site", None, PERIOD, rows_of(lines))
    cards = [agent_card(agent, PERIOD, own) for agent, own in agents_in(lines).items()]
    assert add_up(card.tally for card in cards) == site.tally
    assert add_up(head.tally for head in site.agents) == site.tally
    assert add_scores(card.scores for card in cards) == site.scores
    assert site.scores == Scores.of(call.total for call in lines.calls)
    teams = {call.team for call in lines.calls}
    parts = []
    for team in teams:
        own = replace(lines, calls=tuple(c for c in lines.calls if c.team == team))
        ids = {call.call_id for call in own.calls}
        own = replace(own, findings=tuple(f for f in own.findings if f.call_id in ids))
        parts.append(group_card("team", team, PERIOD, rows_of(own)))
    assert add_up(part.tally for part in parts) == site.tally
    if teams - {None}:
        heads = [head for head in site.parts if head.kind == "team"]
        assert add_scores(head.scores for head in heads) == site.scores


@settings(max_examples=30, deadline=None)
@given(many_lines())
def test_a_card_counts_what_its_findings_say(lines: Lines) -> None:
    for agent, own in agents_in(lines).items():
        card = agent_card(agent, PERIOD, own)
        ids = {call.call_id for call in own.calls}
        found = [one for one in lines.findings if one.call_id in ids]
        violated = [one for one in found if one.outcome is Outcome.VIOLATION]
        assert len(card.violations) == card.tally.violated == len(violated)
        assert sum(line.occurrences for line in card.families) == len(violated)
        assert sum(line.occurrences for line in card.checks) == len(violated)
        assert card.lost_points == sum(one.points for one in violated)
        assert sum(line.tally.points for line in card.checks) == card.lost_points
        for line in card.checks:
            assert line.tally.judged + line.tally.uncertain == line.tally.calls <= len(ids)
        assert sum(one.calls for one in card.bins) == len(ids)


@settings(max_examples=30, deadline=None)
@given(many_lines())
def test_uncertain_findings_change_no_number_but_their_own(lines: Lines) -> None:
    for agent, own in agents_in(lines).items():
        sure = tuple(one for one in own.findings if one.outcome is not Outcome.UNCERTAIN)
        with_doubt, without = (
            agent_card(agent, PERIOD, own),
            agent_card(agent, PERIOD, replace(own, findings=sure)),
        )
        assert with_doubt.scores == without.scores
        assert with_doubt.families == without.families
        assert with_doubt.violations == without.violations
        assert with_doubt.dimensions == without.dimensions


@settings(max_examples=30, deadline=None)
@given(many_lines())
def test_cards_survive_being_written_and_read(lines: Lines) -> None:
    site = group_card("site", None, PERIOD, rows_of(lines))
    assert from_json(GroupCard, to_json(site)) == site
    for agent, own in agents_in(lines).items():
        card = agent_card(agent, PERIOD, own)
        assert from_json(AgentCard, to_json(card)) == card


def test_an_agent_without_a_call_has_an_empty_card() -> None:
    card = agent_card("77", PERIOD, Lines())
    assert card.score is None and card.tally.calls == 0
    assert card.violations == card.work_on == card.strengths == ()
    assert all(one.score is None for one in card.trend.buckets)
    assert [line.name for line in card.dimensions] == [
        "服务态度", "服务质量", "业务水平", "工作效率", "客户满意度",
    ]  # fmt: skip
    assert all(line.score is None for line in card.dimensions)


def test_an_agent_with_one_call_has_a_wide_interval_and_no_place_of_its_own() -> None:
    lines = Lines(
        (
            *(call_line(f"c{n}", "2001", total=90 + n % 5) for n in range(20)),
            call_line("x", "77", total=60.0),
        )
    )
    card = agent_card("77", PERIOD, Lines(lines.calls[-1:]))
    assert card.score is not None and card.score.high - card.score.low > 50
    site = group_card("site", None, PERIOD, rows_of(lines))
    places = {head.agent: head.place for head in site.agents}
    assert places["77"] is not None and (places["77"].first, places["77"].last) == (1, 2)


def test_calls_of_nobody_and_of_two_agents_are_on_nobodys_card() -> None:
    assert agent_of(None) is agent_of("unknown") is agent_of(" ") is agent_of("1023；2001") is None
    assert agent_of(" 1023 ") == "1023"
    lines = Lines((call_line("a", "1023;2001"), call_line("b", None), call_line("c", "1023")))
    site = group_card("site", None, PERIOD, rows_of(lines))
    assert [(head.agent, head.scores.n) for head in site.agents] == [("1023", 1), (None, 2)]
    assert site.unassigned == 2 and site.agents[-1].place is None
    assert NotCounted("unassigned", 0, 2) in site.not_counted


def test_a_renamed_agent_keeps_one_card_with_both_names() -> None:
    calls = (
        call_line("a", agent_name="林晓"),
        call_line("b", agent_name="林小晓", at=START + timedelta(days=1)),
        call_line("c", agent_name=None, at=START + timedelta(days=2)),
    )
    assert agent_card("1023", PERIOD, Lines(calls)).names == ("林小晓", "林晓")


def test_a_call_rescored_by_a_new_rulebook_counts_once_and_is_told() -> None:
    calls = (call_line("a"), call_line("b", rulebook="complaint@1.1+bb"), call_line("c"))
    card = agent_card("1023", PERIOD, Lines(calls))
    assert card.rulebooks == (("complaint@1.0+aa", 2), ("complaint@1.1+bb", 1))


def test_what_people_changed_is_listed_with_what_it_cost_before() -> None:
    undone = finding_line("a", outcome=Outcome.PASS, machine=Outcome.VIOLATION, machine_points=-5.0)
    added = finding_line("a", "insult", machine=None, machine_points=0.0)
    lines = Lines((call_line("a"),), (undone, added), purposes={("a", "negative"): "appeal"})
    card = agent_card("1023", PERIOD, lines)
    changes = {one.check: one for one in card.changed}
    assert (changes["negative"].purpose, changes["negative"].points_before) == ("appeal", -5.0)
    assert changes["negative"].points == 0.0
    assert changes["insult"].machine is None
    assert [(v.check, v.by) for v in card.violations] == [("insult", "person")]


def test_repeats_weigh_more_within_the_rulebooks_period_and_not_in_the_next() -> None:
    rules = {"complaint": Escalation(factors=(1, 1.5, 2))}
    days = (2, 3, 4, 31)
    calls = tuple(call_line(f"c{d}", at=datetime(2026, 3, d, 9)) for d in days)
    calls += (call_line("april", at=datetime(2026, 4, 1, 9)),)
    findings = tuple(finding_line(call.call_id) for call in calls)
    twice = finding_line("c3", points=-2.0)
    minor = tuple(finding_line(call.call_id, "greeting") for call in calls)
    period = Period(date(2026, 3, 3), date(2026, 4, 30))
    beside = Beside(earlier=Lines(calls[:1], findings[:1]), escalations=rules)
    lines = Lines(calls[1:], (*findings[1:], twice, *minor))
    card = agent_card("1023", period, lines, beside)
    assert [(r.call_id, r.nth, r.factor, r.points, r.extra) for r in card.repeats] == [
        ("c3", 2, 1.5, -7.0, -3.5),
        ("c4", 3, 2.0, -5.0, -5.0),
        ("c31", 4, 2.0, -5.0, -5.0),
    ]
    assert card.repeat_points == -13.5
    assert agent_card("1023", period, lines).repeats == ()


def test_three_things_to_work_on_by_what_they_cost_each_with_clips() -> None:
    calls = tuple(call_line(f"c{n}", at=START + timedelta(hours=n)) for n in range(12))
    findings = [finding_line("c0", "insult"), finding_line("c1", "greeting", span=None)]
    findings += [finding_line(f"c{n}", "negative") for n in range(5)]
    findings += [finding_line(f"c{n}", "dead_air") for n in range(2)]
    card = agent_card("1023", PERIOD, Lines(calls, tuple(findings)))
    assert [one.line.check for one in card.work_on] == ["negative", "insult", "dead_air"]
    assert [clip.call_id for clip in card.work_on[0].clips] == ["c4", "c3", "c2"]
    assert all(clip.span for clip in card.work_on[0].clips)


def test_a_strength_is_surely_better_than_the_others() -> None:
    calls = tuple(call_line(f"c{n}") for n in range(60))
    good = tuple(finding_line(call.call_id, "greeting", Outcome.PASS) for call in calls)
    others = tuple(call_line(f"o{n}", "2001") for n in range(60))
    bad = tuple(
        finding_line(one.call_id, "greeting", Outcome.VIOLATION if n % 2 else Outcome.PASS)
        for n, one in enumerate(others)
    )
    beside = Beside("team", call_cells(others), check_cells(others, bad))
    card = agent_card("1023", PERIOD, Lines(calls, good), beside)
    assert [line.check for line in card.strengths] == ["greeting"]
    few = agent_card("1023", PERIOD, Lines(calls[:9], good[:9]), beside)
    assert few.strengths == ()


def test_the_weekly_report_says_what_changed_what_is_new_and_whom_to_coach() -> None:
    week = Period(date(2026, 3, 2), date(2026, 3, 8))
    calls, findings = [], []
    for n in range(40):
        agent = "bad" if n % 2 else "good"
        lost = 40.0 if agent == "bad" else float(n % 4)
        calls.append(call_line(f"n{n}", agent, total=100 - lost + n % 3))
        outcome = Outcome.VIOLATION if agent == "bad" else Outcome.PASS
        findings.append(finding_line(f"n{n}", "greeting", outcome))
    findings.append(finding_line("n1", "dead_air"))
    old = [replace(call, call_id=f"o{n}") for n, call in enumerate(calls)]
    old_findings = [finding_line(call.call_id, "greeting", Outcome.PASS) for call in old]
    lines = Lines(tuple(calls), tuple(findings))
    rows = rows_of(lines)
    site = group_card("site", None, week, rows)
    marks = lines.findings
    report = weekly_report(
        site,
        WeekRows(
            checks=rows.checks, past=call_cells(old, ("agent",)),
            past_checks=check_cells(old, old_findings), known=frozenset({"greeting"}),
            candidates=tuple((call, 3) for call in calls),
            clips=clips_of(marks, {call.call_id: call for call in calls}),
        ),
    )  # fmt: skip
    assert [(c.check, c.sure) for c in report.changes] == [("greeting", True)]
    assert [(n.line.check, [c.call_id for c in n.clips]) for n in report.new] == [
        ("dead_air", ["n1"])
    ]
    assert [(one.head.agent, one.why) for one in report.coach] == [("bad", ("below",))]
    assert [line.check for line in report.coach[0].checks] == ["greeting", "dead_air"]
    assert len({one.call.agent_id for one in report.best}) == len(report.best) == 2
    assert report.before.n == 40


def test_the_heat_map_is_compliance_by_agent_and_check() -> None:
    calls = (call_line("a", "1"), call_line("b", "1"), call_line("c", "2"))
    findings = (
        finding_line("a", "greeting", Outcome.PASS),
        finding_line("b", "greeting"),
        finding_line("c", "greeting", Outcome.UNCERTAIN),
        finding_line("c", "thanks", Outcome.PASS),
        finding_line("a", "negative"),
    )
    heat = group_card("site", None, PERIOD, rows_of(Lines(calls, findings))).heat
    assert heat.checks == ("greeting", "thanks")
    cells = dict(zip(heat.agents, heat.cells))
    assert cells["1"][0] is not None and (cells["1"][0].count, cells["1"][0].whole) == (1, 2)
    assert cells["1"][1] is None and cells["2"][0] is None


def test_an_empty_site_is_an_empty_page() -> None:
    card = group_card("site", None, PERIOD, GroupRows())
    assert card.score is None and card.agents == () and card.mandarin_share is None
