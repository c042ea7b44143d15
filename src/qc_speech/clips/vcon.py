"""A whole call as a vCon, the IETF's container for conversations (draft-ietf-vcon-vcon-core-04).

Written by the draft and not by the `vcon` library, whose releases for this draft need Python 3.12.
The unsigned form: who sends it to others signs it (section 5.2).
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import datetime, timezone
from typing import Any

from qc_speech import __version__
from qc_speech.clips import sound
from qc_speech.clips.files import report_json, shown
from qc_speech.clips.values import Rendered
from qc_speech.model import CallResult, Role
from qc_speech.ports import SAMPLE_RATE_HZ
from qc_speech.result import seconds

SYNTAX = "0.4.0"
_PARTIES = (Role.AGENT, Role.CUSTOMER, Role.OTHER)
_SPACE = uuid.UUID("6a1a9f0e-3b5c-5d0a-9a3e-0d4b7f6f2c11")  # names calls of this program


def vcon(result: CallResult, rendered: Rendered, now: datetime, *, shared: bool) -> dict[str, Any]:
    """A call that personal data was taken out of (rendering.render_call). now: UTC. shared: the
    agent's id stays out too. Raises nothing."""
    meta = result.call.recording.metadata
    started = _date(meta.started_at.astimezone()) if meta.started_at else _date(now)
    agent: dict[str, Any] = {"role": "agent"}
    if meta.agent_id and not shared:
        agent["name"] = meta.agent_id
        agent["validation"] = "none"
    mp3 = sound.mp3(rendered.samples)
    return {
        "vcon": SYNTAX,
        "uuid": _uuid(now),
        "created_at": _date(now),
        "redacted": {
            "uuid": str(uuid.uuid5(_SPACE, result.call.recording.id)),
            "type": "PII",
        },
        "parties": [agent, {"role": "customer"}, {"role": "other"}],
        "dialog": [
            {
                "type": "recording",
                "start": started,
                "duration": round(rendered.samples.shape[1] / SAMPLE_RATE_HZ, 3),
                "parties": _rows(result, len(rendered.samples)),
                "originator": 1 if meta.direction == "inbound" else 0,
                "mediatype": "audio/x-mp3",
                "filename": f"{hashlib.sha256(result.call_id.encode()).hexdigest()[:12]}.mp3",
                "body": _base64url(mp3),
                "encoding": "base64url",
                "content_hash": _hash(mp3),
            }
        ],
        "analysis": [
            _analysis("transcript", _transcript(rendered)),
            _analysis("quality", _quality(result)),
            _analysis("redaction", report_json(rendered.report)),
        ],
        "attachments": [],
    }


def _rows(result: CallResult, rows: int) -> list[Any]:
    """Which parties each channel of the recording holds, as indices."""
    if rows == 1:
        return [0, 1]
    roles = [result.call.roles.of(f"ch{n}") for n in range(rows)]
    return [_PARTIES.index(role) if role in _PARTIES else [0, 1] for role in roles]


def _analysis(kind: str, body: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "dialog": 0,
        "vendor": "qc-speech",
        "product": __version__,
        "schema": f"qc-speech/{kind}/1",
        "mediatype": "application/json",
        "body": body,
        "encoding": "json",
    }


def _transcript(rendered: Rendered) -> list[dict[str, Any]]:
    return [
        {
            "party": _PARTIES.index(line.role) if line.role in _PARTIES else None,
            "start": seconds(line.span.start_ms),
            "end": seconds(line.span.end_ms),
            "text": shown(line.text),
        }
        for line in rendered.lines
    ]


def _quality(result: CallResult) -> dict[str, Any]:
    """Findings without quotes: those hold what was said."""
    return {
        "rulebook": result.rulebook,
        "score": result.score.total,
        "findings": [
            {
                "check": finding.check,
                "outcome": finding.outcome.value,
                "confidence": round(finding.confidence, 3),
                "points": finding.points,
                "clause": finding.clause,
                "start": seconds(place.span.start_ms) if (place := finding.evidence) else None,
                "end": seconds(place.span.end_ms) if place else None,
            }
            for finding in result.findings
        ],
    }


def _uuid(now: datetime) -> str:
    """A version 8 UUID as the draft wants it: the time as in version 7, then a hash of the name."""
    ms = int(now.replace(tzinfo=timezone.utc).timestamp() * 1000) & ((1 << 48) - 1)
    name = int.from_bytes(hashlib.sha1(b"qc-speech.invalid").digest()[:8], "big") >> 2
    random = uuid.uuid4().int & 0xFFF
    value = (ms << 80) | (8 << 76) | (random << 64) | (0b10 << 62) | name
    return str(uuid.UUID(int=value))


def _date(moment: datetime) -> str:
    """RFC 3339; a time without a zone is UTC."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return zoned.isoformat(timespec="milliseconds")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _hash(data: bytes) -> str:
    return "sha512-" + _base64url(hashlib.sha512(data).digest())
