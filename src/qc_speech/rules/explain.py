"""What a check compared with what in one call, as far as it looks for words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qc_speech.model import Asked, Role, Span
from qc_speech.rules.banned import WordsParams
from qc_speech.rules.banned_judge import hits
from qc_speech.rules.inspect import applies
from qc_speech.rules.kind import Context
from qc_speech.rules.matcher import Matcher
from qc_speech.rules.occasion import OccasionParams
from qc_speech.rules.phrases import AgentTurn, Phrase
from qc_speech.rules.required import PhraseParams, hearing_of, places
from qc_speech.rules.rulebook import Check
from qc_speech.text.template import readable

_MOST = 8  # words of a list that are shown, likeliest first
_LEAST = 0.05


@dataclass(frozen=True)
class Compared:
    """What was looked for and what came nearest to it. `probability` (0..1) that it was said, by
    the text and what the audio answered; `hearing` (0..1): how well the turns were heard that
    were searched, or the word itself. `span` None: nothing there is like it."""

    what: str
    wording: str
    heard: str
    role: Role
    probability: float
    hearing: float
    span: Span | None


def compared(ctx: Context, check: Check) -> tuple[Compared, ...]:
    """For a required phrase each of its meanings, in each place it must be said; for a list of
    banned words the likeliest hits. Other checks rest on measures: empty."""
    params, phrases = check.params, ctx.lexicons.phrases
    if not applies(ctx, check):
        return ()
    if isinstance(params, WordsParams):
        found = sorted(_banned(ctx, params), key=lambda one: -one.probability)
        return tuple(found[:_MOST])
    if isinstance(params, OccasionParams):
        situation = ctx.lexicons.situations[check.kind.name.removeprefix("when_")]
        rows: list[Compared] = []
        for role, phrase in situation.phrases:
            matcher = ctx.matcher if role is Role.AGENT else ctx.customer
            rows += _meanings(matcher, phrase, matcher.turns, role)
        due = phrases[params.check]
        return (*rows, *_meanings(ctx.matcher, due, ctx.matcher.turns, Role.AGENT))
    if isinstance(params, PhraseParams) and check.kind.name in phrases:
        phrase = phrases[check.kind.name]
        return tuple(
            row
            for turns in places(ctx, params, check.kind.name)
            for row in _meanings(ctx.matcher, phrase, turns, Role.AGENT)
        )
    return ()


def asked_for(ctx: Context, check: Check) -> tuple[Asked, ...]:
    """What the audio itself answered for this check."""
    params = check.params
    names = {check.kind.name, getattr(params, "check", ""), getattr(params, "lexicon", "")}
    return tuple(one for one in ctx.call.asked if one.check in names)


def _meanings(
    matcher: Matcher, phrase: Phrase, turns: Sequence[AgentTurn], role: Role
) -> Iterator[Compared]:
    for part in phrase.parts:
        found = matcher.find(phrase.model_copy(update={"parts": (part,)}), tuple(turns))
        here = [turn for turn in turns if found.span and turn.span.overlap_ms(found.span)]
        yield Compared(
            f"{phrase.meaning}（{part.name}）" if len(phrase.parts) > 1 else phrase.meaning,
            readable(found.compared),
            found.quote,
            role,
            found.probability,
            hearing_of(here or turns),
            found.span,
        )


def _banned(ctx: Context, params: WordsParams) -> Iterator[Compared]:
    lexicon = ctx.lexicons.banned
    for scene in ctx.scenes:
        for hit in hits(lexicon.lists[params.lexicon], lexicon, scene, params.sound):
            if hit.confidence >= _LEAST:
                yield Compared(
                    hit.entry.say,
                    hit.meant or readable(hit.entry.say),
                    scene.said.written[hit.start : hit.end],
                    Role.AGENT,
                    hit.confidence,
                    scene.said.confidence(hit.start, hit.end),
                    scene.said.span(hit.start, hit.end),
                )
