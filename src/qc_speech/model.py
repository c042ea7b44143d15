"""Every value that flows through the program. Frozen, tuples inside, standard library only.

Time is whole milliseconds from the start of the recording, converted once at an engine's edge
(result JSON and reports show seconds). Unknown is None, never a text and never now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property

SCENARIOS = (
    "inbound_service",
    "complaint",
    "repair_hotline",
    "callback_survey",
    "outbound_sales",
    "switchboard",
)


class Role(str, Enum):
    """Who a speaker is. UNKNOWN is an outcome: such a call goes to a person."""

    AGENT = "agent"
    CUSTOMER = "customer"
    OTHER = "other"
    UNKNOWN = "unknown"


class Outcome(str, Enum):
    """What a check found. UNCERTAIN never costs points."""

    PASS = "pass"
    VIOLATION = "violation"
    UNCERTAIN = "uncertain"
    NOT_APPLICABLE = "not_applicable"


class Severity(str, Enum):
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of time, half-open [start_ms, end_ms)."""

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.end_ms < self.start_ms:
            raise ValueError(f"span ends before it starts: {self.start_ms}..{self.end_ms} ms")

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms

    def overlap_ms(self, other: Span) -> int:
        """Length of the common stretch in ms, 0 when there is none."""
        return max(0, min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms))

    def __and__(self, other: Span) -> Span | None:
        start, end = max(self.start_ms, other.start_ms), min(self.end_ms, other.end_ms)
        return Span(start, end) if start < end else None


@dataclass(frozen=True)
class Metadata:
    """What is known of a call besides its sound (manifest line or file name)."""

    call_id: str
    agent_id: str | None = None
    agent_name: str | None = None
    started_at: datetime | None = None
    scenario: str | None = None
    direction: str | None = None  # inbound | outbound
    ring_ms: int | None = None
    channels: str | None = None  # mono | stereo, as the manifest says; None: read from the file
    agent_channel: int | None = None  # 0 left, 1 right
    queue: str | None = None
    customer_id: str | None = None
    customer_class: str | None = None  # as the manifest says: vip, new ...
    agent_since: datetime | None = None  # first day of the agent's work
    team: str | None = None


@dataclass(frozen=True)
class Recording:
    """What the audio file is, apart from what is said in it. `id` is the SHA-256 of its bytes."""

    id: str
    source_name: str
    duration_ms: int
    sample_rate_hz: int
    channels: int  # channels that carry different speech: 1 or 2
    metadata: Metadata
    warnings: tuple[str, ...] = ()  # e.g. "truncated": shown to people, no spoken words


@dataclass(frozen=True)
class Stamp:
    """How a result was made; `options` is canonical JSON."""

    engine: str
    version: str
    model: str
    options: str = "{}"

    def __str__(self) -> str:
        return f"{self.engine} {self.version} {self.model}"


@dataclass(frozen=True)
class Word:
    """One recognized word (Chinese: one or a few characters). `confidence` 0..1 or None."""

    span: Span
    text: str
    confidence: float | None = None


@dataclass(frozen=True)
class Alternative:
    """Another reading of the same audio with its mean log-probability per token."""

    text: str
    score: float


@dataclass(frozen=True)
class Chunk:
    """One decoded stretch of audio. `score` is the mean log-probability per token of `words`."""

    span: Span
    channel: int | None
    words: tuple[Word, ...]
    language: str
    language_confidence: float
    score: float
    no_speech: float = 0.0
    alternatives: tuple[Alternative, ...] = ()
    doubtful: bool = False  # stayed bad after all retries (loop, hallucination): low confidence

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words)


@dataclass(frozen=True)
class Transcript:
    """All that was heard in a recording; chunks in order of time, of one channel or of several."""

    recording_id: str
    chunks: tuple[Chunk, ...]
    stamp: Stamp


@dataclass(frozen=True)
class Turn:
    """A stretch in which one speaker talks. `speaker` is a label such as S0, not yet a role."""

    span: Span
    speaker: str


@dataclass(frozen=True)
class Diarization:
    """Who speaks when. `turns` may overlap; `exclusive` never does and decides who said a word."""

    recording_id: str
    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    stamp: Stamp


