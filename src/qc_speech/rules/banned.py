"""Words the agent must not say: one finding per utterance, or one pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pydantic

from qc_speech.model import Evidence, Role, Severity, Span, Utterance, Word
from qc_speech.rules import banned_disclosure, banned_rambling
from qc_speech.rules.banned_judge import Hit, Scene, hits
from qc_speech.rules.banned_lexicon import LISTS, BannedLexicon, WordList
from qc_speech.rules.banned_outcome import BannedParams, draft, nothing_found, unfit
from qc_speech.rules.kind import Context, Draft, Kind
from qc_speech.text.expand import nearest
from qc_speech.text.normalize import normalize

_NAMES = {
    "profanity": "脏话、粗俗语",
    "insult": "侮辱、人身攻击的话",
    "discrimination": "歧视性的话",
    "impatience": "不耐烦的话",
    "mockery": "嘲笑、讽刺的话",
    "negative": "消极推诿的话",
    "threat": "威胁的话",
    "side_talk": "与旁人搭话",
}
_RANK = {Severity.MINOR: 0, Severity.MAJOR: 1, Severity.CRITICAL: 2}


class WordsParams(BannedParams):
    """`lexicon` names a file of lexicons/banned; `sound` also searches by sound."""

    lexicon: str
    sound: bool = True

    @pydantic.field_validator("lexicon")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in LISTS:
            raise ValueError(f"no list {value}; one of {', '.join(LISTS)}")
        return value


def _run_words(context: Context, params: Any) -> tuple[Draft, ...]:
    assert isinstance(params, WordsParams)
    name = _NAMES[params.lexicon]
    refused = unfit(context.call, name)
    if refused:
        return (refused,)
    found = tuple(words_in(context, params))
    return found or (nothing_found(context.call, f"坐席的话里没有发现{name}"),)


def words_in(ctx: Context, params: WordsParams) -> Iterator[Draft]:
    """A draft for each utterance of the agent with a likely or possible hit."""
    lexicon: BannedLexicon = ctx.lexicons.banned
    words = lexicon.lists[params.lexicon]
    for scene in ctx.scenes:
        found = hits(words, lexicon, scene, params.sound)
        confidence = _together(found)
        if confidence < params.unsure_confidence:
            continue
        chosen = [hit for hit in found if hit.confidence >= params.unsure_confidence] or list(found)
        start, end = min(hit.start for hit in chosen), max(hit.end for hit in chosen)
        evidence = Evidence(
            scene.said.span(start, end),
            Role.AGENT,
            scene.utterance.index,
            scene.said.quote(start, end, params.quote_characters),
        )
        tier = max((hit.tier for hit in chosen), key=lambda one: _RANK[one])
        reason = _reason(chosen, scene, _NAMES[params.lexicon])
        yield draft(ctx.call, params, confidence, reason, evidence, tier)


def _together(found: tuple[Hit, ...]) -> float:
    """One word is as sure as it is; a second, apart from it, adds to it."""
    ordered = sorted(found, key=lambda hit: -hit.confidence)
    if not ordered:
        return 0.0
    best = ordered[0]
    apart = [hit for hit in ordered[1:]
             if hit.how != "reading" and best.how != "reading" and not hit.entry.doubt
             and (hit.end <= best.start or best.end <= hit.start)]  # fmt: skip
    second = apart[0].confidence if apart else 0.0
    return min(0.98, best.confidence + 0.5 * second * (1 - best.confidence))


def _reason(chosen: list[Hit], scene: Scene, name: str) -> str:
    parts: list[str] = []
    for hit in sorted(chosen, key=lambda one: (one.start, -one.confidence)):
        words = scene.said.written[hit.start : hit.end]
        if hit.how == "spelling":
            part = f"“{words}”"
        elif hit.how == "sound":
            part = f"“{words}”（读音近“{hit.meant}”）"
        else:
            others = "".join(other.text for other in scene.utterance.alternatives)
            (likely,) = nearest(hit.entry.say, normalize(others), 1)
            part = f"另一种听写结果里的“{likely}”"
        if part not in parts and not any(
            words in other and hit.how == "spelling" for other in parts
        ):
            parts.append(part)
    return f"坐席说了{name}：{'、'.join(parts[:4])}"


def examples(lexicon: BannedLexicon) -> Iterator[str]:
    """One line for each example that fails: a `hit` not found, a `miss` that is found."""
    for words in lexicon.lists.values():
        for entry in words.entries:
            for text in entry.hit:
                if not any(hit.entry is entry for hit in _example(text, words, lexicon)):
                    yield f"{words.path}: {entry.say[:24]}: the hit {text} is not found"
            for text in entry.miss:
                yield from _false(text, words, lexicon, entry.say[:24])
        for text in words.misses:
            yield from _false(text, words, lexicon, "misses")
    yield from banned_disclosure.examples(lexicon.disclosure)
    yield from banned_rambling.examples(lexicon.rambling)


def _false(text: str, words: WordList, lexicon: BannedLexicon, place: str) -> Iterator[str]:
    found = [hit for hit in _example(text, words, lexicon) if hit.confidence >= 0.6]
    if found:
        yield (
            f"{words.path}: {place}: the miss {text} is found by {found[0].entry.say[:24]}; "
            "add what makes it innocent (not_before, not_after, within)"
        )


def _example(text: str, words: WordList, lexicon: BannedLexicon) -> tuple[Hit, ...]:
    spoken = (Word(Span(0, 100 * len(text)), text, 1.0),)
    utterance = Utterance(0, spoken[0].span, "S0", Role.AGENT, spoken)
    return hits(words, lexicon, Scene.of((utterance,), 0), sound=False)


KINDS: tuple[Kind, ...] = (
    Kind("banned_words", WordsParams, _run_words),
    Kind("disclosure", banned_disclosure.DisclosureParams, banned_disclosure.run),
    Kind("rambling", banned_rambling.RamblingParams, banned_rambling.run),
)
