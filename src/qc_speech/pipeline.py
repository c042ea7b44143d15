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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from qc_speech import __version__
from qc_speech import audio as audio_files
from qc_speech.align import pieces_by_speaker, utterances
from qc_speech.codec import from_json, to_json
from qc_speech.judging import with_judgements
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
    Turn,
    Voiceprint,
)
from qc_speech.ports import (
    SAMPLE_RATE_HZ,
    Audio,
    Diarizer,
    Hook,
    Judge,
    Listener,
    Passage,
    Samples,
    Store,
    Transcriber,
    VoiceEncoder,
    silent_hook,
)
from qc_speech.roles import Clues, guess_roles, set_apart, with_roles
from qc_speech.rules.asking import ASK_VERSION, Interview
from qc_speech.rules.inspect import applies, find_all
from qc_speech.rules.kind import Context
from qc_speech.rules.lexicons import Lexicons
from qc_speech.rules.promise import promises
from qc_speech.rules.rulebook import Rulebook, choose
from qc_speech.rules.survey import QUESTIONS, survey_answers
from qc_speech.scenario import ScenarioEvidence, recognize
from qc_speech.score import score_call
from qc_speech.settling import book_of, keep_result
from qc_speech.spelling import Speller
from qc_speech.voiceprints import alone, likeness, longest

T = TypeVar("T")
STAGES = ("decode", "diarize", "transcribe", "measure", "ask", "judge", "score")
_AUDIO_VERSION = "audio/2"
_CALL_VERSION = "call/4"


@dataclass(frozen=True)
class Rules:
    """All that is data: word lists, rulebooks, and the digest of the files they came from."""

    lexicons: Lexicons
    rulebooks: dict[str, Rulebook]
    scenarios: ScenarioEvidence
    speller: Speller
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
    voices: Callable[[], VoiceEncoder] | None = None  # None: no voice is compared
    voices_model: str = ""  # what makes the voiceprints it can compare with
    judge: Judge | None = None  # answers questions of meaning; None: nobody is asked
    ask: bool = False  # ask the audio itself where the text leaves a phrase or a word in doubt


@dataclass(frozen=True)
class Asked:
    """What the recognizer is to hear of one recording, apart from the process that prepared it."""

    recording_id: str
    key: str  # of the transcript
    passages: tuple[Passage, ...]


