"""How fast calls are heard, as ratios to the plain tools, side by side in one run.

    python benchmarks/hearing.py CALLS [--calls d01,d02] [--rounds 3] [--long [--minutes 10,60,180]]

CALLS is a folder of recordings with manifest.csv. For each call, in turn and in every round:

- plain: faster-whisper as its README shows it (sequential, beam 5, word times, int8) on the same
  channels; for a mono call also pyannote's SpeakerDiarization at its default step with the same
  segmentation and embedding weights;
- here: the hearing stages of qc-speech (decode, diarize, transcribe) with the default settings.

Printed: the ratio here/plain per round with its median for stereo and for mono, and for each stage
its share of the time and how much of the machine's cores (or of the GPU) it used. --long repeats
calls to 10, 60 and 180 minutes and prints the cost per minute of sound, which should not grow.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # before pyannote is imported: no telemetry

import numpy as np

from qc_speech import audio
from qc_speech.intake import gather
from qc_speech.models import require
from qc_speech.pipeline import Inspector
from qc_speech.ports import SAMPLE_RATE_HZ, Samples
from qc_speech.settings import load_settings
from qc_speech.setup import load_rules, make_engines
from qc_speech.store_memory import MemoryStore


@dataclass
class Stage:
    """Wall and CPU seconds spent in one stage."""

    wall: float = 0.0
    cpu: float = 0.0
    gpu: list[float] = field(default_factory=list)


class Clock:
    """Wall and CPU time per stage; GPU utilisation where NVML is at hand."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}
        self._open: dict[str, tuple[float, float]] = {}

    def hook(self, name: str, done: float, total: float) -> None:
        """A progress hook: a stage opens at 0 and closes at its total."""
        if done == 0 and name not in self._open:
            self._open[name] = (time.perf_counter(), cpu_seconds())
        elif done >= total and name in self._open:
            wall, cpu = self._open.pop(name)
            stage = self.stages.setdefault(name, Stage())
            stage.wall += time.perf_counter() - wall
            stage.cpu += cpu_seconds() - cpu
            used = gpu_percent()
            if used is not None:
                stage.gpu.append(used)


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def gpu_percent() -> float | None:
    """Utilisation of the first GPU over the last moment; None without one."""
    try:
        import torch

        return float(torch.cuda.utilization()) if torch.cuda.is_available() else None
    except Exception:  # NVML's Python binding is optional
        return None


