"""Disclosure: the agent gives out a manager's private number or another customer's data."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qc_speech.model import Call, Evidence, Role, Severity, Span, Utterance, Word
from qc_speech.rules.banned_lexicon import DisclosureFile
from qc_speech.rules.banned_outcome import BannedParams, draft, nothing_found, unfit
from qc_speech.rules.banned_pattern import Wording
from qc_speech.rules.banned_text import Said
from qc_speech.rules.kind import Context, Draft
from qc_speech.rules.numbers_said import Number, all_digits, numbers

_NEAR = 30  # characters before a number in which its owner is named
_JUST = 14  # characters right before a number that say what kind of number it is
_AFTER = 14
_GIVEN = 300  # characters of the customer in which a person may have been asked for
_REST = 28  # characters after a person in which name and address are looked for
_SHORT_REPLY = 6  # a listener's "嗯" between two halves of a number
_MOBILE_LENGTH = 11
_LEAST_CODE = 3  # syllables of a code by sound: 户号 sounds like half the names of places
_LEAST_DIGITS = 7


class DisclosureParams(BannedParams):
    """No parameters of its own: who and what stands in lexicons/banned/disclosure.yaml."""


@dataclass(frozen=True)
class Words:
    """disclosure.yaml, ready to be looked for."""

    leaders: Wording
    others: Wording
    third_person: Wording
    secret: Wording
    private: Wording
    phone: Wording
    public: Wording
    refused: Wording
    own: Wording
    codes: Wording
    name_is: Wording
    address_is: Wording
    address_marks: Wording


@dataclass(frozen=True)
class Leak:
    start: int
    end: int
    confidence: float
    what: str


@functools.lru_cache(maxsize=8)
def words_of(data: DisclosureFile) -> Words:
    least = {"codes": _LEAST_CODE}
    return Words(
        **{
            name: Wording(getattr(data, name), least_by_sound=least.get(name, 2))
            for name in Words.__annotations__
        }
    )


def run(context: Context, params: Any) -> tuple[Draft, ...]:
    assert isinstance(params, DisclosureParams)
    refused = unfit(context.call, "泄露他人信息")
    if refused:
        return (refused,)
    found = tuple(_drafts(context.call, context.lexicons.banned.disclosure, params))
    return found or (nothing_found(context.call, "坐席没有透露领导私人电话或其他客户的信息"),)


def _drafts(call: Call, data: DisclosureFile, params: BannedParams) -> Iterator[Draft]:
    words, given = words_of(data), ""
    utterances = call.utterances
    done = -1
    for place, utterance in enumerate(utterances):
        if utterance.role is not Role.AGENT:
            given += " " + Said.of(utterance).text
            continue
        if place <= done or not utterance.words:
            continue
        stretch, done = _stretch(utterances, place)
        said = Said.of(*stretch)
        before = "".join(Said.of(one).text for one in utterances[max(0, place - 2) : place])
        leaks = sorted(leaks_in(said, before, given, words), key=lambda leak: leak.start)
        sure = [leak for leak in leaks if leak.confidence >= params.unsure_confidence]
        if not sure:
            continue
        start, end = min(leak.start for leak in sure), max(leak.end for leak in sure)
        evidence = Evidence(
            said.span(start, end),
            Role.AGENT,
            utterance.index,
            said.quote(start, end, params.quote_characters),
        )
        reason = "坐席" + "，".join(dict.fromkeys(leak.what for leak in sure))
        confidence = max(leak.confidence for leak in sure)
        yield draft(call, params, confidence, reason, evidence, Severity.CRITICAL)


def _stretch(utterances: tuple[Utterance, ...], place: int) -> tuple[list[Utterance], int]:
    """The agent's words from `place` on, over short replies of the listener."""
    taken, last = [utterances[place]], place
    for at in range(place + 1, len(utterances)):
        if utterances[at].role is Role.AGENT:
            taken.append(utterances[at])
            last = at
        elif len(utterances[at].text) > _SHORT_REPLY:
            break
    return taken, last


def leaks_in(said: Said, before: str, given: str, words: Words) -> Iterator[Leak]:
    """What a stretch of the agent's words gives away. `before`: the last words of either party,
    `given`: all that the customer said so far."""
    for number in numbers(said.text, _LEAST_DIGITS):
        leak = _number_leak(said, number, before, given, words)
        if leak:
            yield leak
    yield from _person_leaks(said, words)


