"""Results for other tools: RTTM, WebVTT, CSV and JSON Lines from OUT/calls/*.json."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, TextIO

import pydantic

from qc_speech.errors import QcError, UsageError
from qc_speech.model import CallResult
from qc_speech.result import to_public

FORMATS = ("rttm", "vtt", "csv", "json")

_VOICES = {"agent": "坐席", "customer": "客户", "other": "其他"}
# A cell that starts so is a formula to Excel and LibreOffice; a leading ' makes it a text.
_FORMULA = re.compile(r"^[\s]*[=+\-@＝＋－＠]|^[\t\r\n]")
_FINDING_COLUMNS = (
    *("call_id", "agent_id", "started_at", "scenario", "check", "family", "outcome", "severity"),
    *("speaker", "start", "end", "points", "confidence", "dimension", "clause", "reason", "quote"),
)
_CALL_COLUMNS = (
    *("call_id", "agent_id", "agent_name", "queue", "scenario", "direction", "started_at"),
    *("duration", "ring_seconds", "score", "grade", "critical", "review", "review_reasons"),
    *("violations", "uncertain", "agent_characters_per_minute", "agent_speech_seconds"),
    *("customer_speech_seconds", "interruptions", "rulebook"),
    *("survey_resolved", "survey_attitude", "survey_charged", "survey_score"),
    *("promised", "promise_due"),
)

Result = dict[str, Any]


class _Turn(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(allow_inf_nan=False)
    speaker: str
    start: float
    end: float
    text: str


class _Shape(pydantic.BaseModel):
    """What the formats rely on; everything else of a result is passed through as it is."""

    call_id: str
    turns: list[_Turn]
    findings: list[dict[str, Any]]
    score: dict[str, Any] = {}
    measures: dict[str, Any] = {}
    engine: dict[str, Any] = {}
    answers: list[dict[str, Any]] = []
    promises: list[dict[str, Any]] = []


def export(
    out: Path, fmt: str, dest: Path, results: Iterable[CallResult] | None = None
) -> tuple[Path, ...]:
    """Write the results of OUT (or those given) as `fmt` (one of FORMATS) into the folder `dest`.

    rttm, vtt: one file per call. csv: calls.csv and findings.csv, UTF-8 with BOM. json: calls.jsonl
    (one call per line).
    Each file is written whole or not at all. Raises UsageError if there is nothing to export, and
    QcError naming the damaged results after all others are exported.
    """
    if fmt not in FORMATS:
        raise UsageError(f"--format {fmt}: unknown; use one of {', '.join((*FORMATS, 'labels'))}")
    problems: list[str] = []
    if results is None:
        paths = sorted((out / "calls").glob("*.json"))
        if not paths:
            raise UsageError(
                f"{out / 'calls'}: no results found; run `qc-speech run … --out {out}`"
            )
        public = _results(paths, problems)
    else:
        public = ({**to_public(result), "_stem": result.call_id} for result in results)
    write: dict[str, Callable[[Iterable[Result], Path], tuple[Path, ...]]] = {
        "rttm": lambda results, folder: _each(results, folder, "rttm", rttm),
        "vtt": lambda results, folder: _each(results, folder, "vtt", vtt),
        "csv": _csv,
        "json": _json_lines,
    }
    try:
        dest.mkdir(parents=True, exist_ok=True)
        written = write[fmt](public, dest)
    except OSError as error:
        raise QcError(
            f"{error.filename or dest}: cannot be written ({error.strerror}); check path and space"
        ) from None
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise QcError(f"{problems[0]}{more}; {len(written)} files of the other calls are in {dest}")
    return written


def rttm(result: Result) -> str:
    """The turns as NIST RTTM: one SPEAKER line each, named agent, customer or other. Speakers who
    could not be told apart as parties keep their own labels (S0, S1; ch0, ch1)."""
    uri = _uri(result)
    lines = []
    for turn in _turns(result):
        start, end = _ms(turn["start"]), _ms(turn["end"])
        if end > start:
            name = re.sub(r"\s+", "_", _undecided(result, turn) or turn["speaker"])
            place = f"{start / 1000:.3f} {(end - start) / 1000:.3f}"
            lines.append(f"SPEAKER {uri} 1 {place} <NA> <NA> {name} <NA> <NA>\n")
    return "".join(lines)


def vtt(result: Result) -> str:
    """The turns as WebVTT cues with a voice each; cues of people who talk at once overlap."""
    cues = ["WEBVTT\n"]
    for turn in _turns(result):
        text = " ".join(str(turn["text"]).split())
        if not text:
            continue
        voice = _undecided(result, turn) or _VOICES.get(turn["speaker"], "未知")
        cues.append(cue(_ms(turn["start"]), _ms(turn["end"]), voice, text))
    return "\n".join(cues)


def cell(value: Any) -> Any:
    """A value as a CSV cell: a text that a spreadsheet would run as a formula gets a leading '."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return value
    text = str(value)
    return "'" + text if _FORMULA.search(text) else text


