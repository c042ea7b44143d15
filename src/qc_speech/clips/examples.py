"""What can be heard in one call: an example for each finding that has a place, and each utterance.

Pure: from a stored result. Personal data is masked before anything is kept.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence

from qc_speech.clips.cutting import sentences
from qc_speech.clips.guard import secrets
from qc_speech.clips.redaction import lines as spoken_lines
from qc_speech.clips.redaction import stretches as hidden_stretches
from qc_speech.clips.values import UTTERANCE, Example, Hidden, Recipe
from qc_speech.model import (
    CallResult,
    Finding,
    Outcome,
    Role,
    Span,
    Utterance,
)
from qc_speech.rules.absence import AbsenceFile
from qc_speech.rules.kind import Context
from qc_speech.rules.lexicons import Lexicons
from qc_speech.rules.situations import occurrences
from qc_speech.text.normalize import normalize

_LEAST_CHARACTERS = 4  # an utterance of fewer says nothing worth finding
_MOOD_BEFORE_MS, _MOOD_AFTER_MS = 60_000, 15_000


def examples(
    result: CallResult, findings: Sequence[Finding], lexicons: Lexicons, places: AbsenceFile
) -> tuple[Example, ...]:
    """All examples of a call. findings: the settled ones."""
    call = result.call
    if not call.utterances:
        return ()
    upset = _upset(result, lexicons, places)
    everything = Span(0, max(call.recording.duration_ms, call.utterances[-1].span.end_ms))
    hidden = hidden_stretches(secrets(result, Recipe()), everything)
    made = [
        _example(result, finding, span, role, upset, hidden)
        for finding in findings
        for span, role in _places(result, finding, upset, places)
    ]
    made += [
        _example(result, None, _span(one), one.role, upset, hidden)
        for one in call.utterances
        if one.role in (Role.AGENT, Role.CUSTOMER) and len(normalize(one.text)) >= _LEAST_CHARACTERS
    ]
    return tuple({one.id: one for one in made if one.text}.values())


def _span(utterance: Utterance) -> Span:
    words = utterance.words
    return Span(words[0].span.start_ms, max(word.span.end_ms for word in words))


def _places(
    result: CallResult, finding: Finding, upset: Sequence[Span], places: AbsenceFile
) -> Iterator[tuple[Span, Role]]:
    """Where a finding can be heard; what is missing, where it should have been."""
    if finding.evidence is not None:
        place = finding.evidence
        if finding.outcome is not Outcome.NOT_APPLICABLE and place.span.duration_ms > 0:
            yield place.span, place.speaker or Role.AGENT
        return
    agent = [one for one in result.call.by_role(Role.AGENT) if one.words]
    if finding.outcome is not Outcome.VIOLATION or not agent:
        return
    if finding.check in places.opening:
        yield _span(agent[0]), Role.AGENT
    elif finding.check in places.closing:
        yield _span(agent[-1]), Role.AGENT
    elif finding.check in places.after_upset and upset:
        after = [one for one in agent if one.span.end_ms > upset[0].end_ms]
        if after:
            yield _span(after[0]), Role.AGENT


def _upset(result: CallResult, lexicons: Lexicons, places: AbsenceFile) -> list[Span]:
    """Where the customer is heard to be upset: by the words, or by the voice."""
    found = [strain.span for strain in result.measures.strains]
    ctx = Context(result.call, result.measures, result.scenario, lexicons)
    for name in places.upset:
        if name in lexicons.situations:
            found += [
                one.span
                for one in occurrences(ctx, lexicons.situations[name])
                if one.role is Role.CUSTOMER
            ]
    return sorted(found)


def _example(
    result: CallResult,
    finding: Finding | None,
    span: Span,
    role: Role,
    upset: Sequence[Span],
    hidden: Sequence[Hidden],
) -> Example:
    call = result.call
    meta = call.recording.metadata
    spoken = [one for one in call.utterances if one.role is role and one.span & span]
    around = Span(max(0, span.start_ms - _MOOD_AFTER_MS), span.end_ms + _MOOD_BEFORE_MS)
    mood = any(one.end_ms + _MOOD_BEFORE_MS >= span.start_ms and one & around for one in upset)
    party = result.measures.party(role)
    snr = (party.snr_db if party else None) or result.measures.snr_db
    return Example(
        id=example_id(result.call_id, finding.check if finding else UTTERANCE, span),
        call_id=result.call_id,
        recording_id=call.recording.id,
        check=finding.check if finding else UTTERANCE,
        family=finding.family if finding else "",
        outcome=finding.outcome.value if finding else "",
        confidence=finding.confidence if finding else _heard(spoken),
        role=role,
        span=span,
        text=_text(result, span, role, hidden),
        scenario=result.scenario,
        agent_id=meta.agent_id,
        started_at=meta.started_at,
        mood="upset" if mood else "calm",
        snr_db=snr,
        clean=cleanness(result, span, role, snr, _heard(spoken)),
        points=finding.points if finding else 0.0,
    )


def example_id(call_id: str, check: str, span: Span) -> str:
    """The same for the same thing, whenever it is indexed."""
    text = f"{call_id}\0{check}\0{span.start_ms}\0{span.end_ms}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _heard(spoken: Sequence[Utterance]) -> float:
    return sum(one.confidence for one in spoken) / len(spoken) if spoken else 0.0


def _text(result: CallResult, span: Span, role: Role, hidden: Sequence[Hidden]) -> str:
    """The sentences that a span lies in, masked."""
    parts = [
        part.span
        for one in result.call.utterances
        if one.role is role
        for part in sentences(one)
        if part.span.overlap_ms(span) * 3 > min(part.span.duration_ms, span.duration_ms)
    ]
    whole = Span(min(s.start_ms for s in parts), max(s.end_ms for s in parts)) if parts else span
    said = spoken_lines(result.call, whole, hidden, Recipe(parties="both"), ())
    return "".join(line.text for line in said if line.role is role).strip()


def cleanness(
    result: CallResult, span: Span, role: Role, snr_db: float | None, heard: float
) -> float:
    """How well a stretch can be heard, 0..1: line quality, how surely it was recognized, whether
    others speak at once, clipping (geometric mean, so that one fault cannot be made up for)."""
    others = [turn.span for turn in result.call.turns if result.call.roles.of(turn.speaker) != role]
    size = max(1, span.duration_ms)
    free = 1 - min(1.0, sum(span.overlap_ms(other) for other in others) / size)
    party = result.measures.party(role)
    clipped = (party.clipped_share if party else None) or 0.0
    line = 0.5 if snr_db is None else min(1.0, max(0.05, (snr_db - 3) / 22))
    parts = (line, max(0.05, heard), max(0.05, free), max(0.05, 1 - 20 * clipped))
    return round(math.prod(parts) ** (1 / len(parts)), 4)
