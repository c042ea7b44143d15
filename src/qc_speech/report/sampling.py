"""Calls drawn at random for people, as a list that anybody with the seed can draw again."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from qc_speech.cards.period import Period
from qc_speech.cards.rows import agent_of
from qc_speech.cards.sample import allot, draw, size_for
from qc_speech.errors import StoreError
from qc_speech.report.forms import csv_value
from qc_speech.store.cards import CardRows

_LEAST = 1  # calls of every agent


def write_sample(
    rows: CardRows, folder: Path, period: Period, margin: float, seed: str
) -> tuple[Path, int, int]:
    """Write the drawn calls as a CSV file; returns it, how many were drawn and of how many. The
    machine's findings are not in it: who listens shall judge for himself. Raises StoreError."""
    calls = [(call_id, agent_of(agent) or "") for call_id, agent in rows.ids(period)]
    sizes = Counter(agent for _, agent in calls)
    drawn = draw(calls, allot(sizes, size_for(margin, len(calls)), _LEAST), seed)
    chosen = [call_id for own in drawn.values() for call_id in own]
    lines = sorted(rows.calls(chosen), key=lambda call: (call.agent_id or "", call.at))
    path = folder / f"sample-{period.label.replace('..', '_')}.csv"
    draft = path.with_name(f".{path.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["call_id", "agent_id", "started_at", "scenario", "duration_seconds"])
            for call in lines:
                row = (call.call_id, call.agent_id, call.at, call.scenario, call.duration_ms / 1000)
                writer.writerow([csv_value(value) for value in row])
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); correct it") from None
    return path, len(lines), len(calls)
