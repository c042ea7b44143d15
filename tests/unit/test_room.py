"""A GPU that runs out of memory is asked for less, and the call is heard all the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.engines.room import LEAST, MOST, InRoom, batch_for, is_out_of_memory
from qc_speech.model import Chunk, Span, Stamp
from qc_speech.ports import Passage

PASSAGE = Passage(np.zeros(16_000, np.float32), (Span(0, 1000),))
HEARD = ((Chunk(Span(0, 1000), None, (), "zh", 1.0, -0.1),),)


def torch_error() -> Exception:
    torch = pytest.importorskip("torch")
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def ctranslate2_error() -> Exception:
    return RuntimeError("CUDA failed with error out of memory")


def cublas_error() -> Exception:
    return RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED")


ERRORS = pytest.mark.parametrize("error", [torch_error, ctranslate2_error, cublas_error])


class Engine:
    """Hears at most `fits` windows at once; more raises the error."""

    def __init__(self, batch: int, fits: int, error: Exception) -> None:
        self.batch, self.fits, self.error = batch, fits, error
        self.asked: list[int] = []

    @property
    def stamp(self) -> Stamp:
        return Stamp("fake", "1", "none")

    def transcribe(self, passages: Sequence[Passage]) -> tuple[tuple[Chunk, ...], ...]:
        self.asked.append(self.batch)
        if self.batch > self.fits:
            raise self.error
        return HEARD


@ERRORS
def test_the_batch_is_halved_until_it_fits_and_the_call_is_asked_again(error: object) -> None:
    engine = Engine(32, 5, error())  # type: ignore[operator]
    room = InRoom(engine)
    assert room.transcribe((PASSAGE,)) == HEARD
    assert engine.asked == [32, 16, 8, 4]
    assert room.transcribe((PASSAGE,)) == HEARD
    assert engine.asked[4:] == [4], "it stays at what fitted"
    assert room.stamp == engine.stamp


@ERRORS
def test_one_window_that_does_not_fit_is_a_fault(error: object) -> None:
    raised = error()  # type: ignore[operator]
    engine = Engine(8, 0, raised)
    with pytest.raises(type(raised)):
        InRoom(engine).transcribe((PASSAGE,))
    assert engine.asked == [8, 4, 2, 1]


@pytest.mark.parametrize(
    "error", [RuntimeError("invalid device function"), ValueError("out of memory"), MemoryError()]
)
def test_other_faults_are_not_tried_again(error: Exception) -> None:
    engine = Engine(8, 0, error)
    with pytest.raises(type(error)):
        InRoom(engine).transcribe((PASSAGE,))
    assert engine.asked == [8]
    assert not is_out_of_memory(error)


@pytest.mark.parametrize(
    ("free_gb", "model_gb", "batch"),
    [(70, 1.6, 64), (22, 1.6, 35), (6, 1.6, 9), (10, 3.1, 8), (0.5, 3.1, LEAST), (6, 0.15, 60)],
)
def test_a_batch_for_the_memory_that_is_free(free_gb: float, model_gb: float, batch: int) -> None:
    assert batch_for(free_gb * 1e9, model_gb * 1e9) == batch


@given(st.floats(0, 1e12), st.floats(1e6, 1e11), st.floats(0, 1e11))
def test_more_memory_never_gives_less(free: float, model: float, more: float) -> None:
    assert LEAST <= batch_for(free, model) <= batch_for(free + more, model) <= MOST
