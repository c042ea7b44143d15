"""Which bytes of a recording a player gets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.web.call.ranges import MOST, ByteRange, UnsatisfiableRangeError, asked_range

SIZE = 10 * MOST


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-", 0, MOST - 1),
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("Bytes = 100 - 199", 100, 199),
        (f"bytes=5-{SIZE * 2}", 5, MOST + 4),
        (f"bytes={SIZE - 3}-", SIZE - 3, SIZE - 1),
        ("bytes=-3", SIZE - 3, SIZE - 1),
        (f"bytes=-{SIZE * 9}", 0, MOST - 1),
    ],
)
def test_a_range(header: str, first: int, last: int) -> None:
    assert asked_range(header, SIZE) == ByteRange(first, last, SIZE)


@pytest.mark.parametrize("header", [None, "items=0-4", "seconds=1-2", ""])
def test_the_whole_file(header: str | None) -> None:
    assert asked_range(header, SIZE) is None


@pytest.mark.parametrize(
    "header",
    [
        "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", f"bytes={SIZE}-", "bytes=-0", "bytes=--5",
        "bytes=0-1,5-6", "bytes=" + ",".join(["0-"] * 1000), "bytes=0-1-2", "bytes=1e3-",
        "bytes=٣-", "bytes=" + "9" * 400 + "-",
    ],
)  # fmt: skip
def test_what_cannot_be_given(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        asked_range(header, SIZE)


def test_an_empty_file_has_no_range() -> None:
    for header in ("bytes=0-", "bytes=-1", "bytes=0-0"):
        with pytest.raises(UnsatisfiableRangeError):
            asked_range(header, 0)


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d{0,12}-\d{0,12}"), st.integers(0, 10**10))
def test_never_outside_the_file_and_never_too_much(header: str, size: int) -> None:
    try:
        asked = asked_range(header, size)
    except UnsatisfiableRangeError:
        return
    if asked is not None:
        assert 0 <= asked.first <= asked.last < size
        assert asked.length <= MOST
