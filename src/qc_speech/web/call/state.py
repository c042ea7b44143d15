"""How a call stands: its findings with people's verdicts, the score, and why it moved. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qc_speech.model import CallResult, Finding, Review, Settled, Span
from qc_speech.report.callpage import DIMENSIONS
from qc_speech.report.labels import label
from qc_speech.report.templating import with_check_name
from qc_speech.reviews import WHOLE_CALL
from qc_speech.store.notes import Note
from qc_speech.web.texts import texts

_UNDO_FOR = timedelta(hours=12)  # what somebody did on another day is not undone by one key
_DIGITS = re.compile(r"[0-9０-９零〇一二三四五六七八九幺两]{3,}")

Hide = Callable[[str], str]


@dataclass(frozen=True)
class Known:
    """All that is known of a call at one moment."""

    result: CallResult
    settled: Settled
    reviews: tuple[Review, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Version:
    """Marks of what a page was made from; another mark: somebody has changed that meanwhile."""

    reviews: str
    notes: str

    def __str__(self) -> str:
        return f"{self.reviews}.{self.notes}"

    @staticmethod
    def parse(text: str) -> Version:
        reviews, _, notes = text.partition(".")
        return Version(reviews, notes)


def reviews_mark(result: CallResult, reviews: Iterable[Review]) -> str:
    """Changes with every verdict, and with a result that was made anew."""
    made = (result.rulebook, result.score.total, [one.outcome.value for one in result.findings])
    return _mark(made, [(review.id, review.withdrawn) for review in reviews])


def notes_mark(notes: Iterable[Note]) -> str:
    return _mark([(note.id, note.withdrawn) for note in notes])


def version_of(known: Known) -> Version:
    return Version(reviews_mark(known.result, known.reviews), notes_mark(known.notes))


def _mark(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def state(known: Known, user: str, now: datetime, hide: Hide = str) -> dict[str, Any]:
    """The state as the page's scripts read it. `user`: whose undo is offered; `hide` masks
    personal data in texts. Texts for people are pairs [Chinese, English]."""
    result, settled = known.result, known.settled
    judged = {n: _review_of(settled.findings[n], settled.reviewed) for n in settled.judged}
    points = sum(finding.points for finding in settled.findings)
    return {
        "version": str(version_of(known)),
        "score": _score(settled),
        "machine": {"total": result.score.total, "grade": result.score.grade},
        "adjust": round(settled.score.total - (100 + points), 2),
        "findings": [
            _finding(n, result, finding, judged.get(n), hide)
            for n, finding in enumerate(settled.findings)
        ],
        "changes": _changes(result, settled, judged),
        "notes": [
            {
                "id": note.id,
                "kind": note.kind,
                "start": note.span.start_ms if note.span else None,
                "end": note.span.end_ms if note.span else None,
                "speaker": note.speaker,
                "value": note.value if note.kind in ("role", "speaker") else hide(note.value),
                "by": note.author,
                "at": note.at.isoformat(timespec="seconds"),
            }
            for note in known.notes
            if not note.withdrawn
        ],
        "stale": len(settled.stale),
        "looked": any(review.check == WHOLE_CALL for review in settled.reviewed),
        "undo": _undo(known, user, now),
    }


def _score(settled: Settled) -> dict[str, Any]:
    score = settled.score
    values = dict(score.dimensions)
    names = [*DIMENSIONS, *(name for name in values if name not in DIMENSIONS)]
    return {
        "total": score.total,
        "grade": score.grade,
        "critical": score.critical,
        "review": score.review,
        "reasons": [with_check_name(reason) for reason in score.review_reasons],
        "dimensions": [[name, values.get(name)] for name in names],
    }


def _finding(
    n: int, result: CallResult, finding: Finding, review: Review | None, hide: Hide
) -> dict[str, Any]:
    place = finding.evidence
    machine = result.findings[n] if n < len(result.findings) else None
    return {
        "number": n,
        "check": finding.check,
        "family": finding.family,
        "outcome": finding.outcome.value,
        "machine": machine.outcome.value if machine else None,
        "points": finding.points,
        "confidence": round((machine or finding).confidence, 3),
        "severity": finding.severity.value,
        "dimension": finding.dimension,
        "clause": finding.clause,
        "reason": hide(finding.reason),
        "quote": hide(place.quote) if place else "",
        "speaker": place.speaker.value if place and place.speaker else None,
        "utterance": place.utterance if place else None,
        "start": place.span.start_ms if place else None,
        "end": place.span.end_ms if place else None,
        "review": review
        and {
            "id": review.id,
            "by": review.reviewer,
            "at": review.at.isoformat(timespec="seconds"),
            "note": hide(review.note),
        },
    }


def _review_of(finding: Finding, reviews: Sequence[Review]) -> Review | None:
    """The verdict that decided a finding."""
    span = finding.evidence.span if finding.evidence else None
    own = [review for review in reviews if review.check == finding.check]
    return max(own, key=lambda review: _fit(review.span, span), default=None)


def _fit(reviewed: Span | None, span: Span | None) -> float:
    if reviewed == span:
        return float("inf")
    return 0.0 if reviewed is None or span is None else reviewed.overlap_ms(span)


def _changes(
    result: CallResult, settled: Settled, judged: dict[int, Review | None]
) -> list[dict[str, Any]]:
    """What differs from the machine: by a verdict, or because a cap is counted anew after one."""
    changes = []
    for n, finding in enumerate(settled.findings):
        machine = result.findings[n] if n < len(result.findings) else None
        before = machine.points if machine else 0.0
        if machine and machine.outcome is finding.outcome and before == finding.points:
            continue
        review = judged.get(n)
        changes.append(
            {
                "check": finding.check,
                "before": machine.outcome.value if machine else None,
                "after": finding.outcome.value,
                "points": round(finding.points - before, 2),
                "by": review.reviewer if review else None,
            }
        )
    return changes


def _undo(known: Known, user: str, now: datetime) -> dict[str, Any] | None:
    """The last thing that this user did here."""
    own = [(r.at, r.id, _what(r)) for r in known.reviews if r.reviewer == user and not r.withdrawn]
    own += [
        (note.at, note.id, texts()[f"call_note_{note.kind}"])
        for note in known.notes
        if note.author == user and not note.withdrawn
    ]
    at, last, what = max(own, default=(None, "", ("", "")))
    if at is None or now - at > _UNDO_FOR:
        return None
    return {"id": last, "what": what}


def _what(review: Review) -> tuple[str, str]:
    if review.check == WHOLE_CALL:
        return texts()["call_looked"]
    check, outcome = label("checks", review.check), label("outcomes", review.outcome.value)
    return f"{check[0]}：{outcome[0]}", f"{check[1]}: {outcome[1]}"


def hiding(secrets: Iterable[str]) -> Hide:
    """Masks these texts, and every longer number, wherever they are quoted."""
    longest_first = sorted({one for one in secrets if len(one) > 1}, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in longest_first:
            text = text.replace(secret, "＊" * len(secret))
        return _DIGITS.sub(lambda found: "＊" * len(found[0]), text)

    return hide