@dataclass(frozen=True)
class RoleGuess:
    """Which speaker is which party, with the probability that it is right and the evidence.

    `doubts` are what a person has to look at, in words for people (each becomes a review reason).
    """

    roles: tuple[tuple[str, Role], ...]
    confidence: float
    evidence: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def of(self, speaker: str) -> Role:
        return dict(self.roles).get(speaker, Role.UNKNOWN)


@dataclass(frozen=True)
class Voiceprint:
    """An agent's voice as a direction (unit length): personal data, made only with consent.
    `seconds` of speech it rests on; only prints of the same `model` can be compared."""

    agent_id: str
    vector: tuple[float, ...] = field(repr=False)  # never shown, in logs neither
    seconds: float
    model: str
    enrolled_at: datetime  # UTC, without a zone


@dataclass(frozen=True)
class Utterance:
    """One turn at talk of one speaker with what was heard in it."""

    index: int
    span: Span
    speaker: str
    role: Role
    words: tuple[Word, ...]
    language: str = "zh"
    language_confidence: float = 1.0
    confidence: float = 1.0  # calibrated share of characters heard right, 0..1
    alternatives: tuple[Alternative, ...] = ()

    @cached_property
    def text(self) -> str:
        return "".join(word.text for word in self.words)


@dataclass(frozen=True)
class Asked:
    """What the audio itself answered when it was asked for words in doubt (rules/doubts.py).

    `ratio` is the natural logarithm of how much likelier the sound of `span` is with `words` said
    in it than with what was recognized there; calibrated, so that it adds to log odds. `check` and
    `part` say what the words would be.
    """

    check: str
    part: str
    span: Span
    words: str
    ratio: float


@dataclass(frozen=True)
class Judged:
    """What a language model answered to a question of meaning (rules/meaning.py).

    `key`: of the question and the words it is about. `answer`: one that the rulebook gives, None
    where it is of no use. `quotes`: (utterance index, first character, end) of what it rests on.
    `fault`: why it does not count; empty: it does.
    """

    key: str
    answer: str | None
    confidence: float
    quotes: tuple[tuple[int, int, int], ...]
    reason: str = field(default="", repr=False)  # may hold words of the call
    fault: str = ""


@dataclass(frozen=True)
class Call:
    """A recording with its utterances in order of start and its turns by role: what measures and
    rules read. `turns` are the stretches of speech (they may overlap), labelled by speaker.
    `asked` is empty when the audio was not asked for what the text leaves in doubt. `masked`: the
    kinds of personal data that were covered up afterwards; such a call is not judged again."""

    recording: Recording
    utterances: tuple[Utterance, ...]
    turns: tuple[Turn, ...]
    roles: RoleGuess
    stamps: tuple[Stamp, ...] = ()
    asked: tuple[Asked, ...] = ()
    masked: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()  # by a language model; empty: none was asked

    def role_turns(self, role: Role) -> tuple[Turn, ...]:
        return tuple(turn for turn in self.turns if self.roles.of(turn.speaker) is role)

    def by_role(self, role: Role) -> tuple[Utterance, ...]:
        return tuple(utterance for utterance in self.utterances if utterance.role is role)


@dataclass(frozen=True)
class Silence:
    """Nobody speaks. `after` is the role that spoke last before it (None at the start), `before`
    the one that speaks next. `quiet` False: something sounds (music, missed speech).

    cause: edge (before the first, after the last word) | line_dead | hold_music | sound |
    agent_search (a wait that was announced) | agent_silent | customer_search | customer_thinks |
    unknown.
    """

    span: Span
    after: Role | None
    before: Role | None = None
    quiet: bool = True
    cause: str = "unknown"


@dataclass(frozen=True)
class Overlap:
    """Two parties speak at once. `first` held the floor, `second` came in.

    kind: interruption | backchannel | overlap. `yielded`: the first stopped because of it.
    `confidence` is of the kind. `talk_ms`: how long the second went on talking.
    form, by kind: simple | butting_in | talk_over | silent; token | repetition | short | opening;
    terminal | start_up | resumption | completion | listener (see measures/overlaps.py).
    """

    span: Span
    first: Role
    second: Role
    kind: str
    confidence: float
    yielded: bool = False
    talk_ms: int = 0
    form: str = ""


