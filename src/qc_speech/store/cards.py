"""Rows and counts for scorecards, by SQL over the columns of `results` and `findings`; payloads are
opened only for the quotes that are shown. Times without a zone are the calls' local times; a call
without one counts by the time it was inspected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    case,
    distinct,
    func,
    select,
)

from qc_speech.cards.agent import Lines
from qc_speech.cards.cells import KEYS, CallCell, CheckCell, FamilyCell, HourCell, merged
from qc_speech.cards.period import Period
from qc_speech.cards.rows import (
    CallLine,
    FindingLine,
    agent_of,
)
from qc_speech.model import Outcome
from qc_speech.store.card_queries import (
    CALL_COLUMNS,
    Scope,
    call_line,
    calls_of,
    cells_of,
    checks_of,
    dated,
    families_of,
    finding_line,
    findings_of,
    found_in,
    hours_of,
    newest,
    reviews_of,
    scoped,
    stale_verdicts,
    undated,
    within,
)
from qc_speech.store.rows import DAMAGED, unpack
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import FAILURES, FINDINGS, RESULTS

_R, _F = RESULTS.c, FINDINGS.c
_CHUNK = 400  # call ids in one query
SITE = Scope()


class CardRows:
    """Reads what cards are made of from a SQL store. Raises StoreError."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def lines(self, scope: Scope, period: Period) -> Lines:
        """Calls with all their findings: an agent's month, not a site's."""
        with self._store.transaction(write=False) as connection:
            calls = calls_of(connection, scope, period)
            findings = findings_of(connection, scope, period)
            known = {call.call_id for call in calls}
            reviews = reviews_of(connection, scope, period)
        return Lines(
            calls=tuple(calls),
            findings=tuple(one for one in findings if one.call_id in known),
            stale=stale_verdicts(reviews, findings),
            purposes={(row.call_id, row.check): row.purpose for row in reviews},
        )

    def cells(
        self, scope: Scope, period: Period, keys: Sequence[str] = KEYS
    ) -> tuple[CallCell, ...]:
        """Calls counted by these keys."""
        with self._store.transaction(write=False) as connection:
            return merged(cells_of(connection, scope, period, keys))

    def checks(
        self, scope: Scope, period: Period, *, by_agent: bool = True
    ) -> tuple[CheckCell, ...]:
        """Checks counted by agent, or for all agents together."""
        with self._store.transaction(write=False) as connection:
            return checks_of(connection, scope, period, by_agent=by_agent)

    def families(self, scope: Scope, period: Period) -> tuple[tuple[FamilyCell, ...], int]:
        """Violations by family, and the number of calls with an uncertain finding."""
        with self._store.transaction(write=False) as connection:
            return families_of(connection, scope, period)

    def newest(self, period: Period, checks: Iterable[str], count: int) -> tuple[FindingLine, ...]:
        """The newest violations of these checks."""
        with self._store.transaction(write=False) as connection:
            return tuple(map(finding_line, connection.execute(newest(period, checks, count))))

    def hours(self, scope: Scope, period: Period) -> tuple[HourCell, ...]:
        """Calls by the hour they began in; those without a start are not among them."""
        with self._store.transaction(write=False) as connection:
            return tuple(hours_of(connection, scope, period))

    def names(self, scope: Scope, period: Period) -> dict[str, str]:
        """The latest name of each agent. Looked up agent by agent: names stand behind the payloads,
        which a scan of all calls would have to pass over."""
        own = select(_R.agent_id).where(scoped(scope), dated(period)).distinct()
        found = {}
        with self._store.transaction(write=False) as connection:
            for agent_id in connection.execute(own).scalars().all():
                query = (
                    select(_R.agent_name)
                    .where(_R.agent_id == agent_id, dated(period), _R.agent_name.is_not(None))
                    .order_by(_R.started_at.desc())
                    .limit(1)
                )
                name, agent = connection.execute(query).scalar(), agent_of(agent_id)
                if name is not None and agent is not None:
                    found[agent] = str(name)
        return found

    def rulebooks(self, scope: Scope, period: Period) -> dict[str, int]:
        """How many calls each rulebook (with its version) has scored."""
        query = (
            select(_R.rulebook, func.count())
            .where(scoped(scope), within(period))
            .group_by(_R.rulebook)
        )
        with self._store.transaction(write=False) as connection:
            return {str(name): int(count) for name, count in connection.execute(query)}

    def failures(self, period: Period) -> int:
        """Recordings that could not be inspected, by the day they were tried."""
        query = select(func.count()).where(
            FAILURES.c.at >= period.start, FAILURES.c.at < period.end
        )
        with self._store.transaction(write=False) as connection:
            return int(connection.execute(query).scalar_one())

    def last_day(self) -> date | None:
        """The day of the newest call; None in an empty store."""
        with self._store.transaction(write=False) as connection:
            latest = connection.execute(select(func.max(_R.started_at))).scalar()
            latest = latest or connection.execute(select(func.max(_R.inspected_at))).scalar()
        return latest.date() if latest else None

    def violated(self, period: Period) -> frozenset[str]:
        """The checks that were violated at least once."""
        query = (
            select(_F.check)
            .distinct()
            .where(_F.settled_outcome == Outcome.VIOLATION.value, *found_in(period))
        )
        with self._store.transaction(write=False) as connection:
            return frozenset(connection.execute(query).scalars())

    def best(self, period: Period, count: int, least_ms: int) -> tuple[tuple[CallLine, int], ...]:
        """The highest scores of calls of some length that nobody has to look at, each with how many
        checks it passed."""
        # By their time: an index of what nobody has to look at would lead through all calls.
        looked_at = case((_R.settled_review, 1), (_R.settled_critical, 1), else_=0)
        query = (
            select(*CALL_COLUMNS)
            .where(dated(period), looked_at == 0, _R.duration_ms >= least_ms)
            .order_by(_R.settled_total.desc(), _R.duration_ms.desc(), _R.call_id)
            .limit(count)
        )
        with self._store.transaction(write=False) as connection:
            calls = [call_line(row) for row in connection.execute(query)]
            passes = select(_F.call_id, func.count(distinct(_F.check))).where(
                _F.call_id.in_([call.call_id for call in calls]),
                _F.settled_outcome == Outcome.PASS.value,
            )
            rows = connection.execute(passes.group_by(_F.call_id))
            passed = {str(call_id): int(number) for call_id, number in rows}
        return tuple((call, passed.get(call.call_id, 0)) for call in calls)

    def calls(self, call_ids: Sequence[str]) -> tuple[CallLine, ...]:
        with self._store.transaction(write=False) as connection:
            return tuple(
                call_line(row)
                for part in _parts(call_ids)
                for row in connection.execute(select(*CALL_COLUMNS).where(_R.call_id.in_(part)))
            )

    def ids(self, period: Period) -> tuple[tuple[str, str | None], ...]:
        """Every call of a period with its agent as the manifest names him."""
        with self._store.transaction(write=False) as connection:
            return tuple(
                (str(call_id), agent_id)
                for when in (dated(period), undated(period))
                for call_id, agent_id in connection.execute(
                    select(_R.call_id, _R.agent_id).where(when)
                )
            )

    def texts(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, str]]:
        """Quote and reason of findings by (call, place in its findings). A damaged payload gives
        none: the figures do not rest on it."""
        wanted: dict[str, list[int]] = {}
        for call_id, n in places:
            wanted.setdefault(call_id, []).append(n)
        found = {}
        with self._store.transaction(write=False) as connection:
            for part in _parts(tuple(wanted)):
                query = select(_R.call_id, _R.payload).where(_R.call_id.in_(part))
                for call_id, packed in connection.execute(query):
                    try:
                        findings = unpack(packed)["findings"]
                    except DAMAGED:
                        continue
                    for n in wanted[call_id]:
                        if n < len(findings):
                            found[call_id, n] = _text(findings[n])
        return found


def _text(finding: dict[str, Any]) -> tuple[str, str]:
    place = finding.get("evidence") or {}
    return str(place.get("quote") or ""), str(finding.get("reason") or "")


def _parts(call_ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (call_ids[at : at + _CHUNK] for at in range(0, len(call_ids), _CHUNK))
