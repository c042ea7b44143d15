"""What a training clip is: where it lies, how it is cut, what it shows. Frozen, times in ms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from qc_speech.errors import UsageError
from qc_speech.model import Role, Span
from qc_speech.ports import Samples

PARTIES = ("both", "agent", "customer")
SPEEDS = (0.5, 2.0)
UTTERANCE = ""  # the check of an example that only says something worth finding

# waiting: nobody has listened to the cut yet; checked: heard again, nothing personal is left;
# refused: something stays in doubt however much is muted.
STATES = ("waiting", "checked", "refused")


@dataclass(frozen=True)
class Recipe:
    """How a clip is made from its call.

    before, after: turns of context. parties: whose voice is heard. speed: 0.75 is slower, the pitch
    stays. disguise: whose voices are changed. redact False: for ears inside the quality team only.
    agent_too: the agent's own name and number are personal as well (a library shared with others).
    """

    before: int = 1
    after: int = 1
    parties: str = "both"
    speed: float = 1.0
    disguise: tuple[Role, ...] = ()
    redact: bool = True
    agent_too: bool = False

    def __post_init__(self) -> None:
        if self.parties not in PARTIES:
            raise UsageError(f"parties {self.parties}: one of {', '.join(PARTIES)}")
        if not SPEEDS[0] <= self.speed <= SPEEDS[1]:
            raise UsageError(f"speed {self.speed:g}: between {SPEEDS[0]:g} and {SPEEDS[1]:g}")
        if not 0 <= self.before <= 50 or not 0 <= self.after <= 50:
            raise UsageError("turns of context: between 0 and 50")

    def hears(self, role: Role) -> bool:
        return self.parties == "both" or role.value == self.parties


@dataclass(frozen=True)
class Example:
    """One thing that can be heard in a call: a finding with its place, or just an utterance.

    text: what is said there, personal data masked. clean: 0..1, how well it can be heard.
    mood: of the customer: calm | upset. month: YYYY-MM of the call. alike: near-duplicates that
    were folded into it. score: how typical and how clean, 0..1 (only in an answer to a search).
    """

    id: str
    call_id: str
    recording_id: str
    check: str
    family: str
    outcome: str
    confidence: float
    role: Role
    span: Span
    text: str
    scenario: str
    agent_id: str | None
    started_at: datetime | None
    mood: str
    snr_db: float | None
    clean: float
    points: float = 0.0
    score: float = 0.0
    alike: int = 0

    @property
    def month(self) -> str:
        return self.started_at.strftime("%Y-%m") if self.started_at else ""


@dataclass(frozen=True)
class Line:
    """What one party says in a clip; `span` from the start of the clip. `masked`: personal data was
    taken out of it."""

    role: Role
    span: Span
    text: str
    masked: bool = False
    focus: bool = False  # part of what the clip shows, not of its context


@dataclass(frozen=True)
class Hidden:
    """A stretch of a clip that nobody can hear any more. `how`: beep | mute; `why`: what was found
    (phone, name ... or doubt); never the words themselves."""

    span: Span
    why: str
    how: str


@dataclass(frozen=True)
class RedactionReport:
    """What was done to keep personal data out of a clip, and what may remain.

    rounds: how often the result was heard again; 0: it was not. notes: codes of what could remain.
    """

    hidden: tuple[Hidden, ...]
    rounds: int
    clean: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clip:
    """A clip of the library. focus: what it shows, in the call. note: the trainer's words."""

    id: str
    call_id: str
    recording_id: str
    check: str
    outcome: str
    role: Role
    focus: Span
    recipe: Recipe = Recipe()
    title: str = ""
    note: str = ""
    consent: str = ""  # who agreed, or on what it rests
    expires: date | None = None  # the last day on which it may be used
    added_by: str = ""
    added_at: datetime | None = None
    state: str = "waiting"


@dataclass(frozen=True)
class Question:
    """A quiz question to a clip. choices empty: an open question. answer: the right choice (from
    0), None where it is open."""

    clip_id: str
    text: str
    choices: tuple[str, ...] = ()
    answer: int | None = None
    explanation: str = ""

    def __post_init__(self) -> None:
        if self.answer is not None and not 0 <= self.answer < len(self.choices):
            raise UsageError(f"question: answer {self.answer + 1} is none of its choices")


@dataclass(frozen=True)
class Collection:
    """Clips for one lesson, in order."""

    id: str
    title: str
    notes: str = ""
    clip_ids: tuple[str, ...] = ()
    made_by: str = ""
    made_at: datetime | None = None


@dataclass(frozen=True, eq=False)
class Rendered:
    """A clip as sound and words. samples: (1, n) float32 at 16 kHz, or (2, n) for a whole call.
    span: where it lies in the call (before any slowing down)."""

    samples: Samples
    span: Span
    lines: tuple[Line, ...]
    report: RedactionReport
