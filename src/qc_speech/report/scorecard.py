"""One agent's scorecard from the entries of the agent's calls. Pure; counts are exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from qc_speech.cards.tally import MeanInterval, Tally, add_up, mean_interval
from qc_speech.model import Outcome
from qc_speech.report.summary import CallEntry, CallRow, FindingRow


@dataclass(frozen=True)
class CheckLine:
    """One check over an agent's calls. `tally` counts calls; `occurrences` counts violations."""

    check: str
    family: str
    tally: Tally
    occurrences: int


@dataclass(frozen=True)
class FamilyLine:
    family: str
    occurrences: int
    calls: int  # calls with at least one

    def per_call(self, calls: int) -> float:
        return self.occurrences / calls


@dataclass(frozen=True)
class Listed:
    """A violation or an uncertain finding with the call it is of."""

    row: CallRow
    finding: FindingRow


@dataclass(frozen=True)
class Card:
    """An agent's scorecard. `agent` None: the card of unassigned calls, nobody's own."""

    agent: str | None
    name: str | None
    tally: Tally
    score: MeanInterval | None
    checks: tuple[CheckLine, ...]
    families: tuple[FamilyLine, ...]
    violations: tuple[Listed, ...]
    uncertain: tuple[Listed, ...]
    calls: tuple[CallRow, ...]


def card_of(agent: str | None, entries: Sequence[CallEntry]) -> Card:
    """The scorecard of these calls; newest call first."""
    ordered = sorted(entries, key=lambda e: (e.row.started_at or "", e.row.call_id), reverse=True)
    rows = tuple(entry.row for entry in ordered)
    return Card(
        agent=agent,
        name=next((row.agent_name for row in rows if row.agent_name), None),
        tally=add_up(entry.tally for entry in ordered),
        score=mean_interval([row.total for row in rows]),
        checks=_check_lines(ordered),
        families=_family_lines(ordered),
        violations=_listed(ordered, Outcome.VIOLATION),
        uncertain=_listed(ordered, Outcome.UNCERTAIN),
        calls=rows,
    )


def _check_lines(entries: Sequence[CallEntry]) -> tuple[CheckLine, ...]:
    found: dict[tuple[str, str], list[list[FindingRow]]] = {}
    for entry in entries:
        of_call: dict[tuple[str, str], list[FindingRow]] = {}
        for finding in entry.findings:
            of_call.setdefault((finding.family, finding.check), []).append(finding)
        for key, findings in of_call.items():
            found.setdefault(key, []).append(findings)
    lines = (_check_line(family, check, calls) for (family, check), calls in found.items())
    return tuple(sorted(lines, key=lambda c: (-c.tally.violated, -c.tally.judged, c.check)))


def _check_line(family: str, check: str, calls: Sequence[Sequence[FindingRow]]) -> CheckLine:
    """`calls` are the findings of each call that the check was in scope for: a call without any
    finding of it (not even a pass) was inspected by a rulebook that does not have it."""
    occurrences = sum(f.outcome is Outcome.VIOLATION for findings in calls for f in findings)
    return CheckLine(check, family, add_up(_check_tally(one) for one in calls), occurrences)


def _check_tally(findings: Sequence[FindingRow]) -> Tally:
    """One check in one call: the worst that it found there decides."""
    outcomes = {finding.outcome for finding in findings}
    violated = Outcome.VIOLATION in outcomes
    uncertain = not violated and Outcome.UNCERTAIN in outcomes
    return Tally(
        points=sum(finding.points for finding in findings),
        passed=int(not violated and not uncertain and Outcome.PASS in outcomes),
        violated=int(violated),
        uncertain=int(uncertain),
        calls=1,
    )


def _family_lines(entries: Sequence[CallEntry]) -> tuple[FamilyLine, ...]:
    occurrences: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for entry in entries:
        here = [f.family for f in entry.findings if f.outcome is Outcome.VIOLATION]
        occurrences.update(here)
        calls.update(set(here))
    return tuple(FamilyLine(family, n, calls[family]) for family, n in occurrences.most_common())


def _listed(entries: Sequence[CallEntry], outcome: Outcome) -> tuple[Listed, ...]:
    return tuple(
        Listed(entry.row, finding)
        for entry in entries
        for finding in sorted(entry.findings, key=lambda f: f.start_ms or 0)
        if finding.outcome is outcome
    )