def _results(paths: list[Path], problems: list[str]) -> Iterator[Result]:
    """Results one by one, so that a year of calls needs no memory; damaged ones become lines."""
    for path in paths:
        try:
            data = json.loads(path.read_text(encoding="utf-8-sig"))
            _Shape.model_validate(data)
        except json.JSONDecodeError as error:
            problems.append(f"{path}:{error.lineno}: not JSON; run the call again or remove it")
        except pydantic.ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "file"
            problems.append(f"{path}: {place}: not as in a call result; run the call again")
        except (UnicodeDecodeError, RecursionError):
            problems.append(f"{path}: not UTF-8 JSON; run the call again or remove it")
        else:
            yield {**data, "_stem": path.stem}


def _each(
    results: Iterable[Result], folder: Path, suffix: str, render: Callable[[Result], str]
) -> tuple[Path, ...]:
    written = []
    for result in results:
        target = folder / f"{result['_stem']}.{suffix}"
        with _whole(target) as file:
            file.write(render(result))
        written.append(target)
    return tuple(written)


def _json_lines(results: Iterable[Result], folder: Path) -> tuple[Path, ...]:
    target = folder / "calls.jsonl"
    with _whole(target) as file:
        for result in results:
            plain = {name: value for name, value in result.items() if name != "_stem"}
            line = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
            # These two are line ends to some readers and stand for themselves in JSON.
            file.write(line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029") + "\n")
    return (target,)


def _csv(results: Iterable[Result], folder: Path) -> tuple[Path, ...]:
    calls, findings = folder / "calls.csv", folder / "findings.csv"
    rows: list[Result] = []  # small: one per call; findings are streamed
    with _whole(findings, bom=True) as file:
        table = csv.writer(file)
        table.writerow(_FINDING_COLUMNS)
        for result in results:
            rows.append(_call_row(result))
            for finding in result["findings"]:
                row = {**{name: result.get(name) for name in _FINDING_COLUMNS[:4]}, **finding}
                table.writerow([cell(row.get(name)) for name in _FINDING_COLUMNS])
    dimensions = sorted({name for row in rows for name in row["dimensions"]})
    with _whole(calls, bom=True) as file:
        table = csv.writer(file)
        table.writerow([*_CALL_COLUMNS, *(cell(f"score {name}") for name in dimensions)])
        for row in rows:
            values = [row[name] for name in _CALL_COLUMNS]
            values += [row["dimensions"].get(name) for name in dimensions]
            table.writerow([cell(value) for value in values])
    return calls, findings


def _call_row(result: Result) -> Result:
    score, measures = result.get("score", {}), result.get("measures", {})
    agent, customer = measures.get("agent") or {}, measures.get("customer") or {}
    outcomes = [finding.get("outcome") for finding in result["findings"]]
    checks = [f.get("check") for f in result["findings"] if f.get("outcome") == "violation"]
    row = {name: result.get(name) for name in _CALL_COLUMNS}
    row.update({name: score.get(name) for name in ("grade", "critical", "review")})
    row["score"] = score.get("total")
    row["review_reasons"] = "; ".join(str(reason) for reason in score.get("review_reasons") or ())
    row["violations"] = len(checks)
    row["uncertain"] = outcomes.count("uncertain")
    row["interruptions"] = checks.count("agent_interrupts")
    row["agent_characters_per_minute"] = agent.get("characters_per_minute")
    row["agent_speech_seconds"] = agent.get("speech_seconds")
    row["customer_speech_seconds"] = customer.get("speech_seconds")
    row["rulebook"] = result.get("engine", {}).get("rulebook")
    answered = {a.get("question"): a.get("value") for a in result.get("answers") or ()}
    row.update({name: answered.get(name) for name in _CALL_COLUMNS if name.startswith("survey_")})
    last = (result.get("promises") or [{}])[-1]  # what was promised last stands
    row["promised"], row["promise_due"] = last.get("said"), last.get("due")
    row["dimensions"] = score.get("dimensions") or {}
    return row


@contextmanager
def _whole(target: Path, bom: bool = False) -> Iterator[TextIO]:
    """A file that appears under its name only when it is complete."""
    encoding = "utf-8-sig" if bom else "utf-8"  # Excel reads Chinese only after a BOM
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        # A lone surrogate in a damaged text must not stop the export: errors="replace".
        with temporary.open("w", encoding=encoding, errors="replace", newline="") as file:
            yield file
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _turns(result: Result) -> list[Result]:
    return sorted(result["turns"], key=lambda turn: (turn["start"], turn["end"]))


def _undecided(result: Result, turn: Result) -> str | None:
    """The label of a speaker of whom it is not known which party he is; else None."""
    label = turn.get("speaker_label")
    speakers = (result.get("roles") or {}).get("speakers") or {}
    return str(label) if label and speakers.get(label) == "unknown" else None


def _uri(result: Result) -> str:
    # RTTM fields are parted by blanks, so a name must not hold one.
    return re.sub(r"\s+", "_", result["call_id"].strip()) or "call"


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def cue(start_ms: int, end_ms: int, voice: str, text: str) -> str:
    """One WebVTT cue of a voice; never empty in time."""
    span = f"{_clock(start_ms)} --> {_clock(max(end_ms, start_ms + 1))}"
    return f"{span}\n<v {escape(voice, quote=False)}>{escape(text, quote=False)}</v>\n"


def _clock(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
