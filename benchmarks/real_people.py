"""How recordings of people are heard: character error and time, with the default settings.

    python benchmarks/real_people.py FOLDER

FOLDER holds recordings and README.md with a table of them (file, what, text). Printed for each
with a Chinese text: what was wrong, and the seconds of hearing per second of sound.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # before pyannote is imported: no telemetry

import jiwer
import soundfile

from qc_speech.model import Metadata
from qc_speech.pipeline import Inspector
from qc_speech.settings import load_settings
from qc_speech.setup import load_rules, make_engines
from qc_speech.store_memory import MemoryStore
from qc_speech.text.normalize import normalize

_ROW = re.compile(r"^\|\s*(\S+\.wav)\s*\|[^|]*\|\s*([^|]*[\u4e00-\u9fff][^|]*?)\s*\|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    table = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [match.groups() for line in table if (match := _ROW.match(line))]
    inspector = Inspector(make_engines(load_settings()), load_rules(), MemoryStore())
    inspector.hear(folder / rows[0][0], Metadata("warm-up"))
    wrong = total = 0
    for name, text in rows:
        start = time.perf_counter()
        call = inspector.hear(folder / name, Metadata(name))
        seconds = time.perf_counter() - start
        said, heard = normalize(text), normalize("".join(u.text for u in call.utterances))
        errors = jiwer.process_characters(said, heard)
        count = errors.substitutions + errors.deletions + errors.insertions
        wrong, total = wrong + count, total + len(said)
        ratio = seconds / soundfile.info(folder / name).duration
        print(f"{name}: {count} of {len(said)} characters wrong, {ratio:.2f} s per second")
    print(f"together {wrong} of {total}: {wrong / total:.1%}")


if __name__ == "__main__":
    main()