@dataclass(frozen=True)
class Latency:
    """Floor transfer offsets in ms (gap positive, overlap negative); None without a transfer."""

    count: int
    median_ms: int | None = None
    p90_ms: int | None = None
    longest_ms: int | None = None


@dataclass(frozen=True)
class PartyFloor:
    """One party's part in the turn-taking. `response`: how long after the other it speaks."""

    role: Role
    talk_ms: int
    turns: int
    longest_ms: int  # longest stretch of talk
    interruptions: int  # made by this party
    successful: int  # ... at which the other stopped
    interruptions_per_minute: float | None  # of both parties' talk; None: less than half a minute
    backchannels: int
    response: Latency


@dataclass(frozen=True)
class HangUp:
    """Who ended the call. evidence: line_dropped | busy_tone | said_so | cut_at_once | not_shown |
    no_speech. `last_speaker`: whose words are the last ones."""

    by: Role | None
    confidence: float
    evidence: str
    last_speaker: Role | None


@dataclass(frozen=True)
class FloorMeasures:
    """Turn-taking over the whole call. Shares are of the call's duration; `agent_share` is the
    agent's part of both parties' talk (talk/listen ratio). `silent`: possible interruptions without
    simultaneous speech. `channel_skew_ms`: the customer's channel was moved by this much.
    `rings`: ring-back tones heard before the call was answered (None: no sound to hear)."""

    parties: tuple[PartyFloor, ...]
    agent_share: float | None
    silence_share: float
    overlap_share: float
    longest_silence_ms: int  # between words, edges of the recording left out
    silent: tuple[Overlap, ...]
    hang_up: HangUp
    channel_skew_ms: int = 0
    rings: int | None = None
    ring_ms: int | None = None  # from the first ring heard to the end of the last one

    def party(self, role: Role) -> PartyFloor | None:
        return next((party for party in self.parties if party.role is role), None)


@dataclass(frozen=True)
class UtteranceMeasures:
    """How one utterance was said. Rates in characters (syllables) per minute.

    `characters_per_minute` is the speaking rate (short pauses count), `articulation_per_minute`
    leaves pauses out, `nuclei_per_minute` is heard from the audio alone, without the text.
    """

    index: int
    characters: int
    speech_ms: int
    characters_per_minute: float | None  # None: too short or unclear to say
    loudness_dbfs: float | None
    foreign_share: float  # share of syllables in Latin letters
    pitch_hz: float | None = None
    articulation_per_minute: float | None = None
    nuclei_per_minute: float | None = None
    digit_share: float = 0.0  # share of characters that are spoken digits (dictation is slow)
    above_normal_db: float | None = None  # louder than this party's own normal level
    dialect: tuple[str, ...] = ()  # strong dialect words as written, with what they mean
    dialect_weak: tuple[str, ...] = ()  # colloquial words: nothing alone
    dialect_doubtful: tuple[str, ...] = ()  # only the sound agrees, or only another reading
    loudness_lufs: float | None = None  # ITU-R BS.1770-4
    dialect_evidence: float = 0.0  # how many dialect words' worth, written or by ear
    dialect_region: str = ""


@dataclass(frozen=True)
class PartyMeasures:
    """One party over the whole call. None: not measurable (say so, do not guess)."""

    role: Role
    speech_ms: int
    characters: int
    characters_per_minute: float | None
    mandarin_share: float | None
    loudness_dbfs: float | None
    articulation_per_minute: float | None = None
    pitch_spread_semitones: float | None = None  # one standard deviation: 0 is a monotone
    loudness_lufs: float | None = None  # ITU-R BS.1770-4, over this party's speech
    pitch_hz: float | None = None
    pitch_range_semitones: float | None = None  # 5th to 95th percentile
    loudness_rise_db: float | None = None  # from the start of the call to its end, by trend
    pitch_rise_semitones: float | None = None
    fastest_per_minute: float | None = None  # rolling windows of 10 s
    slowest_per_minute: float | None = None
    snr_db: float | None = None
    clipped_share: float | None = None  # of the samples in speech
    cut_outs: int | None = None  # drop-outs in speech; None: not measurable on this line


@dataclass(frozen=True)
class Track:
    """One party over time, a value every `step_ms` from the start; None: says nothing then."""

    role: Role
    step_ms: int
    loudness_lufs: tuple[float | None, ...]
    characters_per_minute: tuple[float | None, ...]


