"""Are mandatory phrases told said from missing? Cases by the hundred from labelled calls.

    python benchmarks/phrases.py LABELLED OUT [LABELLED OUT ...]

Every tagged phrase of a labelled call is a case of 'said'; the same call without its tagged turns
is a case of 'missing'; what the labels call missing is one as it stands. The constants of
rules/said.py are fitted by call in four folds: three fit, the fourth is judged. Printed are the
constants over all calls, and what charging below each threshold would do. Cases are weighted so
that a phrase is said in 83 of 100 calls, as in the labelled ones.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from qc_speech.evaluate.files import LabelledCall, read_label
from qc_speech.evaluate.truth import PHRASES, Scope, truths
from qc_speech.model import Call, CallResult, Role
from qc_speech.rules.kind import Context
from qc_speech.rules.phrases import AgentTurn, zone_of
from qc_speech.rules.said import Hearing, lost, probability_said
from qc_speech.setup import load_rules
from qc_speech.store import open_store

USUALLY_SAID = 0.83
PASS_FROM = 0.6
FOLDS = 4
CHECKS = (*PHRASES, "late_apology", "festival", "hold_request")
NO_TEXT_MATCH = ("readback",)  # compared with the customer's words, not with wordings


@dataclass(frozen=True)
class Case:
    call: str
    check: str
    said: bool
    resemblance: float
    turns: tuple[AgentTurn, ...]
    zone: str
    hinted: bool


def cases_of(label: LabelledCall, ctx: Context) -> list[Case]:
    found: list[Case] = []
    missing = {t.check for t in truths(label) if t.phrase and t.scope is Scope.IN and t.violated}
    for check in CHECKS:
        if check in NO_TEXT_MATCH:
            continue
        tagged = [t.span for t in label.turns if t.speaker is Role.AGENT and check in t.tags]
        every = ctx.matcher.turns
        rest = tuple(
            turn
            for turn in every
            if not any(
                turn.span.overlap_ms(span) > 0.4 * min(turn.span.duration_ms, span.duration_ms)
                for span in tagged
            )
        )
        if tagged:
            found.append(_case(ctx, label.call_id, check, True, every))
            if rest:
                found.append(_case(ctx, label.call_id, check, False, rest))
        elif check in missing and every:
            found.append(_case(ctx, label.call_id, check, False, every))
    return found


def _case(ctx: Context, call: str, check: str, said: bool, turns: tuple[AgentTurn, ...]) -> Case:
    phrase = ctx.lexicons.phrases[check]
    zone = turns if check == "hold_request" else zone_of(turns, phrase.zone)
    resemblance = ctx.matcher.find(phrase, zone).probability
    hinted = said and ctx.matcher.hinted(phrase)
    return Case(call, check, said, resemblance, zone, phrase.zone, hinted)


def hearing_of(values: Sequence[float]) -> Hearing:
    worst, best, half, width, slope, offset = values
    return Hearing(_unit(worst), 0.1 * _unit(best), half, math.exp(width), math.exp(slope), offset)


def _unit(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))


def probability(case: Case, hearing: Hearing) -> float:
    share = lost(case.turns, case.zone, hinted=case.hinted, hearing=hearing)
    return probability_said(case.resemblance, share, USUALLY_SAID, hearing)


START = (0.4, -1.0, 0.61, math.log(0.035), 0.0, 0.0)


def fit(cases: Sequence[Case]) -> Hearing:
    """The constants that make the cases likeliest, drawn a little to plausible ones."""
    said = sum(case.said for case in cases)
    weights = [
        USUALLY_SAID / said if case.said else (1 - USUALLY_SAID) / (len(cases) - said)
        for case in cases
    ]

    def loss(values: Sequence[float]) -> float:
        hearing = hearing_of(values)
        total = 0.0
        for case, weight in zip(cases, weights):
            value = min(1 - 1e-5, max(1e-5, probability(case, hearing)))
            total -= weight * math.log(value if case.said else 1 - value)
        away = [(v - s) / w for v, s, w in zip(values, START, (1, 1, 0.05, 1, 1, 1))]
        return total + 0.002 * sum(one * one for one in away)

    best = minimize(loss, START, method="Nelder-Mead", options={"maxiter": 600, "fatol": 1e-5})
    return hearing_of([float(value) for value in best.x])


def judged(cases: Sequence[Case], values: Sequence[float]) -> None:
    """What each threshold would do, over all cases."""
    said = sum(case.said for case in cases)
    missing = len(cases) - said
    print(f"{said} said, {missing} missing")
    for least in (0.25, 0.3, 0.35, 0.4, 0.45, 0.5):
        counts = np.zeros((2, 3))
        for case, value in zip(cases, values):
            passed = case.resemblance >= PASS_FROM
            counts[int(case.said), 0 if passed else 1 if value < least else 2] += 1
        charged = (1 - USUALLY_SAID) * counts[0, 1] / missing
        wrongly = USUALLY_SAID * counts[1, 1] / said
        f1 = 2 * charged / (charged + wrongly + 1 - USUALLY_SAID)
        unsure = USUALLY_SAID * counts[1, 2] / said + (1 - USUALLY_SAID) * counts[0, 2] / missing
        print(
            f"  charged below {least}: missing: charged {counts[0, 1]:.0f}, unsure "
            f"{counts[0, 2]:.0f}, passed {counts[0, 0]:.0f}; said: charged {counts[1, 1]:.0f}, "
            f"unsure {counts[1, 2]:.0f}; F1 {f1:.3f}, unsure {unsure:.1%}"
        )


def load(labelled: Path, out: Path) -> list[Case]:
    rules = load_rules()
    labels = {one.call_id: one for one in map(read_label, sorted(labelled.glob("*.json")))}
    found: list[Case] = []
    with open_store(out / "qc.sqlite") as store:
        for result in store.results():
            if result.call_id in labels:
                found += cases_of(labels[result.call_id], _context(result, rules.lexicons))
    return found


def _context(result: CallResult, lexicons: object) -> Context:
    call: Call = result.call
    return Context(call, result.measures, result.scenario, lexicons)  # type: ignore[arg-type]


def main(paths: Sequence[Path]) -> None:
    cases = [case for pair in zip(paths[::2], paths[1::2]) for case in load(*pair)]
    print(fit(cases))
    calls = sorted({case.call for case in cases})
    values = [0.0] * len(cases)
    for fold in range(FOLDS):
        test = set(calls[fold::FOLDS])
        hearing = fit([case for case in cases if case.call not in test])
        for number, case in enumerate(cases):
            if case.call in test:
                values[number] = probability(case, hearing)
    judged(cases, values)
    if "--cases" in sys.argv:
        for case, value in zip(cases, values):
            if case.said == (case.resemblance < PASS_FROM):
                truth = "said" if case.said else "missing"
                print(f"{case.call} {case.check} {truth} {case.resemblance:.2f} {value:.2f}")


if __name__ == "__main__":
    given = [Path(text) for text in sys.argv[1:] if not text.startswith("--")]
    if not given or len(given) % 2:
        sys.exit(__doc__)
    main(given)
