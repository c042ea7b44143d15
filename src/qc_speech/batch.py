"""Many recordings: each is done once, one that fails is a row and not a stop.

Workers are processes (each with its own engines and its own connection to the store); with one
worker everything runs in this process. What is done is written when it is done.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qc_speech import vault
from qc_speech.errors import QcError, StoreError
from qc_speech.intake import Source
from qc_speech.model import CallResult
from qc_speech.ports import Hook, silent_hook
from qc_speech.publish import remember_source
from qc_speech.result import to_public
from qc_speech.settings import Settings
from qc_speech.store_place import store_of

if TYPE_CHECKING:
    from qc_speech.pipeline import Inspection, Inspector

_PLAYABLE = {".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".webm"}


@dataclass(frozen=True)
class Job:
    """What a batch does, as a worker needs to know it."""

    out: Path
    settings: Settings
    rulebook: str | None = None
    workers: int = 1
    rules: Path | None = None  # the lexicons folder of this batch; None: the default one
    store: str | None = None  # a file or URL; None: qc.sqlite in `out`

    @property
    def store_path(self) -> str | Path:
        """What `open_store` takes."""
        return store_of(self.out, self.store)


@dataclass(frozen=True)
class Done:
    """One recording's end: `state` is new, kept (nothing was new) or failed (with its message)."""

    source: Source
    state: str
    message: str = ""
    warnings: tuple[str, ...] = ()


def run(job: Job, sources: Sequence[Source], hook: Hook = silent_hook) -> Iterator[Done]:
    """Inspect all sources; yields each as it ends. Raises StoreError when nothing more can be kept
    (full disk, lost permission): what was done stays, and running again goes on from there."""
    if job.workers > 1 and len(sources) > 1:
        yield from _in_processes(job, sources)
        return
    worker = _Worker(job)
    try:
        yield from worker.inspect_all(sources, hook)
    finally:
        worker.close()


@dataclass
class _Begun:
    """A recording on its way: made ready to be heard, or kept, or failed already."""

    source: Source
    inspection: Inspection | None = None
    kept: CallResult | None = None
    done: Done | None = None


class _Worker:
    """Engines, rules and a connection of one process."""

    def __init__(self, job: Job) -> None:
        from qc_speech.engines.registry import recordings_ahead
        from qc_speech.pipeline import Inspector
        from qc_speech.setup import load_rules, make_engines, usual_channel
        from qc_speech.store import open_store

        self._job = job
        self._ahead = recordings_ahead(job.settings)
        self.store = open_store(job.store_path)
        self._inspector: Inspector = Inspector(
            make_engines(job.settings, job.workers),
            load_rules(job.rules),
            self.store,
            rulebook=job.rulebook,
            usual_channel=usual_channel(job.settings),
        )

    def inspect_all(self, sources: Sequence[Source], hook: Hook = silent_hook) -> Iterator[Done]:
        """In order. On a GPU the next recordings are decoded, cut and diarized in a thread while
        the recognizer hears, and calls that are ready share its batches; on a CPU both would
        fight for the same cores, so it is one after the other."""
        ahead = self._ahead
        if not ahead:
            for source in sources:
                yield self.inspect(source, hook)
            return
        rest = iter(sources)
        with ThreadPoolExecutor(1, "ahead") as pool:
            waiting = deque(pool.submit(self._begin, s, hook) for s in islice(rest, ahead))
            while waiting:
                ready = [waiting.popleft().result()]
                while waiting and waiting[0].done():
                    ready.append(waiting.popleft().result())
                waiting.extend(pool.submit(self._begin, s, hook) for s in islice(rest, len(ready)))
                self._hear_together(ready)
                for begun in ready:
                    yield self._end(begun)

    def inspect(self, source: Source, hook: Hook = silent_hook) -> Done:
        return self._end(self._begin(source, hook))

    def _begin(self, source: Source, hook: Hook) -> _Begun:
        begun = _Begun(source)

        def work() -> None:
            begun.kept = self._inspector.is_done(source.path, source.metadata)
            if begun.kept is None:
                begun.inspection = self._inspector.prepare(source.path, source.metadata, hook)

        begun.done = self._guarded(source, work)
        return begun

    def _hear_together(self, ready: Sequence[_Begun]) -> None:
        if len(ready) > 1:
            # What goes wrong here is found again, and blamed, when each is heard alone.
            with contextlib.suppress(Exception):
                self._inspector.transcribe([one.inspection for one in ready if one.inspection])

    def _end(self, begun: _Begun) -> Done:
        if begun.done is not None:
            return begun.done
        ended: list[Done] = []

        def work() -> None:
            ended.append(self._finish(begun))

        return self._guarded(begun.source, work) or ended[0]

    def _finish(self, begun: _Begun) -> Done:
        source, result = begun.source, begun.kept
        if begun.inspection is not None:
            self._inspector.transcribe((begun.inspection,))  # nothing to do if it is heard
            result = begun.inspection.finish()
        assert result is not None
        write_call(self._job.out, result)
        playable_copy(self._job.out, source.path, result)
        remember_source(self.store, result, source.path.resolve())
        self.store.clear_failure(str(source.path))
        state = "kept" if begun.kept else "new"
        return Done(source, state, "", result.call.recording.warnings)

    def _guarded(self, source: Source, work: Callable[[], None]) -> Done | None:
        """None if it went well; a recording that fails is a row, a store that fails is a stop."""
        try:
            work()
            return None
        except StoreError:
            raise
        except QcError as error:
            message = str(error)
        except OSError as error:
            raise disk_fault(error) from None
        except MemoryError:
            message = f"{source.path.name}: not enough memory; use fewer workers or split the file"
        except Exception as error:
            # A fault of ours or of an engine: named without the words of the call.
            message = (
                f"{source.path.name}: internal error {type(error).__name__} at {place_of(error)}; "
                "please report it"
            )
        self.store.put_failure(str(source.path), message)
        return Done(source, "failed", message)

    def close(self) -> None:
        self.store.close()