@dataclass(frozen=True)
class Strain:
    """The customer raises the voice, and how the agent answers it: dB above each one's normal.
    `calm`: the agent stays near the own normal."""

    span: Span
    customer_db: float
    agent_db: float
    calm: bool


@dataclass(frozen=True)
class Measures:
    """All measured values of a call that rules read."""

    parties: tuple[PartyMeasures, ...]
    utterances: tuple[UtteranceMeasures, ...]
    silences: tuple[Silence, ...]
    overlaps: tuple[Overlap, ...]
    last_speech_end_ms: int | None  # end of the last speech of anyone
    tail_ms: int | None  # from there to the end of the recording
    snr_db: float | None = None
    clipped_share: float | None = None  # of the samples in speech
    tracks: tuple[Track, ...] = ()
    strains: tuple[Strain, ...] = ()
    floor: FloorMeasures | None = None  # None: measured by an older version

    def party(self, role: Role) -> PartyMeasures | None:
        return next((party for party in self.parties if party.role is role), None)


@dataclass(frozen=True)
class Evidence:
    """Where a finding can be heard. `speaker` is whose words they are; quote as heard."""

    span: Span
    speaker: Role | None = None
    utterance: int | None = None
    quote: str = ""


@dataclass(frozen=True)
class Finding:
    """One outcome of one check. `points` after caps: negative what it costs, positive what good
    practice adds; `evidence` None: of the whole call (a thing that is missing has no place)."""

    check: str
    family: str
    outcome: Outcome
    severity: Severity
    confidence: float
    clause: str
    reason: str
    points: float = 0.0
    dimension: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Score:
    """A call's score: 100 minus points, by dimension too (a dimension nothing shows is absent)."""

    total: float
    dimensions: tuple[tuple[str, float], ...]
    critical: bool
    grade: str
    review: bool
    review_reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class SurveyAnswer:
    """What the customer answered to a question of a survey. `question`: its check. `value`:
    survey_resolved yes | partly | no, survey_attitude satisfied | ordinary | dissatisfied,
    survey_charged yes | no, survey_score 0 to 10 (half points too); None: not understood."""

    question: str
    value: str | None
    confidence: float
    evidence: Evidence


@dataclass(frozen=True)
class Promise:
    """A time the agent promised. `said`: the words (normalized); `due`: the latest moment they
    mean, None where that cannot be told."""

    said: str
    due: datetime | None
    confidence: float
    evidence: Evidence


@dataclass(frozen=True)
class CallResult:
    """One inspected call, as written to OUT/calls/<call_id>.json."""

    call: Call
    scenario: str
    scenario_confidence: float
    rulebook: str  # name@version
    measures: Measures
    findings: tuple[Finding, ...]
    score: Score
    qc_speech_version: str
    answers: tuple[SurveyAnswer, ...] = ()
    promises: tuple[Promise, ...] = ()
    seconds: tuple[tuple[str, float], ...] = field(default=(), compare=False)  # cost per stage

    @property
    def call_id(self) -> str:
        return self.call.recording.metadata.call_id


@dataclass(frozen=True)
class Review:
    """What a person says of one finding, kept beside it and never over it.

    `span` is the finding's evidence as it was reviewed (None: a finding of the whole call),
    `machine` what the machine had said (None: a miss that the person adds). `purpose`: flagged |
    sample | appeal | calibration (the last never counts). Taken back: `withdrawn`.
    """

    id: str  # uuid4 hex
    call_id: str
    check: str
    span: Span | None
    outcome: Outcome
    machine: Outcome | None
    reviewer: str
    at: datetime  # UTC, without a zone
    purpose: str = "flagged"
    note: str = field(default="", repr=False)  # may hold words of the call
    withdrawn: bool = False


@dataclass(frozen=True)
class Settled:
    """A call's findings and score once people have spoken (reviews.settle).

    `findings`: in the machine's order, then the misses that people added. `judged`: places in
    `findings` that a person decided. `reviewed` counted; of `stale` ones the finding is gone.
    """

    findings: tuple[Finding, ...]
    score: Score
    reviewed: tuple[Review, ...] = ()
    judged: tuple[int, ...] = ()
    stale: tuple[Review, ...] = ()
