"""Overlaps in a real recording of two people: what the diarizer finds of them, and their kind.

    python benchmarks/real_overlap.py RECORDING RTTM [--diarizer]

Without --diarizer the RTTM's own turns are judged (no model); with it the product's diarizer hears
the recording, and time and number of overlaps are held against the RTTM. Words are not used.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qc_speech import audio
from qc_speech.measures import frames
from qc_speech.measures.overlaps import overlaps
from qc_speech.model import Call, Metadata, Overlap, Recording, Role, RoleGuess, Span, Turn
from qc_speech.resources import data_dir
from qc_speech.rules.speech_lexicons import load_speech_lexicons


def rttm_turns(path: Path) -> tuple[Turn, ...]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        _, _, _, start, length, _, _, speaker, *_ = line.split()
        begin = round(1000 * float(start))
        found.append(Turn(Span(begin, begin + round(1000 * float(length))), speaker))
    return tuple(sorted(found, key=lambda turn: turn.span))


def judged(recording: Recording, turns: tuple[Turn, ...]) -> tuple[Overlap, ...]:
    """The first speaker stands for the agent: the kinds do not depend on the role."""
    speakers = list(dict.fromkeys(turn.speaker for turn in turns))
    roles = RoleGuess(tuple(zip(speakers, (Role.AGENT, Role.CUSTOMER))), 1.0)
    lexicons = load_speech_lexicons(data_dir("lexicons"))
    call = Call(recording, (), turns, roles)
    return overlaps(call, lexicons.backchannels, lexicons.floor, None)


def together(turns: Sequence[Turn], blocks: int) -> frames.Flags:
    """10 ms blocks in which two speak."""
    speakers = {turn.speaker for turn in turns}
    masks = [frames.speech_mask([t for t in turns if t.speaker == s], blocks) for s in speakers]
    return np.asarray(np.sum(masks, axis=0) >= 2)


def hits(one: Sequence[Overlap], other: Sequence[Overlap]) -> int:
    """How many overlaps of the first have a common stretch with one of the second."""
    return sum(any(a.span.overlap_ms(b.span) for b in other) for a in one)


def show(name: str, found: Sequence[Overlap]) -> None:
    print(name)
    for o in found:
        print(f"  {o.span.start_ms / 1000:6.2f} s  {o.span.duration_ms:4d} ms  {o.kind} ({o.form})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("rttm", type=Path)
    parser.add_argument("--diarizer", action="store_true")
    given = parser.parse_args()
    heard = audio.load(given.recording, Metadata("real"))
    true = rttm_turns(given.rttm)
    wanted = judged(heard.recording, true)
    show("turns of the RTTM", wanted)
    if not given.diarizer:
        return
    from qc_speech.engines import registry
    from qc_speech.settings import load_settings

    engine = registry.diarizer(load_settings())()
    diarization = engine.diarize(heard.samples[0], heard.recording.id)
    found = judged(heard.recording, diarization.turns)
    show("turns of the diarizer", found)
    blocks = heard.samples.shape[1] // frames.BLOCK
    truth, guess = together(true, blocks), together(diarization.turns, blocks)
    common = float((truth & guess).sum())
    print(f"overlapped time: precision {common / max(1, guess.sum()):.2f}, ", end="")
    print(f"recall {common / max(1, truth.sum()):.2f} of {truth.sum() / 100:.2f} s")
    print(f"overlaps: precision {hits(found, wanted)}/{len(found)}, ", end="")
    print(f"recall {hits(wanted, found)}/{len(wanted)}")


if __name__ == "__main__":
    main()
