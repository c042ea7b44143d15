"""What one worker process does with one recording: hostile bytes are read here and nowhere else.

A recording is one task (`whole`), or three where recognizers have processes of their own: `prepare`
(decode, cut, tell apart), `hear`, `finish` (measure, check, store); where the text leaves something
in doubt, the recognizer is asked and `finish` follows once more. The results of each lie in the
store under their keys, so a killed worker costs the task that it was at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qc_speech import audio
from qc_speech.batch import disk_fault, place_of, playable_copy, write_call
from qc_speech.errors import AudioError, ModelError, QcError, StoreError
from qc_speech.model import CallResult, Metadata, Span
from qc_speech.nightly import storage
from qc_speech.nightly.archive import Archive
from qc_speech.nightly.handoff import Handoff, Mute, Questions, Relay, passages_of
from qc_speech.nightly.looking import mark_of
from qc_speech.ports import (
    SAMPLE_RATE_HZ,
    Listener,
    Passage,
    Transcriber,
    silent_hook,
)
from qc_speech.publish import remember_source
from qc_speech.settings import Settings
from qc_speech.store.queue import Item, State

if TYPE_CHECKING:
    from qc_speech.pipeline import Inspection

AGAIN = "again"  # it failed by a fault that may pass
PREPARED = "prepared"


@dataclass(frozen=True)
class Orders:
    """What all workers of a batch are told."""

    out: Path
    store: str
    settings: Settings
    rules: Path | None
    rulebook: str | None
    processes: int
    recognizers: int  # processes that only hear
    spool: Path
    archive: Archive
    endpoints: Mapping[str, str] = field(default_factory=dict)  # by name of the source


@dataclass(frozen=True)
class Outcome:
    """How a task ended for one item: a State's value, AGAIN, or PREPARED with what to hear."""

    id: str
    state: str
    reason: str = ""
    call_id: str = ""
    kept: bool = False  # nothing was new
    duration_ms: int | None = None
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    critical: bool = False
    review: bool = False
    handoff: Handoff | None = None
    broken: bool = False  # the engines may be left in a bad state: go on in a new process


@dataclass(frozen=True)
class Stop:
    """Nothing more can be done, whatever the recording: the store, a model, the disk."""

    message: str


@dataclass
class _Ready:
    path: Path
    metadata: Metadata
    recording_id: str


class _Ended(Exception):
    """A recording has ended early."""

    def __init__(self, state: str, reason: str, *, done: CallResult | None = None) -> None:
        super().__init__(reason)
        self.state, self.reason, self.done = state, reason, done


