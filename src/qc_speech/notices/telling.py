"""Tells everybody whom a profile names how a batch went."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qc_speech.errors import QcError, UsageError
from qc_speech.notices.message import is_trouble, message_of
from qc_speech.notices.send import deliver
from qc_speech.notices.spec import NotifySpec, value_of


def tell(
    specs: Sequence[NotifySpec], summary: Mapping[str, Any], audit: tuple[int, str] | None = None,
    deliver: Callable[..., None] = deliver,
) -> list[str]:  # fmt: skip
    """Send the summary to each; returns a line for each that could not be told. One that fails
    keeps no other from being told, and never costs the batch anything."""
    failed = []
    for number, spec in enumerate(specs, 1):
        if spec.when == "trouble" and not is_trouble(summary):
            continue
        try:
            deliver(spec, message_of(summary, spec, audit))
        except QcError as error:
            failed.append(f"[[notify]] number {number}: {error}")
    return failed


def check(specs: Sequence[NotifySpec]) -> None:
    """Whether addresses, secrets and templates are there, before a night is spent. Raises
    UsageError."""
    for number, spec in enumerate(specs, 1):
        try:
            if not value_of(spec.address, "address"):
                raise UsageError("notify: has no address; write env:NAME or file:PATH")
            value_of(spec.secret, "secret")
            message_of({}, spec)
        except UsageError as error:
            raise UsageError(f"[[notify]] number {number}: {error}") from None


def latest_summary(out: Path, name: str) -> dict[str, Any]:
    """The newest OUT/batches/NAME-*.json. Raises UsageError."""
    found = sorted((out / "batches").glob(f"{name}-????????T??????.json"))
    if not found:
        raise UsageError(f"{out / 'batches'}: no summary of a batch {name} yet; run it first")
    try:
        data: dict[str, Any] = json.loads(found[-1].read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UsageError(f"{found[-1]}: is no summary; run the batch again") from None
    return data
