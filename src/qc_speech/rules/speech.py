"""All kinds of checks of how it was said."""

from __future__ import annotations

from qc_speech.rules import delivery, interruption, language, pace, timing
from qc_speech.rules.kind import Kind

KINDS: tuple[Kind, ...] = (
    *pace.KINDS,
    *interruption.KINDS,
    *language.KINDS,
    *delivery.KINDS,
    *timing.KINDS,
)