@contextmanager
def timed(into: list[float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    into.append(time.perf_counter() - start)


def plain_whisper() -> Callable[[Samples], None]:
    from faster_whisper import WhisperModel

    settings = load_settings()
    model = WhisperModel(str(require(settings.asr_model)), device="auto", compute_type="int8")

    def hear(channel: Samples) -> None:
        segments, _ = model.transcribe(channel, language="zh", beam_size=5, word_timestamps=True)
        for _ in segments:
            pass

    return hear


def plain_pyannote() -> Callable[[Samples], None]:
    """pyannote's own pipeline with the weights that are at hand (its defaults want a hub)."""
    import torch
    from pyannote.audio import Model
    from pyannote.audio.pipelines import speaker_diarization as room

    from qc_speech.engines import campplus

    weights = require("campplus-zh-en") / "campplus_cn_en_common.pt"
    network = campplus.load(weights)

    class Embedding:
        sample_rate, dimension, metric = SAMPLE_RATE_HZ, campplus.SIZE, "cosine"
        min_num_samples = SAMPLE_RATE_HZ // 5

        def __call__(self, waveforms: Any, masks: Any = None) -> Any:
            found = np.full((len(waveforms), self.dimension), np.nan, np.float32)
            for row, sound in enumerate(waveforms[:, 0]):
                keep = sound
                if masks is not None:
                    wide = torch.nn.functional.interpolate(
                        masks[row][None, None].float(), size=sound.shape[-1], mode="nearest"
                    )
                    keep = sound[wide[0, 0] > 0.5]
                if len(keep) < self.min_num_samples:
                    continue
                with torch.inference_mode():
                    features = campplus.filterbank(keep)
                    found[row] = network((features - features.mean(dim=0))[None])[0].numpy()
            return found

    vars(room).update(
        PretrainedSpeakerEmbedding=lambda *_, **__: Embedding(), get_plda=lambda *_, **__: None
    )
    segmentation = Model.from_pretrained(
        require("pyannote-segmentation-3.0") / "pytorch_model.bin", map_location="cpu"
    )
    pipeline = room.SpeakerDiarization(
        segmentation=segmentation, embedding="local", clustering="AgglomerativeClustering",
        embedding_exclude_overlap=True, segmentation_batch_size=8, embedding_batch_size=8,
    )  # fmt: skip
    pipeline.instantiate({
        "segmentation": {"min_duration_off": 0.0},
        "clustering": {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7},
    })  # fmt: skip

    def tell_apart(channel: Samples) -> None:
        sound = torch.from_numpy(np.ascontiguousarray(channel))[None]
        pipeline({"waveform": sound, "sample_rate": SAMPLE_RATE_HZ}, num_speakers=2)

    return tell_apart


def inspector() -> Inspector:
    return Inspector(make_engines(load_settings()), load_rules(), MemoryStore())


def compare(folder: Path, wanted: frozenset[str], rounds: int) -> None:
    sources = [
        source
        for source in gather([folder], None, None, skip=[]).sources
        if not wanted or source.metadata.call_id in wanted
    ]
    whisper, pyannote = plain_whisper(), plain_pyannote()
    warm(whisper, pyannote)
    here_engines = make_engines(load_settings())
    here_engines.transcriber(), here_engines.diarizer()
    rules = load_rules()
    ratios: dict[str, list[float]] = {"stereo": [], "mono": []}
    clock = Clock()
    for number in range(rounds):
        spent: dict[str, list[list[float]]] = {"stereo": [[], []], "mono": [[], []]}
        for source in sources:
            samples = audio.load(source.path, source.metadata).samples
            kind = "stereo" if samples.shape[0] == 2 else "mono"
            plain, here = spent[kind]
            with timed(plain):
                for channel in samples:
                    whisper(channel)
                if kind == "mono":
                    pyannote(samples[0])
            fresh = Inspector(here_engines, rules, MemoryStore())
            with timed(here):
                fresh.hear(source.path, source.metadata, clock.hook)
        for kind, (plain, here) in spent.items():
            if plain:
                ratios[kind].append(sum(here) / sum(plain))
                print(
                    f"round {number + 1} {kind}: plain {sum(plain):.1f} s, here {sum(here):.1f} s, "
                    f"ratio {ratios[kind][-1]:.2f}",
                    flush=True,
                )
    for kind, found in ratios.items():
        if found:
            print(f"{kind}: median ratio {statistics.median(found):.2f} of {len(found)} rounds")
    print_stages(clock)


def warm(whisper: Callable[[Samples], None], pyannote: Callable[[Samples], None]) -> None:
    """The first call of a model pays for its loading."""
    noise = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE_HZ * 3).astype(np.float32)
    whisper(noise)
    pyannote(noise)


def print_stages(clock: Clock) -> None:
    whole = sum(stage.wall for stage in clock.stages.values()) or 1.0
    cores = os.cpu_count() or 1
    for name, stage in clock.stages.items():
        gpu = f", GPU {statistics.mean(stage.gpu):.0f} %" if stage.gpu else ""
        print(
            f"stage {name}: {stage.wall:.1f} s ({100 * stage.wall / whole:.0f} %), "
            f"CPU {100 * stage.cpu / max(stage.wall, 1e-9) / cores:.0f} % of {cores} cores{gpu}"
        )


def long_calls(folder: Path, lengths: Sequence[int]) -> None:
    """Cost per minute of sound for longer and longer recordings made of the folder's calls."""
    import soundfile

    sources = gather([folder], None, None, skip=[]).sources
    loaded = ((s, audio.load(s.path, s.metadata).samples) for s in sources)
    sound = next(samples[0] for _, samples in loaded if samples.shape[0] == 1)
    base = None
    engines, rules = make_engines(load_settings()), load_rules()
    engines.transcriber(), engines.diarizer()
    with tempfile.TemporaryDirectory() as place:
        for minutes in lengths:
            wanted = minutes * 60 * SAMPLE_RATE_HZ
            path = Path(place) / f"long{minutes}.flac"
            soundfile.write(path, np.resize(sound, wanted)[::2], SAMPLE_RATE_HZ // 2)
            clock = Clock()
            start, started = time.perf_counter(), time.process_time()
            inspector_ = Inspector(engines, rules, MemoryStore())
            inspector_.hear(path, sources[0].metadata, clock.hook)
            wall = (time.perf_counter() - start) / minutes
            cost = (time.process_time() - started) / minutes
            base = base or cost
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(
                f"{minutes} min: {cost:.2f} s of CPU ({wall:.2f} s) per minute, "
                f"{cost / base:.2f} of the shortest, "
                f"peak memory so far {peak:.1f} GiB",
                flush=True,
            )
            print_stages(clock)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--calls", default="", help="call ids, separated by commas; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", action="store_true", help="long recordings instead")
    parser.add_argument("--minutes", default="10,60,180", help="how long they are")
    given = parser.parse_args()
    if given.long:
        long_calls(given.folder, [int(one) for one in given.minutes.split(",")])
    else:
        compare(given.folder, frozenset(filter(None, given.calls.split(","))), given.rounds)


if __name__ == "__main__":
    main()
