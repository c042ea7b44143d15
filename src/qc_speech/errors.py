"""Errors a user can act on. Each message is one line: what is wrong, where, what to do."""

from __future__ import annotations


class QcError(Exception):
    """A fault with a cure. `str(error)` is one line for a terminal and holds no spoken words."""


class UsageError(QcError):
    """The command or its arguments cannot be carried out at all (exit code 2)."""


class AudioError(QcError):
    """One recording cannot be read or holds no sound; the rest of the batch goes on."""


class ManifestError(QcError):
    """One line of a manifest is wrong; the other lines are still run."""


class RulebookError(QcError):
    """A rulebook or lexicon has a mistake; the message names file, line and cure."""


class ModelError(QcError):
    """A model is missing, damaged or cannot be fetched."""


class JudgeError(QcError):
    """The language model gave no answer (not there, no time, no budget); the call goes on."""


class StoreError(QcError):
    """The store cannot be read or written (disk full, no permission, foreign schema)."""