def _number_leak(said: Said, number: Number, before: str, given: str, words: Words) -> Leak | None:
    text = said.text
    near = text[max(0, number.start - _NEAR) : number.start]
    denied = max((end for _, end in words.refused.find(near)), default=0)
    if denied:  # the person named before it is not the one whose number follows
        near, before = near[denied:], ""
    just = text[max(0, number.start - _JUST) : number.start]
    after = text[number.end : number.end + _AFTER]
    private = bool(words.private.within(near) or words.private.within(after))
    if _is_hotline(number) or words.codes.within(just) or words.own.within(just):
        return None
    if number.like(all_digits(given)) or any(
        number.like(other.digits) for other in numbers(given.replace(" ", "。"), 4)
    ):
        return None  # the customer's own number, read back
    public = bool(words.public.within(just)) or number.digits.startswith("0")
    if public and not private:
        return None
    phone = private or bool(words.phone.within(near) or words.phone.within(after))
    owner = _owner(near, after, before, words)
    if owner in ("", "third") and (
        words.secret.within(near) or words.secret.within(after)
    ):  # a private number of somebody whose name was not heard
        owner = "leader" if words.leaders.within(given[-_GIVEN:]) else "third"
    confidence = _certainty(owner, private, phone, number)
    if not confidence:
        return None
    heard = said.confidence(number.start, number.end)
    start = max(0, number.start - _JUST)
    return Leak(start, number.end, confidence * (0.8 + 0.2 * heard), _WHAT[owner])


_WHAT = {
    "leader": "说出了领导的私人电话",
    "other": "说出了其他客户的电话等信息",
    "third": "说出了第三人的电话",
}


def _owner(near: str, after: str, before: str, words: Words) -> str:
    """Whose number it is: the one named last before it, else in the words before that."""
    places = {
        name: max((end for _, end in wording.find(near)), default=-1)
        for name, wording in (("leader", words.leaders), ("other", words.others))
    }
    best = max(places, key=lambda name: places[name])
    if places[best] >= 0:
        return best
    if words.third_person.within(near) or words.third_person.within(after):
        last = before[-60:]
        if words.leaders.within(last):
            return "leader"
        return "other" if words.others.within(last) else "third"
    return "leader" if words.leaders.within(before[-40:]) else ""


def _certainty(owner: str, private: bool, phone: bool, number: Number) -> float:
    mobile = len(number.digits) in range(_MOBILE_LENGTH - 1, _MOBILE_LENGTH + 2) and (
        number.digits[0] == "1"
    )
    if owner == "leader":
        return 0.92 if private else 0.8 if phone and mobile else 0.66 if phone or mobile else 0.0
    if owner == "other":
        return 0.9 if private or phone else 0.72 if mobile else 0.5
    if owner == "third":
        return 0.75 if private else 0.5 if phone and mobile else 0.0
    return 0.0


def _is_hotline(number: Number) -> bool:
    return number.digits.startswith(("400", "800", "95", "96", "123"))


def _person_leaks(said: Said, words: Words) -> Iterator[Leak]:
    """Another customer with a name and an address, or a manager with a home address."""
    text = said.text
    for start, end in words.others.find(text):
        rest = text[end : end + _REST]
        name, address = next(words.name_is.find(rest), None), _address(rest, words)
        if address:
            sure, what = 0.78 if name else 0.64, "说出了其他客户的住址"
            yield _leak(said, start, end + address, sure, what)
        elif name:
            yield _leak(
                said, start, end + min(len(rest), name[1] + 3), 0.62, "说出了其他客户的姓名"
            )
    for start, end in words.leaders.find(text):
        address = _address(text[end : end + _REST], words)
        if address and _home_follows(text[end : end + _REST], words):
            yield _leak(said, start, end + address, 0.66, "说出了领导的住址")


def _address(rest: str, words: Words) -> int:
    """Where an address ends after words that announce one; 0: there is none."""
    for _, start in words.address_is.find(rest):
        mark = next(words.address_marks.find(rest[start:]), None)
        if mark:
            return start + mark[1]
    return 0


def _home_follows(rest: str, words: Words) -> bool:
    return any(start <= 1 for start, _ in words.address_is.find(rest))


def _leak(said: Said, start: int, end: int, sure: float, what: str) -> Leak:
    return Leak(start, end, _heard(said, start, end, sure), what)


def _heard(said: Said, start: int, end: int, confidence: float) -> float:
    return confidence * (0.8 + 0.2 * said.confidence(start, end))


def examples(data: DisclosureFile) -> Iterator[str]:
    """Failing examples. A text "客户：…" before "坐席：…" gives what the customer said."""
    for wanted, texts in ((True, data.hits), (False, data.misses)):
        for text in texts:
            found = any(leak.confidence >= 0.6 for leak in _example(text, words_of(data)))
            if found is not wanted:
                what = "is not found" if wanted else "is found"
                yield f"disclosure.yaml: the {'hit' if wanted else 'miss'} {text} {what}"


def _example(text: str, words: Words) -> list[Leak]:
    customer, _, agent = text.rpartition("坐席：")
    customer = customer.replace("客户：", "")
    spoken = (Word(Span(0, 1), agent, 1.0),)
    said = Said.of(Utterance(0, Span(0, 1), "S0", Role.AGENT, spoken))
    before = Said.of_text(customer).text
    return list(leaks_in(said, before, before, words))
