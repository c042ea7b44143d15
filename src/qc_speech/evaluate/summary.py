"""The evaluation of many calls: values per call, totals derived, and the JSON of eval.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from qc_speech.evaluate.counts import Bin, Counts, RoleCounts, TextErrors, TimeErrors, wilson
from qc_speech.evaluate.judge import Cuts, Judged, Trap, said_counts, violation_counts
from qc_speech.evaluate.speech import BINS, Speech
from qc_speech.evaluate.truth import GROUPS, Scope

SCHEMA = "qc-speech/evaluation/1"


@dataclass(frozen=True)
class CallEvaluation:
    """One call against its labels."""

    call_id: str
    channels: str  # mono | stereo
    judged: tuple[Judged, ...]
    traps: tuple[Trap, ...]
    cuts: Cuts
    speech: Speech
    reliability: tuple[Bin, ...]
    findings: int  # all but not_applicable
    uncertain_findings: int
    unlabelled: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    label_conflicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Calls by id, and what could not be compared. Evaluations of different calls add."""

    calls: tuple[CallEvaluation, ...] = ()
    without_result: tuple[str, ...] = ()
    without_label: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()  # one line for each damaged file

    def __add__(self, other: Evaluation) -> Evaluation:
        return Evaluation(
            self.calls + other.calls,
            self.without_result + other.without_result,
            self.without_label + other.without_label,
            self.problems + other.problems,
        )

    @property
    def complete(self) -> bool:
        """Every labelled call has a readable result and no file is damaged."""
        return not self.without_result and not self.problems

    def checks(self) -> tuple[str, ...]:
        """Judged checks in the order of the groups."""
        order = {c: i for i, c in enumerate(c for row in GROUPS.values() for c in row)}
        found = {j.check: None for call in self.calls for j in call.judged}
        return tuple(sorted(found, key=lambda check: (order.get(check, len(order)), check)))

    def violations(self, chosen: Callable[[Judged], bool] = lambda _: True) -> Counts:
        """Counts in the sense 'a violation is there', over the chosen decisions."""
        return sum(map(violation_counts, self._judged(chosen)), Counts())

    def said(self, chosen: Callable[[Judged], bool] = lambda _: True) -> Counts:
        """Counts in the sense 'the phrase was said', over the chosen phrase decisions."""
        return sum(map(said_counts, self._judged(chosen)), Counts())

    def speech(self, channels: str | None = None) -> Speech:
        """Speech counts of all calls, or of the mono or stereo ones."""
        return sum((c.speech for c in self.calls if channels in (None, c.channels)), Speech())

    def reliability(self) -> tuple[Bin, ...]:
        """Ten bins of utterance confidence."""
        rows = [call.reliability for call in self.calls]
        return tuple(sum((row[i] for row in rows), Bin()) for i in range(BINS))

    def mistakes(self) -> tuple[tuple[str, Judged], ...]:
        """(call id, decision) of everything that was not decided rightly."""
        return tuple((c.call_id, j) for c in self.calls for j in c.judged if j.mistake)

    def sprung(self) -> tuple[tuple[str, str], ...]:
        """(call id, code) of the traps that were sprung."""
        return tuple((c.call_id, t.code) for c in self.calls for t in c.traps if t.sprung)

    def _judged(self, chosen: Callable[[Judged], bool]) -> Iterable[Judged]:
        return (j for call in self.calls for j in call.judged if chosen(j))


def group_filters() -> dict[str, Callable[[Judged], bool]]:
    """The reported groups. `everything_else` is all but the phrases; detection-only phrases are
    in no group."""

    def of(group: str) -> Callable[[Judged], bool]:
        return lambda j: j.group == group and j.scope is not Scope.DETECTION

    return {
        **{group: of(group) for group in (*GROUPS, "unlisted")},
        "everything_else": lambda j: j.group != "phrase",
        "overall": lambda j: j.scope is not Scope.DETECTION,
    }


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """The content of eval.json; its keys are described in qc_speech.evaluate."""
    checks = {}
    for check in evaluation.checks():
        chosen = _named(check)
        first = next(j for c in evaluation.calls for j in c.judged if j.check == check)
        only = all(
            j.scope is Scope.DETECTION for c in evaluation.calls for j in c.judged if chosen(j)
        )
        checks[check] = {
            "group": first.group,
            "violation": None if only else _violation(evaluation.violations(chosen)),
            "said": _said(evaluation.said(chosen)) if first.phrase else None,
        }
    return {
        "schema": SCHEMA,
        "calls": [call.call_id for call in evaluation.calls],
        "without_result": list(evaluation.without_result),
        "without_label": list(evaluation.without_label),
        "problems": list(evaluation.problems),
        "checks": checks,
        "groups": {
            name: {
                "violation": _violation(evaluation.violations(chosen)),
                "said": _said(evaluation.said(chosen)) if name == "phrase" else None,
            }
            for name, chosen in group_filters().items()
        },
        "traps": {
            "total": sum(len(call.traps) for call in evaluation.calls),
            "sprung": len(evaluation.sprung()),
            "list": [{"call_id": c, "code": code} for c, code in evaluation.sprung()],
        },
        "uncertain": uncertain_share(evaluation),
        "interruptions": _cuts(evaluation),
        "speech": {
            name: _speech(evaluation.speech(channels))
            for name, channels in (("all", None), ("mono", "mono"), ("stereo", "stereo"))
        },
        "reliability": [_bin(i, row) for i, row in enumerate(evaluation.reliability())],
        "mistakes": [_mistake(call_id, judged) for call_id, judged in evaluation.mistakes()],
        "unlabelled": dict(
            sorted(Counter(u for c in evaluation.calls for u in c.unlabelled).items())
        ),
        "faults": [line for call in evaluation.calls for line in call.faults],
        "label_conflicts": [line for call in evaluation.calls for line in call.label_conflicts],
        "per_call": {
            call.call_id: {"channels": call.channels, **_speech(call.speech)}
            for call in evaluation.calls
        },
    }


