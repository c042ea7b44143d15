"""A crew of processes on this machine: started, given tasks, watched, replaced when they die.

A process that dies, takes too much memory or too long is named with the tasks it held, so that the
recording that did it is known.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from qc_speech.errors import QcError
from qc_speech.nightly.crew import HEAR, INSPECT, Ended, Task, carry_out
from qc_speech.nightly.worker import Desk, Orders, Outcome, Stop

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class _Member:
    def __init__(self, kind: str, number: int) -> None:
        self.kind, self.number = kind, number
        self.task: Task | None = None
        self.since = 0.0
        self.killed = ""  # why we killed it
        self.process: Any = None
        self.pipe: Connection[Any, Any] | None = None

    def start(self, orders: Orders) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        gpu = self.number if self.kind == HEAR and orders.recognizers > 1 else None
        self.process = context.Process(
            target=_work, args=(theirs, orders, self.kind, gpu), daemon=True
        )
        _mask(block=True)  # a worker that starts must not be hit by Ctrl-C
        try:
            self.process.start()
        finally:
            _mask(block=False)
        theirs.close()
        self.killed = ""

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None
        if self.pipe is not None:
            self.pipe.close()
            self.pipe = None


class LocalCrew:
    """Workers for whole recordings or their parts, and recognizers. Use as a context."""

    def __init__(
        self, orders: Orders, workers: int, recognizers: int, memory_bytes: float, seconds: float
    ) -> None:
        self._orders, self._memory, self._seconds = orders, memory_bytes, seconds
        self._members = [_Member(INSPECT, number) for number in range(workers)]
        self._members += [_Member(HEAR, number) for number in range(recognizers)]

    def __enter__(self) -> LocalCrew:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.stop()

    def free(self, kind: str) -> int:
        """How many of a kind have nothing to do."""
        return sum(one.task is None for one in self._members if one.kind == kind)

    def held(self) -> list[Task]:
        return [one.task for one in self._members if one.task is not None]

    def give(self, kind: str, task: Task) -> None:
        """Give a task to a free worker of a kind; a process is started where none lives."""
        member = next(one for one in self._members if one.kind == kind and one.task is None)
        if member.process is None or not member.process.is_alive():
            member.stop()
            member.start(self._orders)
        member.task, member.since = task, time.monotonic()
        assert member.pipe is not None
        with contextlib.suppress(OSError):  # it has just died: seen by `wait`
            member.pipe.send(task)

    def wait(self, seconds: float) -> list[Ended]:
        """What ended, waiting at most so long for the first."""
        busy = [one for one in self._members if one.task is not None]
        if not busy:
            return []
        watched = [one.pipe for one in busy] + [one.process.sentinel for one in busy]
        ready = set(map(id, wait([one for one in watched if one is not None], seconds)))
        ended = []
        for member in busy:
            end = self._ended(member) if ready else None
            if end is not None:
                ended.append(end)
        self._watch()
        return ended

    def _ended(self, member: _Member) -> Ended | None:
        assert member.task is not None and member.pipe is not None
        answer: Any = None
        try:
            if member.pipe.poll():
                answer = member.pipe.recv()
            elif member.process.is_alive():
                return None
        except (EOFError, OSError):
            pass
        task, member.task = member.task, None
        if answer is None:
            member.process.join()
            death = member.killed or _death(member.process.exitcode)
            member.stop()
            return Ended(task, death=death)
        if isinstance(answer, Stop):
            return Ended(task, stop=answer.message)
        if any(one.broken for one in answer):
            member.stop()
        return Ended(task, tuple(answer))

    def _watch(self) -> None:
        """End what takes too long or too much."""
        now = time.monotonic()
        for member in self._members:
            if member.task is None or member.process is None or member.killed:
                continue
            if now - member.since > self._seconds:
                member.killed = f"took longer than {self._seconds / 60:g} minutes"
            elif _memory_of(member.process.pid) > self._memory:
                member.killed = f"took more than {self._memory / 2**30:.1f} GiB of memory"
            if member.killed:
                member.process.kill()


def _memory_of(pid: int) -> float:
    """Resident bytes of a process, without what it shares with others; 0 where that is unknown."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(fields[1]) - int(fields[2])) * _PAGE
    return 0.0


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"{name}, out of memory?" if name == "SIGKILL" else name
    return f"exit code {code}"


def _mask(*, block: bool) -> None:
    if hasattr(signal, "pthread_sigmask"):
        how = signal.SIG_BLOCK if block else signal.SIG_UNBLOCK
        signal.pthread_sigmask(how, {signal.SIGINT, signal.SIGTERM})


def _only_gpu(number: int) -> None:
    """Let this process see one of the GPUs that the batch may use."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [one.strip() for one in visible.split(",") if one.strip()]
    name = names[number % len(names)] if names else str(number)
    os.environ["CUDA_VISIBLE_DEVICES"] = name


def _work(pipe: Connection[Any, Any], orders: Orders, kind: str, gpu: int | None) -> None:
    """The life of a worker process."""
    if gpu is not None:
        _only_gpu(gpu)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _mask(block=False)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(OSError):  # if memory runs out, a worker goes and not the batch
        Path("/proc/self/oom_score_adj").write_text("800")
    desk: Desk | None = None
    while True:
        try:
            task: Task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if desk is None:
                desk = Desk(orders, hears=kind == HEAR or not orders.recognizers)
            answer: Sequence[Outcome] | Stop = carry_out(desk, task)
        except QcError as error:
            answer = Stop(str(error))
        pipe.send(answer)


def _end_with_parent() -> None:
    """A killed batch must not leave workers behind that hold models."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
