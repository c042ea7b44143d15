"""What people do on the call page. Every change names the version it was made on: one that
somebody else has made old is refused, so that nobody decides on what he has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal
from uuid import uuid4

import pydantic

from qc_speech.errors import UsageError
from qc_speech.model import CallResult, Finding, Outcome, Review, Settled, Span
from qc_speech.reviews import WHOLE_CALL, settle
from qc_speech.rules.rulebook import Rulebook
from qc_speech.store.notes import Note, notes, put_note
from qc_speech.store.sql import SqlStore, utc_now
from qc_speech.web.call.state import Version, notes_mark, reviews_mark

_Ms = Annotated[int, pydantic.Field(ge=0, le=86_400_000)]
_Text = Annotated[str, pydantic.Field(max_length=2000)]
_ROLES = ("agent", "customer", "other")


class StaleError(Exception):
    """The call has changed since the page was made (409). `by`: who did it, where known."""

    def __init__(self, by: str = "") -> None:
        super().__init__("the call has changed meanwhile")
        self.by = by


class _Change(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    version: str = pydantic.Field(max_length=80)


class Verdict(_Change):
    """A person's word on one finding: `finding` is its number, the rest says that it is the one
    that was seen."""

    finding: int = pydantic.Field(ge=0)
    check: str = pydantic.Field(max_length=64)
    start: _Ms | None
    end: _Ms | None
    outcome: Outcome
    note: _Text = ""


class Miss(_Change):
    """A violation that the machine did not find; without times: of the whole call."""

    check: str = pydantic.Field(max_length=64)
    start: _Ms | None
    end: _Ms | None
    note: _Text = ""


class NewNote(_Change):
    kind: Literal["text", "role", "speaker", "comment"]
    start: _Ms | None
    end: _Ms | None
    speaker: str | None = pydantic.Field(max_length=64)
    value: str = pydantic.Field(min_length=1, max_length=2000)


class Undo(_Change):
    id: str = pydantic.Field(max_length=32)


class Looked(_Change):
    pass


@dataclass(frozen=True)
class Desk:
    """A call that somebody works on, with the rulebook that prices it."""

    store: SqlStore
    result: CallResult
    book: Rulebook
    user: str
    purpose: str = "flagged"

    def judge(self, verdict: Verdict) -> None:
        """Keep a verdict. Raises StaleError."""

        def review(settled: Settled) -> Review:
            found = settled.findings[verdict.finding : verdict.finding + 1]
            if not found or not _same(found[0], verdict):
                raise StaleError
            machine = self.result.findings[verdict.finding : verdict.finding + 1]
            return self._review(
                verdict.check,
                found[0].evidence.span if found[0].evidence else None,
                verdict.outcome,
                machine[0].outcome if machine else None,
                verdict.note,
            )

        self._add(verdict, review)

    def add_miss(self, miss: Miss) -> None:
        """Keep a violation that only a person noticed. Raises StaleError, and UsageError for a
        check that the call's rulebook does not have."""
        if miss.check not in {check.check for check in self.book.checks}:
            raise UsageError(f"check {miss.check}: not in rulebook {self.book.name}")
        span = _span(miss.start, miss.end)
        self._add(
            miss, lambda _: self._review(miss.check, span, Outcome.VIOLATION, None, miss.note)
        )

    def look(self, looked: Looked) -> None:
        """The person has looked at the doubts about the call itself. Raises StaleError."""
        self._add(looked, lambda _: self._review(WHOLE_CALL, None, Outcome.PASS, None, ""))

    def write(self, new: NewNote) -> None:
        """Keep a correction or comment. Raises StaleError, and UsageError for one that fits no
        line of the call."""
        span = _span(new.start, new.end)
        lines = {(one.span, one.speaker) for one in self.result.call.utterances}
        if new.kind in ("text", "role") and (span, new.speaker) not in lines:
            raise UsageError("this line is not in the transcript; reload the page")
        if new.kind == "speaker" and new.speaker not in {speaker for _, speaker in lines}:
            raise UsageError("this voice is not in the transcript; reload the page")
        if new.kind in ("role", "speaker") and new.value not in _ROLES:
            raise UsageError(f"role: one of {', '.join(_ROLES)}")
        if new.kind == "comment" and span is None:
            raise UsageError("a comment belongs to a moment of the call")
        note = Note(
            uuid4().hex, self.result.call_id, new.kind, span, new.speaker, new.value,
            self.user, utc_now(),
        )  # fmt: skip
        put_note(self.store, note, self._unchanged_notes(new.version))

    def undo(self, asked: Undo) -> None:
        """Take back a verdict or note of one's own. Raises StaleError when it is not there."""
        own = [note for note in notes(self.store, self.result.call_id) if note.id == asked.id]
        if own:
            if own[0].author != self.user or own[0].withdrawn:
                raise StaleError
            taken = replace(own[0], withdrawn=True)
            put_note(self.store, taken, self._unchanged_notes(asked.version))
            return

        def withdrawn(reviews: Sequence[Review]) -> Review:
            mine = [one for one in reviews if one.id == asked.id and one.reviewer == self.user]
            if not mine or mine[0].withdrawn:
                raise StaleError
            return replace(mine[0], withdrawn=True)

        self._amend(asked.version, withdrawn)

    def _add(self, change: _Change, make: Callable[[Settled], Review]) -> None:
        self._amend(change.version, lambda reviews: make(settle(self.result, reviews, self.book)))

    def _amend(self, version: str, make: Callable[[tuple[Review, ...]], Review]) -> None:
        seen = Version.parse(version).reviews

        def change(reviews: tuple[Review, ...]) -> tuple[Review, Settled]:
            if reviews_mark(self.result, reviews) != seen:
                last = max(reviews, key=lambda one: one.at, default=None)
                raise StaleError(last.reviewer if last else "")
            review = make(reviews)
            after = (*(one for one in reviews if one.id != review.id), review)
            return review, settle(self.result, after, self.book)

        self.store.amend(self.result.call_id, change)

    def _unchanged_notes(self, version: str) -> Callable[[Sequence[Note]], None]:
        seen = Version.parse(version).notes

        def check(found: Sequence[Note]) -> None:
            if notes_mark(found) != seen:
                raise StaleError(found[-1].author if found else "")

        return check

    def _review(
        self, check: str, span: Span | None, outcome: Outcome, machine: Outcome | None, note: str
    ) -> Review:
        return Review(
            uuid4().hex, self.result.call_id, check, span, outcome, machine, self.user,
            utc_now(), self.purpose, note,
        )  # fmt: skip


def _same(finding: Finding, verdict: Verdict) -> bool:
    span = finding.evidence.span if finding.evidence else None
    return finding.check == verdict.check and span == _span(verdict.start, verdict.end)


def _span(start: int | None, end: int | None) -> Span | None:
    if start is None or end is None:
        return None
    if end < start:
        raise UsageError("the stretch ends before it starts")
    return Span(start, end)
