"""What putting homophones right does to the character error, and what other settings would do.

    python benchmarks/spelling.py LABELLED OUT [--without FILE.txt ...]

LABELLED holds labelled calls (NAME.json), OUT the store of `qc-speech run` over them. Nothing is
heard again: the stored transcripts are written anew with the shipped corpus (less the files named)
and with each setting of lexicons/hearing.yaml a step lower and a step higher, one at a time.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from qc_speech.evaluate.speech import align, comparable
from qc_speech.resources import data_dir
from qc_speech.spelling import load_speller
from qc_speech.store import open_store
from qc_speech.text.homophones import Channel, Corrector, Heard, is_han
from qc_speech.text.language import LanguageModel

Stretch = list[Heard]


def stretches(label: Path, store: object) -> Iterator[tuple[str, list[Stretch]]]:
    """Per party what was said and, utterance by utterance, what the recognizer heard of it."""
    truth = json.loads(label.read_text(encoding="utf-8"))
    result = store.result(label.stem)  # type: ignore[attr-defined]
    for party in ("agent", "customer"):
        said = "".join(comparable(t["spoken"]) for t in truth["turns"] if t["who"] == party)
        heard: list[Stretch] = []
        for utterance in result.call.utterances if result else ():
            if utterance.role.value != party:
                continue
            heard.append([])
            for word in utterance.words:
                for char in word.text:
                    if comparable(char):
                        heard[-1].append(Heard(comparable(char), word.confidence or 0.5))
                    elif heard[-1]:
                        heard.append([])
        if said:
            yield said, heard


def error(calls: list[tuple[str, list[Stretch]]], corrector: Corrector | None) -> float:
    wrong = total = 0
    for said, heard in calls:
        text = "".join(
            corrector.correct(part) if corrector else "".join(item.char for item in part)
            for part in heard
        )
        found = align(said, text).errors
        wrong += found.errors
        total += found.reference
    return 100 * wrong / max(1, total)


def settings(base: Channel) -> Iterator[tuple[str, Channel]]:
    yield "as it ships", base
    for field in dataclasses.fields(base):
        value = getattr(base, field.name)
        if isinstance(value, tuple):
            for step in (-0.5, 0.5):
                other = (value[0] + step, *value[1:])
                yield f"{field.name} {other}", dataclasses.replace(base, **{field.name: other})
        else:
            for factor in (0.6, 1.6):
                other = round(value * factor, 3)
                yield f"{field.name} {other}", dataclasses.replace(base, **{field.name: other})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("labelled", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--without", nargs="*", default=[], help="corpus files to leave out")
    given = parser.parse_args()
    folder = data_dir("lexicons")
    model = LanguageModel()
    for path in sorted((folder / "corpus").glob("*.txt")):
        if path.name not in given.without:
            lines = path.read_text(encoding="utf-8").splitlines()
            model.add(line for line in lines if not line.startswith("#"))
    with open_store(given.out / "qc.sqlite") as store:
        labels = sorted(given.labelled.glob("*.json"))
        calls = [pair for label in labels for pair in stretches(label, store)]
    characters = sum(len(said) for said, _ in calls)
    han = sum(is_han(char) for char in model.characters())
    print(f"{len(labels)} calls, {characters} characters said; model: {han} kinds of characters")
    print(f"as it is stored: {error(calls, None):.2f} %")
    for name, channel in settings(load_speller(folder).channel):
        print(f"{name}: {error(calls, Corrector(model, channel)):.2f} %", flush=True)


if __name__ == "__main__":
    main()
