"""A crew that does as it is told: each recording ends, by its name, as the test says."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from qc_speech.nightly.crew import HEAR, INSPECT, PROBE, Ended, Task
from qc_speech.nightly.handoff import Handoff
from qc_speech.nightly.worker import PREPARED, Outcome
from qc_speech.store.queue import Item, State

DONE = State.DONE.value
Answer = Callable[[Task], Ended]


@dataclass
class ToldCrew:
    """`says`: by name of the file, what comes of each try; the last is repeated. A text that is no
    state is a death; none: done."""

    says: dict[str, list[str]] = field(default_factory=dict)
    workers: int = 1
    recognizers: int = 0
    before: Callable[[Task], None] = lambda task: None
    given: list[Task] = field(default_factory=list)
    probe: str = ""  # how a process dies that tries the engines; empty: they work
    _running: deque[tuple[str, Task]] = field(default_factory=deque)
    _tries: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def __enter__(self) -> ToldCrew:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.clear()

    def free(self, kind: str) -> int:
        whole = {INSPECT: self.workers, HEAR: self.recognizers}[kind]
        return whole - sum(one == kind for one, _ in self._running)

    def held(self) -> list[Task]:
        return [task for _, task in self._running]

    def give(self, kind: str, task: Task) -> None:
        assert self.free(kind) > 0
        self.given.append(task)
        self._running.append((kind, task))

    def wait(self, seconds: float) -> list[Ended]:
        if not self._running:
            return []
        _, task = self._running.popleft()
        self.before(task)
        if task.step.startswith(PROBE):
            return [Ended(task, death=self.probe)]
        if task.step in ("prepare", "hear"):
            return [self._step(task)]
        (item,) = task.items
        said = self._said(item)
        if said not in (*(state.value for state in State), "again", "stop", "lost"):
            return [Ended(task, death=said)]
        if said == "stop":
            return [Ended(task, stop="the disk is full")]
        if said == "lost":
            return [Ended(task, lost="its node went away")]
        reason = "" if said == DONE else f"because it is {said}"
        return [Ended(task, (Outcome(item.id, said, reason, duration_ms=1000, seconds=0.5),))]

    def _step(self, task: Task) -> Ended:
        if task.step == "hear" and any(self._said(item) == "SIGSEGV" for item in task.items):
            return Ended(task, death="SIGSEGV")
        outcomes = tuple(Outcome(item.id, PREPARED, handoff=handoff(item)) for item in task.items)
        return Ended(task, outcomes)

    def _said(self, item: Item) -> str:
        name = Path(item.found.relative).stem
        tries = self.says.get(name, [DONE])
        self._tries[name] += 1
        return tries[min(self._tries[name], len(tries)) - 1]

    def order(self, step: str = "whole") -> list[str]:
        """The names in the order in which they were begun."""
        tasks = [task for task in self.given if task.step == step]
        return [Path(item.found.relative).stem for task in tasks for item in task.items]


def handoff(item: Item) -> Handoff:
    return Handoff(item, item.found.path, item.found.metadata, "", "", "", (), 0.1)
