"""A clip as files: sound, WebVTT, what was hidden."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qc_speech.batch import write_atomically
from qc_speech.clips import sound
from qc_speech.clips.rendering import REMAINS
from qc_speech.clips.values import Line, RedactionReport, Rendered
from qc_speech.errors import QcError
from qc_speech.export import cue
from qc_speech.report.labels import label


def shown(text: str) -> str:
    """Masks named in Chinese: ［phone］ -> ［电话］."""
    out, rest = "", text
    while "［" in rest:
        before, _, rest = rest.partition("［")
        kinds, closed, rest = rest.partition("］")
        out += before + "［" + "、".join(label("hidden", kind)[0] for kind in kinds.split("+"))
        out += "］" if closed else ""
    return out + rest


def vtt(lines: Sequence[Line]) -> str:
    """A clip's lines as WebVTT cues with a voice each."""
    cues = ["WEBVTT\n"]
    for line in lines:
        voice = label("roles", line.role.value)[0]
        cues.append(cue(line.span.start_ms, line.span.end_ms, voice, shown(line.text)))
    return "\n".join(cues)


def report_json(report: RedactionReport) -> dict[str, Any]:
    """A redaction report for people and programs: times in seconds of the clip, never words."""
    return {
        "hidden": [
            {
                "start": one.span.start_ms / 1000,
                "end": one.span.end_ms / 1000,
                "why": one.why.split("+"),
                "how": one.how,
            }
            for one in report.hidden
        ],
        "heard_again": report.rounds,
        "clean": report.clean,
        "may_remain": {code: REMAINS[code] for code in report.notes},
    }


def write_clip(rendered: Rendered, folder: Path, name: str, fmt: str) -> Path:
    """NAME.wav (or .mp3), NAME.vtt and NAME.json in a folder; returns the first. Raises QcError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{name}.{fmt}"
        put(path, sound.ENCODERS[fmt](rendered.samples))
        put(folder / f"{name}.vtt", vtt(rendered.lines).encode())
        report = json.dumps(report_json(rendered.report), ensure_ascii=False, indent=1)
        put(folder / f"{name}.json", report.encode())
    except OSError as error:
        raise QcError(
            f"{folder}: cannot be written ({error.strerror}); check path and space"
        ) from None
    return path


def put(path: Path, data: bytes) -> None:
    write_atomically(path, lambda stream: stream.write(data))
