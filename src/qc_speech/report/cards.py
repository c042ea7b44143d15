"""Makes the cards of a period from a store: asks for rows, compares, adds the quotes shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from qc_speech.cards.agent import AgentCard, Beside, Lines, agent_card
from qc_speech.cards.cells import KIND
from qc_speech.cards.group import GroupCard, GroupRows, group_card
from qc_speech.cards.period import Period
from qc_speech.cards.quotes import wanted, with_clips, with_quotes
from qc_speech.cards.repeats import first_day
from qc_speech.cards.rows import FindingLine
from qc_speech.cards.weekly import BannedWord, WeeklyReport, WeekRows, clips_of, weekly_report
from qc_speech.rules.rulebook import Escalation, Rulebook
from qc_speech.store.card_queries import Scope
from qc_speech.store.cards import SITE, CardRows
from qc_speech.text.normalize import normalize

SHOWN = (
    100  # violations of a card whose words are looked up; the others stand on their calls' pages
)
_WEEKS_BACK = 4  # a violation is new if these weeks had none
_CANDIDATES, _LEAST_BEST_MS = 200, 60_000
_MOST_WORDS_READ = 300
_DAY = timedelta(days=1)


def escalations(books: Mapping[str, Rulebook]) -> dict[str, Escalation]:
    """What repeats cost, by rulebook."""
    return {
        name: book.scoring.escalation for name, book in books.items() if book.scoring.escalation
    }


def make_agent_card(
    rows: CardRows, agent: str | None, period: Period, repeats: Mapping[str, Escalation]
) -> AgentCard:
    """The card of an agent (None: of the calls that are nobody's)."""
    own = Scope("agent", agent)
    lines = rows.lines(own, period)
    beside = Beside(past=rows.cells(own, period.before(), KIND), escalations=repeats)
    if agent is not None:
        scope = _peers(lines)
        beside = replace(
            beside,
            against=scope.kind,
            others=tuple(
                c for c in rows.cells(scope, period, ("agent", *KIND)) if c.agent != agent
            ),
            other_checks=tuple(c for c in rows.checks(scope, period) if c.agent != agent),
            earlier=_earlier(rows, own, period, repeats),
        )
    else:
        beside = replace(beside, escalations={})
    card = agent_card(agent, period, lines, beside)
    return with_quotes(card, rows.texts(wanted(card, SHOWN)))


def _peers(lines: Lines) -> Scope:
    """Whom an agent is compared with: the team, else the queue, else the site."""
    for kind, names in (
        ("team", Counter(call.team for call in lines.calls if call.team)),
        ("queue", Counter(call.queue for call in lines.calls if call.queue)),
    ):
        if names:
            return Scope(kind, names.most_common(1)[0][0])
    return SITE


def _earlier(
    rows: CardRows, own: Scope, period: Period, repeats: Mapping[str, Escalation]
) -> Lines:
    """The calls before the period that its repeats are counted from."""
    since = first_day(repeats, period.first)
    if since == period.first:
        return Lines()
    return rows.lines(own, Period(since, period.first - _DAY))


def make_group_card(rows: CardRows, kind: str, name: str | None, period: Period) -> GroupCard:
    """The card of a team, a queue or the site (kind; name None: calls that name none)."""
    return _group(rows, Scope(kind, name), period)[0]


def all_cards(
    rows: CardRows, period: Period, repeats: Mapping[str, Escalation]
) -> Iterator[AgentCard | GroupCard]:
    """The cards of every agent, team and queue with calls and the site's, one at a time: first
    what others link to."""
    site = make_group_card(rows, "site", None, period)
    for head in site.agents:
        yield make_agent_card(rows, head.agent, period, repeats)
    for part in site.parts:
        yield make_group_card(rows, part.kind, part.name, period)
    yield site


def _group(rows: CardRows, scope: Scope, period: Period) -> tuple[GroupCard, GroupRows]:
    whole = scope.kind == "site"
    families, unsure = rows.families(scope, period)
    read = GroupRows(
        agents=rows.cells(scope, period, ("agent", "team")),
        days=rows.cells(scope, period, ("day",)),
        kinds=rows.cells(scope, period, KIND),
        checks=rows.checks(scope, period),
        families=families,
        unsure=unsure,
        hours=rows.hours(scope, period),
        past=rows.cells(scope, period.before(), KIND),
        past_checks=rows.checks(scope, period.before(), by_agent=False),
        site=() if whole else rows.cells(SITE, period, KIND),
        names=rows.names(scope, period),
        rulebooks=rows.rulebooks(scope, period),
        failures=rows.failures(period) if whole else 0,
    )
    return group_card(scope.kind, scope.name, period, read), read


def make_weekly_report(rows: CardRows, week: Period) -> WeeklyReport:
    """The report of a week (or any period), compared with the one before it."""
    site, read = _group(rows, SITE, week)
    back = Period(week.first - 7 * _WEEKS_BACK * _DAY, week.first - _DAY)
    known = rows.violated(back)
    fresh = {cell.check for cell in read.checks if cell.tally.violated} - known
    new = rows.newest(week, fresh, _MOST_WORDS_READ)
    calls = {call.call_id: call for call in rows.calls(tuple({one.call_id for one in new}))}
    banned = [cell for cell in read.checks if cell.family == "banned" and cell.occurrences]
    words_all = sum(cell.occurrences for cell in banned)
    spoken = rows.newest(week, {cell.check for cell in banned}, _MOST_WORDS_READ)
    report = weekly_report(
        site,
        WeekRows(
            checks=read.checks,
            past=rows.cells(SITE, week.before(), ("agent",)),
            past_checks=read.past_checks,
            known=known,
            candidates=rows.best(week, _CANDIDATES, _LEAST_BEST_MS),
            clips=clips_of(new, calls),
            words=_words(rows, spoken),
            words_read=len(spoken),
            words_all=words_all,
        ),
    )
    return with_clips(report, rows.texts(wanted(report, SHOWN)))


def _words(rows: CardRows, banned: Sequence[FindingLine]) -> tuple[BannedWord, ...]:
    """What was said in these violations, the most frequent first: what is heard alike is one."""
    texts = rows.texts((one.call_id, one.n) for one in banned)
    counts: Counter[tuple[str, str]] = Counter()
    shown: dict[tuple[str, str], str] = {}
    for one in banned:
        quote, _ = texts.get((one.call_id, one.n), ("", ""))
        if quote:
            key = (normalize(quote), one.check)
            counts[key] += 1
            shown.setdefault(key, quote)
    return tuple(BannedWord(shown[key], key[1], count) for key, count in counts.most_common(20))
