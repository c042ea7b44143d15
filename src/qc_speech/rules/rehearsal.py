"""Calls made of written lines, to try rules on."""

from __future__ import annotations

from collections.abc import Sequence

from qc_speech.model import (
    Call,
    Measures,
    Metadata,
    Recording,
    Role,
    RoleGuess,
    Span,
    Turn,
    Utterance,
    Word,
)
from qc_speech.rules.kind import Context
from qc_speech.rules.lexicons import Lexicons

_MARKS = {"坐席": Role.AGENT, "客户": Role.CUSTOMER}
_MS_PER_CHARACTER = 250
_PAUSE_MS = 400
_HEARD = 0.95


def spoken(line: str) -> tuple[Role, str]:
    """「坐席：您好」 as who says what. Raises ValueError."""
    who, mark, text = line.replace(":", "：", 1).partition("：")
    if not mark or who.strip() not in _MARKS or not text.strip():
        raise ValueError(f"{line[:40]!r} is no line of a call; write 坐席：… or 客户：…")
    return _MARKS[who.strip()], text.strip()


def rehearsed(lines: Sequence[str], lexicons: Lexicons, scenario: str) -> Context:
    """A call in which these lines are said one after the other, heard well. Raises ValueError."""
    clock, utterances, turns = 500, list[Utterance](), list[Turn]()
    for index, (role, text) in enumerate(map(spoken, lines)):
        span = Span(clock, clock + max(500, len(text) * _MS_PER_CHARACTER))
        words = tuple(
            Word(
                Span(
                    span.start_ms + i * _MS_PER_CHARACTER,
                    span.start_ms + (i + 1) * _MS_PER_CHARACTER,
                ),
                c,
                _HEARD,
            )
            for i, c in enumerate(text)
        )
        utterances.append(Utterance(index, span, role.value, role, words, confidence=_HEARD))
        turns.append(Turn(span, role.value))
        clock = span.end_ms + _PAUSE_MS
    recording = Recording("0" * 64, "rehearsal", clock + 1000, 8000, 2, Metadata("rehearsal"))
    roles = RoleGuess(tuple((role.value, role) for role in _MARKS.values()), 1.0)
    call = Call(recording, tuple(utterances), tuple(turns), roles)
    end = utterances[-1].span.end_ms if utterances else None
    tail = None if end is None else recording.duration_ms - end
    return Context(call, Measures((), (), (), (), end, tail), scenario, lexicons)
