"""Connected talk of each party with its words: what turn-taking is read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qc_speech.model import Call, Role, Span, Turn, Word

JOIN_MS = 400  # pauses within one stretch of talk


@dataclass(frozen=True)
class Talk:
    """Connected talk of one role. `parts`: its stretches without the pauses that were bridged."""

    span: Span
    role: Role
    words: tuple[Word, ...]
    parts: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "".join(word.text for word in self.words)

    def said(self, span: Span) -> str:
        """The words whose middle lies in a stretch."""
        return "".join(w.text for w in self.words if span.start_ms <= middle(w) < span.end_ms)

    def begun_ms(self, at_ms: int) -> int:
        """Start of the part that is being said at a time (or was last begun before it)."""
        return max(
            (part.start_ms for part in self.parts if part.start_ms <= at_ms),
            default=self.span.start_ms,
        )


@dataclass(frozen=True)
class Sides:
    """Both parties' talk in order of time."""

    agent: tuple[Talk, ...]
    customer: tuple[Talk, ...]

    def of(self, role: Role) -> tuple[Talk, ...]:
        return self.agent if role is Role.AGENT else self.customer

    def next_of(self, role: Role, from_ms: int) -> Talk | None:
        """The first talk of a role that starts at or after a time."""
        return next((t for t in self.of(role) if t.span.start_ms >= from_ms), None)


def sides(call: Call, turns: Sequence[Turn]) -> Sides:
    """The talk of agent and customer; other voices (IVR, a third person) hold no floor here."""
    return Sides(
        _talks(call, turns, Role.AGENT, Role.CUSTOMER),
        _talks(call, turns, Role.CUSTOMER, Role.AGENT),
    )


def middle(word: Word) -> int:
    return (word.span.start_ms + word.span.end_ms) // 2


def _talks(call: Call, turns: Sequence[Turn], role: Role, other: Role) -> tuple[Talk, ...]:
    own = sorted(turn.span for turn in turns if call.roles.of(turn.speaker) is role)
    starts = [turn.span.start_ms for turn in turns if call.roles.of(turn.speaker) is other]
    groups: list[list[Span]] = []
    for span in own:
        end = max((part.end_ms for part in groups[-1]), default=0) if groups else 0
        if groups and (
            span.start_ms <= end
            or (
                span.start_ms - end <= JOIN_MS
                and not any(end <= start < span.start_ms for start in starts)
            )
        ):
            groups[-1].append(span)
        else:
            groups.append([span])
    return tuple(_talk(call, tuple(group), role) for group in groups)


def _talk(call: Call, parts: tuple[Span, ...], role: Role) -> Talk:
    span = Span(parts[0].start_ms, max(part.end_ms for part in parts))
    words = tuple(
        word
        for utterance in call.utterances
        if utterance.role is role and utterance.span.overlap_ms(span)
        for word in utterance.words
        if span.start_ms <= middle(word) < span.end_ms
    )
    return Talk(span, role, words, parts)
