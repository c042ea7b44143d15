"""Training clips: short examples from calls, found, cut, freed of personal data and handed out."""

from __future__ import annotations

from qc_speech.clips.library import forget

__all__ = ["forget"]