class Inspector:
    """Inspects recordings one by one with one set of engines, rules and one store."""

    def __init__(
        self,
        engines: Engines,
        rules: Rules,
        store: Store,
        *,
        rulebook: str | None = None,
        usual_channel: int | None = None,
    ) -> None:
        self._engines, self._rules, self._store = engines, rules, store
        self._rulebook, self._usual_channel = rulebook, usual_channel
        if rulebook is not None:
            choose(rules.rulebooks, rulebook)  # said before anything is heard

    def inspect(self, path: Path, metadata: Metadata, hook: Hook = silent_hook) -> CallResult:
        """The result of one recording; stored, with every stage. Raises AudioError, ModelError or
        StoreError."""
        inspection = self.prepare(path, metadata, hook)
        self.transcribe((inspection,))
        return inspection.finish()

    def prepare(self, path: Path, metadata: Metadata, hook: Hook = silent_hook) -> Inspection:
        """Decode a recording and find who speaks when: all that the recognizer waits for. May run
        in another thread while the recognizer hears an earlier recording."""
        inspection = Inspection(self, path, metadata, hook)
        inspection.prepare()
        return inspection

    def transcribe(self, inspections: Sequence[Inspection]) -> None:
        """Hear prepared recordings together: their stretches share the recognizer's batches."""
        waiting = [(one, one.passages()) for one in inspections if one.transcript is None]
        if not waiting:
            return
        for one, _ in waiting:
            one.hook("transcribe", 0, 1)
        start = time.perf_counter()
        asr = self._engines.transcriber()
        answers = iter(asr.transcribe([passage for _, asked in waiting for passage in asked]))
        shared = sum(one.recording.duration_ms for one, _ in waiting) or 1
        seconds = time.perf_counter() - start
        for one, asked in waiting:
            chunks = tuple(chunk for _ in asked for chunk in next(answers))
            cost = seconds * one.recording.duration_ms / shared
            one.heard(Transcript(one.recording.id, chunks, asr.stamp), cost)
            one.hook("transcribe", 1, 1)

    def hear_asked(self, asked: Sequence[Asked]) -> None:
        """Hear what other processes prepared, together, and keep the transcripts in the store,
        where the rest of the inspection finds them."""
        asr = self._engines.transcriber()
        answers = iter(asr.transcribe([one for each in asked for one in each.passages]))
        for each in asked:
            chunks = tuple(chunk for _ in each.passages for chunk in next(answers))
            transcript = Transcript(each.recording_id, chunks, asr.stamp)
            self._store.put_stage(each.recording_id, "transcript", each.key, to_json(transcript))

    def hear(self, path: Path, metadata: Metadata, hook: Hook = silent_hook) -> Call:
        """Who said what and when, without measuring or judging it."""
        inspection = self.prepare(path, metadata, hook)
        self.transcribe((inspection,))
        return inspection.call()

    def is_done(self, path: Path, metadata: Metadata) -> CallResult | None:
        """The stored result when nothing about it is new (same bytes, metadata, engines, rules)."""
        result = self._store.result(metadata.call_id)
        if result is None:
            return None
        recording_id = audio_files.file_id(path)
        if result.call.masked and result.call.recording.id == recording_id:
            return result  # judged when its text was whole
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
            self._usual_channel, voice_mark(self.voiceprint(metadata)),
            ASK_VERSION if self._engines.ask else None,
            *((self._engines.judge.stamp,) if self._engines.judge else ()),
        )  # fmt: skip

    def voiceprint(self, metadata: Metadata) -> Voiceprint | None:
        """The voiceprint of the call's agent, where there is one that can be compared."""
        if self._engines.voices is None or not metadata.agent_id:
            return None
        found = self._store.voiceprint(metadata.agent_id)
        return found if found and found.model == self._engines.voices_model else None


