"""The weekly report: what changed, what is new, who did best, whom to coach. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from qc_speech.cards.cells import CallCell, CheckCell, scores_by
from qc_speech.cards.group import AgentHead, GroupCard
from qc_speech.cards.lines import CheckLine, Clip, check_lines
from qc_speech.cards.rows import CallLine, FindingLine
from qc_speech.cards.statistics import (
    Difference,
    Scores,
    Share,
    chance,
    difference,
    discoveries,
    share_difference,
)
from qc_speech.model import Outcome

_MOST_BEST, _MOST_CLIPS, _MOST_COACHED = 10, 3, 20


@dataclass(frozen=True)
class CheckChange:
    """A check whose violation rate differs from that of the week before. `sure`: by more than
    chance explains, all checks taken together."""

    check: str
    before: Share
    now: Share
    difference: Difference
    sure: bool = False


@dataclass(frozen=True)
class NewViolation:
    """A check violated this week and not once in the weeks before that were looked at."""

    line: CheckLine
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class BestCall:
    """A call worth listening to: full of passed checks, with nothing in doubt."""

    call: CallLine
    passed: int


@dataclass(frozen=True)
class Coached:
    """An agent to coach. why: critical (a critical violation) | below (the whole interval lies
    below the site's mean) | fell (surely lower than the week before)."""

    head: AgentHead
    why: tuple[str, ...]
    checks: tuple[CheckLine, ...]


@dataclass(frozen=True)
class BannedWord:
    """A forbidden wording as it was heard, and how often."""

    words: str
    check: str
    occurrences: int


@dataclass(frozen=True)
class WeeklyReport:
    """`changes`: the sure ones first. `words_read` of `words_all` violations were looked up for the
    words that were said."""

    site: GroupCard
    before: Scores
    changes: tuple[CheckChange, ...]
    new: tuple[NewViolation, ...]
    best: tuple[BestCall, ...]
    coach: tuple[Coached, ...]
    words: tuple[BannedWord, ...]
    words_read: int
    words_all: int


@dataclass(frozen=True)
class WeekRows:
    """What a weekly report is made of besides the site's card: its checks by agent, the week before
    (calls by agent), which checks were violated in the weeks looked at, the best calls' candidates
    (with how many checks each passed), the new violations' clips by check, the banned words."""

    checks: tuple[CheckCell, ...] = ()
    past: tuple[CallCell, ...] = ()
    past_checks: tuple[CheckCell, ...] = ()
    known: frozenset[str] = frozenset()
    candidates: tuple[tuple[CallLine, int], ...] = ()
    clips: Mapping[str, tuple[Clip, ...]] = field(default_factory=dict)
    words: tuple[BannedWord, ...] = ()
    words_read: int = 0
    words_all: int = 0


def weekly_report(site: GroupCard, rows: WeekRows) -> WeeklyReport:
    return WeeklyReport(
        site=site,
        before=sum((cell.scores for cell in rows.past), Scores()),
        changes=_changes(check_lines(rows.checks, rows.past_checks)),
        new=_new(site.checks, rows),
        best=_best(rows.candidates),
        coach=_coach(site, rows),
        words=rows.words,
        words_read=rows.words_read,
        words_all=rows.words_all,
    )


def _changes(lines: Iterable[CheckLine]) -> tuple[CheckChange, ...]:
    """Of fifty checks two or three seem changed by chance alone: those that are called sure are
    chosen by their false discovery rate (5 %)."""
    pairs = [(one.check, one.reference, one.rate) for one in lines if one.reference and one.rate]
    sure = discoveries([chance(before, now) for _, before, now in pairs])
    found = [
        CheckChange(check, before, now, share_difference(before, now), certain)
        for (check, before, now), certain in zip(pairs, sure)
        if before.value != now.value
    ]
    found.sort(key=lambda one: (not one.sure, -abs(one.difference.value), one.check))
    return tuple(found)


def _new(lines: Iterable[CheckLine], rows: WeekRows) -> tuple[NewViolation, ...]:
    return tuple(
        NewViolation(line, rows.clips.get(line.check, ())[:_MOST_CLIPS])
        for line in lines
        if line.tally.violated and line.check not in rows.known
    )


def _best(candidates: Sequence[tuple[CallLine, int]]) -> tuple[BestCall, ...]:
    """At most one of each agent: the best of several people, not ten of one."""
    ordered = sorted(
        candidates, key=lambda one: (-one[0].total, -one[1], -one[0].duration_ms, one[0].call_id)
    )
    found: dict[str | None, BestCall] = {}
    for call, passed in ordered:
        found.setdefault(call.agent_id, BestCall(call, passed))
    return tuple(found.values())[:_MOST_BEST]


def _coach(site: GroupCard, rows: WeekRows) -> tuple[Coached, ...]:
    """Critical violations first, then the lowest scores."""
    past = scores_by(rows.past, lambda cell: cell.agent)
    own: dict[str | None, list[CheckCell]] = defaultdict(list)
    for cell in rows.checks:
        own[cell.agent].append(cell)
    mean = site.scores.mean
    found = []
    for head in site.agents:
        if head.agent is None or head.score is None or mean is None:
            continue
        step = difference(past.get(head.agent, Scores()), head.scores)
        why = [
            name
            for name, holds in (
                ("critical", head.critical > 0),
                ("below", head.score.high < mean),
                ("fell", step is not None and step.high < 0),
            )
            if holds
        ]
        if why:
            costly = sorted(check_lines(own[head.agent]), key=lambda line: line.tally.points)
            found.append(
                Coached(head, tuple(why), tuple(c for c in costly if c.tally.violated)[:3])
            )
    found.sort(
        key=lambda one: ("critical" not in one.why, one.head.score.mean if one.head.score else 0)
    )
    return tuple(found[:_MOST_COACHED])


def clips_of(
    marks: Iterable[FindingLine], calls: Mapping[str, CallLine]
) -> dict[str, tuple[Clip, ...]]:
    """The violations of each check as clips, the newest first."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for one in marks:
        if one.outcome is Outcome.VIOLATION and one.call_id in calls:
            found[one.check].append(Clip(one.call_id, calls[one.call_id].at, one.span, one.n))
    return {
        check: tuple(sorted(clips, key=lambda clip: clip.at, reverse=True))
        for check, clips in found.items()
    }
