"""What measuring costs beside hearing, as processor time in one run.

    python benchmarks/measures.py LABELLED [--calls 4]

LABELLED is a folder of recordings, with or without manifest.csv. The first calls are inspected with
the default engines; then each is measured once more by itself. Exit 1 when measuring costs more
than 3 % of all the rest of the inspection.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from qc_speech import audio
from qc_speech.intake import gather
from qc_speech.measures import measure
from qc_speech.pipeline import Inspector
from qc_speech.settings import Settings
from qc_speech.setup import load_rules, make_engines
from qc_speech.store_memory import MemoryStore

LIMIT = 0.03


def main() -> int:
    parser = argparse.ArgumentParser(description="Cost of measuring beside hearing")
    parser.add_argument("labelled", type=Path)
    parser.add_argument("--calls", type=int, default=4)
    arguments = parser.parse_args()
    rules = load_rules()
    inspector = Inspector(make_engines(Settings()), rules, MemoryStore())
    hearing = measuring = seconds = 0.0
    for item in gather([arguments.labelled]).sources[: arguments.calls]:
        start = time.process_time()
        result = inspector.inspect(item.path, item.metadata)
        whole = time.process_time() - start
        sound = audio.load(item.path, item.metadata)
        start = time.process_time()
        measure(result.call, sound, rules.lexicons.speech)
        cost = time.process_time() - start
        hearing, measuring = hearing + whole - cost, measuring + cost
        seconds += result.call.recording.duration_ms / 1000
        print(f"{result.call_id}: measuring {cost:.2f} s of {whole:.1f} s")
    share = measuring / hearing
    print(f"{seconds:.0f} s of calls: measuring costs {share:.1%} of hearing (limit {LIMIT:.0%})")
    return 0 if share <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
