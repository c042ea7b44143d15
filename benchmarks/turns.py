"""Who speaks when: errors on labelled calls, and what it costs in time and memory.

    python benchmarks/turns.py errors LABELLED [--mix] [--calls d01,d02]
    python benchmarks/turns.py third LABELLED
    python benchmarks/turns.py long LABELLED [--minutes 10,60,180] [--channels mono|stereo]

errors: diarization error (collar 0, overlaps counted; missed, false alarm, confusion) and how many
edges of turns lie within 120 ms of the label, per call. --mix sums stereo calls to one channel.
third: calls with a third voice, put together from others: before a call 9 s of another call's agent
(announcement), and the first half of a call followed by the second half of one with the same
customer and another agent (transfer).
long: calls of a kind repeated to so many minutes, written at 8 kHz and read again; seconds of CPU
per minute of sound in decode, VAD (by channel) and diarization (mono), and the peak of memory.
Each length runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"  # before pyannote is imported: no telemetry

import numpy as np
import soundfile

from qc_speech import audio
from qc_speech.engines import registry
from qc_speech.model import Diarization, Metadata, Span, Turn
from qc_speech.ports import Samples, silent_hook
from qc_speech.settings import Settings

NEAR_MS = 120
PAUSE_MS = 1000  # a speaker's labels closer than this, nobody between, are one turn


def labelled(folder: Path, chosen: str) -> Iterator[tuple[str, Path, list[Turn], bool]]:
    """(call, recording, true turns, is it stereo)."""
    wanted = set(chosen.split(",")) if chosen else None
    for path in sorted(folder.glob("*.json")):
        label = json.loads(path.read_text(encoding="utf-8"))
        if wanted is not None and path.stem not in wanted:
            continue
        turns = [
            Turn(Span(round(1000 * turn["start"]), round(1000 * turn["end"])), turn["who"])
            for turn in label["turns"]
        ]
        yield path.stem, folder / label["audio"], turns, label["channels"] == "stereo"


def annotation(turns: Sequence[Turn]) -> Any:
    from pyannote.core import Annotation, Segment

    found = Annotation()
    for number, turn in enumerate(turns):
        found[Segment(turn.span.start_ms / 1000, turn.span.end_ms / 1000), number] = turn.speaker
    return found.support()


def errors(true: Sequence[Turn], found: Diarization, end_ms: int) -> dict[str, float]:
    from pyannote.core import Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    metric = DiarizationErrorRate(collar=0.0, skip_overlap=False)
    whole = Timeline([Segment(0, end_ms / 1000)])
    parts = metric(annotation(true), annotation(found.turns), uem=whole, detailed=True)
    return {name: float(parts[name]) for name in
            ("total", "missed detection", "false alarm", "confusion")}  # fmt: skip


def edges(true: Sequence[Turn], found: Diarization) -> list[tuple[int, int]]:
    """(start error, end error) in ms of each labelled turn against the nearest found edge."""
    result = []
    for name in {turn.speaker for turn in true}:
        mine = [turn.span for turn in true if turn.speaker == name]
        shared = {
            speaker: sum(t.span.overlap_ms(s) for t in found.turns for s in mine
                         if t.speaker == speaker)
            for speaker in {turn.speaker for turn in found.turns}
        }  # fmt: skip
        best = max(shared, key=shared.__getitem__)
        heard = [turn.span for turn in found.turns if turn.speaker == best]
        for span in whole_turns(mine, [turn.span for turn in true if turn.speaker != name]):
            near = [s for s in heard if s.overlap_ms(span)] or [Span(10**6, 10**6)]
            result.append((
                min((s.start_ms - span.start_ms for s in near), key=abs),
                min((s.end_ms - span.end_ms for s in near), key=abs),
            ))  # fmt: skip
    return result


def whole_turns(mine: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(mine):
        if joined and span.start_ms - joined[-1].end_ms < PAUSE_MS:
            gap = Span(joined[-1].end_ms, max(joined[-1].end_ms, span.start_ms))
            if not any(other.overlap_ms(gap) for other in others):
                joined[-1] = Span(joined[-1].start_ms, max(joined[-1].end_ms, span.end_ms))
                continue
        joined.append(span)
    return joined


def diarized(samples: Samples) -> Diarization:
    if len(samples) == 2:
        return registry.channel_turns(samples, "call")
    return registry.diarizer(Settings())().diarize(samples[0], "call", silent_hook)


def show_errors(folder: Path, chosen: str, mix: bool) -> None:
    sums: dict[str, dict[str, float]] = {}
    all_edges: dict[str, list[tuple[int, int]]] = {}
    make = registry.diarizer(Settings())
    for call, path, true, stereo in labelled(folder, chosen):
        samples = audio.load(path, Metadata(call)).samples
        kind = "stereo" if stereo and not mix else "mixed" if stereo else "mono"
        if kind == "stereo":
            found = registry.channel_turns(samples, call)
        else:
            mono = np.clip(samples.sum(axis=0, dtype=np.float32), -1, 1)
            found = make().diarize(mono, call, silent_hook)
        wrong, off = errors(true, found, samples.shape[1] // 16), edges(true, found)
        total = sums.setdefault(kind, dict.fromkeys(wrong, 0.0))
        for name, value in wrong.items():
            total[name] += value
        all_edges.setdefault(kind, []).extend(off)
        voices = len({turn.speaker for turn in found.turns})
        print(f"{call:8} {kind:7} {voices} voices  {row(wrong)}  {edge_row(off)}", flush=True)
    for kind, total in sums.items():
        print(f"{'all':8} {kind:7}           {row(total)}  {edge_row(all_edges[kind])}")


def row(parts: dict[str, float]) -> str:
    total = max(parts["total"], 1e-9)
    rest = {name: 100 * value / total for name, value in parts.items() if name != "total"}
    return f"DER {sum(rest.values()):5.2f} %  " + "  ".join(
        f"{name} {value:5.2f}" for name, value in rest.items()
    )


def edge_row(off: Sequence[tuple[int, int]]) -> str:
    shown = []
    for name, values in zip(("starts", "ends"), zip(*off)):
        sizes = [abs(value) for value in values]
        within = 100 * sum(size <= NEAR_MS for size in sizes) / len(sizes)
        shown.append(
            f"{name} within {NEAR_MS} ms {within:5.1f} %, median {statistics.median(sizes):.0f}"
        )
    return "; ".join(shown)


def mono(path: Path) -> Samples:
    samples = audio.load(path, Metadata(path.stem)).samples
    return np.asarray(np.clip(samples.sum(axis=0, dtype=np.float32), -1, 1))


def shifted(turns: Sequence[Turn], by_ms: int) -> list[Turn]:
    return [
        Turn(Span(turn.span.start_ms + by_ms, turn.span.end_ms + by_ms), turn.speaker)
        for turn in turns
    ]


def announced(call: Path, true: Sequence[Turn], other: Path, agent: Sequence[Span]) -> Any:
    """(sound, turns): 9 s of the agent of a stereo call, a pause, and the call."""
    voice = audio.load(other, Metadata("other")).samples[0]
    parts = [voice[span.start_ms * 16 : span.end_ms * 16] for span in agent]
    before = np.concatenate(parts)[: 9 * 16_000]
    length = len(before) // 16
    sound = np.concatenate([before, np.zeros(9600, np.float32), mono(call)])
    return sound, [Turn(Span(0, length), "third"), *shifted(true, length + 600)]


def transferred(call: Path, true: Sequence[Turn], other: Path, after: Sequence[Turn]) -> Any:
    """(sound, turns): the first half of a call, then the second half of another."""
    cut = near_middle([t.span.end_ms for t in true], true)
    begin = near_middle([t.span.start_ms for t in after], after)
    sound = np.concatenate([mono(call)[: (cut + 300) * 16], mono(other)[(begin - 300) * 16 :]])
    rest = [
        Turn(t.span, "third" if t.speaker == "agent" else t.speaker)
        for t in after
        if t.span.start_ms >= begin
    ]
    return sound, [
        *[t for t in true if t.span.end_ms <= cut],
        *shifted(rest, cut + 600 - begin),
    ]


def near_middle(places: Sequence[int], turns: Sequence[Turn]) -> int:
    """The place in no turn that is nearest to the middle of the call."""
    middle = max(turn.span.end_ms for turn in turns) / 2
    free = [p for p in places if not any(t.span.start_ms < p < t.span.end_ms for t in turns)]
    return min(free, key=lambda place: abs(place - middle))


def with_a_third(folder: Path) -> Iterator[tuple[str, Samples, list[Turn]]]:
    calls = {call: (path, true, stereo) for call, path, true, stereo in labelled(folder, "")}
    voices = {}
    for call in calls:
        label = json.loads((folder / f"{call}.json").read_text(encoding="utf-8"))
        voices[call] = (label["agent"]["voice"], label["customer"]["voice"])
    stereos = [call for call, (_, _, stereo) in calls.items() if stereo]
    seen = set()
    for number, (call, (path, true, _)) in enumerate(calls.items()):
        other = stereos[(number + 5) % len(stereos)]
        if voices[other][0] not in voices[call]:
            agent = [t.span for t in calls[other][1] if t.speaker == "agent"]
            yield f"announcement {other} {call}", *announced(path, true, calls[other][0], agent)
        for later in calls:
            pair = (voices[call][0], voices[later][0])
            same = voices[call][1] == voices[later][1] and calls[later][2] == calls[call][2]
            if same and pair[0] != pair[1] and pair not in seen:
                seen.add(pair)
                yield f"transfer {call} {later}", *transferred(path, true, *calls[later][:2])


def show_third(folder: Path) -> None:
    make = registry.diarizer(Settings())
    sums: dict[str, dict[str, float]] = {}
    right: dict[str, list[bool]] = {}
    for name, samples, true in with_a_third(folder):
        found = make().diarize(samples, name, silent_hook)
        wrong = errors(true, found, len(samples) // 16)
        voices = len({turn.speaker for turn in found.turns})
        print(f"{name:24} {voices} voices  {row(wrong)}", flush=True)
        kind = name.split()[0]
        right.setdefault(kind, []).append(voices == 3)
        for part, value in wrong.items():
            total = sums.setdefault(kind, dict.fromkeys(wrong, 0.0))
            total[part] += value
    for kind, total in sums.items():
        print(f"all {kind}: three voices in {sum(right[kind])} of {len(right[kind])}  {row(total)}")


def show_long(folder: Path, minutes: Sequence[int], kind: str) -> None:
    for length in minutes:
        context = multiprocessing.get_context("spawn")
        work = context.Process(target=one_length, args=(folder, length, kind))
        work.start()
        work.join()


def one_length(folder: Path, minutes: int, kind: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "long.wav"
        write_long(folder, path, minutes, kind)
        start = time.process_time()
        samples = audio.load(path, Metadata("long")).samples
        loaded = time.process_time()
        found = diarized(samples)
        done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{kind} {minutes:4d} min: decode {(loaded - start) / minutes:.2f} s per minute, "
        f"{'VAD' if len(samples) == 2 else 'diarization'} {(done - loaded) / minutes:.2f} s per "
        f"minute, {len(found.turns)} turns of {len({t.speaker for t in found.turns})} speakers, "
        f"peak {peak:.2f} GB",
        flush=True,
    )


def write_long(folder: Path, path: Path, minutes: int, kind: str) -> None:
    """Calls of this kind, one after the other, again and again; block by block."""
    files = [file for _, file, _, stereo in labelled(folder, "") if stereo == (kind == "stereo")]
    left = minutes * 60 * 8000
    with soundfile.SoundFile(path, "w", 8000, 1 if kind == "mono" else 2, "PCM_16") as out:
        while left > 0:
            for file in files:
                sound, _ = soundfile.read(file, dtype="float32")
                out.write(sound[:left])
                left -= len(sound)
                if left <= 0:
                    break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("errors", "third", "long"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mix", action="store_true")
    parser.add_argument("--calls", default="")
    parser.add_argument("--minutes", default="10,60,180")
    parser.add_argument("--channels", choices=("mono", "stereo"), default="stereo")
    given = parser.parse_args()
    if given.what == "errors":
        show_errors(given.folder, given.calls, given.mix)
    elif given.what == "third":
        show_third(given.folder)
    else:
        show_long(given.folder, [int(m) for m in given.minutes.split(",")], given.channels)


if __name__ == "__main__":
    main()
