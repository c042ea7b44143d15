"""The table of calls that `run` and `score` print."""

from __future__ import annotations

from collections.abc import Collection

from qc_speech.model import Outcome
from qc_speech.ports import Store

MOST_ROWS = 60


def print_results(store: Store, call_ids: Collection[str]) -> None:
    """One row per call: call, agent, score, violations, to review."""
    from rich.console import Console
    from rich.table import Table

    table = Table("call", "agent", "scenario", "score", "violations", "to review", box=None)
    for call_id in sorted(call_ids)[:MOST_ROWS]:
        result = store.result(call_id)
        if result is None:  # it failed
            continue
        bad = [f.check for f in result.findings if f.outcome is Outcome.VIOLATION]
        unsure = sum(f.outcome is Outcome.UNCERTAIN for f in result.findings)
        names = ", ".join(
            f"{c}×{bad.count(c)}" if bad.count(c) > 1 else c for c in dict.fromkeys(bad)
        )
        table.add_row(
            result.call_id,
            result.call.recording.metadata.agent_id or "unassigned",
            result.scenario,
            f"{result.score.total:g} {result.score.grade}",
            names or "-",
            f"yes ({unsure} unsure)" if result.score.review else "-",
        )
    console = Console()
    console.print(table)
    if len(call_ids) > MOST_ROWS:
        console.print(f"… and {len(call_ids) - MOST_ROWS} more: see the report")
