"""Rambling: the agent says the same thing again and again though nobody asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pydantic

from qc_speech.model import Call, Evidence, Role, Severity, Span, Utterance, Word
from qc_speech.rules.banned_lexicon import RamblingFile
from qc_speech.rules.banned_outcome import BannedParams, draft, nothing_found, unfit
from qc_speech.rules.banned_pattern import Wording
from qc_speech.rules.banned_text import Said
from qc_speech.rules.kind import Context, Draft

_LOOP_MS = 400  # repeats this close without a reply may be the recognizer's own loop


class RamblingParams(BannedParams):
    """`times` nearly equal utterances (`alike` 0..1 by sound) of `characters` or more."""

    times: int = pydantic.Field(default=3, ge=2, le=20)
    alike: float = pydantic.Field(default=0.85, ge=0.5, le=1)
    characters: int = pydantic.Field(default=12, ge=4, le=200)


@dataclass(frozen=True)
class _Spoken:
    utterance: Utterance
    text: str
    sounds: str


def run(context: Context, params: Any) -> tuple[Draft, ...]:
    assert isinstance(params, RamblingParams)
    refused = unfit(context.call, "反复说同一段话")
    if refused:
        return (refused,)
    found = tuple(drafts(context.call, context.lexicons.banned.rambling, params))
    return found or (nothing_found(context.call, "坐席没有反复说同一段话"),)


def drafts(call: Call, data: RamblingFile, params: RamblingParams) -> Iterator[Draft]:
    asked, custom = Wording(data.asked), Wording(data.custom)
    for group in _groups(_spoken(call, custom, params), params.alike):
        unasked = [group[0], *(one for one in group[1:] if not _asked(call, one, asked))]
        if len(unasked) < params.times:
            continue
        last = unasked[-1].utterance
        quiet = min(one.utterance.confidence for one in unasked)
        confidence = min(0.9, 0.68 + 0.08 * (len(unasked) - params.times)) * (0.75 + 0.25 * quiet)
        if _loop(call, unasked):
            confidence = min(confidence, 0.5)
        reason = f"坐席把同一段话说了{len(unasked)}遍，客户没有要求重复"
        evidence = Evidence(last.span, Role.AGENT, last.index, last.text)
        yield draft(call, params, confidence, reason, evidence, Severity.MINOR)


def _spoken(call: Call, custom: Wording, params: RamblingParams) -> list[_Spoken]:
    from qc_speech.text.phonetic import syllables

    found = []
    for utterance in call.by_role(Role.AGENT):
        text = _without(custom, Said.of(utterance).text)
        if len(text) >= params.characters:
            found.append(_Spoken(utterance, text, " ".join(syllables(text))))
    return found


def _without(custom: Wording, text: str) -> str:
    usual = {at for start, end in custom.find(text) for at in range(start, end)}
    return "".join(char for at, char in enumerate(text) if at not in usual)


def _groups(spoken: list[_Spoken], alike: float) -> list[list[_Spoken]]:
    """Utterances that sound nearly like the first of their group."""
    from rapidfuzz import fuzz

    groups: list[list[_Spoken]] = []
    for one in spoken:
        for group in groups:
            if fuzz.ratio(group[0].sounds, one.sounds) >= 100 * alike:
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def _asked(call: Call, one: _Spoken, asked: Wording) -> bool:
    """Whether the customer's last words before it ask to hear it again."""
    place = call.utterances.index(one.utterance)
    customer = [other for other in call.utterances[:place] if other.role is Role.CUSTOMER]
    return bool(customer) and asked.within(Said.of(customer[-1]).text)


def _loop(call: Call, group: list[_Spoken]) -> bool:
    spans = [one.utterance.span for one in group]
    return any(after.start_ms - before.end_ms < _LOOP_MS for before, after in pairwise(spans))


def examples(data: RamblingFile) -> Iterator[str]:
    """Failing examples: lists of "坐席：…" and "客户：…" lines."""
    for wanted, calls in ((True, data.hits), (False, data.misses)):
        for lines in calls:
            found = any(draft.confidence >= 0.6 for draft in drafts(_call(lines), data, _PARAMS))
            if found is not wanted:
                what = "is not found" if wanted else "is found"
                yield f"rambling.yaml: the {'hit' if wanted else 'miss'} {lines[0]} {what}"


_PARAMS = RamblingParams()


def _call(lines: tuple[str, ...]) -> Call:
    from qc_speech.model import Metadata, Recording, RoleGuess

    utterances = []
    for index, line in enumerate(lines):
        who, _, text = line.partition("：")
        span = Span(5000 * index, 5000 * index + 4000)
        role = Role.AGENT if who == "坐席" else Role.CUSTOMER
        utterances.append(Utterance(index, span, who, role, (Word(span, text, 1.0),)))
    recording = Recording("0", "example", 5000 * len(lines), 8000, 1, Metadata("example"))
    roles = RoleGuess((("坐席", Role.AGENT), ("客户", Role.CUSTOMER)), 1.0)
    return Call(recording, tuple(utterances), (), roles)
