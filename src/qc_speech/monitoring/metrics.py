"""A batch as Prometheus metrics: a textfile for node_exporter, an endpoint, or both."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

from qc_speech.errors import StoreError, UsageError
from qc_speech.nightly.night import Event
from qc_speech.nightly.summary import Summary

_EVERY_S = 5.0
_STATES = ("done", "kept", "duplicates", "gone", "quarantined", "refused")
_COUNTERS = {
    "retried": "Recordings that are tried again after a fault that may pass",
    "crashed": "Worker processes that a recording took along",
    "critical": "Calls with a critical violation",
    "review": "Calls that a person has to look at",
    "sound_seconds": "Sound inspected, in seconds",
    "work_seconds": "Time of worker processes, in seconds",
}
_GAUGES = {
    "found": "New recordings found by this batch",
    "waiting": "Recordings left for the next time",
    "unfinished": "Files that somebody still writes",
}
_BUCKETS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


class Metrics:
    """A watcher. `file`: written whole every few seconds and at the end; `port`: served until the
    batch ends, on `host`. Raises UsageError (no library, port taken)."""

    def __init__(self, file: Path | None, port: int = 0, host: str = "127.0.0.1") -> None:
        try:
            import prometheus_client as prometheus
        except ImportError:
            raise UsageError("metrics need an extra: pip install 'qc-speech[monitoring]'") from None
        self._prometheus, self._file = prometheus, file
        self._registry = prometheus.CollectorRegistry()
        self._registry.register(_Counts(self))
        self._spent = prometheus.Histogram(
            "qc_speech_recording_work_seconds", "Time of a worker process for one recording",
            buckets=_BUCKETS, registry=self._registry,
        )  # fmt: skip
        self.summary: Summary | None = None
        self.ended = 0.0
        self._written = 0.0
        self._server: Any = None
        if port:
            try:
                self._server, _ = prometheus.start_http_server(port, host, self._registry)
            except OSError as error:
                raise UsageError(
                    f"metrics_port {port}: cannot be opened ({error.strerror}); choose another"
                ) from None

    def __call__(self, event: Event) -> None:
        self.summary = event.summary
        if event.outcome is not None and event.outcome.seconds:
            self._spent.observe(event.outcome.seconds)
        if event.kind == "end":
            self.ended = time.time()
        if event.kind == "end" or time.monotonic() - self._written > _EVERY_S:
            self._written = time.monotonic()
            self._write()

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _write(self) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._prometheus.write_to_textfile(str(self._file), self._registry)
            with contextlib.suppress(OSError):
                self._file.chmod(0o644)  # read by another user; counts only
        except OSError as error:
            raise StoreError(
                f"metrics_file {self._file}: cannot be written ({error.strerror}); check it"
            ) from None


class _Counts:
    """The figures of the summary, as they are when they are asked for."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Any:
        from prometheus_client.core import CounterMetricFamily as Counter
        from prometheus_client.core import GaugeMetricFamily as Gauge

        summary = self._metrics.summary
        if summary is None:
            return
        batch = [summary.name]
        ended = Counter("qc_speech_recordings", "Recordings by how they ended",
                        labels=["batch", "state"])  # fmt: skip
        for state in _STATES:
            ended.add_metric([*batch, state], getattr(summary, state))
        yield ended
        for name, text in _COUNTERS.items():
            family = Counter(f"qc_speech_{name}", text, labels=["batch"])
            family.add_metric(batch, getattr(summary, name))
            yield family
        for name, text in _GAUGES.items():
            gauge = Gauge(f"qc_speech_{name}", text, labels=["batch"])
            gauge.add_metric(batch, getattr(summary, name))
            yield gauge
        moments = {
            "started": (summary.started_at.timestamp(), "When the batch began"),
            "ended": (self._metrics.ended, "When the batch ended; 0 while it runs"),
            "faults": (len(summary.faults), "Faults that kept the batch"),
        }
        for name, (value, text) in moments.items():
            unit = "" if name == "faults" else "_timestamp_seconds"
            gauge = Gauge(f"qc_speech_batch_{name}{unit}", text, labels=["batch"])
            gauge.add_metric(batch, value)
            yield gauge
