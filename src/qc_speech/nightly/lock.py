"""One batch of a name at a time: a lock of the operating system, gone with its process.

It knows no clock and leaves nothing behind: a killed batch holds nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from qc_speech.errors import QcError, StoreError
from qc_speech.store import SqlStore

_LOOK_S = 1.0


class BusyError(QcError):
    """Another batch of this name runs."""


@contextlib.contextmanager
def only_one(
    name: str, out: Path, store: SqlStore, wait: Callable[[], bool] | None = None
) -> Iterator[None]:
    """Hold the lock of a batch. `wait`: asked again and again while another batch holds it; True
    goes on waiting. Raises BusyError, or StoreError when the lock file cannot be made."""
    path = out / f".{name}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); check it") from None
    with os.fdopen(handle, "r+") as file, contextlib.ExitStack() as held:
        _until(lambda: _take(file.fileno()), lambda: _holder(path), name, wait)
        file.seek(0)
        file.truncate()
        file.write(f"pid {os.getpid()}\n")
        file.flush()
        # A file is of this machine; a store that many machines share has a lock of its own.
        other = held.enter_context(store.named_lock(f"batch {name}"))
        _until(other, lambda: "on another machine", name, wait)
        yield


def _until(
    take: Callable[[], bool], holder: Callable[[], str], name: str, wait: Callable[[], bool] | None
) -> None:
    while not take():
        if wait is None or not wait():
            raise BusyError(f"batch {name} runs already ({holder()}); wait for its end or stop it")
        time.sleep(_LOOK_S)


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False


def _holder(path: Path) -> str:
    with contextlib.suppress(OSError):
        text = path.read_text("utf-8", "replace").strip()
        if re.fullmatch(r"pid \d+", text):
            return text
    return "by whom is not known"
