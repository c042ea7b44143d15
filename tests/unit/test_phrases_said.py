"""Wordings of mandatory phrases that nobody wrote with the lexicon at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rule_toys import context, lexicons, talk

SAID = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "phrases_said.yaml").read_text(encoding="utf-8")
)
PASS_FROM = 0.6


def sureness(check: str, text: str) -> float:
    ctx = context(talk(("a", text), ("c", "嗯好的"), confidence=0.9))
    return ctx.matcher.find(lexicons().phrases[check]).probability


@pytest.mark.parametrize("check", SAID)
def test_what_was_said_is_found(check: str) -> None:
    missed = [text for text in SAID[check]["said"] if sureness(check, text) < PASS_FROM]
    assert missed == []


@pytest.mark.parametrize("check", SAID)
def test_what_only_shares_words_is_not(check: str) -> None:
    found = [text for text in SAID[check]["not_said"] if sureness(check, text) >= PASS_FROM]
    assert found == []
