"""Results with personal data covered up, and results without what was said. Pure.

A masked result keeps its times, turns, measures, findings and score; covered characters become ＊,
one for one, so that places in the text stay true. It cannot be undone from what is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qc_speech.model import CallResult, Evidence, Finding, Utterance, Word
from qc_speech.privacy.detect import Personal, personal
from qc_speech.privacy.lexicon import Words
from qc_speech.text.normalize import normalize

COVER = "＊"
GONE = "transcript"  # in Call.masked: nothing that was said is left
_NUMERALS = "零〇一二三四五六七八九幺两0-9?？"
_LONG = re.compile(rf"[{_NUMERALS}][{_NUMERALS}\- ,，]{{5,}}[{_NUMERALS}]")
_QUOTED = re.compile(r"「[^」]*」")
_DIGITS = re.compile(rf"[{_NUMERALS}]{{3,}}")
_NUMBERS = ("phone", "id_card", "bank_card", "number")


@dataclass(frozen=True)
class Policy:
    """What is covered: kinds of `detect.KINDS`, from which confidence on."""

    kinds: tuple[str, ...] = ("phone", "id_card", "bank_card", "number", "name")
    least: float = 0.5


def masked(result: CallResult, policy: Policy, words: Words | None = None) -> CallResult:
    """The result with personal data covered in every text of it: utterances, quotes, reasons,
    answers, promises. Other readings of the recognizer are dropped: they may say it too."""
    found = [
        one
        for one in personal(result.call, words)
        if one.kind in policy.kinds and one.confidence >= policy.least
    ]
    by_index = {utterance.index: utterance for utterance in result.call.utterances}
    utterances = tuple(
        _covered(one, [p for p in found if p.utterance == one.index])
        for one in result.call.utterances
    )
    secrets = _secrets(found, by_index)
    numbers = any(kind in policy.kinds for kind in _NUMBERS)
    texts = {one.index: (by_index[one.index].text, one.text) for one in utterances}

    def hide(text: str, utterance: int | None = None) -> str:
        if utterance in texts and text:
            whole, covered = texts[utterance]
            at = whole.find(text)
            if at >= 0:
                return covered[at : at + len(text)]
        text = _QUOTED.sub(lambda quote: f"「{quoted(quote[0][1:-1])}」", text)
        return _hidden(text, secrets, numbers)

    def quoted(text: str) -> str:
        """A quote inside a reason: as it stands in the transcript now."""
        for whole, covered in texts.values():
            at = whole.find(text)
            if at >= 0:
                return covered[at : at + len(text)]
        return text

    return _with_texts(result, utterances, tuple(sorted(policy.kinds)), hide)


def numbers_covered(text: str) -> str:
    """A text of a person's, with long numbers covered: no call to compare it with is needed."""
    return _LONG.sub(_cover, text)


def stripped(result: CallResult) -> CallResult:
    """The result without a word of what was said: scores, findings, times and measures stay."""
    utterances = tuple(replace(one, words=(), alternatives=()) for one in result.call.utterances)

    def hide(text: str, utterance: int | None = None) -> str:
        return "" if utterance is not None else _QUOTED.sub("「…」", text)

    bare = _with_texts(result, utterances, (GONE,), hide)
    measures = replace(
        bare.measures,
        utterances=tuple(
            replace(one, dialect=(), dialect_weak=(), dialect_doubtful=())
            for one in bare.measures.utterances
        ),
    )
    return replace(bare, measures=measures)


Hide = Callable[..., str]


def _with_texts(
    result: CallResult, utterances: tuple[Utterance, ...], kinds: tuple[str, ...], hide: Hide
) -> CallResult:
    recording = result.call.recording
    metadata = replace(recording.metadata, customer_id=_identifier(recording.metadata.customer_id))
    roles = replace(
        result.call.roles,
        evidence=tuple(hide(text) for text in result.call.roles.evidence),
        doubts=tuple(hide(text) for text in result.call.roles.doubts),
    )
    call = replace(
        result.call,
        recording=replace(recording, metadata=metadata),
        utterances=utterances,
        roles=roles,
        asked=(),
        judged=(),
        masked=kinds,
    )
    score = result.score
    return replace(
        result,
        call=call,
        findings=tuple(_finding(one, hide) for one in result.findings),
        score=replace(score, review_reasons=tuple(hide(one) for one in score.review_reasons)),
        answers=tuple(
            replace(one, evidence=_evidence(one.evidence, hide)) for one in result.answers
        ),
        promises=tuple(
            replace(one, said=hide(one.said), evidence=_evidence(one.evidence, hide))
            for one in result.promises
        ),
    )


def _covered(utterance: Utterance, found: Sequence[Personal]) -> Utterance:
    hidden = {at for one in found for at in range(one.start, one.end)}
    words: list[Word] = []
    place = 0
    for word in utterance.words:
        text = "".join(
            COVER if place + n in hidden and not char.isspace() else char
            for n, char in enumerate(word.text)
        )
        words.append(replace(word, text=text) if text != word.text else word)
        place += len(word.text)
    return replace(utterance, words=tuple(words), alternatives=())


def _secrets(found: Sequence[Personal], utterances: dict[int, Utterance]) -> tuple[str, ...]:
    """The covered texts as written and as compared, the longest first. A single character is none:
    it would cover half of every sentence."""
    written = {utterances[one.utterance].text[one.start : one.end] for one in found}
    written |= {normalize(text) for text in written}
    return tuple(sorted((text for text in written if len(text) > 1), key=len, reverse=True))


def _hidden(text: str, secrets: Sequence[str], numbers: bool) -> str:
    for secret in secrets:
        text = text.replace(secret, COVER * len(secret))
    if numbers:  # digits as a rule wrote them, other than they stand in the transcript
        text = _QUOTED.sub(lambda quote: _DIGITS.sub(_cover, quote[0]), text)
        text = _LONG.sub(_cover, text)
    return text


def _cover(match: re.Match[str]) -> str:
    return COVER * len(match[0])


def _finding(finding: Finding, hide: Hide) -> Finding:
    place = finding.evidence
    return replace(
        finding,
        reason=hide(finding.reason),
        evidence=None if place is None else _evidence(place, hide),
    )


def _evidence(place: Evidence, hide: Hide) -> Evidence:
    return replace(
        place, quote=hide(place.quote, -1 if place.utterance is None else place.utterance)
    )


def _identifier(value: str | None) -> str | None:
    """A customer's number may be his telephone's."""
    return None if value and len(re.findall(r"\d", value)) >= 7 else value
