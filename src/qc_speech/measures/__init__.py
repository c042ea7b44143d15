"""How it was said: call and sound to measures. Only this room sees samples."""

from __future__ import annotations

from qc_speech.measures.call import measure
from qc_speech.measures.lexicon import SpeechLexicons

__all__ = ["SpeechLexicons", "measure"]
