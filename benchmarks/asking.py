"""What asking the audio adds to the text, on labelled calls that were inspected.

    python benchmarks/asking.py LABELLED OUT

OUT is the folder of a run over LABELLED. For each place that was asked (rules/doubts.py): whether
the phrase was said in that turn (its tag is there), said elsewhere, or not in the call; the text's
probability and the calibrated answer of the audio, from which `rules/asking.FITTED` was chosen. At
the end the findings of mandatory phrases with and without the answers, as missing / said.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from qc_speech.model import CallResult, Outcome
from qc_speech.pipeline import rescore, scored_with
from qc_speech.setup import load_rules
from qc_speech.store import open_store


def tagged(label: dict[str, Any], check: str) -> list[tuple[float, float]]:
    """Seconds of the agent's turns in which a phrase is said."""
    return [
        (1000 * turn["start"], 1000 * turn["end"])
        for turn in label["turns"]
        if turn["who"] == "agent" and check in turn.get("tags", ())
    ]


def show(result: CallResult, label: dict[str, Any]) -> None:
    best: dict[tuple[str, str, int], Any] = {}
    for one in result.call.asked:
        key = (one.check, one.part, one.span.start_ms)
        if key not in best or one.ratio > best[key].ratio:
            best[key] = one
    for one in best.values():
        places = tagged(label, one.check)
        here = any(s < one.span.end_ms and e > one.span.start_ms for s, e in places)
        truth = "here" if here else "elsewhere" if places else "not said"
        print(f"{result.call_id}  {one.check:18} {truth:10} {one.ratio:+6.1f}  {one.words}")


def count(result: CallResult, label: dict[str, Any], into: Counter[str]) -> None:
    for finding in result.findings:
        if finding.family != "phrase" or finding.outcome is Outcome.NOT_APPLICABLE:
            continue
        said = "said" if tagged(label, finding.check) else "not said"
        into[f"{said}: {finding.outcome.value}"] += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labelled", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    rules = load_rules()
    asked: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    with open_store(given.out / "qc.sqlite") as store:
        for result in store.results():
            label = json.loads((given.labelled / f"{result.call_id}.json").read_text("utf-8"))
            show(result, label)
            silent = replace(result, call=replace(result.call, asked=()))
            book = scored_with(result)
            count(rescore(result, rules, book), label, asked)
            count(rescore(silent, rules, book), label, plain)
    print("\nby text alone / with the audio's answers")
    for name in sorted({*asked, *plain}):
        print(f"{name:28} {plain[name]:4} / {asked[name]:4}")


if __name__ == "__main__":
    main()
