"""Who does the work of a batch, as the batch sees them: processes of this machine, or another kind.

A crew has members of two kinds: those that inspect (whole recordings or their parts) and those that
only hear. It is given tasks and tells how each ended. One that is lost is named with its task, so
that the recording that did it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from qc_speech.nightly.handoff import Handoff
from qc_speech.nightly.worker import Desk, Outcome
from qc_speech.store.queue import Item

INSPECT, HEAR = "inspect", "hear"
PROBE = "probe-"


@dataclass(frozen=True)
class Task:
    """`step`: whole, prepare, finish (one thing) or hear (several); PROBE and a step: whether the
    engines of that step work at all (nothing)."""

    step: str
    things: tuple[Item | Handoff, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(one.item if isinstance(one, Handoff) else one for one in self.things)


@dataclass(frozen=True)
class Ended:
    """What came of a task: its outcomes; a `stop` that concerns all recordings; how its member
    died (`death`); or that its member was `lost` through no fault of the recording (a node that
    went away): it is done again and nobody is blamed."""

    task: Task
    outcomes: tuple[Outcome, ...] = ()
    stop: str = ""
    death: str = ""
    lost: str = ""


class Crew(Protocol):
    """The seam. Used as a context: at its end every member is gone, whatever it was at."""

    def __enter__(self) -> Crew: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def free(self, kind: str) -> int:
        """How many members of a kind have nothing to do."""

    def held(self) -> list[Task]:
        """All tasks that run."""

    def give(self, kind: str, task: Task) -> None:
        """Give a task to a free member of a kind."""

    def wait(self, seconds: float) -> list[Ended]:
        """What ended, waiting at most so long for the first."""


def carry_out(desk: Desk, task: Task) -> Sequence[Outcome]:
    """Do a task at a desk, wherever that stands. Raises StoreError, ModelError: a stop."""
    if task.step.startswith(PROBE):
        desk.probe(task.step.removeprefix(PROBE))
        return ()
    if task.step == "hear":
        return desk.hear([one for one in task.things if isinstance(one, Handoff)])
    (thing,) = task.things
    if isinstance(thing, Handoff):
        return (desk.finish(thing),)
    return (desk.prepare(thing) if task.step == "prepare" else desk.whole(thing),)
