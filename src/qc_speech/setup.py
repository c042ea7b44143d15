"""Puts rules and engines together from settings and data folders, for API, batch and CLI."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from qc_speech.engines import registry
from qc_speech.pipeline import Engines, Rules
from qc_speech.resources import data_dir
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.lexicons import load_lexicons
from qc_speech.rules.rulebook import load_rulebooks
from qc_speech.scenario import load_scenario_evidence
from qc_speech.settings import Settings
from qc_speech.spelling import load_speller


@functools.lru_cache(maxsize=4)
def load_rules(folder: Path | None = None) -> Rules:
    """All word lists and rulebooks of a lexicons folder. Raises RulebookError."""
    folder = folder or data_dir("lexicons")
    lexicons = load_lexicons(folder)
    rulebooks = load_rulebooks(folder / "rulebooks", all_kinds(lexicons))
    return Rules(
        lexicons=lexicons,
        rulebooks=rulebooks,
        scenarios=load_scenario_evidence(folder / "scenarios.yaml", rulebooks),
        speller=load_speller(folder),
        digest=_digest(folder),
    )


def make_engines(settings: Settings, workers: int = 1) -> Engines:
    """Makers of the engines; no model is loaded yet."""
    return Engines(
        transcriber=registry.transcriber(settings, workers),
        diarizer=registry.diarizer(settings, workers),
        channel_turns=registry.channel_turns,
        speech_spans=registry.speech_spans,
        stamps=registry.stamps(settings),
        channels_stamp=registry.channels_stamp(),
    )


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted((*folder.rglob("*.yaml"), *folder.rglob("*.txt"))):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