def place_of(error: BaseException) -> str:
    """FILE:LINE where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def disk_fault(error: OSError) -> StoreError:
    """What the user reads of a disk that is full or may not be written."""
    if error.errno == errno.ENOSPC:
        return StoreError("the disk is full; free some space and run again: it goes on from there")
    where = error.filename or "the output folder"
    return StoreError(f"{where}: cannot be written ({error.strerror}); check permissions")


_worker: _Worker | QcError = QcError("the worker was not started")


def _start(job: Job) -> None:
    import signal

    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    _mask(signal.SIGINT, block=False)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _worker = _Worker(job)
    except QcError as error:  # said once, by the parent
        _worker = error


def _end_with_parent() -> None:
    """A killed parent must not leave workers behind that hold models."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _mask(number: int, *, block: bool) -> None:
    import signal

    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK if block else signal.SIG_UNBLOCK, {number})


def _inspect(source: Source) -> Done:
    if isinstance(_worker, QcError):
        raise _worker
    return _worker.inspect(source)


class _Pool:
    """Worker processes that have engines of their own."""

    def __init__(self, job: Job, workers: int) -> None:
        import multiprocessing

        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(job,),
        )

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        import multiprocessing

        if kind is not None:  # Ctrl-C, a full disk: what is half done is done again later
            for child in multiprocessing.active_children():
                child.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, source: Source) -> Future[Done]:
        import signal

        _mask(signal.SIGINT, block=True)  # a worker that starts must not be hit by Ctrl-C
        try:
            return self._pool.submit(_inspect, source)
        finally:
            _mask(signal.SIGINT, block=False)


def _in_processes(job: Job, sources: Sequence[Source]) -> Iterator[Done]:
    waiting = list(sources)[::-1]
    while waiting:
        running: dict[Future[Done], Source] = {}
        try:
            with _Pool(job, job.workers) as pool:
                while waiting or running:
                    while waiting and len(running) < job.workers * 2:
                        source = waiting.pop()
                        running[pool.submit(source)] = source
                    ready, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in ready:
                        done = future.result()
                        del running[future]
                        yield done
        except BrokenProcessPool:
            # One of these killed its worker (out of memory, a crash in a decoder): each alone.
            for source in running.values():
                yield _alone(job, source)


def _alone(job: Job, source: Source) -> Done:
    from qc_speech.store import open_store

    try:
        with _Pool(job, 1) as pool:
            return pool.submit(source).result()
    except BrokenProcessPool:
        message = (
            f"{source.path.name}: its worker was killed (out of memory?); use fewer workers or "
            "split the file"
        )
        with open_store(job.store_path) as store:
            store.put_failure(str(source.path), message)
        return Done(source, "failed", message)


def call_file(out: Path, call_id: str) -> Path:
    """Where the published JSON of a call lies (call ids are safe as file names)."""
    return out / "calls" / f"{call_id}.json"


def write_call(out: Path, result: CallResult) -> Path:
    """Write OUT/calls/<call_id>.json atomically; unchanged files are left alone."""
    path = call_file(out, result.call_id)
    text = json.dumps(to_public(result), ensure_ascii=False, indent=1) + "\n"
    return write_private(path, text.encode())


def write_private(path: Path, data: bytes) -> Path:
    """Write a file that holds what was said; under a configured key it is sealed and has another
    name (`sealed_name`), and no open one stays beside it. Returns where it lies."""
    key, sealed = vault.configured(), sealed_name(path)
    if key is None and path.is_file() and path.read_bytes() == data:
        return path
    if key and sealed.is_file() and key.open(sealed.read_bytes()) == data:
        return sealed
    path.parent.mkdir(parents=True, exist_ok=True)
    target, other = (sealed, path) if key else (path, sealed)
    kept = key.seal(data) if key else data
    write_atomically(target, lambda stream: stream.write(kept))
    other.unlink(missing_ok=True)
    return target


def sealed_name(path: Path) -> Path:
    """Where a file lies that is sealed with a key (vault.py)."""
    return path.with_name(path.name + ".fernet")


def write_atomically(path: Path, write: Callable[[Any], Any]) -> None:
    """A file is there whole or not at all; readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            write(stream)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def playable_copy(out: Path, source: Path, result: CallResult) -> None:
    """A FLAC copy for the pages where a browser cannot play the recording itself (AMR, GSM…)."""
    path = out / "audio" / f"{result.call_id}.flac"
    if path.is_file() or sealed_name(path).is_file() or browser_plays(source):
        return
    import soundfile

    from qc_speech import audio
    from qc_speech.ports import SAMPLE_RATE_HZ

    sound = audio.load(source, result.call.recording.metadata)
    # Into memory first: libsndfile swallows a full disk and leaves a broken file.
    flac = io.BytesIO()
    soundfile.write(flac, sound.samples.T, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    write_private(path, flac.getvalue())


def browser_plays(path: Path) -> bool:
    """True for what every browser plays: PCM WAV and the common compressed formats."""
    if path.suffix.lower() in _PLAYABLE:
        return True
    if path.suffix.lower() != ".wav":
        return False
    with path.open("rb") as stream:
        head = stream.read(64)
    marker = head.find(b"fmt ")
    return marker >= 0 and int.from_bytes(head[marker + 8 : marker + 10], "little") in (1, 3)
