"""ports.Store without a database: for a single inspection and for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from qc_speech.errors import StoreError
from qc_speech.model import CallResult, Review, Settled, Voiceprint
from qc_speech.reviews import unreviewed


class MemoryStore:
    """Keeps everything in memory, and nothing after it. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[tuple[str, str, str], str] = {}
        self._results: dict[str, CallResult] = {}
        self._settled: dict[str, Settled] = {}
        self._reviews: dict[str, Review] = {}
        self._failures: dict[str, str] = {}
        self._voiceprints: dict[str, Voiceprint] = {}

    def stage(self, recording_id: str, stage: str, key: str) -> Any | None:
        with self._lock:
            text = self._stages.get((recording_id, stage, key))
        return None if text is None else json.loads(text)

    def put_stage(self, recording_id: str, stage: str, key: str, payload: Any) -> None:
        text = json.dumps(payload)  # as text: no later change of the caller's can reach it
        with self._lock:
            self._stages[recording_id, stage, key] = text

    def put_result(self, result: CallResult, settled: Settled | None = None) -> None:
        with self._lock:
            self._results[result.call_id] = result
            self._settled[result.call_id] = settled or unreviewed(result)

    def put_settled(self, call_id: str, settled: Settled) -> None:
        with self._lock:
            self._put_settled(call_id, settled)

    def _put_settled(self, call_id: str, settled: Settled) -> None:
        if call_id not in self._results:
            raise StoreError(f"store: holds no call {call_id}; inspect it first")
        checks = [finding.check for finding in self._results[call_id].findings]
        if checks != [finding.check for finding in settled.findings[: len(checks)]]:
            raise StoreError(
                f"store: call {call_id} was inspected anew meanwhile; read it again and repeat"
            )
        self._settled[call_id] = settled

    def amend(
        self,
        call_id: str,
        change: Callable[[tuple[Review, ...]], tuple[Review, Settled]],
    ) -> Settled:
        with self._lock:
            review, settled = change(tuple(self._reviews_of(call_id)))
            self._put_settled(call_id, settled)
            self._reviews[review.id] = review
        return settled

    def result(self, call_id: str) -> CallResult | None:
        with self._lock:
            return self._results.get(call_id)

    def results(self) -> Iterator[CallResult]:
        with self._lock:
            found = sorted(self._results.items())
        return (result for _, result in found)

    def put_review(self, review: Review) -> None:
        with self._lock:
            self._reviews[review.id] = review

    def reviews(self, call_id: str | None = None) -> Iterator[Review]:
        with self._lock:
            return iter(self._reviews_of(call_id))

    def _reviews_of(self, call_id: str | None) -> list[Review]:
        found = [one for one in self._reviews.values() if call_id in (None, one.call_id)]
        return sorted(found, key=lambda one: (one.at, one.id))

    def put_failure(self, source: str, message: str) -> None:
        with self._lock:
            self._failures[source] = message

    def clear_failure(self, source: str) -> None:
        with self._lock:
            self._failures.pop(source, None)

    def failures(self) -> tuple[tuple[str, str], ...]:
        with self._lock:
            return tuple(sorted(self._failures.items()))

    def put_voiceprint(self, voiceprint: Voiceprint) -> None:
        with self._lock:
            self._voiceprints[voiceprint.agent_id] = voiceprint

    def voiceprint(self, agent_id: str) -> Voiceprint | None:
        with self._lock:
            return self._voiceprints.get(agent_id)

    def voiceprints(self) -> tuple[Voiceprint, ...]:
        with self._lock:
            return tuple(one for _, one in sorted(self._voiceprints.items()))

    def remove_voiceprint(self, agent_id: str) -> bool:
        with self._lock:
            return self._voiceprints.pop(agent_id, None) is not None
