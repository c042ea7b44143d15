"""Good practice, found as actively as bad: the best said of a month, and who got better at what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import case, func, select

from qc_speech.clips import index
from qc_speech.clips.search import Wanted
from qc_speech.clips.values import UTTERANCE, Example
from qc_speech.errors import UsageError
from qc_speech.model import Outcome
from qc_speech.store import SqlStore
from qc_speech.store.clip_tables import CLIP_EXAMPLES
from qc_speech.store.tables import FINDINGS

_E = CLIP_EXAMPLES.c
_SURE = 0.8  # a best example has to be sure
_LEAST = 2  # calls in which a check was due, on each side of a comparison


@dataclass(frozen=True)
class Best:
    """The best-said examples of one check in one month (YYYY-MM), the best first."""

    check: str
    month: str
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Improved:
    """One check at which an agent got better. shares: of the calls in which it was due that passed,
    in the earlier and the later part; counts: (passed, due) of each. before, after: to hear."""

    check: str
    shares: tuple[float, float]
    counts: tuple[tuple[int, int], tuple[int, int]]
    before: Example
    after: Example


def best(
    store: SqlStore, checks: Sequence[str] = (), month: str | None = None, each: int = 3
) -> tuple[Best, ...]:
    """The best of each check and month (all where not given), newest month first."""
    since, until = _month(month) if month else (None, None)
    chosen = [_E.outcome == Outcome.PASS.value, _E.check != UTTERANCE, _E.confidence >= _SURE]
    chosen += [_E.check.in_(list(checks))] if checks else []
    chosen += [_E.started_at.is_not(None)]
    if since and until:
        chosen += [_E.started_at >= since, _E.started_at < until]
    pairs = select(_E.check, _E.started_at).where(*chosen)
    with store.transaction(write=False) as connection:
        there = {(r.check, f"{r.started_at:%Y-%m}") for r in connection.execute(pairs)}
    found = []
    for check, one in sorted(there, key=lambda pair: (pair[1], pair[0]), reverse=True):
        first, end = _month(one)
        wanted = Wanted(
            checks=(check,),
            outcome=Outcome.PASS.value,
            min_confidence=_SURE,
            since=first.date(),
            until=end.date(),
            limit=each + 1,
        )
        listed = [e for e in index.find(store, wanted) if e.month == one][:each]
        if listed:
            found.append(Best(check, one, tuple(listed)))
    return tuple(found)


def _month(text: str) -> tuple[datetime, datetime]:
    try:
        first = datetime.strptime(text, "%Y-%m")
    except ValueError:
        raise UsageError(f"month {text}: write it as 2026-01") from None
    year, month = (first.year + 1, 1) if first.month == 12 else (first.year, first.month + 1)
    return first, first.replace(year=year, month=month)


def improved(store: SqlStore, agent: str) -> tuple[Improved, ...]:
    """What an agent got better at, most improved first: calls in which a check was due, the
    earlier half against the later half; of each half the clearest example."""
    f = FINDINGS.c
    passed = case((f.settled_outcome == Outcome.PASS.value, 1), else_=0)
    due = (Outcome.PASS.value, Outcome.VIOLATION.value)
    query = (
        select(f.check, f.started_at, f.call_id, func.min(passed))
        .where(f.agent_id == agent, f.settled_outcome.in_(due))
        .group_by(f.check, f.started_at, f.call_id)
        .order_by(f.check, f.started_at, f.call_id)
    )
    calls: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    with store.transaction(write=False) as connection:
        for check, at, _, well in connection.execute(query):
            calls[check].append((at, int(well)))
    found = []
    for check, rows in calls.items():
        pair = _compared(store, agent, check, rows)
        if pair is not None:
            found.append(pair)
    return tuple(sorted(found, key=lambda one: (one.shares[0] - one.shares[1], one.check)))


def _compared(
    store: SqlStore, agent: str, check: str, rows: Sequence[tuple[datetime, int]]
) -> Improved | None:
    half = len(rows) // 2
    early, late = rows[:half], rows[half:]
    if min(len(early), len(late)) < _LEAST:
        return None
    counts = tuple((sum(well for _, well in part), len(part)) for part in (early, late))
    shares = tuple(well / size for well, size in counts)
    if shares[1] <= shares[0]:
        return None
    border = late[0][0]
    base = Wanted(checks=(check,), agent=agent, limit=200, fold=False)
    bad = index.find(store, replace(base, outcome=Outcome.VIOLATION.value, until=border.date()))
    good = index.find(store, replace(base, outcome=Outcome.PASS.value, since=border.date()))
    before = next((e for e in bad if e.started_at and e.started_at < border), None)
    after = next((e for e in good if e.started_at and e.started_at >= border), None)
    if before is None or after is None:
        return None  # a figure without anything to hear is a matter for the scorecard
    return Improved(check, (shares[0], shares[1]), (counts[0], counts[1]), before, after)
