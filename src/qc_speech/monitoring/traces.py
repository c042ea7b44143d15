"""A batch as an OpenTelemetry trace, only where the profile asks for it: a span for the batch, one
for each recording. Where to: the standard OTEL_EXPORTER_OTLP_… variables. No word, name or path."""

from __future__ import annotations

import time
from typing import Any

from qc_speech.errors import UsageError
from qc_speech.nightly.night import Event

_NS = 1_000_000_000


class Traces:
    """A watcher. `exporter` None: OTLP over HTTP. Raises UsageError without the library."""

    def __init__(self, exporter: Any = None) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor

            if exporter is None:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

                exporter = OTLPSpanExporter()
        except ImportError:
            raise UsageError(
                "opentelemetry needs an extra: pip install 'qc-speech[monitoring]'"
            ) from None
        self._trace = trace
        self._provider = TracerProvider(resource=Resource.create({"service.name": "qc-speech"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("qc_speech")
        self._batch: Any = None

    def __call__(self, event: Event) -> None:
        if self._batch is None:
            self._batch = self._tracer.start_span("batch", attributes={"batch": event.summary.name})
        outcome = event.outcome
        if event.kind == "ended" and outcome is not None:
            now = time.time_ns()
            span = self._tracer.start_span(
                "recording",
                context=self._trace.set_span_in_context(self._batch),
                start_time=now - round(outcome.seconds * _NS),
                attributes={
                    "state": outcome.state,
                    "kept": outcome.kept,
                    "sound_seconds": (outcome.duration_ms or 0) / 1000,
                    "critical": outcome.critical,
                    "review": outcome.review,
                },
            )
            span.end(now)
        elif event.kind in ("fault", "died"):
            self._batch.add_event(event.kind)
        elif event.kind == "end":
            for name in ("done", "kept", "quarantined", "waiting", "critical"):
                self._batch.set_attribute(name, getattr(event.summary, name))
            self._batch.set_attribute("ended_by", event.summary.ended_by)
            self._batch.end()

    def close(self) -> None:
        self._provider.shutdown()
