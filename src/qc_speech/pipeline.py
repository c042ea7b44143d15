"""The stages for one recording: hear, tell apart, measure, check, score. Resumes by key.

Each stage's result is stored under (recording, stage, key); the key hashes the engine with its
options and the keys of what it was made from. A killed run, a new model or a new rulebook redoes
only the stages whose key is new.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from qc_speech import __version__
from qc_speech import audio as audio_files
from qc_speech.align import pieces_by_speaker, utterances
from qc_speech.codec import from_json, to_json
from qc_speech.measures import measure
from qc_speech.model import (
    Call,
    CallResult,
    Diarization,
    Measures,
    Metadata,
    Recording,
    Span,
    Transcript,
)
from qc_speech.ports import Audio, Diarizer, Hook, Samples, Store, Transcriber, silent_hook
from qc_speech.roles import guess_roles, with_roles
from qc_speech.rules.inspect import find_all
from qc_speech.rules.kind import Context
from qc_speech.rules.lexicons import Lexicons
from qc_speech.rules.rulebook import Rulebook, choose
from qc_speech.scenario import ScenarioEvidence, recognize
from qc_speech.score import score_call

T = TypeVar("T")
STAGES = ("decode", "diarize", "transcribe", "measure", "score")
_AUDIO_VERSION = "audio/1"
_CALL_VERSION = "call/1"


@dataclass(frozen=True)
class Rules:
    """All that is data: word lists, rulebooks, and the digest of the files they came from."""

    lexicons: Lexicons
    rulebooks: dict[str, Rulebook]
    scenarios: ScenarioEvidence
    digest: str


@dataclass(frozen=True)
class Engines:
    """Engines are made when they are first needed: a run with nothing new loads no model."""

    transcriber: Callable[[], Transcriber]
    diarizer: Callable[[], Diarizer]
    channel_turns: Callable[[Samples, str], Diarization]
    speech_spans: Callable[[Samples], tuple[Span, ...]]
    stamps: tuple[str, str]  # keys of transcriber and diarizer, known without loading them
    channels_stamp: str = "channels/1"


class Inspector:
    """Inspects recordings one by one with one set of engines, rules and one store."""

    def __init__(
        self, engines: Engines, rules: Rules, store: Store, *, rulebook: str | None = None
    ) -> None:
        self._engines, self._rules, self._store = engines, rules, store
        self._rulebook = rulebook
        if rulebook is not None:
            choose(rules.rulebooks, rulebook)  # said before anything is heard

    def inspect(self, path: Path, metadata: Metadata, hook: Hook = silent_hook) -> CallResult:
        """The result of one recording; stored, with every stage. Raises AudioError, ModelError or
        StoreError."""
        job = _Job(self, path, metadata, hook)
        return job.run()

    def is_done(self, path: Path, metadata: Metadata) -> CallResult | None:
        """The stored result when nothing about it is new (same bytes, metadata, engines, rules)."""
        result = self._store.result(metadata.call_id)
        if result is None:
            return None
        recording_id = audio_files.file_id(path)
        mark = self._store.stage(recording_id, "result", metadata.call_id)
        return result if mark == self.mark(recording_id, metadata, result) else None

    def mark(self, recording_id: str, metadata: Metadata, result: CallResult) -> dict[str, str]:
        """What is kept beside a result: what it was made from, and which result it was. So a
        result that something else has replaced meanwhile is not taken for this one."""
        plain = to_json(from_json(CallResult, to_json(result)))  # as it comes back from a store
        return {"key": self.result_key(recording_id, metadata), "result": digest(plain)}

    def result_key(self, recording_id: str, metadata: Metadata) -> str:
        return digest(
            __version__, recording_id, to_json(metadata), self._engines.stamps,
            self._engines.channels_stamp, self._rules.digest, self._rulebook,
        )  # fmt: skip


@dataclass
class _Job:
    """One recording on its way through the stages."""

    inspector: Inspector
    path: Path
    metadata: Metadata
    hook: Hook

    def run(self) -> CallResult:
        seconds: dict[str, float] = {}
        recording_id = audio_files.file_id(self.path)
        self._id = recording_id
        recording = self._timed("decode", seconds, self._recording)
        diarization = self._timed("diarize", seconds, lambda: self._diarization(recording))
        transcript = self._timed("transcribe", seconds, lambda: self._transcript(diarization))
        call, measures = self._timed(
            "measure", seconds, lambda: self._measured(recording, diarization, transcript)
        )
        result = self._timed(
            "score", seconds, lambda: score(call, measures, self._rules, self.inspector._rulebook)
        )
        result = replace(result, seconds=tuple(seconds.items()))
        store = self.inspector._store
        store.put_result(result)
        mark = self.inspector.mark(recording_id, self.metadata, result)
        store.put_stage(recording_id, "result", self.metadata.call_id, mark)
        return result

    @property
    def _rules(self) -> Rules:
        return self.inspector._rules

    @functools.cached_property
    def _audio(self) -> Audio:
        return audio_files.load(self.path, self.metadata)

    def _timed(self, stage: str, seconds: dict[str, float], work: Callable[[], T]) -> T:
        self.hook(stage, 0, 1)
        start = time.perf_counter()
        value = work()
        seconds[stage] = round(time.perf_counter() - start, 3)
        self.hook(stage, 1, 1)
        return value

    def _stored(self, stage: str, key: str, kind: type[T], make: Callable[[], T]) -> T:
        store = self.inspector._store
        payload = store.stage(self._id, stage, key)
        if payload is not None:
            return from_json(kind, payload)
        value = make()
        store.put_stage(self._id, stage, key, to_json(value))
        return value

    def _recording(self) -> Recording:
        """Metadata is not part of what is stored: it may be corrected without hearing again."""
        self._audio_key = digest(_AUDIO_VERSION, self.metadata.channels)
        stored = self._stored(
            "recording", self._audio_key, Recording, lambda: self._audio.recording
        )
        return replace(
            stored, metadata=self.metadata, source_name=audio_files.shown_name(self.path)
        )

    def _diarization(self, recording: Recording) -> Diarization:
        engines = self.inspector._engines
        stereo = recording.channels == 2
        self._diarization_key = digest(
            self._audio_key, engines.channels_stamp if stereo else engines.stamps[1]
        )

        def make() -> Diarization:
            if stereo:
                return engines.channel_turns(self._audio.samples, self._id)
            return engines.diarizer().diarize(self._audio.samples[0], self._id, self.hook)

        return self._stored("diarization", self._diarization_key, Diarization, make)

    def _transcript(self, diarization: Diarization) -> Transcript:
        engines = self.inspector._engines
        self._transcript_key = digest(self._diarization_key, engines.stamps[0])

        def make() -> Transcript:
            samples = self._audio.samples
            asr = engines.transcriber()
            if samples.shape[0] == 2:
                chunks = tuple(
                    chunk
                    for channel in (0, 1)
                    for chunk in asr.transcribe(
                        samples[channel], engines.speech_spans(samples[channel]), channel
                    )
                )
            else:
                duration_ms = self._audio.recording.duration_ms
                chunks = tuple(
                    chunk
                    for _, pieces in pieces_by_speaker(diarization.exclusive, duration_ms)
                    for chunk in asr.transcribe(samples[0], pieces, None)
                )
            return Transcript(self._id, chunks, asr.stamp)

        return self._stored("transcript", self._transcript_key, Transcript, make)

    def _measured(
        self, recording: Recording, diarization: Diarization, transcript: Transcript
    ) -> tuple[Call, Measures]:
        heard = utterances(transcript.chunks, diarization)
        guess = guess_roles(heard, diarization.turns, self.metadata, self._rules.lexicons.roles)
        call = Call(
            recording=recording,
            utterances=with_roles(heard, guess),
            turns=diarization.turns,
            roles=guess,
            stamps=(transcript.stamp, diarization.stamp),
        )
        key = digest(
            _CALL_VERSION, __version__, self._transcript_key, to_json(guess), self._rules.digest
        )
        measures = self._stored(
            "measures",
            key,
            Measures,
            lambda: measure(call, self._audio, self._rules.lexicons.speech),
        )
        return call, measures


def score(call: Call, measures: Measures, rules: Rules, rulebook: str | None) -> CallResult:
    """Check and score a heard call: pure, without audio or models. `rulebook` None: by scenario."""
    scenario, confidence = recognize(call.utterances, call.recording.metadata, rules.scenarios)
    book = choose(rules.rulebooks, rulebook or scenario)
    ctx = Context(call, measures, scenario, rules.lexicons)
    findings = find_all(ctx, book)
    total = score_call(call, findings, book)
    if confidence < rules.scenarios.unsure_below:
        reason = "场景由内容推断，把握不大：请确认场景"
        total = replace(total, review=True, review_reasons=(*total.review_reasons, reason))
    return CallResult(
        call=call,
        scenario=scenario,
        scenario_confidence=confidence,
        rulebook=book.label,
        measures=measures,
        findings=findings,
        score=total,
        qc_speech_version=__version__,
    )


def rescore(result: CallResult, rules: Rules, rulebook: str | None) -> CallResult:
    """A stored result under today's rules; what was heard and measured stays."""
    return replace(score(result.call, result.measures, rules, rulebook), seconds=result.seconds)


def digest(*parts: Any) -> str:
    """A short key of values (JSON, sorted)."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
