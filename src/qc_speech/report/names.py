"""File names for ids that may hold slashes, Chinese, dots, newlines or anything else."""

from __future__ import annotations

import hashlib
import re

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}\Z")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\Z", re.IGNORECASE)


def safe_name(identifier: str) -> str:
    """A name of ASCII letters, digits, _ and - that every file system takes.

    A plain id stays as it is; any other gets its readable part and a hash, so ids that differ
    keep different names.
    """
    if _PLAIN.match(identifier) and not _DEVICES.match(identifier):
        return identifier
    readable = re.sub(r"[^A-Za-z0-9_]+", "-", identifier).strip("-")[:40]
    return f"{readable or 'id'}-{_hash(identifier)}"


class Names:
    """File names of one folder: ids that differ in case only do not share a file."""

    def __init__(self, *reserved: str) -> None:
        self._taken: dict[str, str | None] = dict.fromkeys(reserved)  # no id may have these

    def of(self, identifier: str) -> str:
        """The name of this id: the same for the same id, another for another."""
        name = safe_name(identifier)
        if self._taken.setdefault(name.lower(), identifier) != identifier:
            name = f"{name}-{_hash(identifier)}"
        return name


def _hash(identifier: str) -> str:
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:10]
