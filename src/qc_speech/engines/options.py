"""Options of engines that stage keys rest on; importing this loads no engine."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SpeechOptions:
    """When a stretch is speech; probabilities are Silero's."""

    threshold: float = 0.3
    release: float = 0.15
    gap_ms: int = 100  # a shorter gap does not end a stretch
    sure: float = 0.6  # a stretch that never gets so probable is weak; then it must be
    alone_ms: int = 1000  # nearer than this to one that does, or
    least_weak_ms: int = 130  # at least so long and
    steady: float = 0.25  # less steady than music


@dataclass(frozen=True)
class DiarizerOptions:
    """Defaults: what was measured best. `change` and `stay` are log-odds of a change of voice."""

    speech: SpeechOptions = field(default_factory=SpeechOptions)
    reach_ms: int = 600  # speech that the segmentation hears farther from any of Silero's: none
    speakers: int = 4  # at most; more than two only where they are clearly there
    step: float = 0.25  # of a window
    batch: int = 8  # windows per forward pass
    onset: float = 0.7  # probability of speech
    offset: float = 0.5
    overlap: float = 0.5  # probability of double talk
    piece_ms: int = 2000
    least_piece_ms: int = 300  # shorter: no embedding, its neighbours decide
    change: float = 3.0  # where a window hears a new voice
    stay: float = 4.0  # against a change, where it hears none and there is no pause
    stay_pause: float = 1.0  # the same over a pause
    pause_ms: int = 250
    fill_ms: int = 1600  # a pause in a turn, nobody else in it
    fill_heard_ms: int = 1000  # the same in what is heard in one piece (exclusive turns)
    fill_beside_ms: int = 300  # the same, somebody else in it
    least_ms: int = 150  # of a turn
    one_voice: float = 0.95  # likeness: halves of one voice have 0.93 to 1, two voices below 0.85
    third_voice: float = 0.75  # the same where there are more than two voices
    third_ms: int = 4000  # of talk of each, then
