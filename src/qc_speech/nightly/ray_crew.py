"""A crew on a Ray cluster: actors that each inspect whole recordings, one or more to a GPU.

The actors belong to the driver and go with it; what they did is in the store, so a driver that is
started again goes on. An actor whose node went away is lost: nobody is blamed, its recording is
done again elsewhere. One that died on a node that lives was killed by its recording.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from qc_speech.errors import QcError, StoreError, UsageError
from qc_speech.nightly.crew import HEAR, Ended, Task, carry_out
from qc_speech.nightly.profile import Profile
from qc_speech.nightly.worker import Desk, Orders, Outcome, Stop

_GROW_S = 10.0  # how often a cluster that may have grown is looked at
_LOSSES = 3  # of one recording, before it is blamed for the loss of nodes
_START_S = 600.0  # nobody could start for so long: said, and the batch ends
_STARTS = 5  # so many actors in a row that cannot even start


@dataclass(frozen=True)
class Slot:
    """What one actor takes of its node."""

    gpus: float
    cpus: float


class Bench:
    """A place of work in the cluster; an actor's process."""

    def __init__(self, orders: Orders, mark: str) -> None:
        self._orders, self._mark = orders, mark
        self._desk: Desk | None = None

    def arrive(self) -> tuple[str, str]:
        """(id of the node, what is wrong with it or nothing)."""
        import ray

        node = str(ray.get_runtime_context().get_node_id())
        if not _holds(_mark_file(self._orders), self._mark):
            host = os.uname().nodename
            return node, f"node {host} does not see {self._orders.out}; share it between all nodes"
        return node, ""

    def carry_out(self, task: Task) -> Sequence[Outcome] | Stop:
        os.umask(0o077)
        try:
            if self._desk is None:
                self._desk = Desk(self._orders)
            return carry_out(self._desk, task)
        except QcError as error:
            return Stop(str(error))


class _Member:
    def __init__(self) -> None:
        self.actor: Any = None
        self.arrival: Any = None  # of an actor that is starting
        self.node = ""
        self.task: Task | None = None
        self.answer: Any = None
        self.since = 0.0
        self.killed = ""

    @property
    def ready(self) -> bool:
        return self.actor is not None and self.arrival is None and self.task is None


