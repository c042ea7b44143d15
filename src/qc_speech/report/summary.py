"""What the index and the scorecards keep of a call: one small row, and its findings."""

from __future__ import annotations

from dataclasses import dataclass

from qc_speech.cards.tally import Tally, tally_of
from qc_speech.model import CallResult, Finding, Outcome


@dataclass(frozen=True)
class CallRow:
    """One call on the index. `agent` None: nobody is named, the call is unassigned."""

    call_id: str
    page: str  # file name without .html
    agent: str | None
    agent_name: str | None
    started_at: str | None  # ISO, to the second
    scenario: str
    duration_ms: int
    total: float
    grade: str
    critical: bool
    review: bool
    violations: int
    uncertain: int


@dataclass(frozen=True)
class FindingRow:
    """A finding on a scorecard; quote and reason only of what a person must look at."""

    check: str
    family: str
    outcome: Outcome
    severity: str
    points: float
    clause: str
    quote: str
    reason: str
    start_ms: int | None


@dataclass(frozen=True)
class CallEntry:
    """One call on its agent's scorecard."""

    row: CallRow
    tally: Tally
    findings: tuple[FindingRow, ...]


def agent_of(result: CallResult) -> str | None:
    """The agent's id, or None where the manifest names nobody (empty or 'unknown')."""
    agent = (result.call.recording.metadata.agent_id or "").strip()
    return None if agent.lower() in ("", "unknown") else agent


def row_of(result: CallResult, page: str) -> CallRow:
    meta, score = result.call.recording.metadata, result.score
    outcomes = [finding.outcome for finding in result.findings]
    agent = agent_of(result)
    return CallRow(
        call_id=result.call_id,
        page=page,
        agent=agent,
        agent_name=meta.agent_name if agent else None,
        started_at=meta.started_at.isoformat(timespec="seconds") if meta.started_at else None,
        scenario=result.scenario,
        duration_ms=result.call.recording.duration_ms,
        total=score.total,
        grade=score.grade,
        critical=score.critical,
        review=score.review,
        violations=outcomes.count(Outcome.VIOLATION),
        uncertain=outcomes.count(Outcome.UNCERTAIN),
    )


def entry_of(result: CallResult, row: CallRow) -> CallEntry:
    return CallEntry(row, tally_of(result), tuple(_finding_row(f) for f in result.findings))


def _finding_row(finding: Finding) -> FindingRow:
    place = finding.evidence
    shown = finding.outcome in (Outcome.VIOLATION, Outcome.UNCERTAIN)
    return FindingRow(
        check=finding.check,
        family=finding.family,
        outcome=finding.outcome,
        severity=finding.severity.value,
        points=finding.points,
        clause=finding.clause if shown else "",
        quote=place.quote if place and shown else "",
        reason=finding.reason if shown else "",
        start_ms=place.span.start_ms if place else None,
    )
