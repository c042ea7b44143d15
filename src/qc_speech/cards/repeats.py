"""Repeats within a period weigh more (屡犯加重): the account of an agent's violations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from qc_speech.cards.period import Period
from qc_speech.cards.rows import CallLine, FindingLine
from qc_speech.model import Outcome
from qc_speech.rules.rulebook import Escalation


@dataclass(frozen=True)
class Repeat:
    """The nth call within the rule's period in which an agent violated the same check (or family).
    `points` the call itself cost for it, `extra` what the repetition adds (both 0 or negative)."""

    call_id: str
    at: datetime
    what: str  # check or family, as the rulebook counts
    nth: int
    factor: float
    points: float
    extra: float


def repeats(
    calls: Iterable[CallLine],
    findings: Iterable[FindingLine],
    rules: Mapping[str, Escalation],
) -> tuple[Repeat, ...]:
    """Every occasion from the second on, in order of time. `rules`: by the name of a rulebook (the
    part of a call's `rulebook` before @). Several violations in one call are one occasion: its cap
    has counted them already."""
    by_id = {call.call_id: call for call in calls}
    lost: dict[tuple[str, str], float] = defaultdict(float)
    for one in findings:
        call = by_id.get(one.call_id)
        rule = None if call is None else rules.get(call.rulebook.split("@")[0])
        if (
            rule is None
            or one.outcome is not Outcome.VIOLATION
            or one.severity not in rule.severities
        ):
            continue
        lost[one.call_id, one.check if rule.by == "check" else one.family] += one.points
    counts: dict[tuple[str, date], int] = defaultdict(int)
    found = []
    for call_id, what in sorted(lost, key=lambda key: (by_id[key[0]].at, key)):
        call = by_id[call_id]
        rule = rules[call.rulebook.split("@")[0]]
        start = _start(rule, call.at.date())
        counts[what, start] += 1
        nth = counts[what, start]
        factor = rule.factors[min(nth, len(rule.factors)) - 1]
        points = round(lost[call_id, what], 4)
        if nth > 1:
            extra = round(points * (factor - 1), 4)
            found.append(Repeat(call_id, call.at, what, nth, factor, points, extra + 0.0))
    return tuple(found)


def first_day(rules: Mapping[str, Escalation], day: date) -> date:
    """From which day on violations count for what happens on `day`."""
    return min((_start(rule, day) for rule in rules.values()), default=day)


def _start(rule: Escalation, day: date) -> date:
    if rule.period == "day":
        return day
    return (Period.week_of(day) if rule.period == "week" else Period.month_of(day)).first