class RayCrew:
    """`most`: actors at most, 0: as many as fit. `seconds`: a recording that takes longer is ended
    and blamed. Raises UsageError where the cluster cannot do it at all."""

    def __init__(
        self, orders: Orders, address: str, slot: Slot, seconds: float, most: int = 0
    ) -> None:
        self._ray = connect(address)
        self._orders, self._slot, self._seconds, self._most = orders, slot, seconds, most
        self._mark = uuid.uuid4().hex
        self._members: list[_Member] = []
        self._looked = self._alone_since = 0.0
        self._failed_starts = 0
        self._losses: dict[str, int] = {}

    def __enter__(self) -> RayCrew:
        check_store(self._ray, self._orders.store)
        _mark_file(self._orders).write_text(self._mark, encoding="utf-8")
        self._bench = self._ray.remote(Bench).options(
            num_gpus=self._slot.gpus, num_cpus=self._slot.cpus, max_restarts=0
        )
        self._grow()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _mark_file(self._orders).unlink(missing_ok=True)
        for member in self._members:
            self._end(member)

    def free(self, kind: str) -> int:
        """How many have nothing to do; waits a moment while nobody is there at all."""
        if kind == HEAR:
            return 0
        self._grow()
        self._arrivals(0.0)
        if not any(one.ready or one.task for one in self._members):
            self._arrivals(1.0)
            self._alone_since = self._alone_since or time.monotonic()
            if time.monotonic() - self._alone_since > _START_S:
                raise UsageError(
                    f"the cluster has had no room for a worker (GPUs {self._slot.gpus:g}, CPUs "
                    f"{self._slot.cpus:g}) for {_START_S / 60:g} minutes; run: ray status"
                )
        else:
            self._alone_since = 0.0
        return sum(one.ready for one in self._members)

    def held(self) -> list[Task]:
        return [one.task for one in self._members if one.task is not None]

    def give(self, kind: str, task: Task) -> None:
        member = next(one for one in self._members if one.ready)
        member.task, member.since = task, time.monotonic()
        member.answer = member.actor.carry_out.remote(task)

    def wait(self, seconds: float) -> list[Ended]:
        busy = [one for one in self._members if one.task is not None]
        if not busy:
            return []
        waited = [one.answer for one in busy]
        ready, _ = self._ray.wait(waited, num_returns=1, timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(waited, num_returns=len(waited), timeout=0)
        ended = [self._ended(one) for one in busy if one.answer in ready]
        for member in busy:
            if (
                member.task
                and not member.killed
                and time.monotonic() - member.since > self._seconds
            ):
                member.killed = f"took longer than {self._seconds / 60:g} minutes"
                self._ray.kill(member.actor)
        return ended

    def _ended(self, member: _Member) -> Ended:
        task, member.task = member.task, None
        assert task is not None
        try:
            answer = self._ray.get(member.answer)
        except self._ray.exceptions.RayActorError as error:
            killed = member.killed
            self._restart(member)
            if killed or _crashed(error):
                return Ended(task, death=killed or _cause(error))
            return self._lost(task)
        except self._ray.exceptions.RayTaskError as error:  # ours to mend: the actor lives
            return Ended(task, stop=f"internal error {type(error.cause).__name__} in a worker")
        except self._ray.exceptions.RayError as error:
            raise StoreError(f"Ray: {type(error).__name__}; is the cluster's head alive?") from None
        if isinstance(answer, Stop):
            return Ended(task, stop=answer.message)
        if any(one.broken for one in answer):
            self._restart(member)
        return Ended(task, tuple(answer))

    def _lost(self, task: Task) -> Ended:
        """A node that went away, or cannot be reached. Not for ever: what is lost again and again
        may be what takes its nodes along."""
        for item in task.items:
            self._losses[item.id] = self._losses.get(item.id, 0) + 1
        often = max(self._losses[item.id] for item in task.items) if task.items else 1
        if often >= _LOSSES:
            return Ended(task, death=f"its node went away {often} times")
        return Ended(task, lost="its node went away")

    def _arrivals(self, seconds: float) -> None:
        starting = [one for one in self._members if one.arrival is not None]
        if not starting:
            time.sleep(seconds)
            return
        refs = [one.arrival for one in starting]
        ready, _ = self._ray.wait(refs, num_returns=1, timeout=seconds)
        for member in starting:
            if member.arrival not in ready:
                continue
            try:
                member.node, wrong = self._ray.get(member.arrival)
            except self._ray.exceptions.RayError as error:
                self._failed_starts += 1
                if self._failed_starts >= _STARTS:
                    raise UsageError(
                        f"the cluster's workers cannot start ({_cause(error)}); install the same "
                        "qc-speech on every node (docs/scale.md)"
                    ) from None
                self._restart(member)
                continue
            if wrong:
                raise UsageError(wrong)
            member.arrival, self._failed_starts = None, 0

    def _grow(self) -> None:
        """As many members as the cluster has room for; it may have grown."""
        now = time.monotonic()
        if self._members and now - self._looked < _GROW_S:
            return
        self._looked = now
        fits = self._room()
        wanted = max(1, min(fits, self._most) if self._most else fits)
        while len(self._members) < wanted:
            member = _Member()
            self._members.append(member)
            self._restart(member)

    def _room(self) -> int:
        return room(self._ray.nodes(), self._slot)

    def _restart(self, member: _Member) -> None:
        self._end(member)
        member.__init__()  # type: ignore[misc]
        member.actor = self._bench.remote(self._orders, self._mark)
        member.arrival = member.actor.arrive.remote()

    def _end(self, member: _Member) -> None:
        if member.actor is not None:
            with contextlib.suppress(Exception):  # it is gone already
                self._ray.kill(member.actor)


def _mark_file(orders: Orders) -> Path:
    """What the driver writes and each actor reads: whether they see the same folder."""
    return orders.out / orders.spool.name.replace(".spool", ".ray", 1)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except OSError:
        return False


def on_cluster(profile: Profile, orders: Orders) -> Callable[[], RayCrew]:
    """What makes the crew of a profile that names a cluster. Raises UsageError."""
    ray = connect(profile.ray)
    gpus = profile.ray_gpus
    if gpus < 0:  # two share a GPU: one hears while the other decodes, cuts and tells apart
        gpus = 0.5 if ray.cluster_resources().get("GPU") else 0.0
    slot = Slot(gpus, profile.ray_cpus)
    out = orders.out.absolute()
    store = orders.store if "://" in orders.store else str(Path(orders.store).absolute())
    target = orders.archive.target
    if target and "://" not in target:
        target = str(Path(target).absolute())
    settings = orders.settings
    if not settings.threads:
        settings = replace(settings, threads=max(1, round(profile.ray_cpus)))
    there = replace(  # an actor stands in another folder
        orders, out=out, store=store, settings=settings, processes=1, recognizers=0,
        rules=orders.rules.absolute() if orders.rules else None,
        archive=replace(orders.archive, target=target),
    )  # fmt: skip
    seconds = profile.recording_minutes * 60
    return lambda: RayCrew(there, profile.ray, slot, seconds, profile.workers)


def connect(address: str) -> Any:
    """The ray module, connected. `address`: HOST:PORT, auto or ray://… . Raises UsageError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise UsageError("--ray needs an extra: pip install 'qc-speech[ray]'") from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, namespace="qc-speech", log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            said = (str(error).splitlines() or [""])[0][:200]
            raise UsageError(f"--ray {address}: no cluster answers ({said})") from None
    return ray


def room(nodes: Sequence[dict[str, Any]], slot: Slot) -> int:
    """How many slots fit into the nodes that are alive; a slot is never split between nodes."""
    total = 0
    for node in nodes:
        if node["Alive"]:
            have = node["Resources"]
            parts = [int(have.get("CPU", 0) / slot.cpus + 1e-9)] if slot.cpus else []
            if slot.gpus >= 1:
                parts.append(int(have.get("GPU", 0) / slot.gpus + 1e-9))
            elif slot.gpus:
                parts.append(int(have.get("GPU", 0)) * int(1 / slot.gpus + 1e-9))
            total += min(parts) if parts else 0
    return total


def check_store(ray: Any, store: str) -> None:
    """SQLite is a file of one machine. Raises UsageError."""
    hosts = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
    if len(hosts) > 1 and not store.startswith("postgresql"):
        raise UsageError(
            f"the cluster has {len(hosts)} machines, and SQLite is a file of one: write store = "
            '"postgresql://USER@HOST/NAME" into the profile'
        )


def _crashed(error: Exception) -> bool:
    """Whether a node that lives reports that the actor's process ended. Of a node that went away
    Ray says that the actor cannot be reached, or that its node died."""
    return "Worker exit type" in str(error)


def _cause(error: Exception) -> str:
    """How an actor died, in a few words of Ray's."""
    text = " ".join(str(error).split())
    if "exceptions: OutOfMemory" in text or "memory monitor" in text.lower():
        return "out of memory"
    if "Worker exit type" in text:
        return "killed (out of memory?) or crashed"
    return type(error).__name__
