"""How much a GPU hears at once: a batch for the memory that is free, halved when it runs out.

A recognizer that runs out of memory has heard nothing wrong: the same passages are asked again in
smaller batches. What comes back does not depend on the size of a batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from qc_speech.model import Chunk, Stamp
from qc_speech.ports import Listener, Passage, Samples, Transcriber

T = TypeVar("T")

LEAST, MOST = 4, 64
_SHARE = 0.7  # of the free memory: the rest is for the diarizer, the allocator, other programs
_WINDOW_FLOOR = 32e6  # bytes of a window of 30 s beside what grows with the model
_WINDOW_OF_MODEL = 0.25  # … and by the size of the weights (beam 5: caches of every layer)
_SIGNS = ("out of memory", "cublas_status_alloc_failed", "cudnn_status_alloc_failed")


class Batched(Transcriber, Protocol):
    """A recognizer whose batch (windows per forward pass) can be changed."""

    batch: int


class InRoom:
    """A Transcriber that halves another one's batch when the device's memory does not do."""

    def __init__(self, engine: Batched) -> None:
        self._engine = engine

    @property
    def stamp(self) -> Stamp:
        return self._engine.stamp

    @property
    def batch(self) -> int:
        return self._engine.batch

    def transcribe(self, passages: Sequence[Passage]) -> tuple[tuple[Chunk, ...], ...]:
        """As the port; raises what the engine raises if one window alone is too much."""
        return self._fitting(lambda: self._engine.transcribe(passages))

    def _fitting(self, work: Callable[[], T]) -> T:
        while True:
            try:
                return work()
            except Exception as error:
                if not is_out_of_memory(error) or self._engine.batch <= 1:
                    raise
            self._engine.batch = max(1, self._engine.batch // 2)
            _let_go()


class ListenerInRoom(InRoom):
    """The same for an engine that can also be asked how well words fit the sound."""

    def log_likelihoods(
        self, asked: Sequence[tuple[Samples, Sequence[str]]]
    ) -> tuple[tuple[float, ...], ...]:
        engine: Any = self._engine
        return self._fitting(lambda: engine.log_likelihoods(asked))


def in_room(engine: Batched) -> InRoom:
    """An engine that minds the memory, as able as it was."""
    return ListenerInRoom(engine) if isinstance(engine, Listener) else InRoom(engine)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device (not the machine) had no memory left: torch.OutOfMemoryError, or the
    RuntimeError in which CTranslate2 and cuBLAS say so. Not MemoryError: smaller batches of a
    recording that fills the machine are no cure."""
    if isinstance(error, MemoryError):
        return False
    if type(error).__name__ in ("OutOfMemoryError", "CudaOutOfMemoryError"):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


def batch_for(free_bytes: float, model_bytes: float) -> int:
    """Windows per forward pass that fit into what is free after the model was loaded: 4 to 64.
    An estimate on the safe side; where it is wrong, `InRoom` halves it."""
    window = _WINDOW_FLOOR + _WINDOW_OF_MODEL * model_bytes
    return int(min(MOST, max(LEAST, free_bytes * _SHARE // window)))


def free_gpu_bytes() -> float | None:
    """Free memory of the current GPU; None where nothing tells."""
    with contextlib.suppress(Exception):
        import torch

        if torch.cuda.is_available():
            return float(torch.cuda.mem_get_info()[0])
    return None


def model_bytes(folder: Path) -> float:
    """Size of a model's weights on disk."""
    return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def _let_go() -> None:
    """Give cached blocks back to the device."""
    with contextlib.suppress(Exception):
        torch: Any = __import__("torch")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
