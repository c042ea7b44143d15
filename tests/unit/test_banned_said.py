"""Sentences written without looking at the lists: what is forbidden is found, the rest passes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rule_toys import lexicons

from qc_speech.model import Role, Span, Utterance, Word
from qc_speech.rules.banned_judge import Scene, hits

SAID: dict[str, list[str]] = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "agents_said.yaml").read_text(encoding="utf-8")
)


def surest(text: str) -> float:
    """Certainty that an agent's clearly heard sentence holds a forbidden word of any list."""
    words = (Word(Span(0, 200 * len(text)), text, 0.85),)
    scene = Scene.of((Utterance(0, words[0].span, "S0", Role.AGENT, words),), 0)
    banned = lexicons().banned
    found = (
        hit.confidence
        for one in banned.lists.values()
        for hit in hits(one, banned, scene, sound=False)
    )
    return max(found, default=0.0)


@pytest.mark.parametrize("text", SAID["innocent"])
def test_an_innocent_sentence_passes_every_list(text: str) -> None:
    assert surest(text) < 0.4


@pytest.mark.parametrize("kind", [kind for kind in SAID if kind != "innocent"])
def test_nearly_all_forbidden_sentences_are_found(kind: str) -> None:
    missed = [text for text in SAID[kind] if surest(text) < 0.6]
    assert len(missed) <= len(SAID[kind]) // 20, missed
