"""What the job itself costs beside hearing: queue, store, files, processes.

    python benchmarks/batch.py [--recordings 5000] [--workers 2]

The engines are fakes that cost nothing, and nothing is measured or judged; all else is the real
batch: it looks, enrols, claims, reads and hashes each file, decodes it, stores every stage and the
result, writes the JSON, enters the end. What is left is overhead. It is set against the hearing of
a call of three minutes, on one CPU core at half of real time and on a GPU at 100 times real time.
Memory of the batch is watched over the run: it must not grow with the calls.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
import wave
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "e2e"))
os.environ["SCRIPTED_NOTHING"] = "1"

import scripted_cli  # noqa: F401 - engines that cost nothing, in the workers too

from qc_speech.nightly.night import Event
from qc_speech.nightly.profile import Profile, SourceSpec
from qc_speech.nightly.start import run_batch

CALL_SECONDS = 180.0
CPU_FACTOR = 0.5  # seconds of hearing per second of sound on one core
GPU_FACTOR = 0.01


def record(folder: Path, count: int) -> None:
    """Half a second of noise each, every one with bytes of its own."""
    noise = os.urandom(8000)
    for n in range(count):
        path = folder / f"{n // 1000:03d}" / f"{n:06d}.wav"
        path.parent.mkdir(exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(n.to_bytes(8, "little") + noise)


def resident_mb() -> float:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Watched:
    """Resident memory after each tenth of the recordings, and when the first one ended."""

    def __init__(self, count: int) -> None:
        self.step = max(1, count // 10)
        self.memory: list[float] = []
        self.first = 0.0

    def __call__(self, event: Event) -> None:
        done = event.summary.done
        if event.kind == "ended" and done:
            self.first = self.first or time.perf_counter()
            if done % self.step == 0:
                self.memory.append(resident_mb())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qc-speech-") as name:
        folder = Path(name) / "in"
        folder.mkdir()
        record(folder, given.recordings)
        source = SourceSpec(path=str(folder), settled_seconds=0.0)
        profile = Profile(name="bench", out=str(Path(name) / "out"), sources=(source,),
                          workers=given.workers, report=False, verify_models=False)  # fmt: skip
        watched = Watched(given.recordings)
        before, cpu = time.perf_counter(), os.times()
        summary = run_batch(profile, watched)
        ended, cpu_after = time.perf_counter(), os.times()
    assert summary.done == given.recordings, summary
    spent = sum(cpu_after[:4]) - sum(cpu[:4])
    each = (ended - watched.first) / max(1, given.recordings - 1)
    print(f"{datetime.now():%Y-%m-%d}, {given.recordings} recordings, {given.workers} workers, "
          f"{os.cpu_count()} cores, {threading.active_count()} thread of the batch")  # fmt: skip
    print(f"looking and starting {watched.first - before:.1f} s, then {1000 * each:.2f} ms of wall "
          f"time and {1000 * spent / given.recordings:.2f} ms of CPU time a recording")  # fmt: skip
    for what, factor in (("one CPU core", CPU_FACTOR), ("a GPU", GPU_FACTOR)):
        hearing = CALL_SECONDS * factor
        share = spent / given.recordings / hearing
        print(f"overhead beside hearing {CALL_SECONDS:g} s on {what} ({hearing:g} s): {share:.2%}")
    memory = ", ".join(f"{one:.0f}" for one in watched.memory)
    print(f"memory of the batch after each tenth: {memory} MB")


if __name__ == "__main__":
    main()
