"""Reads the word lists of the speech measures from the lexicons folder."""

from __future__ import annotations

from pathlib import Path

from qc_speech.measures.floor_words import BackchannelLexicon, FloorLexicon
from qc_speech.measures.lexicon import (
    DialectLexicon,
    LoanwordLexicon,
    SpeechLexicons,
)
from qc_speech.rules.yamlfile import load_yaml


def load_speech_lexicons(folder: Path) -> SpeechLexicons:
    """dialect, loanwords, backchannels and floor.yaml of a folder. Raises RulebookError."""
    return SpeechLexicons(
        load_yaml(folder / "dialect.yaml", DialectLexicon),
        load_yaml(folder / "loanwords.yaml", LoanwordLexicon),
        load_yaml(folder / "backchannels.yaml", BackchannelLexicon),
        load_yaml(folder / "floor.yaml", FloorLexicon),
    )
