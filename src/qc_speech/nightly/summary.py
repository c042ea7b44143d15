"""What a night did, in figures: for a person, for `OUT/batches/*.json`, for whoever sends it on.
No name, number or word of a call is in it but call ids."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_speech.batch import write_atomically
from qc_speech.nightly.worker import Outcome
from qc_speech.store.queue import State

SCHEMA = "qc-speech/batch/1"
_MOST_LISTED = 200


@dataclass
class Summary:
    """Counts of one batch; it grows while the batch runs."""

    name: str
    started_at: datetime
    ended_at: datetime | None = None
    found: int = 0
    done: int = 0
    kept: int = 0  # were done before, nothing was new
    duplicates: int = 0
    gone: int = 0
    quarantined: int = 0
    refused: int = 0  # lines and names that mean no recording
    retried: int = 0
    crashed: int = 0  # worker processes that a recording took along
    waiting: int = 0  # left for the next time
    unfinished: int = 0  # files that somebody still writes
    sound_seconds: float = 0.0
    work_seconds: float = 0.0
    critical: int = 0
    review: int = 0
    critical_calls: list[str] = field(default_factory=list)  # the first ones
    reasons: dict[str, int] = field(default_factory=dict)  # of quarantine, how often
    faults: list[str] = field(default_factory=list)  # what kept the batch, a line each
    ended_by: str = ""  # done, until, stopped, fault

    def add(self, outcome: Outcome) -> None:
        """Count a recording that has ended."""
        if outcome.state == State.DUPLICATE.value:
            self.duplicates += 1
        elif outcome.state == State.GONE.value:
            self.gone += 1
        elif outcome.state == State.QUARANTINED.value:
            self.quarantined += 1
            key = outcome.reason[:120]
            if key in self.reasons or len(self.reasons) < _MOST_LISTED:
                self.reasons[key] = self.reasons.get(key, 0) + 1
        elif outcome.kept:
            self.kept += 1
        else:
            self.done += 1
            self.sound_seconds += (outcome.duration_ms or 0) / 1000
            self.work_seconds += outcome.seconds
            self.review += outcome.review
            self.critical += outcome.critical
            if outcome.critical and len(self.critical_calls) < _MOST_LISTED:
                self.critical_calls.append(outcome.call_id)

    def fault(self, message: str) -> None:
        if message not in self.faults and len(self.faults) < _MOST_LISTED:
            self.faults.append(message)

    def as_json(self) -> dict[str, Any]:
        plain = {
            name: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
            for name, value in vars(self).items()
        }
        plain["sound_seconds"] = round(self.sound_seconds, 1)
        plain["work_seconds"] = round(self.work_seconds, 1)
        return {"schema": SCHEMA, **plain}

    def write(self, out: Path) -> Path:
        """OUT/batches/NAME-START.json; raises OSError."""
        folder = out / "batches"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{self.name}-{self.started_at:%Y%m%dT%H%M%S}.json"
        text = json.dumps(self.as_json(), ensure_ascii=False, indent=1) + "\n"
        write_atomically(path, lambda stream: stream.write(text.encode()))
        return path
