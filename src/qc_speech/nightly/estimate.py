"""A dry run: what is new, how many hours of sound, how long it will take. Changes nothing."""

from __future__ import annotations

import contextlib
import multiprocessing
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from qc_speech.intake import Problem
from qc_speech.nightly.looking import Looker
from qc_speech.nightly.profile import Profile
from qc_speech.store import Queue, open_store
from qc_speech.store.queue import Found, State

_SAMPLE = 200  # headers that are read
_GUESSED_FACTOR = 0.5  # seconds of work per second of sound, before anything was measured
_GUESSED_BYTES = 16_000.0  # of a second of sound where no header told: 8 kHz, 16 bit, mono


@dataclass(frozen=True)
class Estimate:
    """`factor`: seconds of work per second of sound in one process; `measured` False: a guess."""

    new: int
    waiting: int
    quarantined: int
    unfinished: int
    problems: tuple[Problem, ...]
    failed: tuple[str, ...]
    sound_hours: float
    factor: float
    measured: bool
    workers: int

    @property
    def hours(self) -> float:
        return self.sound_hours * self.factor / max(1, self.workers)


def estimate(profile: Profile, workers: int) -> Estimate:
    """Look and reckon. Raises UsageError, StoreError."""
    with _queue(profile) as queue, tempfile.TemporaryDirectory(prefix="qc-speech-") as spool:
        look = Looker(profile, queue, Path(spool)).look()
        known = queue.known([one.id for one in look.found])
        new = [one for one in look.found if one.id not in known]
        counts = queue.counts(profile.name)
        work, sound = queue.speed(profile.name)
        left = counts[State.WAITING] + counts[State.RUNNING]
        seconds = _seconds(new)
        each = seconds / len(new) if new else 180.0
        return Estimate(
            new=len(new),
            waiting=left,
            quarantined=counts[State.QUARANTINED],
            unfinished=look.unfinished,
            problems=tuple(look.problems),
            failed=tuple(look.failed),
            sound_hours=(seconds + left * each) / 3600,
            factor=work / sound if sound else _GUESSED_FACTOR,
            measured=sound > 0,
            workers=workers,
        )


@contextlib.contextmanager
def _queue(profile: Profile) -> Iterator[Queue]:
    """The store's queue; an empty one where there is no store yet."""
    from qc_speech.nightly.start import store_of

    place = store_of(profile)
    if isinstance(place, str) or place.is_file():
        with open_store(place) as store:
            yield Queue(store)
        return
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="qc-speech-"))
        yield Queue(stack.enter_context(open_store(Path(folder) / "qc.sqlite")))


def _seconds(found: Sequence[Found]) -> float:
    """Seconds of sound, from the headers of a sample and the sizes of all, by kind of file."""
    step = max(1, len(found) // _SAMPLE)
    sample = [one for one in found[::step] if "://" not in one.source]
    lengths = dict(_lengths([one.path for one in sample]))
    size: dict[str, float] = defaultdict(float)
    heard: dict[str, float] = defaultdict(float)
    for one in sample:
        if lengths.get(one.path):
            size[_kind(one)] += _size(one)
            heard[_kind(one)] += lengths[one.path]
    per_second = {kind: size[kind] / heard[kind] for kind in heard if heard[kind]}
    usual = sum(size.values()) / sum(heard.values()) if sum(heard.values()) else _GUESSED_BYTES
    return sum(_size(one) / (per_second.get(_kind(one)) or usual) for one in found)


def _kind(one: Found) -> str:
    return Path(one.relative).suffix.lower()


def _size(one: Found) -> float:
    text = one.mark.partition("-")[0]
    return float(text) if text.isdigit() else 0.0


def _lengths(paths: Sequence[str]) -> list[tuple[str, float]]:
    """(path, seconds by its header), read in another process: headers may be hostile."""
    if not paths:
        return []
    context = multiprocessing.get_context("spawn")
    found: list[tuple[str, float]] = []
    with contextlib.suppress(BrokenProcessPool), ProcessPoolExecutor(1, mp_context=context) as pool:
        for path, seconds in zip(paths, pool.map(header_seconds, paths)):
            found.append((path, seconds))
    return found


def header_seconds(path: str) -> float:
    """The length that a header tells; 0 where it tells none."""
    import av

    with contextlib.suppress(Exception), av.open(f"file:{path}", metadata_errors="ignore") as file:
        return min(max(0.0, (file.duration or 0) / 1_000_000), 12 * 3600.0)
    return 0.0