class Inspection:
    """One recording on its way through the stages."""

    def __init__(self, inspector: Inspector, path: Path, metadata: Metadata, hook: Hook) -> None:
        self.inspector, self.path, self.metadata, self.hook = inspector, path, metadata, hook
        self.transcript: Transcript | None = None
        self.seconds: dict[str, float] = {}
        self._id = audio_files.file_id(path)

    def prepare(self) -> None:
        """Decode and diarize; afterwards `transcript` is None if it has to be heard anew."""
        self.recording = self._timed("decode", self._recording)
        self.diarization = self._timed("diarize", self._diarization)
        self._transcript_key = digest(self._diarization_key, self._engines.stamps[0])
        self.transcript = self._kept("transcript", self._transcript_key, Transcript)

    def passages(self) -> tuple[Passage, ...]:
        """What the recognizer has to hear: by channel, or in a mixed one voice by voice."""
        samples = self._audio.samples
        if samples.shape[0] == 2:
            spans = self._engines.speech_spans
            return tuple(Passage(row, spans(row), channel) for channel, row in enumerate(samples))
        by_voice = pieces_by_speaker(self.diarization.exclusive, self.recording.duration_ms)
        return tuple(Passage(samples[0], pieces) for _, pieces in by_voice)

    def asked(self) -> Asked:
        """The same for a recognizer in another process."""
        return Asked(self._id, self._transcript_key, self.passages())

    def heard(self, transcript: Transcript, seconds: float) -> None:
        """Take and keep what the recognizer heard."""
        self.transcript = transcript
        self.seconds["transcribe"] = round(seconds, 3)
        self._keep("transcript", self._transcript_key, transcript)

    def call(self) -> Call:
        """The conversation: utterances with speakers and roles. The transcript must be there."""
        assert self.transcript is not None
        lexicons = self._rules.lexicons
        chunks = self._rules.speller.correct(self.transcript.chunks, self.metadata)
        heard, turns = set_apart(
            utterances(chunks, self.diarization),
            self.diarization.turns,
            lexicons.roles.announcements,
        )
        clues = Clues(self._likeness(turns), self.inspector._usual_channel)
        guess = guess_roles(heard, turns, self.metadata, lexicons.roles, lexicons.phrases, clues)
        return Call(
            recording=self.recording,
            utterances=with_roles(heard, guess),
            turns=turns,
            roles=guess,
            stamps=(self.transcript.stamp, self.diarization.stamp),
        )

    def _likeness(self, turns: Sequence[Turn]) -> dict[str, float]:
        """How like the agent's voiceprint each speaker sounds. Only the likeness is kept: of
        a customer's voice nothing stays."""
        voiceprint, voices = self.inspector.voiceprint(self.metadata), self._engines.voices
        if voiceprint is None or voices is None:
            return {}
        speech = alone(turns, self.recording.channels)
        key = digest(self._diarization_key, voice_mark(voiceprint), to_json(tuple(speech.items())))
        store = self.inspector._store
        kept: dict[str, float] | None = store.stage(self._id, "likeness", key)
        if kept is None:
            rows = self._audio.samples
            compared = {
                speaker: likeness(
                    voiceprint, rows[1 if speaker == "ch1" else 0], longest(spans), voices()
                )
                for speaker, spans in speech.items()
            }
            kept = {speaker: value for speaker, value in compared.items() if value is not None}
            store.put_stage(self._id, "likeness", key, kept)
        return kept

    def finish(self) -> CallResult:
        """Measure, check, score and store."""
        self.seconds.setdefault("transcribe", 0.0)
        heard, measures = self._timed("measure", self._measured)
        rulebook = self.inspector._rulebook
        call = self._timed("ask", lambda: self._with_answers(heard, measures))
        call = self._timed("judge", lambda: self._with_judgements(call, measures))
        result = self._timed("score", lambda: score(call, measures, self._rules, rulebook))
        result = replace(result, seconds=tuple(self.seconds.items()))
        store = self.inspector._store
        keep_result(store, result, book_of(result, self._rules.rulebooks))
        mark = self.inspector.mark(self._id, self.metadata, result)
        store.put_stage(self._id, "result", self.metadata.call_id, mark)
        return result

    def _with_answers(self, call: Call, measures: Measures) -> Call:
        """The call with what the audio itself answers where the text leaves something in doubt."""
        if not self._engines.ask:
            return call
        ctx, book, _ = _brought_together(call, measures, self._rules, self.inspector._rulebook)
        interview = Interview(ctx, book)
        if not interview.stretches:
            return call
        key = digest(ASK_VERSION, self._transcript_key, to_json(interview.stretches))
        store = self.inspector._store
        likelihoods: Sequence[Sequence[float]] | None = store.stage(self._id, "asked", key)
        if likelihoods is None:
            listener = self._engines.transcriber()
            if not isinstance(listener, Listener):
                return call  # this recognizer cannot be asked: the text alone decides
            likelihoods = listener.log_likelihoods(
                [(self._sound(one.speaker, one.span), one.texts) for one in interview.stretches]
            )
            store.put_stage(self._id, "asked", key, [list(values) for values in likelihoods])
        return replace(call, asked=interview.answers(likelihoods))

    def _with_judgements(self, call: Call, measures: Measures) -> Call:
        """The call with what a language model answers to the rulebook's questions of meaning."""
        judge = self._engines.judge
        if judge is None:
            return call
        ctx, book, _ = _brought_together(call, measures, self._rules, self.inspector._rulebook)
        return with_judgements(ctx, book, judge, self.inspector._store)

    def _sound(self, speaker: str, span: Span) -> Samples:
        """A stretch of the channel that a speaker is heard in."""
        rows = self._audio.samples
        per_ms = SAMPLE_RATE_HZ // 1000
        inside = slice(span.start_ms * per_ms, span.end_ms * per_ms)
        sound: Samples = rows[1 if speaker == "ch1" and len(rows) == 2 else 0, inside]
        return sound

    @property
    def _rules(self) -> Rules:
        return self.inspector._rules

    @property
    def _engines(self) -> Engines:
        return self.inspector._engines

    @functools.cached_property
    def _audio(self) -> Audio:
        return audio_files.load(self.path, self.metadata)

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        self.hook(stage, 0, 1)
        start = time.perf_counter()
        value = work()
        self.seconds[stage] = round(time.perf_counter() - start, 3)
        self.hook(stage, 1, 1)
        return value

    def _kept(self, stage: str, key: str, kind: type[T]) -> T | None:
        payload = self.inspector._store.stage(self._id, stage, key)
        return None if payload is None else from_json(kind, payload)

    def _keep(self, stage: str, key: str, value: Any) -> None:
        self.inspector._store.put_stage(self._id, stage, key, to_json(value))

    def _stored(self, stage: str, key: str, kind: type[T], make: Callable[[], T]) -> T:
        kept = self._kept(stage, key, kind)
        if kept is not None:
            return kept
        value = make()
        self._keep(stage, key, value)
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

    def _diarization(self) -> Diarization:
        stereo = self.recording.channels == 2
        self._diarization_key = digest(
            self._audio_key, self._engines.channels_stamp if stereo else self._engines.stamps[1]
        )

        def make() -> Diarization:
            if stereo:
                return self._engines.channel_turns(self._audio.samples, self._id)
            return self._engines.diarizer().diarize(self._audio.samples[0], self._id, self.hook)

        return self._stored("diarization", self._diarization_key, Diarization, make)

    def _measured(self) -> tuple[Call, Measures]:
        call = self.call()
        key = digest(
            _CALL_VERSION, __version__, self._transcript_key, to_json(call.roles),
            self._rules.digest,
        )  # fmt: skip
        measures = self._stored(
            "measures",
            key,
            Measures,
            lambda: measure(call, self._audio, self._rules.lexicons.speech),
        )
        return call, measures