def uncertain_share(evaluation: Evaluation) -> dict[str, Any]:
    """Uncertain outcomes: of the checks in scope (the yardstick's share) and of the findings."""
    judged = [j for c in evaluation.calls for j in c.judged if j.scope is Scope.IN]
    unsure = sum(j.heard is not None and j.heard.value == "uncertain" for j in judged)
    return {
        "checks": unsure,
        "checks_in_scope": len(judged),
        "share": _round(unsure / len(judged)) if judged else None,
        "findings": sum(call.uncertain_findings for call in evaluation.calls),
        "findings_total": sum(call.findings for call in evaluation.calls),
    }


def _named(check: str) -> Callable[[Judged], bool]:
    return lambda judged: judged.check == check


def _violation(counts: Counts) -> dict[str, Any]:
    return {
        **_detection(counts),
        "uncertain_on_violation": counts.uncertain_positive,
        "uncertain_on_clean": counts.uncertain_negative,
    }


def _said(counts: Counts) -> dict[str, Any]:
    return {
        **_detection(counts),
        "uncertain_on_said": counts.uncertain_positive,
        "uncertain_on_missing": counts.uncertain_negative,
    }


def _detection(counts: Counts) -> dict[str, Any]:
    return {
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
        "tn": counts.tn,
        "precision": _round(counts.precision),
        "precision_interval": _interval(counts.tp, counts.tp + counts.fp),
        "recall": _round(counts.recall),
        "recall_interval": _interval(counts.tp, counts.tp + counts.fn),
        "f1": _round(counts.f1),
    }


def _cuts(evaluation: Evaluation) -> dict[str, int]:
    cuts = [call.cuts for call in evaluation.calls]
    return {
        "agent_cuts": sum(c.agent for c in cuts),
        "agent_cuts_found": sum(c.agent_found for c in cuts),
        "customer_cuts": sum(c.customer for c in cuts),
        "customer_cuts_blamed_on_agent": sum(c.customer_blamed for c in cuts),
    }


def _speech(speech: Speech) -> dict[str, Any]:
    return {
        "calls": speech.calls,
        "cer": _text(speech.cer),
        "cpcer": _text(speech.cpcer),
        "cpcer_with_roles": _text(speech.role_cpcer),
        "der": _time(speech.der),
        "der_with_roles": _time(speech.role_der),
        "roles": _roles(speech.roles),
    }


def _text(errors: TextErrors) -> dict[str, Any]:
    return {
        "rate": _round(errors.rate),
        "reference": errors.reference,
        "substitutions": errors.substitutions,
        "deletions": errors.deletions,
        "insertions": errors.insertions,
    }


def _time(errors: TimeErrors) -> dict[str, Any]:
    return {
        "rate": _round(errors.rate),
        "reference_seconds": errors.total_ms / 1000,
        "missed_seconds": errors.missed_ms / 1000,
        "false_alarm_seconds": errors.false_alarm_ms / 1000,
        "confusion_seconds": errors.confusion_ms / 1000,
    }


def _roles(roles: RoleCounts) -> dict[str, Any]:
    return {
        "right": roles.right,
        "wrong": roles.wrong,
        "unknown": roles.unknown,
        "accuracy": _round(roles.accuracy),
    }


def _bin(index: int, row: Bin) -> dict[str, Any]:
    return {
        "from": index / BINS,
        "to": (index + 1) / BINS,
        "utterances": row.utterances,
        "characters": row.characters,
        "right": row.right,
        "mean_confidence": _round(row.mean_confidence),
        "accuracy": _round(row.accuracy),
    }


def _mistake(call_id: str, judged: Judged) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "check": judged.check,
        "kind": judged.mistake,
        "outcome": judged.heard.value if judged.heard else None,
        "start": None if judged.at_ms is None else judged.at_ms / 1000,
    }


def _interval(part: int, whole: int) -> list[float] | None:
    found = wilson(part, whole)
    return [round(end, 4) for end in found] if found else None


def _round(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 4)
