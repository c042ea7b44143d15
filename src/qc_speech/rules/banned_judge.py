"""How surely the agent said a forbidden word: its spelling, sound, context, other readings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from qc_speech.model import Role, Severity, Utterance
from qc_speech.rules.banned_lexicon import Banned, BannedLexicon, Frames, Place, WordList
from qc_speech.rules.banned_text import Said
from qc_speech.text.words import likelier

# Certainty of a hit by spelling, by its number of characters: (words surely heard, share that
# the recognizer's confidence decides). Chance hardly ever spells a long phrase.
_BY_SPELLING = {1: (0.72, 0.5), 2: (0.84, 0.45), 3: (0.88, 0.35)}
_BY_SPELLING_LONG = (0.93, 0.25)
# Factor of a hit that runs over a comma, by its number of characters.
_ACROSS = {2: 0.0, 3: 0.0, 4: 0.7, 5: 0.75}
_ACROSS_LONG = 0.92
_FEW = 4  # of so few syllables more than one misheard is a case for a person
_PRICE = 16.0  # nats: thousands of phrases are looked for, and few are ever said
_SPREAD = 2.0
_SAME_CHARACTER = 0.7
_NATURAL = 0.09  # lost for each unit of log chance by which the written words are likelier
_SURE_WORDS = 0.8  # share lost when the recognizer is wholly sure of the written words
_DOUBT = 0.55  # ceiling of entries that a person must judge
_ECHO = 0.6  # factor: the customer said these words just before
_OFFERED = 0.4  # factor: an offer of help follows words that may not be said
_OTHER_READING = 0.42  # only another reading of the audio has it
_RECALL = 2  # utterances of the customer that the agent may be repeating


@dataclass(frozen=True)
class Hit:
    """Characters [start, end) of an utterance that are, or sound like, an entry."""

    start: int
    end: int
    entry: Banned
    confidence: float
    how: str  # spelling | sound | reading
    meant: str = ""

    @property
    def tier(self) -> Severity:
        return self.entry.tier


@dataclass(frozen=True)
class Scene:
    """One utterance of the agent with what the customer said just before."""

    utterance: Utterance
    said: Said
    readings: tuple[Said, ...]
    before: tuple[Said, ...]

    @classmethod
    def of(cls, utterances: tuple[Utterance, ...], place: int) -> Scene:
        """`place` is the index in `utterances` of one of the agent's."""
        spoken = utterances[place]
        customer = [one for one in utterances[:place] if one.role is Role.CUSTOMER]
        return cls(
            spoken,
            Said.of(spoken),
            tuple(Said.of_text(other.text) for other in spoken.alternatives),
            tuple(Said.of(one) for one in customer[-_RECALL:]),
        )


def scenes_of(utterances: tuple[Utterance, ...]) -> Iterator[Scene]:
    """All of the agent's utterances in which something was heard."""
    customer: list[Said] = []
    for spoken in utterances:
        if spoken.role is Role.CUSTOMER:
            customer.append(Said.of(spoken))
        elif spoken.role is Role.AGENT and spoken.words:
            readings = tuple(Said.of_text(other.text) for other in spoken.alternatives)
            yield Scene(spoken, Said.of(spoken), readings, tuple(customer[-_RECALL:]))


def hits(words: WordList, lexicon: BannedLexicon, scene: Scene, sound: bool) -> tuple[Hit, ...]:
    """All hits of a list in an utterance, in order; contexts are already weighed."""
    if not scene.said.text:
        return ()
    found = [_spelled(place, words, lexicon, scene)
             for place in lexicon.places(words, scene.said)]  # fmt: skip
    if sound:
        found += _sounded(words, lexicon, scene, found)
        found += _read_otherwise(words, lexicon, scene, found)
    weighed = [_weigh(hit, lexicon.frames, scene) for hit in found]
    kept = [hit for hit in weighed if hit.confidence > 0]
    return tuple(sorted(kept, key=lambda hit: (hit.start, -hit.end)))


