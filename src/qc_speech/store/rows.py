"""Values of the program as rows of the tables, and payloads as bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from qc_speech import vault
from qc_speech.codec import to_json
from qc_speech.model import CallResult, Finding, Outcome, Review, Role, Settled, Span
from qc_speech.reviews import risk

# What decoding a damaged payload raises.
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, StopIteration, zlib.error)


def pack(payload: Any) -> bytes:
    """A JSON value as the tables keep it: sealed, if a key is configured."""
    packed = zlib.compress(json_bytes(payload), 6)
    key = vault.configured()
    return key.seal(packed) if key else packed


def unpack(packed: bytes) -> Any:
    """The value that `pack` wrote. Raises one of DAMAGED, or UsageError without its key."""
    if vault.is_sealed(packed):
        packed = vault.needed().open(packed)
    return json_value(zlib.decompress(packed))


def json_bytes(value: Any) -> bytes:
    """A JSON value in short form. A file name that is not UTF-8 must not cost the call."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def json_value(data: bytes) -> Any:
    """The value that `json_bytes` wrote."""
    return json.loads(data.decode("utf-8", "surrogatepass"))


def plain(value: str) -> str:
    """A text that every database takes: no lone surrogates, no NUL."""
    return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: str | None) -> str | None:
    return None if value is None else plain(value)


def recording_row(result: CallResult) -> dict[str, Any]:
    recording = result.call.recording
    return {
        "id": recording.id,
        "source_name": plain(recording.source_name),
        "duration_ms": recording.duration_ms,
        "sample_rate_hz": recording.sample_rate_hz,
        "channels": recording.channels,
    }


def result_row(result: CallResult, settled: Settled, inspected_at: datetime) -> dict[str, Any]:
    """A row of `results`. `inspected_at` counts for a call that is new."""
    meta, measures = result.call.recording.metadata, result.measures
    agent, customer = measures.party(Role.AGENT), measures.party(Role.CUSTOMER)
    return {
        "call_id": plain(result.call_id),
        "recording_id": result.call.recording.id,
        "agent_id": _plain(meta.agent_id),
        "scenario": result.scenario,
        "started_at": meta.started_at,
        "total": result.score.total,
        "grade": result.score.grade,
        "critical": result.score.critical,
        "review": result.score.review,
        "rulebook": result.rulebook,
        "payload": pack(to_json(result)),
        "agent_name": _plain(meta.agent_name),
        "team": _plain(meta.team),
        "queue": _plain(meta.queue),
        "direction": _plain(meta.direction),
        "duration_ms": result.call.recording.duration_ms,
        "agent_talk_ms": agent.speech_ms if agent else None,
        "customer_talk_ms": customer.speech_ms if customer else None,
        "snr_db": measures.snr_db,
        "mandarin_share": agent.mandarin_share if agent else None,
        "inspected_at": inspected_at,
        **settled_values(settled),
    }


def settled_values(settled: Settled) -> dict[str, Any]:
    """The columns of `results` that people's verdicts change."""
    return {
        "risk": risk(settled),
        "settled_total": settled.score.total,
        "settled_grade": settled.score.grade,
        "settled_critical": settled.score.critical,
        "settled_review": settled.score.review,
        "reviewed_at": max((review.at for review in settled.reviewed), default=None),
    }


def finding_rows(
    of_call: Mapping[str, Any], result: CallResult, settled: Settled
) -> list[dict[str, Any]]:
    """The machine's findings as rows of `findings`, each with what counts. `of_call`: call_id,
    agent_id and started_at of the call."""
    return [
        {
            **_finding_row(of_call, n, finding),
            "outcome": finding.outcome.value,
            "points": finding.points,
            "confidence": finding.confidence,
            **settled_finding(counts),
            "added": False,
        }
        for n, (finding, counts) in enumerate(zip(result.findings, settled.findings))
    ]


def added_rows(of_call: Mapping[str, Any], settled: Settled, machine: int) -> list[dict[str, Any]]:
    """The misses that people added, numbered on from the `machine` findings of the call."""
    return [
        {
            **_finding_row(of_call, n, finding),
            "outcome": Outcome.NOT_APPLICABLE.value,
            "points": 0.0,
            "confidence": finding.confidence,
            **settled_finding(finding),
            "added": True,
        }
        for n, finding in enumerate(settled.findings[machine:], machine)
    ]


def settled_finding(finding: Finding) -> dict[str, Any]:
    """The columns of `findings` that people's verdicts change."""
    return {"settled_outcome": finding.outcome.value, "settled_points": finding.points}


def _finding_row(of_call: Mapping[str, Any], n: int, finding: Finding) -> dict[str, Any]:
    place = finding.evidence
    return {
        **of_call,
        "n": n,
        "check": finding.check,
        "family": finding.family,
        "severity": finding.severity.value,
        "start_ms": place.span.start_ms if place else None,
        "end_ms": place.span.end_ms if place else None,
        "speaker": place.speaker.value if place and place.speaker else None,
        "clause": finding.clause,
        "dimension": finding.dimension,
    }


def review_row(review: Review) -> dict[str, Any]:
    return {
        "id": plain(review.id),
        "call_id": plain(review.call_id),
        "check": review.check,
        "start_ms": review.span.start_ms if review.span else None,
        "end_ms": review.span.end_ms if review.span else None,
        "outcome": review.outcome.value,
        "machine": review.machine.value if review.machine else None,
        "reviewer": plain(review.reviewer),
        "at": review.at,
        "purpose": review.purpose,
        "note": plain(review.note),
        "withdrawn": review.withdrawn,
    }


def review_of(row: Mapping[str, Any]) -> Review:
    """The verdict in a row of `reviews`."""
    given = {name: row[name] for name in ("id", "call_id", "check", "reviewer", "at", "purpose")}
    return Review(
        **given,
        span=None if row["start_ms"] is None else Span(row["start_ms"], row["end_ms"]),
        outcome=Outcome(row["outcome"]),
        machine=None if row["machine"] is None else Outcome(row["machine"]),
        note=row["note"],
        withdrawn=row["withdrawn"],
    )