class Desk:
    """Engines, rules and a connection of one process."""

    def __init__(self, orders: Orders, *, hears: bool = True) -> None:
        """`hears` False: the recognizers have processes of their own, and this is none of them."""
        from qc_speech.engines import registry
        from qc_speech.pipeline import Inspector
        from qc_speech.setup import load_rules, make_engines, usual_channel
        from qc_speech.store import Queue, open_store

        self._orders = orders
        self._store = open_store(_address(orders.store))
        self._queue = Queue(self._store)
        engines = make_engines(orders.settings, orders.processes)
        self._relay = Relay()
        if not hears:  # the GPUs are the recognizers': what else there is to do is done on CPUs
            on_cpu = replace(orders.settings, device="cpu")
            engines = replace(engines, diarizer=registry.diarizer(on_cpu, orders.processes))
            if engines.voices is not None:
                engines = replace(engines, voices=registry.voice_encoder(on_cpu))
            engines = replace(engines, transcriber=self._elsewhere)
        self._engines = replace(
            engines,
            transcriber=_loading(engines.transcriber, "recognizer"),
            diarizer=_loading(engines.diarizer, "diarizer"),
        )
        self._inspector = Inspector(
            self._engines,
            load_rules(orders.rules),
            self._store,
            rulebook=orders.rulebook,
            usual_channel=usual_channel(orders.settings),
        )

    def whole(self, item: Item) -> Outcome:
        """Inspect, store and archive a recording."""
        return self._guarded(item, lambda: self._whole(item))

    def prepare(self, item: Item) -> Outcome:
        """All that comes before hearing; ends the recording where nothing has to be heard."""
        return self._guarded(item, lambda: self._prepare(item))

    def hear(self, handoffs: Sequence[Handoff]) -> tuple[Outcome, ...]:
        """Hear prepared recordings together; where that fails, each alone. Answer questions."""
        new = [one for one in handoffs if not one.questions]
        heard: set[str] = set()
        if len(new) > 1:
            try:
                self._inspector.hear_asked([passages_of(one) for one in new])
                heard = {one.item.id for one in new}
            except (StoreError, ModelError):
                raise
            except Exception:
                pass  # found again, and blamed, below

        def one_by_one(handoff: Handoff) -> Outcome:
            if handoff.item.id in heard:
                return _prepared(handoff)
            work = self._answer if handoff.questions else self._hear
            return self._guarded(handoff.item, lambda: work(handoff))

        return tuple(one_by_one(one) for one in handoffs)

    def finish(self, handoff: Handoff) -> Outcome:
        """Measure, check, store and archive what was heard."""
        return self._guarded(handoff.item, lambda: self._finish(handoff))

    def probe(self, step: str) -> None:
        """Let the engines of a step hear a second of noise: do they work at all? Raises whatever
        they raise."""
        noise = np.random.default_rng(0).normal(0, 0.05, SAMPLE_RATE_HZ).astype(np.float32)
        if step in ("whole", "prepare", "finish"):
            self._engines.diarizer().diarize(noise, "probe", silent_hook)
        if step in ("whole", "hear"):
            self._engines.transcriber().transcribe([Passage(noise, (Span(0, 1000),))])

    def _whole(self, item: Item) -> Outcome:
        started = time.perf_counter()
        ready = self._ready(item)
        result = self._inspector.is_done(ready.path, ready.metadata)
        kept = result is not None
        if result is None:
            result = self._inspector.inspect(ready.path, ready.metadata)
        self._publish(item, ready.path, result)
        return _done(item, result, kept, time.perf_counter() - started)

    def _prepare(self, item: Item) -> Outcome:
        started = time.perf_counter()
        ready = self._ready(item)
        result = self._inspector.is_done(ready.path, ready.metadata)
        kept = result is not None
        if result is None:
            inspection = self._inspector.prepare(ready.path, ready.metadata)
            if inspection.transcript is None:
                seconds = time.perf_counter() - started
                handoff = self._hand_over(item, ready, inspection, seconds)
                return Outcome(item.id, PREPARED, handoff=handoff)
            result = inspection.finish()
        self._publish(item, ready.path, result)
        return _done(item, result, kept, time.perf_counter() - started)

    def _hear(self, handoff: Handoff) -> Outcome:
        self._inspector.hear_asked([passages_of(handoff)])
        return _prepared(handoff)

    def _answer(self, handoff: Handoff) -> Outcome:
        engine = self._engines.transcriber()
        if not isinstance(engine, Listener):
            return _prepared(replace(handoff, answers=()))
        with np.load(self._sounds(handoff.item)) as kept:
            sounds = [kept[f"s{n}"] for n in range(len(handoff.questions))]
        answers = engine.log_likelihoods(list(zip(sounds, handoff.questions)))
        return _prepared(replace(handoff, answers=answers))

    def _elsewhere(self) -> Transcriber:
        return Mute() if self._relay.answers == () else self._relay

    def _sounds(self, item: Item) -> Path:
        return self._orders.spool / f"{item.id}.npz"

    def _finish(self, handoff: Handoff) -> Outcome:
        started, path = time.perf_counter(), Path(handoff.path)
        self._relay.answers = handoff.answers
        inspection = self._inspector.prepare(path, handoff.metadata)
        if inspection.transcript is None:  # its row was damaged meanwhile
            return Outcome(handoff.item.id, AGAIN, "the transcript was not kept")
        try:
            result = inspection.finish()
        except Questions as asked:
            seconds = handoff.seconds + time.perf_counter() - started
            sounds = {f"s{n}": sound for n, (sound, _) in enumerate(asked.asked)}
            np.savez(self._sounds(handoff.item), **sounds)  # type: ignore[arg-type]
            texts = tuple(tuple(words) for _, words in asked.asked)
            return _prepared(replace(handoff, questions=texts, seconds=seconds))
        self._publish(handoff.item, path, result)
        seconds = handoff.seconds + time.perf_counter() - started
        return _done(handoff.item, result, False, seconds)

    def _hand_over(
        self, item: Item, ready: _Ready, inspection: Inspection, seconds: float
    ) -> Handoff:
        asked = inspection.asked()
        rows: list[Any] = []  # the samples of each channel once, however many voices it has
        parts = []
        for passage in asked.passages:
            row = next((n for n, kept in enumerate(rows) if kept is passage.samples), len(rows))
            if row == len(rows):
                rows.append(passage.samples)
            parts.append((row, passage.channel, passage.spans, passage.hotwords))
        samples = self._orders.spool / f"{item.id}.npy"
        np.save(samples, np.stack(rows) if rows else np.zeros((0, 0), np.float32))
        return Handoff(
            item, str(ready.path), ready.metadata, str(samples), asked.recording_id, asked.key,
            tuple(parts), seconds,
        )  # fmt: skip

    def _ready(self, item: Item) -> _Ready:
        """Bring the file here, make sure that it is what was found, and what else has its bytes.
        Raises _Ended, StorageError."""
        found, path = item.found, Path(item.found.path)
        try:
            if "://" in found.source:
                storage.fetch(found.source, self._orders.endpoints.get(found.origin, ""), path)
                recording_id = audio.file_id(path)
            else:
                self._check_mark(item, path)
                recording_id = audio.file_id(path)
                self._check_mark(item, path)
        except FileNotFoundError:
            raise self._missing(item) from None
        except (OSError, AudioError) as error:
            reason = getattr(error, "strerror", None) or str(error).partition(": ")[2]
            raise _Ended(AGAIN, f"cannot be read ({reason})") from None
        identity = self._queue.identify(item, recording_id)
        if identity.same_as is not None:
            self._orders.archive.take(found, path)
            raise _Ended(State.DUPLICATE.value, f"holds the same bytes as {identity.same_as}")
        if identity.clash is not None:
            raise _Ended(
                State.QUARANTINED.value,
                f"its call id {identity.call_id} belongs to other bytes already: {identity.clash}; "
                "give each call its own",
            )
        metadata = replace(found.metadata, call_id=identity.call_id)
        return _Ready(path, metadata, recording_id)

    def _check_mark(self, item: Item, path: Path) -> None:
        if mark_of(path.stat()) != item.found.mark:
            raise _Ended(State.GONE.value, "was written anew after it was found; found again then")

    def _missing(self, item: Item) -> _Ended:
        """A file that is not there was archived by a batch that was killed, or taken away."""
        result = self._store.result(item.call_id) if item.recording_id else None
        if result is not None and result.call.recording.id == item.recording_id:
            return _Ended(State.DONE.value, "", done=result)
        cure = "was taken away before it was heard; put it back, or let it rest"
        return _Ended(State.QUARANTINED.value, cure)

    def _publish(self, item: Item, path: Path, result: CallResult) -> None:
        orders = self._orders
        write_call(orders.out, result)
        playable_copy(orders.out, path, result)
        kept = orders.archive.take(item.found, path)
        where = kept or path
        if "://" not in item.found.source or kept is not None:
            remember_source(self._store, result, where.resolve())
        self._store.clear_failure(item.found.source)

    def _guarded(self, item: Item, work: Callable[[], Outcome]) -> Outcome:
        """One recording's fault is its own; a store, model or disk that fails stops the batch
        (StoreError, ModelError)."""
        try:
            return work()
        except _Ended as end:
            if end.done is not None:
                return _done(item, end.done, True, 0.0)
            return Outcome(item.id, end.state, end.reason)
        except (StoreError, ModelError):
            raise
        except storage.StorageError as error:
            return Outcome(item.id, AGAIN, str(error))
        except QcError as error:
            return Outcome(item.id, State.QUARANTINED.value, _without_name(error, item))
        except OSError as error:
            raise disk_fault(error) from None
        except MemoryError:
            reason = "not enough memory; use fewer workers or split the file"
            return Outcome(item.id, AGAIN, reason, broken=True)
        except Exception as error:
            # A fault of ours or of an engine: named without the words of the call.
            what = f"internal error {type(error).__name__} at {place_of(error)}; please report it"
            return Outcome(item.id, AGAIN, what, broken=True)

    def close(self) -> None:
        self._store.close()


def _address(store: str) -> str | Path:
    return store if "://" in store else Path(store)


def _loading(make: Callable[[], Any], what: str) -> Callable[[], Any]:
    """A maker whose failure is the model's and not the recording's."""

    def made() -> Any:
        try:
            return make()
        except (QcError, MemoryError):
            raise
        except Exception as error:
            raise ModelError(
                f"the {what} cannot be loaded ({type(error).__name__}); "
                "run: qc-speech models verify"
            ) from None

    return made


def _prepared(handoff: Handoff) -> Outcome:
    return Outcome(handoff.item.id, PREPARED, handoff=handoff)


def _without_name(error: QcError, item: Item) -> str:
    return str(error).removeprefix(f"{Path(item.found.path).name}: ")


def _done(item: Item, result: CallResult, kept: bool, seconds: float) -> Outcome:
    recording = result.call.recording
    return Outcome(
        item.id,
        State.DONE.value,
        call_id=result.call_id,
        kept=kept,
        duration_ms=recording.duration_ms,
        seconds=0.0 if kept else seconds,
        warnings=recording.warnings,
        critical=result.score.critical,
        review=result.score.review,
    )