def _spelled(place: Place, words: WordList, lexicon: BannedLexicon, scene: Scene) -> Hit:
    start, end, entry = place.start, place.end, place.entry
    most, share = _BY_SPELLING.get(end - start, _BY_SPELLING_LONG)
    heard = scene.said.confidence(start, end)
    confidence = most * (1 - share + share * heard)
    if any(start < mark < end for mark in scene.said.marks):
        confidence *= _ACROSS.get(end - start, _ACROSS_LONG)
    if scene.readings:
        agree = sum(
            any(other.entry is entry for other in lexicon.places(words, reading))
            for reading in scene.readings
        ) / len(scene.readings)
        confidence = min(0.97, confidence * (0.88 + 0.17 * agree))
    return Hit(start, end, entry, confidence, "spelling")


def _sounded(words: WordList, lexicon: BannedLexicon, scene: Scene, known: list[Hit]) -> list[Hit]:
    said, best = scene.said, dict[tuple[int, int], Hit]()
    for start, end, number, evidence, meant in lexicon.index.echoes(said.text).get(words.check, ()):
        entry, written = words.entries[number], said.text[start:end]
        if written == meant or entry.sounds_innocent(written) or entry.innocent(said, start, end):
            continue
        if any(hit.start < end and start < hit.end for hit in known):
            continue
        hit = Hit(start, end, entry, _by_ear(start, end, evidence, meant, said), "sound", meant)
        if (start, end) not in best or best[start, end].confidence < hit.confidence:
            best[start, end] = hit
    return list(best.values())


def _by_ear(start: int, end: int, evidence: float, meant: str, said: Said) -> float:
    size = len(meant)
    other = [at for at in range(start, end)
             if end - start != size or said.text[at] != meant[at - start]]  # fmt: skip
    most = _BY_SPELLING.get(size, _BY_SPELLING_LONG)[0]
    base = most / (
        1.0 + math.exp(-(evidence + _SAME_CHARACTER * (size - len(other)) - _PRICE) / _SPREAD)
    )
    base += _NATURAL * min(0.0, likelier(said.text, start, end, meant))
    heard = sum(said.confidence(at, at + 1) for at in other) / len(other) if other else 1.0
    if size <= _FEW and len(other) > 1:
        base = min(base, _DOUBT)
    # Words the recognizer is sure of were probably said as they are written.
    return max(0.0, base * (1 - _SURE_WORDS * max(0.0, heard - 0.5)))


def _read_otherwise(
    words: WordList, lexicon: BannedLexicon, scene: Scene, known: list[Hit]
) -> list[Hit]:
    """Entries that only other readings spell out: more readings, more certainty."""
    votes: dict[int, tuple[Banned, int]] = {}
    for reading in scene.readings:
        for entry in {
            id(place.entry): place.entry for place in lexicon.places(words, reading)
        }.values():
            votes[id(entry)] = (entry, votes.get(id(entry), (entry, 0))[1] + 1)
    found = []
    for entry, count in votes.values():
        if len(entry.say) < 3 or any(hit.entry is entry for hit in known):
            continue
        share = count / (len(scene.readings) + 1)
        confidence = min(0.58, _OTHER_READING + 0.3 * share)
        found.append(Hit(0, len(scene.said.text), entry, confidence, "reading"))
    return found


def _weigh(hit: Hit, frames: Frames, scene: Scene) -> Hit:
    text, factor = scene.said.text, 1.0
    if hit.how != "reading":
        if _excused(hit, frames, text):
            factor = 0.0
        elif _repeated(text[hit.start : hit.end], scene):
            factor = 0.0 if frames.confirm.within(text) else _ECHO
    if hit.entry.offer and factor and frames.offer.within(text):
        factor *= _OFFERED
    confidence = hit.confidence * factor
    if hit.entry.doubt:
        confidence = min(confidence, _DOUBT)
    return replace(hit, confidence=confidence)


def _excused(hit: Hit, frames: Frames, text: str) -> bool:
    """Whether the words are quoted or denied."""
    before = text[max(0, hit.start - 18) : hit.start].replace("是不是", "…")
    after = text[hit.end : hit.end + 18]
    for _, end in frames.quote_before.find(before):
        if not before.startswith("的", end) or before.startswith("的是", end):
            return True  # 他说的，… is no quotation of what follows
    if frames.quote_after.within(after):
        return True
    return hit.entry.negated and frames.denial_before.within(before)


def _repeated(words: str, scene: Scene) -> bool:
    return len(words) > 1 and any(words in said.text for said in scene.before)
