"""Encryption of what is stored, if a key is configured: Fernet (AES-128-CBC with HMAC-SHA256).

The key comes from the environment (QC_SPEECH_KEY) or, better, from a file that QC_SPEECH_KEY_FILE
names: one key a line, the first one seals, all of them open (so keys can be changed). Never from
the command line, a profile or the store. `Fernet.generate_key()` makes one, or `qc-speech key new`.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
from pathlib import Path
from typing import Any

from qc_speech.errors import UsageError

KEY, KEY_FILE = "QC_SPEECH_KEY", "QC_SPEECH_KEY_FILE"
_TOKEN = b"gAAAA"  # how every Fernet token begins (version 0x80 and a time before the year 2242)


class Vault:
    """Seals and opens bytes with one set of keys."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = _fernet(keys)
        self._keys = tuple(key.encode() for key in keys)

    def seal(self, data: bytes) -> bytes:
        """A Fernet token; every time another one."""
        return bytes(self._fernet.encrypt(data))

    def open(self, token: bytes) -> bytes:
        """What was sealed. Raises UsageError where no key fits or the bytes were changed."""
        from cryptography.fernet import InvalidToken

        try:
            return bytes(self._fernet.decrypt(token))
        except InvalidToken:
            raise UsageError(
                f"what is stored was sealed with another key, or was changed; give its key in "
                f"{KEY_FILE} (several keys, one a line, are tried)"
            ) from None

    def macs(self, data: bytes) -> tuple[str, ...]:
        """HMAC-SHA256 in hex under each key; the first one is for writing."""
        return tuple(
            hmac.new(b"audit:" + key, data, hashlib.sha256).hexdigest() for key in self._keys
        )


def is_sealed(data: bytes) -> bool:
    """Whether bytes are a Fernet token (compressed JSON, audio and JSON text never look so)."""
    return data[: len(_TOKEN)] == _TOKEN


def configured() -> Vault | None:
    """The vault of this process's environment; None: nothing is encrypted. Raises UsageError."""
    text = os.environ.get(KEY, "")
    source = os.environ.get(KEY_FILE)
    if source:
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise UsageError(f"{KEY_FILE}={source}: cannot be read ({reason}); check it") from None
    keys = tuple(line.strip() for line in text.splitlines() if line.strip())
    return _vault(keys) if keys else None


def needed() -> Vault:
    """The vault, where something cannot be done without a key. Raises UsageError."""
    vault = configured()
    if vault is None:
        raise UsageError(f"this was sealed with a key; name the file that holds it in {KEY_FILE}")
    return vault


def new_key() -> str:
    """A fresh key. Raises UsageError without the extra."""
    return bytes(_library().Fernet.generate_key()).decode()


@functools.lru_cache(maxsize=4)
def _vault(keys: tuple[str, ...]) -> Vault:
    return Vault(keys)


def _fernet(keys: tuple[str, ...]) -> Any:
    library = _library()
    try:
        return library.MultiFernet([library.Fernet(key) for key in keys])
    except ValueError:  # never shown: it may hold most of a key
        raise UsageError(
            f"{KEY} or {KEY_FILE}: not a Fernet key (44 characters); make one with "
            "`qc-speech key new`"
        ) from None


def _library() -> Any:
    try:
        from cryptography import fernet
    except ImportError:
        raise UsageError("encryption needs an extra: pip install 'qc-speech[privacy]'") from None
    return fernet
