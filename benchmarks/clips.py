"""How long a library of clips takes to be searched: python benchmarks/clips.py [--examples 10000].

Sentences are put together from the corpus of the lexicons at random; nothing is heard.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from qc_speech.clips import index, library
from qc_speech.clips.search import Wanted
from qc_speech.clips.values import Clip, Example
from qc_speech.model import Role, Span
from qc_speech.resources import data_dir
from qc_speech.store import SqlStore, open_store
from qc_speech.store.clip_tables import CLIP_EXAMPLES, CLIPS

CHECKS = ("apology", "empathy", "greeting", "farewell", "impatience", "hold_request", "thanks", "")
LIMIT_MS = 200.0


def sentences() -> list[str]:
    lines: list[str] = []
    for path in sorted((data_dir("lexicons") / "corpus").glob("*.txt")):
        for line in path.read_text("utf-8").splitlines():
            if line and not line.startswith("#"):
                lines.append(line.strip())
    return lines


def fill(store: SqlStore, count: int) -> None:
    chance = random.Random(7)
    lines = sentences()
    rows, clips = [], []
    for n in range(count):
        text = "，".join(chance.sample(lines, chance.choice((1, 1, 2))))[:60]
        check = chance.choice(CHECKS)
        example = Example(
            f"e{n:07d}", f"c{n // 12:06d}", f"{n // 12:064x}", check, "phrase" if check else "",
            chance.choice(("pass", "violation")) if check else "", chance.uniform(0.4, 1.0),
            Role.AGENT, Span(n, n + chance.randint(1500, 9000)), text, "complaint",
            str(1000 + n % 50), datetime(2026, 1, 1) + timedelta(hours=n % 4000),
            chance.choice(("calm", "upset")), chance.uniform(5, 35), chance.uniform(0.3, 1.0),
        )  # fmt: skip
        rows.append(index._row(example))
        clip = Clip(
            example.id, example.call_id, example.recording_id, check, example.outcome, Role.AGENT,
            example.span, title=text[:8], added_by="bench", added_at=example.started_at,
        )  # fmt: skip
        clips.append({**library._row(clip, text), "hidden": "[]"})
    with store.transaction(write=True) as connection:
        connection.execute(insert(CLIP_EXAMPLES), rows)
        connection.execute(insert(CLIPS), clips)


def timed(work: Callable[[], object], rounds: int = 7) -> tuple[float, float, float]:
    """The first time, and of the others the median and the median of CPU time, in ms. On a machine
    that has other work the last one says what a search costs."""
    taken, cpu = [], []
    for _ in range(rounds):
        start, spent = time.perf_counter(), time.process_time()
        work()
        taken.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - spent))
    return taken[0], statistics.median(taken[1:]), statistics.median(cpu[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    count = parser.parse_args().examples
    searches = {
        "check and outcome": Wanted(checks=("apology",), outcome="pass", min_confidence=0.9),
        "mood, line, length": Wanted(mood="upset", min_snr_db=20, length_s=(2, 6)),
        "common wording": Wanted(text="您好"),
        "wording": Wanted(text="给您添麻烦了"),
        "misheard wording, by ear": Wanted(text="您先消消息"),
        "two wordings": Wanted(text="感谢 再见"),
        "pinyin": Wanted(text="qing shao deng"),
        "nothing like it": Wanted(text="量子力学薛定谔方程"),
        "agent and wording": Wanted(agent="1007", text="电话"),
    }
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "b.db") as store:
        fill(store, count)
        print(f"{count} examples and as many clips; first search / median of six / of CPU time, ms")
        worst = 0.0
        for name, wanted in searches.items():
            found = len(index.find(store, wanted))
            times = timed(lambda wanted=wanted: index.find(store, wanted))  # type: ignore[misc]
            worst = max(worst, times[1])
            print(f"{name:26}", *(f"{ms:7.1f}" for ms in times), f" {found} found")
        for text in ("添麻烦", "tian ma fan"):
            times = timed(lambda text=text: library.clips(store, text=text))  # type: ignore[misc]
            worst = max(worst, times[1])
            print(f"library: {text:17}", *(f"{ms:7.1f}" for ms in times))
        print(f"slowest median {worst:.0f} ms; asked: {LIMIT_MS:.0f} ms")


if __name__ == "__main__":
    main()
