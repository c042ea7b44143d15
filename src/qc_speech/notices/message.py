"""A batch's summary as a message. Pure but for the template file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_speech.errors import UsageError
from qc_speech.notices.spec import NotifySpec

SCHEMA = "qc-speech/notice/1"
_TEMPLATES = Path(__file__).with_name("templates")
_FAULTS, _CALLS = 3, 20
_NUMBERS = re.compile(r"\d{5,}")  # a path may hold somebody's number
_COUNTS = ("found", "done", "kept", "duplicates", "quarantined", "refused", "retried", "crashed",
           "waiting", "critical", "review")  # fmt: skip
_VERDICTS = {
    "zh": {"done": "已完成", "until": "到点停止", "stopped": "被中止", "fault": "因故障停止"},
    "en": {"done": "done", "until": "stopped at its deadline", "stopped": "was stopped",
           "fault": "stopped by a fault"},
}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """`figures` are for machines (webhook)."""

    title: str
    text: str
    figures: Mapping[str, Any]


def is_trouble(summary: Mapping[str, Any]) -> bool:
    """Whether somebody should look: faults, quarantine, critical violations, an early end."""
    return bool(
        summary.get("faults")
        or summary.get("quarantined")
        or summary.get("critical")
        or summary.get("ended_by") in ("fault", "stopped")
    )


def message_of(
    summary: Mapping[str, Any], spec: NotifySpec, audit: tuple[int, str] | None = None
) -> Message:
    """The message for one channel. `summary`: as in OUT/batches/*.json. Call ids only if the
    profile asks for them; nothing else of a call is in it. Raises UsageError (bad template)."""
    figures: dict[str, Any] = {name: int(summary.get(name, 0)) for name in _COUNTS}
    figures |= {
        "name": str(summary.get("name", "")),
        "started": str(summary.get("started_at") or "")[:16].replace("T", " "),
        "ended": str(summary.get("ended_at") or "")[:16].replace("T", " "),
        "ended_by": str(summary.get("ended_by") or "done"),
        "sound_hours": round(float(summary.get("sound_seconds", 0.0)) / 3600, 2),
        "faults": [_NUMBERS.sub("…", str(one))[:200] for one in summary.get("faults", ())][
            :_FAULTS
        ],
        "link": spec.link,
        "audit": f"{audit[0]}:{audit[1][:16]}" if audit else "",
        "calls": list(summary.get("critical_calls", ()))[:_CALLS] if spec.call_ids else [],
    }
    verdicts = _VERDICTS[spec.language]
    shown = {**figures, "verdict": verdicts.get(figures["ended_by"], figures["ended_by"])}
    title, _, text = _rendered(spec, shown).strip().partition("\n")
    return Message(title.strip(), re.sub(r"\n{3,}", "\n\n", text).strip(), figures)


def _rendered(spec: NotifySpec, values: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    path = Path(spec.template) if spec.template else _TEMPLATES / f"{spec.language}.txt"
    try:
        environment = SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        return environment.from_string(path.read_text(encoding="utf-8")).render(values)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UsageError(f"notify: template {path}: cannot be read ({reason})") from None
    except TemplateError as error:
        raise UsageError(f"notify: template {path}: {error}; correct it") from None
