"""Learn from labelled calls how the recognizer errs by ear: src/qc_speech/text/confusions.json.

    python benchmarks/confusions.py LABELLED OUT [LABELLED OUT ...]

Each LABELLED is a folder of labels (call.json), each OUT the folder of a run over it. Every turn
is aligned with what was heard of it, syllable by syllable; the table counts what was heard for each
initial and final, what was left out and what was put in. The counts are smoothed with the phonetic
prior where they are read (qc_speech/text/confusion.py), so a small set does no harm.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from qc_speech.evaluate.files import LabelledCall, read_label
from qc_speech.model import CallResult, Role
from qc_speech.store import open_store
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import distance, split, syllables

TABLE = Path(__file__).parents[1] / "src" / "qc_speech" / "text" / "confusions.json"
GAP = 0.6  # cost of a syllable left out or put in
WORST = 0.7  # a turn aligned worse than this was not heard at all: it teaches nothing
Pair = tuple[str | None, str | None]


def align(said: Sequence[str], heard: Sequence[str]) -> tuple[list[Pair], float]:
    """Pairs (said, heard) of a cheapest alignment by ear, and its cost per syllable said."""
    cost = np.zeros((len(said) + 1, len(heard) + 1))
    cost[:, 0] = GAP * np.arange(len(said) + 1)
    cost[0, :] = GAP * np.arange(len(heard) + 1)
    for i, one in enumerate(said, start=1):
        for j, other in enumerate(heard, start=1):
            cost[i, j] = min(
                cost[i - 1, j - 1] + distance(one, other),
                cost[i - 1, j] + GAP,
                cost[i, j - 1] + GAP,
            )
    pairs: list[Pair] = []
    i, j = len(said), len(heard)
    while i or j:
        if (
            i
            and j
            and np.isclose(cost[i, j], cost[i - 1, j - 1] + distance(said[i - 1], heard[j - 1]))
        ):
            i, j = i - 1, j - 1
            pairs.append((said[i], heard[j]))
        elif i and np.isclose(cost[i, j], cost[i - 1, j] + GAP):
            i -= 1
            pairs.append((said[i], None))
        else:
            j -= 1
            pairs.append((None, heard[j]))
    return pairs[::-1], float(cost[-1, -1]) / max(1, len(said))


def pairs_of(label: LabelledCall, result: CallResult) -> Iterator[Pair]:
    """What was said and what was heard, over all turns of a call that were heard at all."""
    for turn in label.turns:
        said = [one for one in syllables(normalize(turn.text)) if one.isascii() and len(one) > 1]
        text = "".join(
            utterance.text
            for utterance in result.call.utterances
            if utterance.role is turn.speaker
            and turn.span.overlap_ms(utterance.span) > 0.5 * utterance.span.duration_ms
        )
        heard = [one for one in syllables(normalize(text)) if one.isascii()]
        if said and heard and turn.speaker in (Role.AGENT, Role.CUSTOMER):
            pairs, cost = align(said, heard)
            if cost < WORST:
                yield from pairs


def counted(pairs: Iterator[Pair]) -> dict[str, object]:
    """The table: counts by initial, by final, of whole syllables that were said (background), and
    the shares left out and put in."""
    initials: dict[str, Counter[str]] = defaultdict(Counter)
    finals: dict[str, Counter[str]] = defaultdict(Counter)
    heard_as: Counter[str] = Counter()
    kept = total = left_out = put_in = 0
    for said, heard in pairs:
        total += said is not None
        left_out += heard is None
        put_in += said is None
        if heard is not None:
            heard_as[heard] += 1
        if said is None or heard is None:
            continue
        kept += said == heard
        one, other = split(said), split(heard)
        initials[one[0]][other[0]] += 1
        finals[one[1]][other[1]] += 1
    return {
        "syllables": total, "same": kept, "left_out": left_out, "put_in": put_in,
        "initials": {k: dict(sorted(v.items())) for k, v in sorted(initials.items())},
        "finals": {k: dict(sorted(v.items())) for k, v in sorted(finals.items())},
        "background": dict(sorted(heard_as.items())),
    }  # fmt: skip


def learn(folders: Sequence[tuple[Path, Path]]) -> dict[str, object]:
    found: list[Pair] = []
    for labelled, out in folders:
        labels = {one.call_id: one for one in map(read_label, sorted(labelled.glob("*.json")))}
        with open_store(out / "qc.sqlite") as store:
            for result in store.results():
                if result.call_id in labels:
                    found.extend(pairs_of(labels[result.call_id], result))
    return counted(iter(found))


if __name__ == "__main__":
    paths = [Path(text) for text in sys.argv[1:]]
    if not paths or len(paths) % 2:
        sys.exit(__doc__)
    table = learn(list(zip(paths[::2], paths[1::2])))
    TABLE.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print({key: value for key, value in table.items() if isinstance(value, int)}, "->", TABLE)
