"""How well interruptions are judged when times and words are only about right. No audio is read.

The true turns of labelled calls become calls whose edges are moved by a normal error and whose
texts lose characters, many times over. Judged is every place where one party comes in while the
other speaks; that it is the agent's interruption is what the labels say: all of the agent's in
calls labelled `agent_interrupts`, none in the others. A customer's must never be charged.

    python benchmarks/turn_taking.py LABELLED [--draws 50] [--edge-ms 100] [--dropped 0.2]
"""

from __future__ import annotations

import argparse
import collections
import json
import random
from pathlib import Path
from typing import Any

from qc_speech.measures import measure
from qc_speech.model import (
    Call,
    Metadata,
    Outcome,
    Recording,
    Role,
    RoleGuess,
    Span,
    Turn,
    Utterance,
    Word,
)
from qc_speech.resources import data_dir
from qc_speech.rules.interruption import KINDS
from qc_speech.rules.kind import Context
from qc_speech.rules.lexicons import load_lexicons

ROLES = {"agent": Role.AGENT, "customer": Role.CUSTOMER}


def call_of(label: dict[str, Any], rng: random.Random, edge_ms: float, dropped: float) -> Call:
    """The labelled turns with moved edges; words evenly over the turn, some characters lost."""
    turns, utterances = [], []
    for said in label["turns"]:
        start = max(0, round(1000 * said["start"] + rng.gauss(0, edge_ms)))
        end = max(start + 100, round(1000 * said["end"] + rng.gauss(0, edge_ms)))
        turns.append(Turn(Span(start, end), said["who"]))
        text = [char for char in said["spoken"] if char.isalnum()]
        step = (end - start) / max(1, len(text))
        words = tuple(
            Word(Span(round(start + i * step), round(start + (i + 1) * step)), char)
            for i, char in enumerate(text)
            if rng.random() >= dropped
        )
        if words:
            span = Span(start, end)
            utterances.append(Utterance(0, span, said["who"], ROLES[said["who"]], words))
    channels = 2 if label["channels"] == "stereo" else 1
    length = round(1000 * label["seconds"]) + 1000
    recording = Recording("0" * 64, "", length, 8000, channels, Metadata(""))
    return Call(
        recording,
        tuple(sorted(utterances, key=lambda utterance: utterance.span)),
        tuple(sorted(turns, key=lambda turn: turn.span)),
        RoleGuess(tuple(ROLES.items()), 1.0),
    )


def places(label: dict[str, Any]) -> list[tuple[int, str, bool]]:
    """(start in ms, who comes in, whether the agent is to be charged) of every true overlap."""
    guilty = "agent_interrupts" in label["expect"]["violations"]
    found = []
    for before, said in zip(label["turns"], label["turns"][1:]):
        if said["start"] < before["end"] and said["who"] != before["who"]:
            charged = guilty and said["who"] == "agent"
            found.append((round(1000 * said["start"]), said["who"], charged))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--edge-ms", type=float, default=100)
    parser.add_argument("--dropped", type=float, default=0.2)
    given = parser.parse_args()
    lexicons, kind = load_lexicons(data_dir("lexicons")), KINDS[0]
    counts: collections.Counter[tuple[str, str, str]] = collections.Counter()
    for path in sorted(given.labelled.glob("*.json")):
        label = json.loads(path.read_text(encoding="utf-8"))
        rng = random.Random(path.stem)
        for _ in range(given.draws):
            call = call_of(label, rng, given.edge_ms, given.dropped)
            ctx = Context(call, measure(call, None, lexicons.speech), "", lexicons)
            drafts = [d for d in kind.run(ctx, kind.params()) if d.evidence]
            used = set()
            for start, who, charged in places(label):
                near = [
                    d
                    for d in drafts
                    if d.evidence and abs(d.evidence.span.start_ms - start) <= 1000
                ]
                used.update(map(id, near))
                worst = next(
                    (
                        o.value
                        for o in (Outcome.VIOLATION, Outcome.UNCERTAIN)
                        if any(d.outcome is o for d in near)
                    ),
                    "nothing",
                )
                truth = "interruption" if charged else f"none ({who} comes in)"
                counts[label["channels"], truth, worst] += 1
            for draft in drafts:
                if id(draft) not in used:
                    counts[label["channels"], "none (no overlap)", draft.outcome.value] += 1
    for key in sorted(counts):
        print(*key, counts[key], sep="\t")


if __name__ == "__main__":
    main()
