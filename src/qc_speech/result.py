"""The published JSON of one inspected call (schema qc-speech/call-result/1). Seconds outside."""

from __future__ import annotations

from typing import Any

from qc_speech.model import CallResult, Finding, PartyMeasures, Role, Span, Utterance

SCHEMA = "qc-speech/call-result/1"


def seconds(ms: int) -> float:
    return round(ms / 1000, 3)


def to_public(result: CallResult) -> dict[str, Any]:
    """The result as the published schema has it; readers outside the project rely on the names."""
    call, meta = result.call, result.call.recording.metadata
    measures = result.measures
    parties = {party.role: party for party in measures.parties}
    return {
        "schema": SCHEMA,
        "call_id": meta.call_id,
        "agent_id": meta.agent_id or "unknown",
        "agent_name": meta.agent_name,
        "queue": meta.queue,
        "scenario": result.scenario,
        "scenario_confidence": round(result.scenario_confidence, 3),
        "direction": meta.direction,
        "started_at": meta.started_at.isoformat() if meta.started_at else None,
        "duration": seconds(call.recording.duration_ms),
        "ring_seconds": None if meta.ring_ms is None else meta.ring_ms / 1000,
        "source": call.recording.source_name,
        "recording_id": call.recording.id,
        "channels": call.recording.channels,
        "warnings": list(call.recording.warnings),
        "engine": _engine(result),
        "roles": {
            "confidence": round(call.roles.confidence, 3),
            "speakers": {speaker: role.value for speaker, role in call.roles.roles},
            "evidence": list(call.roles.evidence),
        },
        "turns": [_turn(utterance) for utterance in call.utterances],
        "measures": {
            **{role.value: _party(parties[role]) for role in parties},
            "silences": [
                {**_span(s.span), "after": s.after.value if s.after else None}
                for s in measures.silences
            ],
            "overlaps": [
                {
                    **_span(o.span),
                    "first": o.first.value,
                    "second": o.second.value,
                    "kind": o.kind,
                    "confidence": round(o.confidence, 3),
                    "yielded": o.yielded,
                }
                for o in measures.overlaps
            ],
            "tail_seconds": None if measures.tail_ms is None else seconds(measures.tail_ms),
            "snr_db": measures.snr_db,
        },
        "findings": [_finding(finding) for finding in result.findings],
        "score": {
            "total": result.score.total,
            "dimensions": dict(result.score.dimensions),
            "critical": result.score.critical,
            "grade": result.score.grade,
            "review": result.score.review,
            "review_reasons": list(result.score.review_reasons),
        },
    }


def _engine(result: CallResult) -> dict[str, str]:
    engine = {"rulebook": result.rulebook, "qc_speech": result.qc_speech_version}
    for name, stamp in zip(("asr", "diarizer"), result.call.stamps):
        engine[name] = f"{stamp} {stamp.options}"
    return engine


def _span(span: Span) -> dict[str, float]:
    return {"start": seconds(span.start_ms), "end": seconds(span.end_ms)}


def _turn(utterance: Utterance) -> dict[str, Any]:
    return {
        "speaker": utterance.role.value,
        "speaker_label": utterance.speaker,
        **_span(utterance.span),
        "text": utterance.text,
        "language": utterance.language,
        "confidence": round(utterance.confidence, 3),
        "words": [
            {
                "text": word.text,
                **_span(word.span),
                "confidence": None if word.confidence is None else round(word.confidence, 3),
            }
            for word in utterance.words
        ],
    }


def _party(party: PartyMeasures) -> dict[str, Any]:
    return {
        "speech_seconds": seconds(party.speech_ms),
        "characters": party.characters,
        "characters_per_minute": party.characters_per_minute,
        "mandarin_share": party.mandarin_share,
        "loudness_dbfs": party.loudness_dbfs,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.evidence
    return {
        "check": finding.check,
        "family": finding.family,
        "outcome": finding.outcome.value,
        "speaker": (place.speaker or Role.UNKNOWN).value if place else None,
        "start": seconds(place.span.start_ms) if place else None,
        "end": seconds(place.span.end_ms) if place else None,
        "quote": place.quote if place else "",
        "points": finding.points,
        "confidence": round(finding.confidence, 3),
        "severity": finding.severity.value,
        "dimension": finding.dimension,
        "clause": finding.clause,
        "reason": finding.reason,
    }
