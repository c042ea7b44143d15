"""A card as tables: what pages, PDF, spreadsheets, CSV and warehouse files are all made from, so
that their numbers agree. Values are plain (numbers, texts, dates, None), identifiers are
translated where they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from qc_speech.cards.agent import AgentCard
from qc_speech.cards.group import GroupCard
from qc_speech.cards.lines import CheckLine, Clip
from qc_speech.cards.statistics import Estimate, Rate, Share
from qc_speech.cards.tally import Tally
from qc_speech.cards.weekly import WeeklyReport

AnyCard = AgentCard | GroupCard | WeeklyReport
Value = str | int | float | bool | date | datetime | None


@dataclass(frozen=True)
class Column:
    """`key` names its heading in labels.yaml (`card`), or is an identifier of `heading` (a check in
    a heat map). kind: text | count | number (1 decimal) | points | percent (0..1) | day | moment |
    flag | call | clock (ms from the start of the call) | length (ms), or the table of labels.yaml
    that its identifiers are translated by (checks, families, card ...)."""

    key: str
    kind: str = "text"
    heading: str = "card"


@dataclass(frozen=True)
class Table:
    """`key` names its title in labels.yaml (`card`), `<key>_note` what explains it."""

    key: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]


def tables(card: AnyCard) -> tuple[Table, ...]:
    """All tables of a card that hold anything, the summary first."""
    if isinstance(card, AgentCard):
        found = _of_agent(card)
    elif isinstance(card, GroupCard):
        found = _of_group(card)
    else:
        found = _of_week(card)
    return tuple(table for table in found if table.rows)


def _table(key: str, columns: str, rows: Iterable[Sequence[Value]]) -> Table:
    """Columns as `key:kind` or `key`, apart by spaces."""
    made = tuple(Column(*text.split(":")) for text in columns.split())
    return Table(key, made, tuple(tuple(row) for row in rows))


def _interval(one: Estimate | Rate | Share | None) -> tuple[Value, Value, Value]:
    if one is None:
        return None, None, None
    return (one.mean if isinstance(one, Estimate) else one.value), one.low, one.high


_SUMMARY = "figure:card value:number low:number high:number calls:count method:card"


def _summary(
    score: Estimate | None, tally: Tally, talk_ms: int, more: Iterable[tuple[str, Value]]
) -> Table:
    mean, low, high = _interval(score)
    rows: list[tuple[Value, ...]] = [
        ("score", mean, low, high, tally.calls, score.method if score else None)
    ]
    plain = [
        ("calls", tally.calls),
        ("talk_minutes", talk_ms / 60_000),
        ("passed", tally.passed),
        ("violations", tally.violated),
        ("uncertain", tally.uncertain),
        *more,
    ]
    rows += [(name, value, None, None, None, None) for name, value in plain]
    return _table("summary", _SUMMARY, rows)


def _of_agent(card: AgentCard) -> list[Table]:
    more = [
        ("critical_calls", card.critical),
        ("lost_points", card.lost_points),
        ("repeat_points", card.repeat_points),
    ]
    return [
        _summary(card.score, card.tally, card.talk_ms, more),
        _comparisons(card),
        _work(card),
        _checks("strengths", card.strengths),
        _table(
            "dimensions",
            "dimension:dimensions calls:count score:number low:number high:number points:points",
            [(d.name, d.calls, *_interval(d.score), d.points) for d in card.dimensions],
        ),
        _families(card),
        *_trend(card),
        _violations(card),
        _table(
            "repeats",
            "at:moment call:call what:checks nth:count factor:number points:points extra:points",
            [(r.at, r.call_id, r.what, r.nth, r.factor, r.points, r.extra) for r in card.repeats],
        ),
        _table(
            "changed",
            "at:moment call:call check:checks place:clock machine:outcomes person:outcomes "
            "points_before:points points:points purpose:card",
            [
                (
                    c.at, c.call_id, c.check, c.span.start_ms if c.span else None,
                    c.machine.value if c.machine else None, c.outcome.value, c.points_before,
                    c.points, c.purpose or None,
                )
                for c in card.changed
            ],
        ),
        _not_counted(card),
        _checks("checks", card.checks),
        _table(
            "bins",
            "from:count to:count calls:count",
            [(b.low, b.high, b.calls) for b in card.bins],
        ),
        _table("grades", "grade calls:count", card.grades),
        _table("rulebooks", "rulebook calls:count", card.rulebooks),
        _calls(card),
    ]  # fmt: skip


def _of_group(card: GroupCard) -> list[Table]:
    more: list[tuple[str, Value]] = [
        ("critical_calls", card.critical),
        ("to_review", card.review),
        ("unassigned", card.unassigned),
        ("mandarin_percent", None if card.mandarin_share is None else 100 * card.mandarin_share),
    ]
    parts = [
        _table(
            f"{kind}s",
            f"{kind} calls:count score:number low:number high:number critical_calls:count "
            "to_review:count",
            [
                (p.name, p.scores.n, *_interval(p.score), p.critical, p.review)
                for p in card.parts
                if p.kind == kind
            ],
        )
        for kind in ("team", "queue")
    ]
    return [
        _summary(card.score, card.tally, card.talk_ms, more),
        _comparisons(card),
        _agents(card),
        *parts,
        _families(card),
        *_trend(card),
        _heat(card),
        _table("days", "day:day calls:count", card.days),
        _table(
            "hours",
            "hour:count calls:count poor:count measured:count",
            [(h.hour, h.calls, h.poor, h.measured) for h in card.hours],
        ),
        _table(
            "worst_hours",
            "day:day hour:count calls:count poor:count measured:count",
            [(h.day, h.hour, h.calls, h.poor, h.measured) for h in card.worst_hours],
        ),
        _not_counted(card),
        _checks("checks", card.checks),
        _table("rulebooks", "rulebook calls:count", card.rulebooks),
    ]


def _of_week(report: WeeklyReport) -> list[Table]:
    site = _of_group(report.site)
    changes = [
        (
            c.check, c.before.value, c.before.whole, c.now.value, c.now.whole, c.difference.value,
            c.difference.low, c.difference.high, c.sure,
        )
        for c in report.changes
    ]  # fmt: skip
    new = [
        (n.line.check, n.line.occurrences, n.line.tally.violated, *_clip(clip))
        for n in report.new
        for clip in (n.clips or (None,))
    ]
    coach = [
        (
            c.head.agent, c.head.name, c.head.scores.n, *_interval(c.head.score), why,
            *(line.check for line in c.checks), *([None] * (3 - len(c.checks))),
        )
        for c in report.coach
        for why in c.why[:1]
    ]  # fmt: skip
    own = [
        _table(
            "week_changes",
            "check:checks rate_before:percent judged_before:count rate:percent judged:count "
            "difference:percent low:percent high:percent sure:flag",
            changes,
        ),
        _table(
            "new_violations",
            "check:checks occurrences:count violated_calls:count call:call at:moment place:clock "
            "quote reason",
            new,
        ),
        _table(
            "coach",
            "agent name calls:count score:number low:number high:number why:card check1:checks "
            "check2:checks check3:checks",
            coach,
        ),
        _table(
            "best",
            "call:call at:moment agent scenario:scenarios score:number passed:count length:length",
            [
                (b.call.call_id, b.call.at, b.call.agent_id, b.call.scenario, b.call.total,
                 b.passed, b.call.duration_ms)
                for b in report.best
            ],
        ),
        _table(
            "words", "words check:checks occurrences:count",
            [(w.words, w.check, w.occurrences) for w in report.words],
        ),
    ]  # fmt: skip
    return [site[0], *own, *site[1:]]


def _clip(clip: Clip | None) -> tuple[Value, ...]:
    if clip is None:
        return None, None, None, None, None
    start = clip.span.start_ms if clip.span else None
    return clip.call_id, clip.at, start, clip.quote or None, clip.reason or None


def _comparisons(card: AgentCard | GroupCard) -> Table:
    return _table(
        "comparisons",
        "against:card like:count calls:count reference_calls:count own:number reference:number "
        "difference:number low:number high:number",
        [
            (
                c.against, c.like, c.calls, c.reference_calls, c.own, c.reference,
                *_interval_of(c.difference),
            )
            for c in card.comparisons
            if c.like
        ],
    )  # fmt: skip


def _interval_of(step: Any) -> tuple[Value, Value, Value]:
    return (None, None, None) if step is None else (step.value, step.low, step.high)


def _work(card: AgentCard) -> Table:
    return _table(
        "work_on",
        "check:checks occurrences:count violated_calls:count points:points call:call at:moment "
        "place:clock quote reason",
        [
            (w.line.check, w.line.occurrences, w.line.tally.violated, w.line.tally.points,
             *_clip(clip))
            for w in card.work_on
            for clip in w.clips
        ],
    )  # fmt: skip


def _checks(key: str, lines: Iterable[CheckLine]) -> Table:
    return _table(
        key,
        "check:checks family:families passed_calls:count violated_calls:count "
        "uncertain_calls:count occurrences:count points:points rate:percent low:percent "
        "high:percent reference:percent reference_judged:count",
        [
            (
                c.check, c.family, c.tally.passed, c.tally.violated, c.tally.uncertain,
                c.occurrences, c.tally.points, *_interval(c.rate),
                c.reference.value if c.reference else None,
                c.reference.whole if c.reference else None,
            )
            for c in lines
        ],
    )  # fmt: skip


def _families(card: AgentCard | GroupCard) -> Table:
    return _table(
        "families",
        "family:families occurrences:count affected_calls:count points:points per_call:rate "
        "low:rate high:rate per_minute:rate minute_low:rate minute_high:rate",
        [
            (f.family, f.occurrences, f.calls, f.points, *_interval(f.per_call),
             *_interval(f.per_minute))
            for f in card.families
        ],
    )  # fmt: skip


def _trend(card: AgentCard | GroupCard) -> tuple[Table, Table]:
    return (
        _table(
            "trend",
            "from:day to:day calls:count score:number low:number high:number",
            [
                (b.period.first, b.period.last, b.scores.n, *_interval(b.score))
                for b in card.trend.buckets
            ],
        ),
        _table(
            "changes",
            "day:day before:number after:number difference:number low:number high:number",
            [(c.at, c.before, c.after, *_interval_of(c.difference)) for c in card.trend.changes],
        ),
    )


def _violations(card: AgentCard) -> Table:
    return _table(
        "violations",
        "at:moment call:call check:checks severity:severities place:clock quote reason clause "
        "points:points by:card",
        [
            (
                v.clip.at, v.clip.call_id, v.check, v.severity.value,
                v.clip.span.start_ms if v.clip.span else None, v.clip.quote or None,
                v.clip.reason or None, v.clause, v.points, v.by,
            )
            for v in card.violations
        ],
    )  # fmt: skip


def _not_counted(card: AgentCard | GroupCard) -> Table:
    return _table(
        "not_counted",
        "why:card findings:count calls:count",
        [(f"why_{one.why}", one.findings, one.calls) for one in card.not_counted],
    )


def _calls(card: AgentCard) -> Table:
    return _table(
        "calls",
        "call:call at:moment scenario:scenarios queue length:length score:number "
        "machine_score:number grade critical:flag to_review:flag",
        [
            (
                c.call_id, c.at, c.scenario, c.queue, c.duration_ms, c.total,
                c.total if c.machine_total is None else c.machine_total, c.grade, c.critical,
                c.review,
            )
            for c in card.calls
        ],
    )  # fmt: skip


def _agents(card: GroupCard) -> Table:
    return _table(
        "agents",
        "agent name team calls:count score:number low:number high:number method:card "
        "place_first:count place_last:count passed:count violations:count uncertain:count "
        "critical_calls:count to_review:count",
        [
            (
                a.agent, a.name, a.team, a.scores.n, *_interval(a.score),
                a.score.method if a.score else None, a.place.first if a.place else None,
                a.place.last if a.place else None, a.tally.passed, a.tally.violated,
                a.tally.uncertain, a.critical, a.review,
            )
            for a in card.agents
        ],
    )  # fmt: skip


def _heat(card: GroupCard) -> Table:
    columns = [Column(check, "percent", "checks") for check in card.heat.checks]
    rows = [
        (agent, *(cell.value if cell else None for cell in cells))
        for agent, cells in zip(card.heat.agents, card.heat.cells)
    ]
    return Table("heat", (Column("agent"), *columns), tuple(rows) if columns else ())
