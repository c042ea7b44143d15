"""The published JSON of one inspected call (schema qc-speech/call-result/1). Seconds outside."""

from __future__ import annotations

from typing import Any

from qc_speech.model import (
    CallResult,
    Evidence,
    Finding,
    FloorMeasures,
    Overlap,
    PartyFloor,
    PartyMeasures,
    Promise,
    Role,
    Span,
    SurveyAnswer,
    Track,
    Utterance,
    UtteranceMeasures,
)

SCHEMA = "qc-speech/call-result/1"


def seconds(ms: int) -> float:
    return round(ms / 1000, 3)


def to_public(result: CallResult) -> dict[str, Any]:
    """The result as the published schema has it; readers outside the project rely on the names."""
    call, meta = result.call, result.call.recording.metadata
    measures = result.measures
    # What two undecided speakers measure together says nothing of either party.
    parties = {p.role: p for p in measures.parties if p.role is not Role.UNKNOWN}
    return {
        "schema": SCHEMA,
        "call_id": meta.call_id,
        "agent_id": meta.agent_id or "unknown",
        "agent_name": meta.agent_name,
        "team": meta.team,
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
            "doubts": list(call.roles.doubts),
        },
        "turns": [_turn(utterance) for utterance in call.utterances],
        "measures": {
            **{role.value: _party(parties[role]) for role in parties},
            "silences": [
                {
                    **_span(s.span),
                    "after": _party_name(s.after),
                    "before": _party_name(s.before),
                    "cause": s.cause,
                    "quiet": s.quiet,
                }
                for s in measures.silences
            ],
            "overlaps": [_overlap(overlap) for overlap in measures.overlaps],
            "floor": None if measures.floor is None else _floor(measures.floor),
            "tail_seconds": None if measures.tail_ms is None else seconds(measures.tail_ms),
            "snr_db": measures.snr_db,
            "utterances": [
                _utterance(call.utterances[m.index], m)
                for m in measures.utterances
                if m.index < len(call.utterances)
            ],
            "tracks": [_track(track) for track in measures.tracks],
            "strains": [
                {
                    **_span(s.span),
                    "customer_above_normal_db": s.customer_db,
                    "agent_above_normal_db": s.agent_db,
                    "agent_calm": s.calm,
                }
                for s in measures.strains
            ],
        },
        "findings": [_finding(finding) for finding in result.findings],
        "answers": [_answer(answer) for answer in result.answers],
        "promises": [_promise(promise) for promise in result.promises],
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


def _party_name(role: Role | None) -> str | None:
    """agent, customer or other. Who could not be told apart is neither party, so `other`; that
    it is a doubt stands in `roles` (confidence, the speaker as unknown) and in the review."""
    if role is None:
        return None
    return str(Role.OTHER.value if role is Role.UNKNOWN else role.value)


def _span(span: Span) -> dict[str, float]:
    return {"start": seconds(span.start_ms), "end": seconds(span.end_ms)}


def _turn(utterance: Utterance) -> dict[str, Any]:
    return {
        "speaker": _party_name(utterance.role),
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
        "articulation_characters_per_minute": party.articulation_per_minute,
        "fastest_characters_per_minute": party.fastest_per_minute,
        "slowest_characters_per_minute": party.slowest_per_minute,
        "mandarin_share": party.mandarin_share,
        "loudness_dbfs": party.loudness_dbfs,
        "loudness_lufs": party.loudness_lufs,
        "loudness_rise_db": party.loudness_rise_db,
        "pitch_hz": party.pitch_hz,
        "pitch_spread_semitones": party.pitch_spread_semitones,
        "pitch_range_semitones": party.pitch_range_semitones,
        "pitch_rise_semitones": party.pitch_rise_semitones,
        "snr_db": party.snr_db,
        "clipped_share": party.clipped_share,
        "cut_outs": party.cut_outs,
    }


