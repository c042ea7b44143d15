"""What a card is made of: one line per call, one per finding, as the store's columns hold them.

Outcomes and points are the settled ones (a person's word before the machine's); the machine's stand
beside them. No words of a call are here: quotes are added to what is shown (quotes.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from qc_speech.model import Outcome, Severity, Span

GOOD_LINE_DB, FAIR_LINE_DB = 25.0, 15.0
SEPARATORS = ";；,，、|"
_SEVERAL = re.compile(f"[{SEPARATORS}]")
NOBODY = ("", "unknown", "unassigned", "none", "null")


@dataclass(frozen=True)
class CallLine:
    """One call. `agent_id` as the manifest has it; `at` is its local start, or the time it was
    inspected where the start is not known. Times in ms, `snr_db` of the whole call."""

    call_id: str
    agent_id: str | None
    at: datetime
    scenario: str
    duration_ms: int
    total: float
    grade: str
    agent_name: str | None = None
    team: str | None = None
    queue: str | None = None
    agent_talk_ms: int | None = None
    snr_db: float | None = None
    mandarin_share: float | None = None
    critical: bool = False
    review: bool = False  # a person still has to look
    reviewed: bool = False  # a person has looked
    machine_total: float | None = None  # None: as `total`
    rulebook: str = ""

    @property
    def changed(self) -> bool:
        """People's verdicts changed the call's score."""
        return self.machine_total is not None and self.machine_total != self.total


@dataclass(frozen=True)
class FindingLine:
    """One finding. `machine`, `machine_points`: what the machine alone had found (None: nothing, a
    person added it)."""

    call_id: str
    check: str
    family: str
    outcome: Outcome
    severity: Severity
    points: float
    confidence: float = 1.0
    span: Span | None = None
    clause: str = ""
    dimension: str = ""
    machine: Outcome | None = None
    machine_points: float = 0.0
    n: int = 0  # its place in the call's findings

    @property
    def changed(self) -> bool:
        """A person decided otherwise than the machine."""
        return self.machine is not self.outcome


def agent_of(agent_id: str | None) -> str | None:
    """Whose card a call goes to: None where the manifest names nobody, or several people (then
    nothing in the recording says whose words are whose)."""
    name = (agent_id or "").strip()
    if name.lower() in NOBODY or _SEVERAL.search(name):
        return None
    return name


def names_several(agent_id: str | None) -> bool:
    """The manifest names more than one agent for the call."""
    return len([part for part in _SEVERAL.split(agent_id or "") if part.strip()]) > 1


def line_of(snr_db: float | None) -> str:
    """good | fair | poor | unknown: the quality of the line by its signal-to-noise ratio."""
    if snr_db is None:
        return "unknown"
    return "good" if snr_db >= GOOD_LINE_DB else "fair" if snr_db >= FAIR_LINE_DB else "poor"
