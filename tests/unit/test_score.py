"""Findings -> the score of a call."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import context, talk

from qc_speech.model import Call, Finding, Outcome, Role, RoleGuess, Severity
from qc_speech.rules.kind import Kind, Params
from qc_speech.rules.rulebook import DIMENSIONS, Check, Escalation, Rulebook, Scoring
from qc_speech.score import price, priced, score_call

SCORING = Scoring()
BOOK = Rulebook("toy", "", "1", None, SCORING, ())
CALL: Call = context(talk(("a", "您好请讲"), ("c", "我想问一下"))).call
UNIT = st.floats(0, 1)
POINTS = st.integers(0, 100).map(float)


def finding(outcome: Outcome = Outcome.VIOLATION, **more: object) -> Finding:
    given = {"check": "x", "family": "phrase", "severity": Severity.MINOR, "confidence": 0.9,
             "clause": "S1", "reason": "r", "dimension": "服务态度", **more}  # fmt: skip
    return Finding(outcome=outcome, **given)  # type: ignore[arg-type]


def check_of(points: float, cap: float) -> Check:
    kind = Kind("x", Params, lambda ctx, params: ())
    return Check("x", kind, Params(), "phrase", points, cap, Severity.MINOR, "服务态度", "S1")


@st.composite
def priced_findings(draw: st.DrawFn) -> tuple[Finding, ...]:
    """Findings of several checks, each priced as the rulebook does."""
    found: list[Finding] = []
    for name in draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=5)):
        points = draw(POINTS)
        dimension = draw(st.sampled_from([*DIMENSIONS, ""]))
        severity = draw(st.sampled_from(Severity))
        raw = [
            finding(
                outcome, check=name, dimension=dimension, severity=severity, confidence=draw(UNIT)
            )
            for outcome in draw(st.lists(st.sampled_from(Outcome), max_size=4))
        ]
        found += priced(raw, check_of(points, points + draw(POINTS)))
    return tuple(found)


@given(st.lists(st.sampled_from(Outcome), max_size=8), POINTS, POINTS)
def test_a_check_costs_its_points_per_violation_up_to_its_cap(
    outcomes: list[Outcome], points: float, more: float
) -> None:
    found = priced([finding(outcome) for outcome in outcomes], check_of(points, points + more))
    violations = outcomes.count(Outcome.VIOLATION)
    assert sum(item.points for item in found) == pytest.approx(
        -min(points + more, violations * points)
    )
    assert [item.outcome for item in found] == outcomes
    for item in found:
        assert -points <= item.points <= 0
        assert item.points == 0 or item.outcome is Outcome.VIOLATION


def test_the_cap_is_reached_in_order_and_partly() -> None:
    found = priced([finding()] * 4, check_of(5, 12))
    assert [item.points for item in found] == [-5, -5, -2, 0]


def test_a_cost_of_nothing_is_a_plain_zero() -> None:
    (item,) = priced([finding()], check_of(0, 0))
    assert str(item.points) == "0.0"


@given(priced_findings())
def test_the_total_is_100_and_the_sum_of_the_points(findings: tuple[Finding, ...]) -> None:
    score = score_call(CALL, findings, BOOK)
    plain = max(0.0, 100 + sum(item.points for item in findings))
    assert score.total == pytest.approx(
        min(plain, SCORING.critical_total) if score.critical else plain
    )
    assert 0 <= score.total <= 100


@given(priced_findings(), st.data())
def test_uncertain_findings_never_change_the_score(
    findings: tuple[Finding, ...], data: st.DataObject
) -> None:
    before = score_call(CALL, findings, BOOK)
    raw = finding(
        Outcome.UNCERTAIN,
        check="doubt",
        severity=data.draw(st.sampled_from(Severity)),
        dimension=data.draw(st.sampled_from(DIMENSIONS)),
        confidence=data.draw(UNIT),
    )
    (doubt,) = priced([raw], check_of(50, 50))
    place = data.draw(st.integers(0, len(findings)))
    after = score_call(CALL, (*findings[:place], doubt, *findings[place:]), BOOK)
    assert replace(after, review=before.review, review_reasons=before.review_reasons) == before
    assert after.review and any("doubt" in reason for reason in after.review_reasons)


@given(priced_findings(), st.randoms(use_true_random=False))
def test_the_order_of_findings_does_not_matter(
    findings: tuple[Finding, ...], random: object
) -> None:
    mixed = list(findings)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    there, back = score_call(CALL, findings, BOOK), score_call(CALL, mixed, BOOK)
    assert replace(there, review_reasons=()) == replace(back, review_reasons=())
    assert set(there.review_reasons) == set(back.review_reasons)


@given(priced_findings())
def test_a_further_violation_never_raises_a_score(findings: tuple[Finding, ...]) -> None:
    more = (*findings, replace(finding(), points=-3.0))
    assert score_call(CALL, more, BOOK).total <= score_call(CALL, findings, BOOK).total


@given(priced_findings())
def test_a_dimension_is_there_when_something_showed_it(findings: tuple[Finding, ...]) -> None:
    dimensions = dict(score_call(CALL, findings, BOOK).dimensions)
    shown = [item for item in findings if item.outcome in (Outcome.PASS, Outcome.VIOLATION)]
    assert set(dimensions) == {item.dimension for item in shown if item.dimension}
    for name, value in dimensions.items():
        own = sum(item.points for item in shown if item.dimension == name)
        assert value == pytest.approx(max(0.0, 100 + own))


@pytest.mark.parametrize(
    ("outcome", "severity", "confidence", "critical"),
    [
        (Outcome.VIOLATION, Severity.CRITICAL, 0.75, True),
        (Outcome.VIOLATION, Severity.CRITICAL, 0.74, False),
        (Outcome.VIOLATION, Severity.MAJOR, 1.0, False),
        (Outcome.UNCERTAIN, Severity.CRITICAL, 1.0, False),
        (Outcome.PASS, Severity.CRITICAL, 1.0, False),
        (Outcome.NOT_APPLICABLE, Severity.CRITICAL, 1.0, False),
    ],
)
def test_one_sure_critical_violation_decides(
    outcome: Outcome, severity: Severity, confidence: float, critical: bool
) -> None:
    item = finding(outcome, severity=severity, confidence=confidence)
    score = score_call(CALL, (item,), BOOK)
    assert score.critical is critical
    assert score.total == (SCORING.critical_total if critical else 100)
    if outcome is Outcome.VIOLATION and severity is Severity.CRITICAL:
        assert score.review, "a person confirms it"


def test_a_milder_house_sets_its_own_critical_total() -> None:
    book = replace(BOOK, scoring=Scoring(critical_total=59))
    item = finding(severity=Severity.CRITICAL, points=-10.0)
    assert score_call(CALL, (item,), book).total == 59
    assert score_call(CALL, (replace(item, points=-80.0),), book).total == 20


@pytest.mark.parametrize(
    ("lost", "grade"),
    [(0, "A"), (5, "A"), (5.01, "B"), (15, "B"), (30, "C"), (40, "D"), (40.5, "E"), (300, "E")],
)
def test_grades(lost: float, grade: str) -> None:
    assert score_call(CALL, (replace(finding(), points=-lost),), BOOK).grade == grade


@given(priced_findings())
def test_the_grade_is_that_of_the_total(findings: tuple[Finding, ...]) -> None:
    score = score_call(CALL, findings, BOOK)
    assert score.grade == next(grade for grade, floor in SCORING.grades if score.total >= floor)


def test_what_a_person_must_look_at() -> None:
    assert not score_call(CALL, (finding(Outcome.PASS),), BOOK).review
    assert not score_call(CALL, (finding(confidence=0.6),), BOOK).review
    unsure = score_call(CALL, (finding(confidence=0.59),), BOOK)
    assert unsure.review_reasons == ("violation with confidence below 0.6: x",)
    unknown = replace(CALL, roles=RoleGuess((("ch0", Role.UNKNOWN),), 0.5))
    assert score_call(unknown, (), BOOK).review_reasons == ("未能分清坐席和客户（把握 50%）",)
    doubted = replace(CALL, roles=RoleGuess((("ch0", Role.AGENT),), 0.5, (), ("声道或许相反",)))
    assert score_call(doubted, (), BOOK).review_reasons == ("声道或许相反",)
    assert score_call(replace(CALL, utterances=()), (), BOOK).review
    twice = score_call(CALL, (finding(Outcome.UNCERTAIN), finding(Outcome.UNCERTAIN)), BOOK)
    assert len(twice.review_reasons) == 1


@st.composite
def books(draw: st.DrawFn) -> Rulebook:
    """Rulebooks with caps of families and rewards for good practice."""
    families = ("phrase", "banned", "timing")
    checks = []
    for name in "abcdef":
        points = draw(POINTS)
        check = replace(
            check_of(points, points + draw(POINTS)),
            check=name,
            family=draw(st.sampled_from(families)),
            bonus=draw(st.sampled_from([0.0, 1.0, 2.5])),
        )
        checks.append(check)
    caps = draw(st.dictionaries(st.sampled_from(families), POINTS))
    scoring = Scoring(family_caps=caps, bonus_cap=draw(POINTS))  # type: ignore[arg-type]
    return replace(BOOK, scoring=scoring, checks=tuple(checks))


@given(books(), st.data())
def test_caps_of_check_family_and_good_practice_all_hold(
    book: Rulebook, data: st.DataObject
) -> None:
    checks = {check.check: check for check in book.checks}
    raw = [
        finding(outcome, check=name, family=checks[name].family)
        for name in data.draw(st.lists(st.sampled_from("abcdef"), max_size=12))
        for outcome in [data.draw(st.sampled_from(Outcome))]
    ]
    found = price(raw, book)
    assert [(f.check, f.outcome) for f in found] == [(f.check, f.outcome) for f in raw]
    for name, check in checks.items():
        assert sum(f.points for f in found if f.check == name and f.points < 0) >= -check.cap
    for family, cap in book.scoring.family_caps.items():
        own = [f.points for f in found if f.family == family and f.points < 0]
        assert sum(own) >= -cap - 1e-9
    assert sum(f.points for f in found if f.points > 0) <= book.scoring.bonus_cap + 1e-9
    for item in found:
        assert item.points == 0 or item.outcome in (Outcome.PASS, Outcome.VIOLATION)
        assert item.points <= 0 or item.outcome is Outcome.PASS
    score = score_call(CALL, found, book)
    assert 0 <= score.total <= 100
    assert all(0 <= value <= 100 for _, value in score.dimensions)


def test_good_practice_makes_up_for_a_slip_but_never_passes_100() -> None:
    book = replace(
        BOOK,
        scoring=Scoring(bonus_cap=3),
        checks=(
            replace(check_of(5, 5), check="slip"),
            replace(check_of(0, 0), check="kind", bonus=2),
        ),
    )
    raw = [finding(check="slip")] + [finding(Outcome.PASS, check="kind")] * 2
    found = price(raw, book)
    assert [f.points for f in found] == [-5, 2, 1]
    assert score_call(CALL, found, book).total == 98
    assert score_call(CALL, price(raw[1:], book), book).total == 100
    critical = finding(severity=Severity.CRITICAL, check="slip")
    assert score_call(CALL, price([critical, *raw[1:]], book), book).total == 0


def test_a_family_costs_its_cap_at_most() -> None:
    book = replace(
        BOOK,
        scoring=Scoring(family_caps={"phrase": 8}),
        checks=tuple(replace(check_of(5, 10), check=name) for name in "ab"),
    )
    found = price([finding(check="a"), finding(check="b"), finding(check="a")], book)
    assert [f.points for f in found] == [-5, -3, 0]


@pytest.mark.parametrize(
    "wrong", [{"factors": (1,)}, {"factors": (2, 3)}, {"factors": (1, 3, 2)}, {"period": "year"}]
)
def test_an_escalation_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"factor|period|least 2"):
        Escalation.model_validate(wrong)
