"""Results held against labelled calls: detection, speech and calibration, written to eval.json.

Keys of eval.json (schema qc-speech/evaluation/1; rates are 0..1 and null where nothing counts):

- calls, without_result, without_label, problems: what was compared and what could not be.
- checks.<check>: group; violation, said: tp fp fn tn precision recall f1, Wilson 95 % intervals.
  * violation (every check): positive = truly violated (a phrase: truly missing), predicted = an
    outcome `violation`. Its false positives are the false alarms.
  * said (phrases in scope): positive = truly said, predicted = an outcome `pass`.
  An uncertain outcome predicts nothing: on a positive it is part of fn, on a negative of tn;
  uncertain_on_… tells how many. Phrases that are tagged but never labelled as missing
  (hold_thanks, ask_need, empathy, solution) have no violation, and no part in any group.
- groups.<group>: the same summed (micro): phrase, banned, interruption, pace, language,
  delivery_timing, unlisted, everything_else (all but phrase), overall.
- traps: total, sprung, list of {call_id, code}.
- uncertain: share of the checks in scope that are uncertain, and the counts behind it.
- interruptions: turns labelled as cutting in, and those with an agent_interrupts violation near.
- speech.all|mono|stereo: cer (speakers ignored, turns by time), cpcer (best match of speakers),
  cpcer_with_roles (agent to agent, customer to customer), der (best match), der_with_roles, roles.
- reliability: ten bins of utterance confidence with the share of characters heard right.
- mistakes: {call_id, check, kind, outcome, start}; kind: miss, false_alarm, unsure (uncertain on
  a clean check), unheard (a phrase that was said neither passed nor failed).
- unlabelled: violations of checks that no label decides; faults: results that break their
  contract; label_conflicts: labels that contradict themselves; per_call: speech of each call.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from qc_speech.errors import QcError, UsageError
from qc_speech.evaluate.files import (
    InspectedCall,
    LabelledCall,
    inspected,
    read_folder,
    read_ids,
    read_label,
    read_result,
)
from qc_speech.evaluate.judge import cuts, faults, judge, traps, unlabelled
from qc_speech.evaluate.speech import measure
from qc_speech.evaluate.summary import CallEvaluation, Evaluation, group_filters, to_json
from qc_speech.evaluate.truth import conflicts
from qc_speech.model import CallResult, Outcome
from qc_speech.ports import Hook, silent_hook
from qc_speech.result import to_public

__all__ = [
    "CallEvaluation",
    "Evaluation",
    "evaluate",
    "evaluate_call",
    "group_filters",
    "read_ids",
    "save",
    "to_json",
]


def evaluate(
    labelled: Path, out: Path, *, calls: frozenset[str] | None = None, hook: Hook = silent_hook,
    stored: Callable[[str], CallResult | None] | None = None,
) -> Evaluation:  # fmt: skip
    """Compare OUT/calls/*.json with LABELLED/*.json, or only the calls named.

    `stored` gives the result of a call by its id, instead of OUT: then a result without a label
    is not looked for.

    A damaged file, a labelled call without a result and a result without a label are listed in
    the evaluation. Raises UsageError if there is nothing to compare at all.
    """
    labels, label_problems = read_folder(labelled, read_label, "labelled calls")
    results: dict[str, InspectedCall] = {}
    result_problems: tuple[str, ...] = ()
    if stored is None:
        what = "results of qc-speech run"
        results, result_problems = read_folder(out / "calls", read_result, what)
    else:
        found = ((call_id, stored(call_id)) for call_id in labels)
        results = {
            call_id: inspected(to_public(one), f"call {call_id}") for call_id, one in found if one
        }
    wanted = frozenset(labels) if calls is None else calls
    unknown = sorted(wanted - set(labels))
    if unknown:
        raise UsageError(f"{labelled}: no labelled call {', '.join(unknown)}; check --calls")
    common = sorted(wanted & set(results))
    compared = []
    for done, call_id in enumerate(common):
        hook("evaluate", done, len(common))
        compared.append(evaluate_call(labels[call_id], results[call_id]))
    hook("evaluate", len(common), len(common))
    return Evaluation(
        tuple(compared),
        tuple(sorted(wanted - set(results))),
        tuple(sorted(set(results) - set(labels))) if calls is None else (),
        label_problems + result_problems,
    )


def evaluate_call(label: LabelledCall, result: InspectedCall) -> CallEvaluation:
    """One result against the labels of the same call."""
    speech, reliability = measure(label, result)
    outcomes = [f.outcome for f in result.findings if f.outcome is not Outcome.NOT_APPLICABLE]
    return CallEvaluation(
        call_id=label.call_id,
        channels=label.channels,
        judged=judge(label, result),
        traps=traps(label, result),
        cuts=cuts(label, result),
        speech=speech,
        reliability=reliability,
        findings=len(outcomes),
        uncertain_findings=outcomes.count(Outcome.UNCERTAIN),
        unlabelled=unlabelled(label, result),
        faults=faults(label, result),
        label_conflicts=conflicts(label),
    )


def save(evaluation: Evaluation, out: Path) -> Path:
    """Write OUT/eval.json whole or not at all; returns its path. Raises QcError."""
    target = out / "eval.json"
    text = json.dumps(to_json(evaluation), ensure_ascii=False, indent=1)
    temporary = target.with_name(f".eval.{os.getpid()}.json")
    try:
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise QcError(f"{target}: cannot be written ({error.strerror}); check space") from None
    return target
