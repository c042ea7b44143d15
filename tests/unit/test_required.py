"""When a phrase must be said, and what comes of it."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import context, lexicons, run, talk, wait
from speech_toys import Said

from qc_speech.model import Outcome, Role
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.kind import Context
from qc_speech.rules.required import is_festival

Talk = tuple[Said, ...]
NEUTRAL = (("a", "这件事情我们正在登记"), ("c", "我说的那个问题到底怎么处理呢"))
LATE = {"directions": ("inbound",), "min_ring_seconds": 12}


def test_said_missing_and_neither() -> None:
    said = run("thanks", context(talk(*NEUTRAL, ("a", "感谢您的来电，再见"))))
    assert said.outcome is Outcome.PASS
    assert said.evidence is not None and said.evidence.quote and said.evidence.utterance == 2
    assert said.evidence.speaker is Role.AGENT
    missing = run("thanks", context(talk(*NEUTRAL)))
    assert missing.outcome is Outcome.VIOLATION
    assert missing.confidence > 0.5
    assert missing.evidence is None
    between = run("thanks", context(talk(*NEUTRAL)), missing_below=0.0, pass_from=0.9)
    assert between.outcome is Outcome.UNCERTAIN


def test_a_call_heard_badly_is_not_charged() -> None:
    clear = run("thanks", context(talk(*NEUTRAL, confidence=0.9)))
    bad = run("thanks", context(talk(*NEUTRAL, confidence=0.1)))
    assert clear.outcome is Outcome.VIOLATION
    assert bad.outcome is Outcome.UNCERTAIN
    half = run("thanks", context(talk(*NEUTRAL, confidence=0.4)))
    assert half.confidence < clear.confidence


@given(st.floats(0, 1), st.sampled_from(sorted(lexicons().phrases)))
def test_every_outcome_has_a_probability_and_a_reason(confidence: float, check: str) -> None:
    draft = run(check, context(talk(*NEUTRAL, confidence=confidence)))
    assert 0.0 <= draft.confidence <= 1.0
    assert draft.reason


@pytest.mark.parametrize("check", sorted(lexicons().phrases))
def test_unknown_roles_and_a_silent_agent_are_for_a_person(check: str) -> None:
    pause = (wait(20, 35, Role.AGENT, Role.AGENT),)
    unknown = context(
        talk(*NEUTRAL), known=False, silences=pause, direction="inbound", ring_ms=20_000
    )
    assert run(check, unknown).outcome is Outcome.UNCERTAIN
    silent = context(talk(("c", "喂有人吗喂喂")), silences=pause, direction="inbound")
    assert run(check, silent).outcome is Outcome.UNCERTAIN
    assert run(check, context(())).outcome is Outcome.UNCERTAIN


@pytest.mark.parametrize(
    ("direction", "ring_ms", "words", "outcome"),
    [
        ("inbound", 15_000, "您好让您久等了请讲", Outcome.PASS),
        ("inbound", 15_000, "您好，大龙供暖，请讲", Outcome.VIOLATION),
        ("inbound", 12_001, "您好，大龙供暖，请讲", Outcome.VIOLATION),
        ("inbound", 12_000, "您好，大龙供暖，请讲", Outcome.NOT_APPLICABLE),
        ("inbound", 3_000, "您好，大龙供暖，请讲", Outcome.NOT_APPLICABLE),
        ("inbound", None, "您好，大龙供暖，请讲", Outcome.NOT_APPLICABLE),
        ("outbound", 15_000, "您好，大龙供暖，请讲", Outcome.NOT_APPLICABLE),
        (None, 15_000, "您好，大龙供暖，请讲", Outcome.NOT_APPLICABLE),
    ],
)
def test_late_apology(
    direction: str | None, ring_ms: int | None, words: str, outcome: Outcome
) -> None:
    ctx = context(talk(("a", words), ("c", "我想问一下")), direction=direction, ring_ms=ring_ms)
    draft = run("late_apology", ctx, **LATE)
    assert draft.outcome is outcome


@pytest.mark.parametrize(
    ("day", "words", "outcome"),
    [
        ("2026-02-17", "新年好，大龙供暖，请讲", Outcome.PASS),
        ("2026-02-17", "您好，大龙供暖，请讲", Outcome.VIOLATION),
        ("2026-02-20", "您好，大龙供暖，请讲", Outcome.NOT_APPLICABLE),
        (None, "您好，大龙供暖，请讲", Outcome.NOT_APPLICABLE),
    ],
)
def test_festival_greeting(day: str | None, words: str, outcome: Outcome) -> None:
    moment = datetime.datetime.fromisoformat(f"{day}T23:59:59") if day else None
    draft = run("festival", context(talk(("a", words)), started_at=moment), festivals=True)
    assert draft.outcome is outcome


# First day of the lunar year and Mid-Autumn, from the calendar of the Purple Mountain Observatory.
LUNAR = {
    2024: ("02-10", "09-17"), 2025: ("01-29", "10-06"), 2026: ("02-17", "09-25"),
    2027: ("02-06", "09-15"), 2028: ("01-26", "10-03"), 2029: ("02-13", "09-22"),
    2030: ("02-03", "09-12"),
}  # fmt: skip


@pytest.mark.parametrize("year", sorted(LUNAR))
def test_festivals_of_a_year_are_these_days_and_no_others(year: int) -> None:
    spring, autumn = (datetime.date.fromisoformat(f"{year}-{day}") for day in LUNAR[year])
    days = {datetime.date(year, 1, 1), autumn}
    days |= {datetime.date(year, month, day) for month in (5, 10) for day in (1, 2, 3)}
    days |= {spring + datetime.timedelta(step) for step in range(3)}
    first = datetime.date(year, 1, 1)
    every = [first + datetime.timedelta(step) for step in range(365)]
    assert {day for day in every if is_festival(day)} == days


@pytest.mark.parametrize(
    ("day", "is_one"),
    [("2026-02-16", False), ("2026-02-17", True), ("2026-02-18", True), ("2026-02-19", True),
     ("2026-02-20", False), ("2026-09-25", True), ("2026-10-03", True), ("2026-10-04", False),
     ("2026-05-04", False), ("2026-12-31", False)],
)  # fmt: skip
def test_festival_dates(day: str, is_one: bool) -> None:
    assert is_festival(datetime.date.fromisoformat(day)) == is_one


ASKED = talk(("c", "帮我查一下上个月的账单吧"), ("a", "好的，请您稍等，我查一下"))
NOT_ASKED = talk(("c", "帮我查一下上个月的账单吧"), ("a", "上个月是吧我看看系统里面"))


def held(
    said: Talk, seconds: float, after: Role | None, before: Role | None, last: str = ""
) -> Context:
    """The turns, a silence behind them, and what the agent says then."""
    start = max(one.end for one in said)
    if last:
        back = start + seconds
        said = (*said, Said("a", back, back + len(last) / 4, last, confidence=0.9))
    return context(said, silences=(wait(start, start + seconds, after, before),))


@pytest.mark.parametrize(
    ("said", "seconds", "after", "before", "outcome"),
    [
        (ASKED, 15, Role.AGENT, Role.AGENT, Outcome.PASS),
        (NOT_ASKED, 15, Role.AGENT, Role.AGENT, Outcome.VIOLATION),
        (NOT_ASKED, 15, Role.CUSTOMER, Role.AGENT, Outcome.VIOLATION),
        (NOT_ASKED, 10, Role.AGENT, Role.AGENT, Outcome.NOT_APPLICABLE),
        (NOT_ASKED, 15, Role.CUSTOMER, Role.CUSTOMER, Outcome.NOT_APPLICABLE),
        (NOT_ASKED, 15, None, Role.AGENT, Outcome.NOT_APPLICABLE),
        (NOT_ASKED, 15, Role.AGENT, None, Outcome.NOT_APPLICABLE),
    ],
)
def test_hold_request(
    said: Talk, seconds: float, after: Role | None, before: Role | None, outcome: Outcome
) -> None:
    ctx = held(said, seconds, after, before, "账单是九十六块")
    assert run("hold_request", ctx).outcome is outcome


def test_a_violation_of_a_wait_can_be_heard_where_the_wait_is() -> None:
    draft = run("hold_request", held(NOT_ASKED, 15, Role.AGENT, Role.AGENT, "账单是九十六块"))
    assert draft.evidence is not None
    assert draft.evidence.span.duration_ms == 15_000
    assert draft.evidence.speaker is Role.AGENT


def test_asking_to_wait_long_before_does_not_serve_for_this_silence() -> None:
    filler = [("a", "这个套餐里面每个月有一百分钟通话"), ("c", "那流量呢我上个月好像用了不少")] * 3
    said = talk(("a", "请您稍等"), ("c", "好的没关系你慢慢查"), *filler, ("a", "我看看系统里面"))
    assert run("hold_request", held(said, 15, Role.AGENT, Role.AGENT)).outcome is Outcome.VIOLATION


def test_one_unannounced_wait_among_announced_ones_decides() -> None:
    start = ASKED[1].end
    second = start + 20
    more = Said("a", start + 15, second, "上个月是九十六块这个月还没有出账", confidence=0.9)
    silences = (
        wait(start, start + 15, Role.AGENT, Role.AGENT),
        wait(second + 30, second + 45, Role.AGENT, Role.AGENT),
    )
    late = Said("a", second + 22, second + 30, "这个月的还没有出账系统比较慢", confidence=0.9)
    draft = run("hold_request", context((*ASKED, more, late), silences=silences))
    assert draft.outcome is Outcome.VIOLATION


@pytest.mark.parametrize(
    ("last", "outcome"),
    [("让您久等了，账单是九十六块", Outcome.PASS), ("感谢您的等待，查到了", Outcome.PASS),
     ("账单是九十六块", Outcome.VIOLATION)],
)  # fmt: skip
def test_hold_thanks(last: str, outcome: Outcome) -> None:
    ctx = held(ASKED, 15, Role.AGENT, Role.AGENT, last)
    assert run("hold_thanks", ctx).outcome is outcome
    short = held(ASKED, 5, Role.AGENT, Role.AGENT, last)
    assert run("hold_thanks", short).outcome is Outcome.NOT_APPLICABLE


def test_there_is_a_kind_for_every_phrase() -> None:
    kinds = all_kinds(lexicons())
    assert set(lexicons().phrases) <= set(kinds)
    assert all(kind.name == name for name, kind in kinds.items())
