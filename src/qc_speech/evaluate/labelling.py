"""A labelled set from people's work: calls that somebody heard whole, as `qc-speech eval` reads
them. What people corrected stands in the text; what they did not touch stands as it was heard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_speech.batch import write_private
from qc_speech.errors import QcError
from qc_speech.evaluate.files import LabelledCall, read_label
from qc_speech.evaluate.truth import Scope, truths
from qc_speech.model import CallResult, Finding, Outcome, Role, Settled, Utterance
from qc_speech.pipeline import Rules
from qc_speech.result import seconds
from qc_speech.reviews import WHOLE_CALL, settle
from qc_speech.settling import book_of
from qc_speech.store.notes import Note, notes
from qc_speech.store.sql import SqlStore

_OUTBOUND = ("callback_survey", "outbound_sales")


@dataclass(frozen=True)
class LeftOut:
    """A call that somebody heard whole and that still cannot be a label, and why."""

    call_id: str
    why: str


def write_labels(store: SqlStore, rules: Rules, folder: Path) -> tuple[int, tuple[LeftOut, ...]]:
    """Write FOLDER/<call_id>.json for every call that can be a label; returns how many, and the
    calls that were left out. Raises StoreError, UsageError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written, left = 0, []
    for result, settled in _heard_whole(store, rules):
        path = folder / f"{result.call_id}.json"
        label = label_of(result, settled, notes(store, result.call_id))
        why = _doubt(label, settled)
        if why is None:
            text = json.dumps(label, ensure_ascii=False, indent=1) + "\n"
            lies = write_private(path, text.encode("utf-8"))
            why = _unfit(lies, settled) if lies == path else None
            if why is not None:
                path.unlink()
        if why is None:
            written += 1
        else:
            left.append(LeftOut(result.call_id, why))
    return written, tuple(left)


def _heard_whole(store: SqlStore, rules: Rules) -> Iterator[tuple[CallResult, Settled]]:
    calls = {one.call_id for one in store.reviews() if one.check == WHOLE_CALL}
    for call_id in sorted(calls):
        result = store.result(call_id)
        if result is None:
            continue
        settled = settle(result, tuple(store.reviews(call_id)), book_of(result, rules.rulebooks))
        if any(review.check == WHOLE_CALL for review in settled.reviewed):
            yield result, settled


def label_of(result: CallResult, settled: Settled, said: Sequence[Note]) -> dict[str, Any]:
    """One label: turns with their true texts, speakers and the phrases said in them, and which
    violations there are. `clean`: what the machine charged and a person took back."""
    meta = result.call.recording.metadata
    tags = _tags(result.call.utterances, settled.findings)
    corrected = [note for note in said if not note.withdrawn]
    return {
        "id": result.call_id,
        "scenario": result.scenario,
        "direction": meta.direction or ("outbound" if result.scenario in _OUTBOUND else "inbound"),
        "ring_seconds": (meta.ring_ms or 0) / 1000,
        "started_at": meta.started_at.isoformat() if meta.started_at else "",
        "channels": "stereo" if result.call.recording.channels == 2 else "mono",
        "seconds": seconds(result.call.recording.duration_ms),
        "turns": [
            {
                "who": _who(one, corrected),
                "spoken": _text(one, corrected),
                "start": seconds(one.span.start_ms),
                "end": seconds(one.span.end_ms),
                "tags": sorted(tags.get(one.index, ())),
            }
            for one in result.call.utterances
        ],
        "expect": {
            "violations": sorted({_code(f) for f in settled.findings if _is_violation(f)}),
            "clean": sorted(
                {
                    _code(settled.findings[n])
                    for n in settled.judged
                    if n < len(result.findings)
                    and _is_violation(result.findings[n])
                    and settled.findings[n].outcome is Outcome.PASS
                }
                - {_code(f) for f in settled.findings if _is_violation(f)}
            ),
        },
    }


def _is_violation(finding: Finding) -> bool:
    return finding.outcome is Outcome.VIOLATION


def _code(finding: Finding) -> str:
    return f"{finding.check}_missing" if finding.family == "phrase" else finding.check


def _tags(utterances: Sequence[Utterance], findings: Sequence[Finding]) -> dict[int, set[str]]:
    """Which phrases an utterance says: passed phrase checks, by where they were found."""
    tags: dict[int, set[str]] = {}
    agent = [one for one in utterances if one.role is Role.AGENT]
    for finding in findings:
        if finding.family != "phrase" or finding.outcome is not Outcome.PASS or not agent:
            continue
        span = finding.evidence.span if finding.evidence else None
        own = max(agent, key=lambda one: one.span.overlap_ms(span) if span else 0)
        tags.setdefault(own.index, set()).add(finding.check)
    return tags


def _who(one: Utterance, said: Sequence[Note]) -> str:
    role: str = one.role.value
    for note in said:  # a line's own correction outweighs that of the whole voice
        if note.kind == "speaker" and note.speaker == one.speaker:
            role = note.value
    for note in said:
        if note.kind == "role" and note.span == one.span and note.speaker == one.speaker:
            role = note.value
    return role


def _text(one: Utterance, said: Sequence[Note]) -> str:
    text = one.text
    for note in said:
        if note.kind == "text" and note.span == one.span and note.speaker == one.speaker:
            text = note.value
    return text


def _doubt(label: dict[str, Any], settled: Settled) -> str | None:
    if not label["started_at"]:
        return "no started_at: holidays cannot be told"
    if any(turn["who"] == Role.UNKNOWN.value for turn in label["turns"]):
        return "a speaker is still undetermined; correct the speakers"
    open_ = sorted({f.check for f in settled.findings if f.outcome is Outcome.UNCERTAIN})
    return f"still uncertain: {', '.join(open_)}; decide them" if open_ else None


def _unfit(path: Path, settled: Settled) -> str | None:
    """Why `eval` would take this label wrongly, if it would."""
    try:
        label: LabelledCall = read_label(path)
    except QcError as error:
        return str(error)
    asked = {finding.check for finding in settled.findings}
    unasked = [
        truth.check for truth in truths(label)
        if truth.phrase and truth.scope is Scope.IN and truth.check not in asked
    ]  # fmt: skip
    if unasked:
        return f"its rulebook does not ask for {', '.join(unasked)}"
    return None
