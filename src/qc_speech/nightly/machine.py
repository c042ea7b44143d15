"""How many processes a machine can carry: its cores, its memory, its GPUs; limits of containers
count. Numbers in, numbers out, but for the few lines that read them."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_SHARE = 0.8  # of what is free: the rest is for the system's own cache
_WORKER_BYTES = 1.3e9  # interpreter, torch, diarizer, a call on its way: docs/nightly.md
_MODEL_FACTOR = 1.5  # a recognizer in memory, by the size of its files


@dataclass(frozen=True)
class Machine:
    """What there is: cores that may be used, free memory in bytes, GPUs."""

    cores: int
    memory: float
    gpus: int = 0


def this_machine(gpus: int = 0) -> Machine:
    return Machine(_cores(), _memory(), gpus)


def workers_for(machine: Machine, model_bytes: float) -> int:
    """Worker processes that inspect whole recordings on a CPU, each with the models in memory:
    one per core while memory lasts, at least one."""
    each = _WORKER_BYTES + _MODEL_FACTOR * model_bytes
    return max(1, min(machine.cores, int(machine.memory * _SHARE // each)))


def preparers_for(machine: Machine) -> int:
    """Worker processes that prepare and finish for recognizers on GPUs: one per core that the
    recognizers leave free."""
    free = machine.cores - machine.gpus
    return max(1, min(free, int(machine.memory * _SHARE // _WORKER_BYTES)))


def memory_limit(machine: Machine, processes: int) -> float:
    """Bytes that one process may take before it is ended, where the profile gives no number.
    A recording of 12 hours, the longest that is read, may need 6 GB: it has them if there are."""
    return max(3e9, machine.memory * 0.9 - (processes - 1) * _WORKER_BYTES)


def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with contextlib.suppress(OSError, ValueError):
        quota, period = (_CGROUP / "cpu.max").read_text().split()
        if quota != "max":
            return max(1, min(cores or 1, round(int(quota) / int(period))))
    return cores or 1


def _memory() -> float:
    free = 4e9  # where nothing tells
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        free = int(line.split()[1]) * 1024.0
    with contextlib.suppress(OSError, ValueError):
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            used = int((_CGROUP / "memory.current").read_text())
            free = min(free, float(int(limit) - used))
    return max(0.0, free)
