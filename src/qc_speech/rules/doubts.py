"""What the text leaves in doubt, as questions that the audio itself can answer.

`doubts` lists, for a call and its rulebook, the words worth asking for: a mandatory phrase that was
not surely heard (also one that would be charged as missing), a forbidden word that was not surely
said. Whoever can hear compares, on `span`, the text before + words + after with the text
before + heard + after, and puts the answers on the call:

    questions = doubts(ctx, book)
    asked = tuple(
        Asked(doubt.check, doubt.part, doubt.span, words, log_likelihood_ratio)
        for doubt in questions
        for words in doubt.wordings
    )
    ctx = dataclasses.replace(ctx, call=dataclasses.replace(ctx.call, asked=asked))
    findings = find_all(ctx, book)

The answer is one more piece of evidence: it adds to the log odds that the text gives (matcher.py,
banned.py). All here is pure; the answers are stored with the call, so re-scoring needs no audio.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qc_speech.model import Outcome, Span, Utterance
from qc_speech.rules.banned import WordsParams, doubtful_words
from qc_speech.rules.kind import Context
from qc_speech.rules.matcher import Matcher, Resemblance
from qc_speech.rules.phrases import AgentTurn, Part, Phrase
from qc_speech.rules.required import PhraseParams, outcome, places
from qc_speech.rules.rulebook import Rulebook
from qc_speech.text.expand import nearest
from qc_speech.text.normalize import normalize
from qc_speech.text.phonetic import Heard, Pattern, search

_PLACES = 3  # of one meaning, the likeliest
_WORDINGS = 3  # for each place
_LEAST = 0.004  # less likely by text is not asked for: there is nothing alike
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
        elif isinstance(check.params, WordsParams):
            found.extend(_of_words(plain, check.check, check.params))
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


def _of_words(ctx: Context, check: str, params: WordsParams) -> Iterator[Doubt]:
    for scene, hit in doubtful_words(ctx, params):
        text, utterance = scene.said.written, scene.utterance
        start, end = hit.start, hit.end
        words = (hit.meant,) if hit.meant else nearest(hit.entry.say, text, _WORDINGS)
        if hit.how == "reading":  # it is not known where in the utterance: where it sounds so
            match = search(Pattern.of(words[0]), Heard.of(text))
            start, end = (match.start, match.end) if match else (start, end)
        yield Doubt(
            check, "", utterance.span, utterance.index, text[:start], text[start:end],
            text[end:], words, round(hit.confidence, 4),
        )  # fmt: skip


def _text(utterance: Utterance) -> str:
    return "".join(normalize(word.text) for word in utterance.words)
