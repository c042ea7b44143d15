"""What of a call has to be hidden in its clips: personal data that was found, and where it must be.

A recognizer mishears names and addresses more than anything else, and what it mishears no detector
finds. So an answer to a question for personal data is hidden from its first found word to its end,
or whole when nothing was found in it; and so is what the agent reads back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qc_speech.clips.cutting import sentences
from qc_speech.clips.values import Recipe
from qc_speech.model import Call, CallResult, Outcome, Role, Span, Utterance
from qc_speech.privacy.detect import Personal, personal
from qc_speech.privacy.lexicon import PrivacyFile, load_words
from qc_speech.privacy.numbers import pieces
from qc_speech.privacy.view import MARK, View, view
from qc_speech.text.expression import linear
from qc_speech.text.normalize import normalize

MARGIN_MS = 250
DOUBT = "doubt"
_TOKEN = 2  # characters: who says no more has not answered
_QUESTION = 80  # characters before an answer in which it is asked for
_NAME_MS = 3_000  # what is said after a name in the same sentence belongs to it for so long
_OPENING = 14  # characters: a longer clause is none that opens a reading back
_CUSTOMER_DIGITS, _AGENT_DIGITS = 4, 7  # so many in a row are hidden, whatever they are
_ASKING = ("ask_phone", "ask_address", "verify_identity")
_PLACES = ("phone", "id_card", "bank_card", "number", "address")


@dataclass(frozen=True)
class Secret:
    """What is hidden: where, of which kind, and its words (to recognize them when heard again;
    never shown)."""

    span: Span
    kind: str
    words: str


def secrets(result: CallResult, recipe: Recipe) -> tuple[Secret, ...]:
    """All that has to be hidden in a call, in order of time, with margins."""
    call = result.call
    by_index = {utterance.index: utterance for utterance in call.utterances}
    found = personal(call)
    hidden = [
        Secret(wide(one.span, MARGIN_MS), one.kind, said(one, by_index[one.utterance]))
        for one in found
        if recipe.agent_too or not own(one, by_index[one.utterance], call)
    ]
    hidden += [Secret(wide(span, MARGIN_MS), DOUBT, "") for span in _guarded(result, found)]
    if recipe.agent_too:
        hidden += _introductions(result)
    return tuple(sorted(hidden, key=lambda one: one.span))


def own(one: Personal, utterance: Utterance, call: Call) -> bool:
    """The agent's own name, as the manifest has it, said by the agent."""
    name = call.recording.metadata.agent_name
    words = normalize(said(one, utterance))
    agent = utterance.role is Role.AGENT
    return bool(agent and one.kind == "name" and name and words and words in normalize(name))


def said(one: Personal, utterance: Utterance) -> str:
    return utterance.text[one.start : one.end]


def wide(span: Span, margin: int) -> Span:
    return Span(max(0, span.start_ms - margin), span.end_ms + margin)


def whole(utterance: Utterance) -> Span:
    words = utterance.words
    start = min(utterance.span.start_ms, words[0].span.start_ms)
    return Span(start, max(utterance.span.end_ms, words[-1].span.end_ms))


def _introductions(result: CallResult) -> list[Secret]:
    """Where agents say who they are: the sentence, number and name included."""
    return [
        Secret(wide(finding.evidence.span, MARGIN_MS), "name", "")
        for finding in result.findings
        if finding.check == "self_id" and finding.evidence
    ]


def _guarded(result: CallResult, found: Sequence[Personal]) -> Iterator[Span]:
    call, file = result.call, load_words().file
    spoken = [one for one in call.utterances if len(normalize(one.text)) > _TOKEN]
    given: set[str] = set()  # kinds the other party has said
    confirmed: set[int] = set()  # utterances in which the agent reads back
    for at, utterance in enumerate(spoken):
        inside = [one for one in found if one.utterance == utterance.index]
        yield from _titled(utterance, file)
        yield from _long_numbers(utterance)
        if utterance.role is Role.AGENT:
            if _reads_back(result, utterance, inside, given):
                confirmed.add(utterance.index)
                yield _read_back(utterance, inside)
            continue
        turn = _turn_before(spoken, at)
        if not confirmed & {one.index for one in turn}:  # 对吗 asks for nothing new
            wanted = _asked(result, turn, file)
            yield from _answer(utterance, inside, wanted) if wanted else ()
        given |= {one.kind for one in inside}


