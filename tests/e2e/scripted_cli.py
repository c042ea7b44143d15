"""`qc-speech` with engines that hear a fixed conversation: for faults, which need no models.

The environment says what happens when a call begins to be heard, the nth of the process (from 0):
SCRIPTED_FILL_AT: the file system of the file SCRIPTED_MARK is filled. SCRIPTED_SLEEP: seconds that
every call takes. SCRIPTED_POISON: recordings under 5 s kill the process that hears them, by the
signal of that name. SCRIPTED_BROKEN: the recognizer cannot be loaded (raises), or crashes whatever
it hears (SIGSEGV). SCRIPTED_NOTHING: what was heard is neither measured nor judged, which takes
longer than all else. SCRIPTED_CLOCK: a file of how many seconds the clock is ahead. Worker
processes import this file too, so it is all set up here.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

from scripted_engines import Script, by_channel

import qc_speech.pipeline
import qc_speech.setup
from qc_speech.engines import registry
from qc_speech.model import Call, CallResult, Diarization, Measures, Score
from qc_speech.nightly import night
from qc_speech.pipeline import Engines
from qc_speech.ports import SAMPLE_RATE_HZ, Samples, Transcriber
from qc_speech.settings import Settings
from qc_speech.store import queue, sql

_calls = iter(range(10_000))
_MARK = Path(os.environ.get("SCRIPTED_MARK", os.devnull))


def _before() -> None:
    """Called twice a call: all recordings here are stereo."""
    number, odd = divmod(next(_calls), 2)
    if odd:
        return
    time.sleep(float(os.environ.get("SCRIPTED_SLEEP", "0")))
    if os.environ.get("SCRIPTED_FILL_AT") == str(number):
        _fill()


def _fill() -> None:
    with _MARK.open("ab", buffering=0) as filler:
        try:
            for size in (4096, 1):
                while filler.write(bytes(size)) == size:
                    pass
        except OSError:
            pass


def _turns(samples: Samples, recording_id: str) -> Diarization:
    poison = os.environ.get("SCRIPTED_POISON")
    if poison and samples.shape[1] < 5 * SAMPLE_RATE_HZ:
        os.kill(os.getpid(), getattr(signal, poison, signal.SIGKILL))
    return by_channel(samples, recording_id)


def _broken() -> Transcriber:
    if os.environ["SCRIPTED_BROKEN"] == "SIGSEGV":
        os.kill(os.getpid(), signal.SIGSEGV)
    raise RuntimeError("File model.bin is incomplete: failed to read a buffer of size 4096")


def _engines(settings: Settings, workers: int = 1) -> Engines:
    engines = replace(Script(_before).engines(), channel_turns=_turns)
    return replace(engines, transcriber=_broken) if "SCRIPTED_BROKEN" in os.environ else engines


def _nothing_measured(call: Call, *_: object) -> Measures:
    return Measures((), (), (), (), None, None)


def _nothing_found(call: Call, measures: Measures, *_: object) -> CallResult:
    total = Score(100.0, (), False, "A", False, ())
    return CallResult(call, "switchboard", 1.0, "switchboard@1", measures, (), total, "test")


def _ahead() -> float:
    return float(Path(os.environ["SCRIPTED_CLOCK"]).read_text() or 0)


def _set_clock() -> None:
    """The wall clock of this process goes by the file, wherever a batch asks for the time."""
    real_time, real_now = time.time, sql.utc_now
    time.time = lambda: real_time() + _ahead()
    for module in (sql, queue, night):
        module.utc_now = lambda: real_now() + timedelta(seconds=_ahead())  # type: ignore[attr-defined]


if os.environ.get("SCRIPTED_CLOCK"):
    _set_clock()
if os.environ.get("SCRIPTED_NOTHING"):
    qc_speech.pipeline.measure = _nothing_measured
    qc_speech.pipeline.score = _nothing_found
qc_speech.setup.make_engines = _engines
registry.require_models = lambda settings: None
registry.required_models = lambda settings: ()
registry.recognizer_bytes = lambda settings: 1e8

if __name__ == "__main__":
    from qc_speech.cli import main

    main()
