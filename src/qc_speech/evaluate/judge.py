"""One call's findings held against its labels: every decision by name, nothing averaged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from qc_speech.evaluate.counts import Counts, counts_of
from qc_speech.evaluate.files import InspectedCall, LabelledCall
from qc_speech.evaluate.truth import Scope, checks_of, truths
from qc_speech.model import Outcome, Role, Span

# A finding's place is about where the turn starts that cuts in; half a second of it overlaps.
_CUT_BEFORE_MS, _CUT_AFTER_MS = 1000, 1500
# The worst outcome of several findings of one check stands for the call.
_RANK = (Outcome.VIOLATION, Outcome.UNCERTAIN, Outcome.PASS, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class Judged:
    """One check of one call. `heard` is None if the result has no finding of it."""

    check: str
    group: str
    scope: Scope
    violated: bool
    heard: Outcome | None
    at_ms: int | None = None  # of the first finding with that outcome, where it has a place

    @property
    def phrase(self) -> bool:
        return self.group == "phrase"

    @property
    def mistake(self) -> str | None:
        """miss (a violation not raised, or only uncertain), false_alarm, unsure (uncertain on a
        clean check), unheard (a phrase that was said and did not pass), or None."""
        if self.violated:
            return None if self.heard is Outcome.VIOLATION else "miss"
        if self.heard is Outcome.UNCERTAIN:
            return "unsure"
        if self.heard is Outcome.VIOLATION:
            return "unheard" if self.scope is Scope.DETECTION else "false_alarm"
        asked = self.phrase and self.scope is not Scope.OUTSIDE
        return "unheard" if asked and self.heard is not Outcome.PASS else None


def violation_counts(judged: Judged) -> Counts:
    """Positive: the check is truly violated; predicted: a finding with outcome violation."""
    if judged.scope is Scope.DETECTION:
        return Counts()
    raised = judged.heard in (Outcome.VIOLATION, Outcome.UNCERTAIN)
    if judged.scope is Scope.OUTSIDE and not raised:
        return Counts()
    return counts_of(
        judged.violated, judged.heard is Outcome.VIOLATION, judged.heard is Outcome.UNCERTAIN
    )


def said_counts(judged: Judged) -> Counts:
    """Positive: the phrase is truly said; predicted: a finding with outcome pass."""
    if not judged.phrase or judged.scope is Scope.OUTSIDE:
        return Counts()
    return counts_of(
        not judged.violated, judged.heard is Outcome.PASS, judged.heard is Outcome.UNCERTAIN
    )


@dataclass(frozen=True)
class Trap:
    """A code that would be a false alarm in this call; `sprung` if it was raised."""

    code: str
    sprung: bool


@dataclass(frozen=True)
class Cuts:
    """Turns labelled as cutting the other off, and those with an agent_interrupts violation near.

    For a cut of the agent that is right; for a cut of the customer it blames the agent wrongly.
    """

    agent: int = 0
    agent_found: int = 0
    customer: int = 0
    customer_blamed: int = 0


def judge(label: LabelledCall, result: InspectedCall) -> tuple[Judged, ...]:
    """All decisions that the labels allow, in a fixed order."""
    decisions = []
    for truth in truths(label):
        heard, at_ms = _heard(result, truth.check)
        if truth.scope is Scope.DETECTION and heard in (None, Outcome.NOT_APPLICABLE):
            continue  # the rulebook did not ask for it here
        decisions.append(
            Judged(truth.check, truth.group, truth.scope, truth.violated, heard, at_ms)
        )
    return tuple(decisions)


def traps(label: LabelledCall, result: InspectedCall) -> tuple[Trap, ...]:
    return tuple(
        Trap(code, any(_heard(result, c)[0] is Outcome.VIOLATION for c in checks_of(code)))
        for code in dict.fromkeys(label.clean)
    )


def cuts(label: LabelledCall, result: InspectedCall) -> Cuts:
    spans = [
        f.span
        for f in result.findings
        if f.check == "agent_interrupts" and f.outcome is Outcome.VIOLATION and f.span
    ]
    counted: Counter[str] = Counter()
    for turn in label.turns:
        if not turn.cuts:
            continue
        start = turn.span.start_ms
        window = Span(max(0, start - _CUT_BEFORE_MS), start + _CUT_AFTER_MS)
        who = "agent" if turn.speaker is Role.AGENT else "customer"
        counted[who] += 1
        counted[f"{who}_near"] += any(
            s.start_ms < window.end_ms and window.start_ms < max(s.end_ms, s.start_ms + 1)
            for s in spans
        )
    return Cuts(
        counted["agent"], counted["agent_near"], counted["customer"], counted["customer_near"]
    )


def unlabelled(label: LabelledCall, result: InspectedCall) -> tuple[str, ...]:
    """Checks of violation findings that no label decides: neither right nor wrong."""
    decided = {truth.check for truth in truths(label)}
    return tuple(
        f.check
        for f in result.findings
        if f.outcome is Outcome.VIOLATION and f.check not in decided
    )


def faults(label: LabelledCall, result: InspectedCall) -> tuple[str, ...]:
    """Where a result breaks its contract: a phrase in scope without exactly one finding, or
    another scenario than the labelled one."""
    lines = []
    if result.scenario != label.scenario:
        lines.append(f"{label.call_id}: inspected as {result.scenario}, it is {label.scenario}")
    found = Counter(f.check for f in result.findings)
    for truth in truths(label):
        if truth.phrase and truth.scope is Scope.IN and found[truth.check] != 1:
            lines.append(
                f"{label.call_id}: {truth.check} is in scope and has {found[truth.check]} findings"
            )
    return tuple(lines)


def _heard(result: InspectedCall, check: str) -> tuple[Outcome | None, int | None]:
    findings = [f for f in result.findings if f.check == check]
    for outcome in _RANK:
        first = next((f for f in findings if f.outcome is outcome), None)
        if first:
            return outcome, first.span.start_ms if first.span else None
    return None, None
