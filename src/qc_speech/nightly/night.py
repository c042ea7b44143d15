"""The batch itself: looks, hands out, takes in, and ends when nothing is left or time is up.

It may be killed at any moment: what counts is in the store, each entry in one transaction, and a
batch that starts takes up what the one before had begun.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from qc_speech.errors import StoreError
from qc_speech.nightly.archive import place
from qc_speech.nightly.crew import HEAR, INSPECT, PROBE, Crew, Ended, Task
from qc_speech.nightly.deadline import Deadline, next_time
from qc_speech.nightly.handoff import Handoff
from qc_speech.nightly.looking import Looker, finished_manifests
from qc_speech.nightly.profile import Profile
from qc_speech.nightly.summary import Summary
from qc_speech.nightly.worker import AGAIN, PREPARED, Orders, Outcome
from qc_speech.store import Queue, SqlStore
from qc_speech.store.queue import Ending, Item, State
from qc_speech.store.sql import utc_now

_CRASHES = 2  # a recording that has taken so many processes along is quarantined
_DEATHS = 4  # so many in a row, by different recordings and nothing done between: is it them?
_FLUSH_ITEMS, _FLUSH_S = 64, 1.0
_LONGEST_BACKOFF_S = 3600.0
_BLAME_AFTER_S = 0.2  # who is being killed together with its workers blames nobody
_LOOKS_FOR_UNFINISHED = 3


@dataclass(frozen=True)
class Event:
    """What a watcher is told. kind: look (summary changed), ended, again, died, fault, end."""

    kind: str
    summary: Summary
    item: Item | None = None
    outcome: Outcome | None = None
    message: str = ""


Watcher = Callable[[Event], None]


def nobody(event: Event) -> None:
    """Watches nothing."""


@dataclass(frozen=True)
class Plan:
    """How many processes, and what each may take."""

    workers: int
    recognizers: int
    memory_bytes: float


class Night:
    """One run of a batch. The caller holds the batch's lock (`lock.only_one`)."""

    def __init__(
        self, profile: Profile, store: SqlStore, orders: Orders, plan: Plan,
        watcher: Watcher = nobody, now: Callable[[], datetime] = datetime.now,
        crew: Callable[[], Crew] | None = None,
    ) -> None:  # fmt: skip
        self._profile, self._store, self._orders, self._plan = profile, store, orders, plan
        self._watch, self._crew = watcher, crew or self._processes
        self._queue = Queue(store)
        self._looker = Looker(profile, self._queue, orders.spool)
        self._deadline = Deadline(next_time(profile.until, now()), now)
        self._owner = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._stock: deque[Item] = deque()
        self._ready: deque[Handoff] = deque()  # prepared, to be heard
        self._heard: deque[Handoff] = deque()  # to be finished
        self._endings: list[Ending] = []
        self._flushed = self._looked = time.monotonic()
        self._deaths: set[str] = set()  # recordings that killed, since anything else ended
        self._probe = ""  # the step whose engines are to be tried before anything else is begun
        self._unfinished_looks = 0
        self._stop = ""
        self.summary = Summary(profile.name, now())

    def run(self) -> Summary:
        """Work until nothing is left, time is up or nothing more can be kept. Raises StoreError
        when the store fails here; KeyboardInterrupt leaves everything begun for the next time."""
        profile, summary = self._profile, self.summary
        self._queue.release(profile.name)
        with self._spool(), contextlib.ExitStack() as stack:
            crew = stack.enter_context(self._crew())
            try:
                self._look()
                self._work(crew)
            except KeyboardInterrupt:
                summary.ended_by = "stopped"
            finally:
                with contextlib.suppress(StoreError):
                    self._flush()
                    self._queue.release(profile.name)
        summary.ended_by = summary.ended_by or self._how_it_ended()
        summary.waiting = self._queue.counts(profile.name)[State.WAITING]
        summary.ended_at = self._deadline.now()
        self._watch(Event("end", summary))
        return summary

    def _processes(self) -> Crew:
        from qc_speech.nightly.processes import LocalCrew

        plan, seconds = self._plan, self._profile.recording_minutes * 60
        return LocalCrew(self._orders, plan.workers, plan.recognizers, plan.memory_bytes, seconds)

    def _how_it_ended(self) -> str:
        if self._stop:
            return "fault"
        return "until" if self._deadline.passed() else "done"

    def _work(self, crew: Crew) -> None:
        while True:
            closing = self._closing()
            if closing and not self._may_go_on():
                return
            if not closing and self._is_time_to_look():
                self._look()
            self._hand_out(crew, closing)
            if not crew.held():
                self._flush()
                if closing:
                    return
                pause = self._pause()
                if pause is None:
                    return
                time.sleep(pause)
                continue
            for ended in crew.wait(_FLUSH_S):
                self._take_in(ended)
            self._flush_sometimes()

    def _closing(self) -> bool:
        """Nothing new is begun: time is up, or nothing can be kept."""
        return bool(self._stop) or self._deadline.passed()

    def _may_go_on(self) -> bool:
        """What was begun may still end: not when nothing can be kept, and not for ever."""
        return not self._stop and self._deadline.seconds_left() > -self._profile.grace_minutes * 60

    # Looking

    def _is_time_to_look(self) -> bool:
        pause = self._profile.look_every_minutes * 60
        return self._profile.stay and time.monotonic() - self._looked >= pause

    def _look(self) -> int:
        """Enter what is new; returns how many recordings wait because of it."""
        look, summary = self._looker.look(), self.summary
        new = self._queue.enrol(self._profile.name, look.found)
        summary.found += new
        summary.unfinished = look.unfinished
        problems = [(one.where, one.message) for one in look.problems]
        summary.refused += self._queue.refuse(self._profile.name, problems)
        for message in look.failed:
            summary.fault(message)
            self._watch(Event("fault", summary, message=message))
        self._looked = time.monotonic()
        self._watch(Event("look", summary))
        return new

    def _pause(self) -> float | None:
        """Nothing is at work: how long to wait (0: not at all), or None when it is over."""
        due = self._queue.next_due(self._profile.name)
        if due is not None:
            wait = (due - utc_now()).total_seconds()
            return min(max(wait, 0.0), 1.0, max(self._deadline.seconds_left(), 0.0))
        if self._look():
            return 0.0
        if self._profile.stay:
            return min(1.0, max(self._deadline.seconds_left(), 0.0))
        if self.summary.unfinished and self._unfinished_looks < _LOOKS_FOR_UNFINISHED:
            self._unfinished_looks += 1
            longest = max(one.settled_seconds for one in self._profile.sources)
            return max(0.0, min(longest, self._deadline.seconds_left()))
        return None

    # Handing out

    def _hand_out(self, crew: Crew, closing: bool) -> None:
        """Give every free worker something: what is nearest to its end first. Prepared recordings
        are bounded: who prepares waits for the recognizers."""
        if self._probe:
            if not crew.held():
                crew.give(HEAR if self._probe == "hear" else INSPECT, Task(PROBE + self._probe, ()))
            return
        while self._ready and crew.free(HEAR):
            crew.give(HEAR, Task("hear", self._batch_to_hear()))
        while crew.free(INSPECT):
            if self._heard:
                crew.give(INSPECT, Task("finish", (self._heard.popleft(),)))
                continue
            if closing or not self._has_room(crew):
                return
            item = self._next_item()
            if item is None:
                return
            step = "prepare" if self._plan.recognizers else "whole"
            crew.give(INSPECT, Task(step, (item,)))

    def _batch_to_hear(self) -> tuple[Handoff, ...]:
        """What the recognizer hears together; a recording that took a process along is alone."""
        if self._ready[0].item.crashes:
            return (self._ready.popleft(),)
        batch: list[Handoff] = []
        while self._ready and len(batch) < self._profile.ahead and not self._ready[0].item.crashes:
            batch.append(self._ready.popleft())
        return tuple(batch)

    def _has_room(self, crew: Crew) -> bool:
        if not self._plan.recognizers:
            return True
        room = max(1, self._profile.ahead) * self._plan.recognizers
        return len(self._ready) + self._plan.workers - crew.free(INSPECT) < room

    def _next_item(self) -> Item | None:
        if not self._stock:
            self._flush()
            count = min(64, 4 * self._plan.workers)
            self._stock.extend(self._queue.claim(self._profile.name, self._owner, count))
        return self._stock.popleft() if self._stock else None

    # Taking in

    def _take_in(self, ended: Ended) -> None:
        if ended.stop:
            self._stop = ended.stop
            self.summary.fault(ended.stop)
            self._watch(Event("fault", self.summary, message=ended.stop))
            return
        if ended.death and ended.task.step.startswith(PROBE):
            cure = "run: qc-speech doctor, qc-speech models verify"
            self._take_in(Ended(ended.task, stop=f"the engines crash ({ended.death}); {cure}"))
            return
        if ended.death:
            self._died(ended)
            return
        if ended.lost:
            self._lost(ended)
            return
        self._deaths.clear()
        self._probe = ""
        items = {item.id: item for item in ended.task.items}
        for outcome in ended.outcomes:
            self._outcome(ended.task, items[outcome.id], outcome)

    def _outcome(self, task: Task, item: Item, outcome: Outcome) -> None:
        if outcome.state == PREPARED:
            assert outcome.handoff is not None
            (self._heard if task.step == "hear" else self._ready).append(outcome.handoff)
            return
        self._forget(item, remote_too=outcome.state != AGAIN)
        if outcome.state == AGAIN:
            self._again(item, outcome)
            return
        if outcome.state == State.QUARANTINED.value:
            self._set_aside(item, outcome)
        self.summary.add(outcome)
        self._endings.append(
            Ending(
                item.id, State(outcome.state), outcome.reason, item.attempts, item.crashes,
                duration_ms=outcome.duration_ms, seconds=outcome.seconds,
            )
        )  # fmt: skip
        self._watch(Event("ended", self.summary, item, outcome))

    def _again(self, item: Item, outcome: Outcome) -> None:
        """A fault that may pass: later, or quarantine after the last try."""
        attempts = item.attempts + 1
        if attempts >= self._profile.tries:
            reason = f"{outcome.reason} (tried {attempts} times)"
            last = replace(outcome, state=State.QUARANTINED.value, reason=reason)
            self._outcome(_NO_TASK, replace(item, attempts=attempts), last)
            return
        wait = min(self._profile.backoff_seconds * 2 ** (attempts - 1), _LONGEST_BACKOFF_S)
        due = utc_now() + timedelta(seconds=wait)
        self.summary.retried += 1
        self._endings.append(
            Ending(item.id, State.WAITING, outcome.reason, attempts, item.crashes, due)
        )
        self._watch(Event("again", self.summary, item, outcome, outcome.reason))

    def _lost(self, ended: Ended) -> None:
        for item in ended.task.items:
            self._forget(item, remote_too=False)
            self._endings.append(
                Ending(item.id, State.WAITING, ended.lost, item.attempts, item.crashes)
            )

    def _died(self, ended: Ended) -> None:
        """A process died: the recording it held is blamed. Of several each is tried alone."""
        time.sleep(_BLAME_AFTER_S)
        alone = len(ended.task.items) == 1
        self.summary.crashed += 1
        self._watch(Event("died", self.summary, message=ended.death))
        for item in ended.task.items:
            crashes = item.crashes + 1
            self._forget(item, remote_too=False)
            if alone and crashes >= _CRASHES:
                reason = f"took its process along in {crashes} tries ({ended.death})"
                outcome = Outcome(item.id, State.QUARANTINED.value, reason)
                self._outcome(_NO_TASK, replace(item, crashes=crashes), outcome)
            else:
                counted = crashes if alone else max(item.crashes, 1)
                reason = f"its process died ({ended.death})"
                self._endings.append(Ending(item.id, State.WAITING, reason, item.attempts, counted))
            self._deaths.add(item.id)
        if len(self._deaths) >= _DEATHS:
            self._probe = ended.task.step

    def _set_aside(self, item: Item, outcome: Outcome) -> None:
        """Note why, for the report's page, and move the file where the profile says so."""
        self._store.put_failure(item.found.source, outcome.reason)
        folder, path = self._profile.quarantine, Path(item.found.path)
        if not folder or "://" in item.found.source or not path.is_file():
            return
        try:
            kept = place(path, Path(folder) / item.found.origin / item.found.relative, move=True)
            self._queue.moved(item, str(kept.absolute()))
        except OSError as error:
            self.summary.fault(f"{folder}: cannot be written ({error.strerror}); check it")

    # Keeping

    def _flush_sometimes(self) -> None:
        old = time.monotonic() - self._flushed >= _FLUSH_S
        if len(self._endings) >= _FLUSH_ITEMS or (self._endings and old):
            self._flush()

    def _flush(self) -> None:
        self._queue.end(self._endings)
        self._endings.clear()
        self._flushed = time.monotonic()

    def _forget(self, item: Item, *, remote_too: bool) -> None:
        """Remove what was put into the spool for an item."""
        for suffix in (".npy", ".npz"):
            (self._orders.spool / f"{item.id}{suffix}").unlink(missing_ok=True)
        if remote_too and "://" in item.found.source:
            Path(item.found.path).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _spool(self) -> Iterator[None]:
        """A folder for what is fetched and handed over; nothing of it stays, not even of a batch
        that was killed."""
        folder = self._orders.spool
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be made ({error.strerror}); check it") from None
        try:
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)


_NO_TASK = Task("", ())


def archive_manifests(profile: Profile, day: str) -> None:
    """Move the manifests of inboxes that are done beside their recordings. Raises OSError."""
    if not profile.archive or "://" in profile.archive or profile.archive_mode != "move":
        return
    for source, name, path in finished_manifests(profile):
        relative = path.relative_to(source.path)
        place(path, Path(profile.archive) / day / name / relative, move=True)
