"""Which bytes of a file a request asks for (RFC 9110, section 14), and at most so many at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST = 1 << 20  # bytes in one answer: a player asks for the next piece when it needs it
_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class UnsatisfiableRangeError(Exception):
    """Nothing of the file lies in the range (or several ranges were asked for): answer 416."""


@dataclass(frozen=True)
class ByteRange:
    """Bytes first to last, both included, of `size`."""

    first: int
    last: int
    size: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    @property
    def header(self) -> str:
        return f"bytes {self.first}-{self.last}/{self.size}"


def asked_range(header: str | None, size: int, most: int = MOST) -> ByteRange | None:
    """What a Range header asks for of a file of `size` bytes, no more than `most` of it. None: the
    whole file (no header, or a unit other than bytes, which is to be passed over).

    Raises UnsatisfiableRangeError.
    """
    if header is None or not header.replace(" ", "").lower().startswith("bytes="):
        return None
    found = _ONE.fullmatch(header.replace(" ", "").lower())
    if found is None or found.group(1) == found.group(2) == "":
        raise UnsatisfiableRangeError
    start, end = found.groups()
    if start == "":  # the last so many bytes
        first, last = max(0, size - int(end)), size - 1
    else:
        first, last = int(start), min(int(end), size - 1) if end else size - 1
    if first >= size or last < first:
        raise UnsatisfiableRangeError
    return ByteRange(first, min(last, first + most - 1), size)