def score(call: Call, measures: Measures, rules: Rules, rulebook: str | None) -> CallResult:
    """Check and score a heard call: pure, without audio or models. `rulebook` None: by scenario."""
    ctx, book, confidence = _brought_together(call, measures, rules, rulebook)
    findings = find_all(ctx, book)
    total = score_call(call, findings, book)
    if confidence < rules.scenarios.unsure_below:
        reason = "场景由内容推断，把握不大：请确认场景"
        total = replace(total, review=True, review_reasons=(*total.review_reasons, reason))
    asked_for = [check.check for check in book.checks if applies(ctx, check)]
    return CallResult(
        call=call,
        scenario=ctx.scenario,
        scenario_confidence=confidence,
        rulebook=book.label,
        measures=measures,
        findings=findings,
        score=total,
        qc_speech_version=__version__,
        answers=survey_answers(ctx, [name for name in QUESTIONS if name in asked_for]),
        promises=promises(ctx),
    )


def _brought_together(
    call: Call, measures: Measures, rules: Rules, rulebook: str | None
) -> tuple[Context, Rulebook, float]:
    """What checks read, the rulebook of the call, and how sure its scenario is."""
    scenario, confidence = recognize(call, rules.lexicons.phrases, rules.scenarios)
    book = choose(rules.rulebooks, rulebook or scenario)
    return Context(call, measures, scenario, rules.lexicons), book, confidence


def rescore(result: CallResult, rules: Rules, rulebook: str | None) -> CallResult:
    """A stored result under today's rules; what was heard and measured stays. A masked call keeps
    the judgement that was made when its text was whole."""
    if result.call.masked:
        return result
    return replace(score(result.call, result.measures, rules, rulebook), seconds=result.seconds)


def reasked(
    result: CallResult, rules: Rules, rulebook: str | None, judge: Judge, store: Store
) -> CallResult:
    """A stored result with the answers to today's questions of meaning; not scored again yet."""
    if result.call.masked:
        return result
    ctx, book, _ = _brought_together(result.call, result.measures, rules, rulebook)
    return replace(result, call=with_judgements(ctx, book, judge, store))


def scored_with(result: CallResult) -> str | None:
    """The rulebook that was asked for when a result was made; None: the one of its scenario."""
    book = result.rulebook.partition("@")[0]
    return None if book == result.scenario else book


def voice_mark(voiceprint: Voiceprint | None) -> str | None:
    """What a comparison with a voiceprint depends on, without telling anything of the voice."""
    return None if voiceprint is None else digest(to_json(voiceprint))


def digest(*parts: Any) -> str:
    """A short key of values (JSON, sorted)."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
