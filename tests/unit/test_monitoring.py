"""What watchers tell of a batch: JSON lines, Prometheus, OpenTelemetry; never what was said."""

from __future__ import annotations

import io
import json
import urllib.request
from datetime import datetime
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from qc_speech.errors import UsageError
from qc_speech.model import Metadata
from qc_speech.monitoring.log import JsonLog
from qc_speech.monitoring.metrics import Metrics
from qc_speech.monitoring.traces import Traces
from qc_speech.monitoring.watching import Watching
from qc_speech.nightly.night import Event, Watcher
from qc_speech.nightly.profile import Profile
from qc_speech.nightly.summary import Summary
from qc_speech.nightly.worker import Outcome
from qc_speech.store.queue import Found, Item

BOARD = Path(__file__).resolve().parents[2] / "batch" / "grafana.json"
FOUND = Found("/in/13800002571.wav", "1:2", "/in/13800002571.wav", "13800002571.wav", "s",
              Metadata("13800002571"))  # fmt: skip
ITEM = Item("ab" * 32, FOUND, "13800002571", None, 0, 0)


def play(watcher: Watcher) -> Summary:
    """A small night: two done, one of them critical, one quarantined, a process that died."""
    summary = Summary("night", datetime(2026, 6, 1, 22, 0), found=3)
    watcher(Event("look", summary))
    for outcome in (
        Outcome(ITEM.id, "done", duration_ms=60_000, seconds=12.0, critical=True, review=True),
        Outcome(ITEM.id, "done", duration_ms=30_000, seconds=3.0),
        Outcome(ITEM.id, "quarantined", "13800002571.wav: damaged"),
    ):
        summary.add(outcome)
        watcher(Event("ended", summary, ITEM, outcome))
    summary.crashed += 1
    watcher(Event("died", summary, message="SIGKILL, out of memory?"))
    summary.ended_by = "done"
    watcher(Event("end", summary))
    return summary


def samples(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(sample.labels.get(k, "") for k in ("state", "le")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_json_lines() -> None:
    stream = io.StringIO()
    play(JsonLog(stream))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "progress", "recording", "recording", "recording", "died", "end",
    ]  # fmt: skip
    assert lines[1]["state"] == "done" and lines[1]["work_seconds"] == 12.0
    assert lines[-1]["done"] == 2 and lines[-1]["ended_by"] == "done"
    assert "13800002571" not in stream.getvalue()


def test_a_textfile_for_prometheus(tmp_path: Path) -> None:
    file = tmp_path / "metrics" / "qc.prom"
    metrics = Metrics(file)
    play(metrics)
    found = samples(file.read_text())
    assert found["qc_speech_recordings_totaldone"] == 2
    assert found["qc_speech_recordings_totalquarantined"] == 1
    assert found["qc_speech_sound_seconds_total"] == 90
    assert found["qc_speech_critical_total"] == found["qc_speech_crashed_total"] == 1
    assert found["qc_speech_recording_work_seconds_bucket5.0"] == 1
    assert found["qc_speech_batch_ended_timestamp_seconds"] > 1e9
    assert "13800002571" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o644


def test_an_endpoint_for_prometheus() -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    metrics = Metrics(None, port)
    try:
        play(metrics)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert samples(answer.read().decode())["qc_speech_recordings_totaldone"] == 2
        with pytest.raises(UsageError, match="choose another"):
            Metrics(None, port)
    finally:
        metrics.close()


def test_the_board_asks_only_for_metrics_there_are(tmp_path: Path) -> None:
    import re

    file = tmp_path / "qc.prom"
    play(Metrics(file))
    names = {sample for line in file.read_text().splitlines() if line[:1] != "#"
             for sample in [line.partition("{")[0].partition(" ")[0]]}  # fmt: skip
    board = json.loads(BOARD.read_text())
    asked = re.findall(
        r"qc_speech_\w+", json.dumps([panel["targets"] for panel in board["panels"]])
    )
    assert len(set(asked)) > 8 and set(asked) <= names


def test_a_trace() -> None:
    exporter = InMemorySpanExporter()
    traces = Traces(exporter)
    play(traces)
    traces.close()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["recording"] * 3 + ["batch"]
    first, batch = spans[0], spans[-1]
    assert first.parent and batch.context and first.parent.span_id == batch.context.span_id
    assert first.start_time and first.end_time
    assert (first.end_time - first.start_time) / 1e9 == pytest.approx(12, abs=0.01)
    assert dict(batch.attributes or {})["done"] == 2
    assert "13800002571" not in "".join(span.to_json() for span in spans)


def test_the_profile_says_who_watches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Event] = []
    watching = Watching(Profile(name="n"), seen.append)
    play(watching)
    watching.close()
    assert [event.kind for event in seen][-1] == "end"
    file = tmp_path / "m.prom"
    watching = Watching(Profile(name="n", log="json", metrics_file=str(file)), seen.append)
    count = len(seen)
    play(watching)
    watching.close()
    assert len(seen) == count and file.exists()
    assert '"event": "end"' in capsys.readouterr().err