def _titled(utterance: Utterance, file: PrivacyFile) -> Iterator[Span]:
    """Whatever stands before 先生 and 女士: a surname that may have been misheard."""
    seen = view(utterance)
    for match in linear(file.customer_titles).finditer(seen.text):
        if match.start() and seen.text[match.start() - 1] != MARK:
            yield utterance.words[seen.words[match.start() - 1]].span


def _long_numbers(utterance: Utterance) -> Iterator[Span]:
    """Digits in a row that nothing explains: a customer says few that are not his own."""
    least = _AGENT_DIGITS if utterance.role is Role.AGENT else _CUSTOMER_DIGITS
    for piece in pieces(view(utterance)):
        if len(piece.guess) >= least:
            yield piece.span


def _turn_before(spoken: Sequence[Utterance], at: int) -> tuple[Utterance, ...]:
    """What the agent said since the other party last spoke."""
    start = at
    while start and spoken[start - 1].role is Role.AGENT:
        start -= 1
    return tuple(spoken[start:at])


def _asked(result: CallResult, turn: Sequence[Utterance], file: PrivacyFile) -> frozenset[str]:
    """What a turn asks for: name, place (an address or a number)."""
    text = MARK.join(view(one).text for one in turn)[-_QUESTION:]
    wanted = {"name"} if file.says("asks_name", text) else set()
    number = any(file.says(kind, text) for kind in ("phone", "number", "bank_card", "id_card"))
    if file.says("asks_address", text) or (number and file.says("asks_number", text)):
        wanted.add("place")
    for finding in result.findings:
        place = finding.evidence
        asks = finding.check in _ASKING and finding.outcome is Outcome.PASS
        if asks and place and any(place.span & whole(one) for one in turn):
            wanted.add("name" if finding.check == "verify_identity" else "place")
    return frozenset(wanted)


def _answer(
    utterance: Utterance, inside: Sequence[Personal], wanted: frozenset[str]
) -> Iterator[Span]:
    """What is hidden of an answer, besides what was found in it."""
    places = [one for one in inside if one.kind in _PLACES]
    if "place" in wanted:
        named = "name" not in wanted or any(one.kind == "name" for one in inside)
        start = whole(utterance).start_ms
        if places and named:
            start = min(one.span.start_ms for one in inside)
        yield Span(start, whole(utterance).end_ms)
    elif not inside:
        yield sentences(utterance)[0].span
    else:
        for one in inside:
            part = next((s for s in sentences(utterance) if s.span & one.span), None)
            if part and one.kind == "name":
                end = min(part.span.end_ms, one.span.end_ms + _NAME_MS)
                yield Span(one.span.start_ms, max(end, one.span.end_ms))


def _reads_back(
    result: CallResult, utterance: Utterance, inside: Sequence[Personal], given: set[str]
) -> bool:
    if any(one.kind in _PLACES and one.kind in given for one in inside):
        return True
    return any(
        finding.check == "readback"
        and finding.evidence is not None
        and finding.evidence.speaker is not Role.CUSTOMER
        and finding.evidence.span.overlap_ms(whole(utterance)) > 0
        for finding in result.findings
    )


def _read_back(utterance: Utterance, inside: Sequence[Personal]) -> Span:
    """From behind the first clause (跟您核对一下，) to the end."""
    seen: View = view(utterance)
    first = seen.text.find(MARK)
    start = whole(utterance).start_ms
    if 0 <= first < min(_OPENING, len(seen.words) - 1):
        start = utterance.words[seen.words[first + 1]].span.start_ms
    return Span(min([start, *(one.span.start_ms for one in inside)]), whole(utterance).end_ms)
