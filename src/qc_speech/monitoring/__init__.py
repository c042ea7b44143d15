"""Who watches a batch besides a person: a log collector, Prometheus, OpenTelemetry."""
