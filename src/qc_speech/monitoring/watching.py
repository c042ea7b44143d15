"""All who watch a batch, by its profile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qc_speech.nightly.night import Event, Watcher
from qc_speech.nightly.profile import Profile


class Watching:
    """A watcher made of several; close it at the end. Raises UsageError where a library is
    missing or a port is taken, before anything is done."""

    def __init__(self, profile: Profile, person: Watcher) -> None:
        self._watchers: list[Watcher] = []
        self._closers: list[Callable[[], None]] = []
        if profile.log == "json":
            from qc_speech.monitoring.log import JsonLog

            self._watchers.append(JsonLog())
        else:
            self._watchers.append(person)
        if profile.metrics_file or profile.metrics_port:
            from qc_speech.monitoring.metrics import Metrics

            file = Path(profile.metrics_file) if profile.metrics_file else None
            metrics = Metrics(file, profile.metrics_port, profile.metrics_host)
            self._watchers.append(metrics)
            self._closers.append(metrics.close)
        if profile.opentelemetry:
            from qc_speech.monitoring.traces import Traces

            traces = Traces()
            self._watchers.append(traces)
            self._closers.append(traces.close)

    def __call__(self, event: Event) -> None:
        for watcher in self._watchers:
            watcher(event)

    def close(self) -> None:
        for close in self._closers:
            close()
