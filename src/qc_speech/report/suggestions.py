"""Suggested phrasings as YAML that a supervisor reads and pastes into the word lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from qc_speech.rules.banned_lexicon import LISTS
from qc_speech.rules.suggest import Place, Suggestion

_HOW = {
    "ear": "by ear",
    "audio": "by the sound",
    "person": "by a person",
    "added": "added by a person",
    "innocent": "taken off by a person",
}
_PLAIN = re.compile("^[\u3400-\u9fff…]+$")


def suggestion_lines(suggestions: Sequence[Suggestion], calls: int, least: int) -> Iterator[str]:
    """One YAML document; what is no phrasing is a comment. Holds no personal data."""
    yield f"# {calls} calls read; phrasings of at least {least} of them that no rulebook knows."
    yield "# Read each before you paste it, then run: qc-speech rules test"
    phrases = [one for one in suggestions if one.check not in LISTS]
    words = [one for one in suggestions if one.check in LISTS]
    if not suggestions:
        yield "{}"
    if phrases:
        yield "phrases:  # into `any:` of the part, in lexicons/phrases/"
        for check, of_check in groupby(phrases, lambda one: one.check):
            yield f"  - check: {check}"
            yield "    parts:"
            for part, of_part in groupby(of_check, lambda one: one.part):
                yield f"      - name: {_text(part)}"
                yield "        any:"
                for one in of_part:
                    yield f"          - {_text(one.words)}  # {_seen(one)}"
    if words:
        yield "banned:  # `words:` into a group, `misses:` into the list, in lexicons/banned/"
        for check, of_check in groupby(words, lambda one: one.check):
            yield f"  - check: {check}"
            yield from _list(tuple(of_check))


def _list(suggestions: Sequence[Suggestion]) -> Iterator[str]:
    for name, innocent in (("words", False), ("misses", True)):
        chosen = [one for one in suggestions if ("innocent" in dict(one.how)) is innocent]
        if chosen:
            yield f"    {name}:"
            yield from (f"      - {_text(one.words)}  # {_seen(one)}" for one in chosen)


def _seen(one: Suggestion) -> str:
    how = ", ".join(f"{_HOW[name]} {count}" for name, count in one.how)
    places = ", ".join(map(_place, one.examples))
    more = ", …" if one.calls > len(one.examples) else ""
    return f"{one.calls} calls ({how}): {places}{more}"


def _place(place: Place) -> str:
    minutes, seconds = divmod(place.at_ms / 1000, 60)
    shown = json.dumps(place.call_id, ensure_ascii=False)[1:-1]  # an id may hold a line end
    return f"{shown} {int(minutes):02d}:{seconds:04.1f}"


def _text(text: str) -> str:
    return text if _PLAIN.match(text) else json.dumps(text, ensure_ascii=False)
