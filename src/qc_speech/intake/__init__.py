"""What is to be run: recordings with their metadata, from folders, files, manifests and names."""

from __future__ import annotations

from qc_speech.intake.gathering import gather
from qc_speech.intake.values import AUDIO_EXTENSIONS, SCENARIOS, Intake, Problem, Source

__all__ = ["AUDIO_EXTENSIONS", "SCENARIOS", "Intake", "Problem", "Source", "gather"]
