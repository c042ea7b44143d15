"""What the text leaves in doubt, as questions that the audio itself can answer.

`doubts` lists, for a call and its rulebook, the words worth asking for: a mandatory phrase that was
not surely heard, also one that would be charged as missing. `rules/asking` compares, on `span`, the
text before + words + after with the text before + heard + after; what it finds is one more piece
of evidence beside the text (matcher.py). All here is pure.

Forbidden words are not asked for: whether they were said is seldom the question, but in which
sense; on labelled calls such answers did not tell right from wrong (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qc_speech.model import Outcome, Span, Utterance
from qc_speech.rules.kind import Context
from qc_speech.rules.matcher import Matcher, Resemblance
from qc_speech.rules.phrases import AgentTurn, Part, Phrase
from qc_speech.rules.required import PhraseParams, outcome, places
from qc_speech.rules.rulebook import Rulebook
from qc_speech.text.expand import nearest
from qc_speech.text.normalize import normalize

_PLACES = 3  # of one meaning, the likeliest
_WORDINGS = 3  # for each place
_LEAST = 0.0005  # less likely by text is not asked for: there is nothing alike
_EDGES = {"opening": 0, "closing": -1}  # where a dropped phrase would have stood


@dataclass(frozen=True)
class Doubt:
    """Words that may have been said in `span` instead of what was heard there.

    `before` + `heard` + `after` is what was recognized in the span (normalized characters: no
    punctuation, digits as spoken); `heard` is what `wordings` (likeliest first) would replace,
    empty where they would have been dropped altogether. `probability`: that they were said, by
    text alone.
    """

    check: str
    part: str
    span: Span
    utterance: int
    before: str
    heard: str
    after: str
    wordings: tuple[str, ...]
    probability: float


def doubts(ctx: Context, book: Rulebook) -> tuple[Doubt, ...]:
    """All questions of a call, check by check in the rulebook's order, likeliest places first.

    Answers the call already has are not counted: the same call always asks the same questions.
    """
    plain = replace(ctx, call=replace(ctx.call, asked=()))
    found: list[Doubt] = []
    for check in book.checks:
        if isinstance(check.params, PhraseParams) and check.check in ctx.lexicons.phrases:
            found.extend(_of_phrase(plain, check.check, check.params))
    return tuple(dict.fromkeys(found))


def _of_phrase(ctx: Context, check: str, params: PhraseParams) -> Iterator[Doubt]:
    phrase, matcher = ctx.lexicons.phrases[check], ctx.matcher
    for turns in places(ctx, params, check):
        draft = outcome(matcher.find(phrase, turns), phrase, turns, params)
        if draft.outcome in (Outcome.VIOLATION, Outcome.UNCERTAIN):
            for part in phrase.parts:
                yield from _of_part(matcher, phrase, part, turns, params.pass_from)


def _of_part(
    matcher: Matcher, phrase: Phrase, part: Part, turns: Sequence[AgentTurn], pass_from: float
) -> Iterator[Doubt]:
    table = matcher.part(phrase.check, part)
    if any(
        found.probability >= pass_from for turn, found in zip(matcher.turns, table) if turn in turns
    ):
        return
    alike = [one for one in matcher.resemblances(part, turns) if one.probability >= _LEAST]
    for one in alike[:_PLACES]:
        doubt = _replacing(phrase.check, part, one)
        if doubt:
            yield doubt
    if phrase.zone in _EDGES and turns:
        yield _dropped(matcher, phrase, part, turns)


def _replacing(check: str, part: Part, alike: Resemblance) -> Doubt | None:
    owner = next((u for u in alike.turn.utterances if u.index == alike.utterance), None)
    if owner is None:
        return None
    text = _text(owner)
    start, end = max(0, alike.start), min(len(text), alike.end)
    words = nearest(alike.template, text[start:end], _WORDINGS)
    return Doubt(
        check, part.name, owner.span, owner.index, text[:start], text[start:end], text[end:],
        words, round(alike.probability, 4),
    )  # fmt: skip


def _dropped(matcher: Matcher, phrase: Phrase, part: Part, turns: Sequence[AgentTurn]) -> Doubt:
    """The phrase left out by the recognizer at the very start or end of its zone."""
    edge = _EDGES[phrase.zone]
    owner = turns[edge].utterances[edge]
    text = _text(owner)
    words = tuple(dict.fromkeys(w for t in matcher.wordings(part) for w in nearest(t, text, 1)))
    before, after = ("", text) if phrase.zone == "opening" else (text, "")
    return Doubt(
        phrase.check, part.name, owner.span, owner.index, before, "", after,
        words[:_WORDINGS], 0.0,
    )  # fmt: skip


def _text(utterance: Utterance) -> str:
    return "".join(normalize(word.text) for word in utterance.words)
