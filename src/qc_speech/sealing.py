"""Seals the files of an output folder that hold what was said."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import BinaryIO

from qc_speech import vault
from qc_speech.batch import write_atomically, write_private
from qc_speech.errors import StoreError

_HOLD_SPEECH = ("calls/*.json", "audio/*.flac")


def seal_files(out: Path) -> int:
    """Seal published results and copies of recordings, and renew what an earlier key sealed;
    returns how many files. Raises StoreError, UsageError."""
    key, done = vault.needed(), 0
    try:
        for pattern in _HOLD_SPEECH:
            for path in sorted(out.glob(f"{pattern}.fernet")):
                token = key.seal(key.open(path.read_bytes()))
                write_atomically(path, functools.partial(_write, token))
                done += 1
            for path in sorted(out.glob(pattern)):
                write_private(path, path.read_bytes())
                done += 1
    except OSError as error:
        raise StoreError(
            f"{error.filename or out}: cannot be sealed ({error.strerror}); run again"
        ) from None
    return done


def _write(data: bytes, stream: BinaryIO) -> None:
    stream.write(data)
