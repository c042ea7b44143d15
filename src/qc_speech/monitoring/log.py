"""A batch as JSON lines for a log collector: one event a line, no word, name or path of a call."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timezone
from typing import IO, Any

from qc_speech.nightly.night import Event

_PROGRESS_S = 30.0


class JsonLog:
    """A watcher. `stream` None: standard error."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._told = 0.0

    def __call__(self, event: Event) -> None:
        outcome, summary = event.outcome, event.summary
        if event.kind == "ended" and outcome is not None:
            self._write("recording", {
                "recording": event.item.id[:16] if event.item else "",
                "state": outcome.state, "kept": outcome.kept, "critical": outcome.critical,
                "review": outcome.review, "sound_seconds": (outcome.duration_ms or 0) / 1000,
                "work_seconds": round(outcome.seconds, 3),
            })  # fmt: skip
        elif event.kind == "again" and event.item is not None:
            self._write("again", {"recording": event.item.id[:16]})
        elif event.kind in ("fault", "died"):
            self._write(event.kind, {"message": event.message}, level="error")
        if event.kind == "end" or time.monotonic() - self._told > _PROGRESS_S:
            self._told = time.monotonic()
            counts = {k: v for k, v in summary.as_json().items() if isinstance(v, (int, float))}
            self._write("end" if event.kind == "end" else "progress",
                        {**counts, "ended_by": summary.ended_by})  # fmt: skip

    def _write(self, event: str, values: dict[str, Any], level: str = "info") -> None:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": now, "level": level, "service": "qc-speech", "event": event, **values}
        self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()