def _utterance(utterance: Utterance, measured: UtteranceMeasures) -> dict[str, Any]:
    """How one turn was said; `turn` is its place in `turns`."""
    return {
        "turn": measured.index,
        **_span(utterance.span),
        "characters": measured.characters,
        "speech_seconds": seconds(measured.speech_ms),
        "characters_per_minute": measured.characters_per_minute,
        "articulation_characters_per_minute": measured.articulation_per_minute,
        "nuclei_per_minute": measured.nuclei_per_minute,
        "loudness_dbfs": measured.loudness_dbfs,
        "loudness_lufs": measured.loudness_lufs,
        "above_normal_db": measured.above_normal_db,
        "pitch_hz": measured.pitch_hz,
        "foreign_share": measured.foreign_share,
        "digit_share": measured.digit_share,
        "dialect": list(measured.dialect),
        "dialect_doubtful": list(measured.dialect_doubtful),
    }


def _track(track: Track) -> dict[str, Any]:
    return {
        "speaker": track.role.value,
        "step_seconds": seconds(track.step_ms),
        "loudness_lufs": list(track.loudness_lufs),
        "characters_per_minute": list(track.characters_per_minute),
    }


def _answer(answer: SurveyAnswer) -> dict[str, Any]:
    """`value` is a number for survey_score, else a word; null: asked, but not understood."""
    number = answer.question == "survey_score" and answer.value is not None
    return {
        "question": answer.question,
        "value": float(answer.value or 0) if number else answer.value,
        "confidence": round(answer.confidence, 3),
        **_place(answer.evidence),
    }


def _promise(promise: Promise) -> dict[str, Any]:
    """`due` is the latest moment that the words mean (ISO 8601); null: it cannot be told."""
    return {
        "said": promise.said,
        "due": promise.due.isoformat() if promise.due else None,
        "confidence": round(promise.confidence, 3),
        **_place(promise.evidence),
    }


def _place(place: Evidence) -> dict[str, Any]:
    speaker = _party_name(place.speaker or Role.UNKNOWN)
    return {"speaker": speaker, **_span(place.span), "quote": place.quote}


def _overlap(overlap: Overlap) -> dict[str, Any]:
    return {
        **_span(overlap.span),
        "first": _party_name(overlap.first),
        "second": _party_name(overlap.second),
        "kind": overlap.kind,
        "form": overlap.form,
        "confidence": round(overlap.confidence, 3),
        "yielded": overlap.yielded,
        "talk_seconds": seconds(overlap.talk_ms),
    }


def _floor(floor: FloorMeasures) -> dict[str, Any]:
    """Turn-taking: counts, rates per minute of talk, latencies and shares."""
    end = floor.hang_up
    return {
        **{party.role.value: _party_floor(party) for party in floor.parties},
        "agent_share": floor.agent_share,
        "silence_share": floor.silence_share,
        "overlap_share": floor.overlap_share,
        "longest_silence_seconds": seconds(floor.longest_silence_ms),
        "silent_interruptions": [_overlap(overlap) for overlap in floor.silent],
        "hang_up": {
            "by": _party_name(end.by),
            "confidence": end.confidence,
            "evidence": end.evidence,
            "last_speaker": _party_name(end.last_speaker),
        },
        "channel_skew_seconds": seconds(floor.channel_skew_ms),
        "rings": floor.rings,
        "rings_seconds": None if floor.ring_ms is None else seconds(floor.ring_ms),
    }


def _party_floor(party: PartyFloor) -> dict[str, Any]:
    answers = party.response
    return {
        "talk_seconds": seconds(party.talk_ms),
        "turns": party.turns,
        "longest_talk_seconds": seconds(party.longest_ms),
        "interruptions": party.interruptions,
        "interruptions_successful": party.successful,
        "interruptions_per_minute": party.interruptions_per_minute,
        "backchannels": party.backchannels,
        "response_latency": {
            "count": answers.count,
            **{
                f"{name}_seconds": None if value is None else seconds(value)
                for name, value in (
                    ("median", answers.median_ms),
                    ("p90", answers.p90_ms),
                    ("longest", answers.longest_ms),
                )
            },
        },
    }


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.evidence
    return {
        "check": finding.check,
        "family": finding.family,
        "outcome": finding.outcome.value,
        "speaker": _party_name(place.speaker or Role.UNKNOWN) if place else None,
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
