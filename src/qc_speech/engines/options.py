"""Options of engines that stage keys rest on; importing this loads no engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DiarizerOptions:
    """Defaults: what was measured best. `change` and `stay` are log-odds of a change of voice."""

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
    fill_ms: int = 1000  # a pause in a turn, nobody else in it
    fill_beside_ms: int = 300  # the same, somebody else in it
    least_ms: int = 150  # of a turn
    one_voice: float = 0.95  # likeness: halves of one voice have 0.93 to 1, two voices below 0.85
