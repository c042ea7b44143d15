"""Which language an utterance is in: foreign syllables, and dialect words written or heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qc_speech.measures.ear import EarHit
from qc_speech.measures.lexicon import DialectWord, SpeechLexicons
from qc_speech.measures.syllables import pieces, syllables
from qc_speech.model import Utterance
from qc_speech.text.normalize import normalize

_READINGS = 5  # the text and its best alternatives
_BEFORE = 4  # utterances back in which the other party's words are looked for
_ONE_READING = 0.5  # evidence of a word that only one of many readings has; 1 where all have it
_WEAK = 0.38  # evidence of a word that Mandarin speakers use too, of a dialect word's
_STRANGE = 0.4  # of words from elsewhere than the rest: most only happen to sound alike
_EVERYWHERE = "通用口语"  # colloquial words of no region, everyday Mandarin by themselves
_LEAST, _NAMED = 0.1, 0.3  # strength of a word to count at all, and to be named
_CHANCE, _SURE = 2.3, 3.6  # syllables' worth by ear: no evidence .. as good as written


@dataclass(frozen=True)
class Speech:
    """What an utterance's words say about its language. `evidence`: how many dialect words' worth
    there are, by what is written and by ear."""

    foreign_share: float  # of its syllables, accepted loanwords left out
    dialect: tuple[str, ...]
    weak: tuple[str, ...]
    doubtful: tuple[str, ...]
    evidence: float = 0.0
    region: str = ""


def foreign_share(text: str, lexicons: SpeechLexicons) -> float:
    """Share of syllables in Latin words; loanwords and one or two names in a Chinese sentence
    are Mandarin."""
    parts = pieces(text)
    total = sum(syllables(part) for part in parts)
    latin = [part for part in parts if part[0].isascii() and not part[0].isdigit()]
    strange = [part for part in latin if not lexicons.is_loanword(part)]
    chinese = sum(1 for part in parts if not part[0].isascii())
    if len(strange) <= lexicons.loanwords.single_words and chinese >= 4:
        return 0.0
    return round(sum(syllables(part) for part in strange) / total, 3) if total else 0.0


def speeches(utterances: Sequence[Utterance], lexicons: SpeechLexicons) -> dict[int, Speech]:
    """Language of each utterance of a call. A dialect word that the other party has just used is
    a quotation the first time."""
    readings = [
        (normalize(u.text), *(normalize(a.text) for a in u.alternatives[: _READINGS - 1]))
        for u in utterances
    ]
    heard = iter(lexicons.ear.search([text for texts in readings for text in texts]))
    words = [_words(texts, [next(heard) for _ in texts], lexicons) for texts in readings]
    homes = _homes(utterances, words, lexicons)
    found: dict[int, Speech] = {}
    for position, utterance in enumerate(utterances):
        quoted = {
            word
            for before in range(max(0, position - _BEFORE), position)
            if utterances[before].role != utterance.role
            for word in words[before].strength
        }
        found[utterance.index] = _speech(
            utterance, words[position], quoted, homes.get(utterance.speaker, ""), lexicons
        )
    return found


def _homes(
    utterances: Sequence[Utterance], words: Sequence[_Words], lexicons: SpeechLexicons
) -> dict[str, str]:
    """For each speaker the group of regions that most of the dialect words point to."""
    weights: dict[str, dict[str, float]] = {}
    for utterance, said in zip(utterances, words):
        mine = weights.setdefault(utterance.speaker, {})
        for name, strength in said.strength.items():
            if strength >= _LEAST:
                group = lexicons.group_of(said.entries[name])
                worth = strength * (1.0 if said.entries[name].strong else _WEAK)
                mine[group] = mine.get(group, 0.0) + worth
    return {
        speaker: max(mine, key=lambda group: mine[group])
        for speaker, mine in weights.items()
        if mine
    }


@dataclass(frozen=True)
class _Words:
    """Dialect words of an utterance: how surely each is there (0..1), and how often written."""

    entries: dict[str, DialectWord]
    strength: dict[str, float]
    written: dict[str, int]


def _words(
    texts: Sequence[str], hits: Sequence[Sequence[EarHit]], lexicons: SpeechLexicons
) -> _Words:
    found = _Words({}, {}, {})

    def add(word: DialectWord, strength: float) -> None:
        found.entries[word.word] = word
        found.strength[word.word] = max(found.strength.get(word.word, 0.0), strength)

    written = [lexicons.dialect_words(text) for text in texts]
    for word in written[0]:
        found.written[word.word] = found.written.get(word.word, 0) + 1
    for word in {word.word: word for words in written for word in words}.values():
        share = sum(word in words for words in written) / len(written)
        add(word, _ONE_READING + (1 - _ONE_READING) * share)
    for hit in (hit for one in hits for hit in one):
        add(hit.word, min(1.0, (hit.worth - _CHANCE) / (_SURE - _CHANCE)))
    return found


def _speech(
    utterance: Utterance, words: _Words, quoted: set[str], home: str, lexicons: SpeechLexicons
) -> Speech:
    own = {
        name: strength
        for name, strength in words.strength.items()
        if strength >= _LEAST and (name not in quoted or words.written.get(name, 0) > 1)
    }
    evidence = everyday = strong = 0.0
    regions: dict[str, float] = {}
    for name, strength in own.items():
        word, region = words.entries[name], lexicons.region_of(words.entries[name])
        worth = strength * (1.0 if word.strong else _WEAK)
        if region == _EVERYWHERE:
            everyday += worth
            continue
        worth *= 1.0 if lexicons.group_of(word) == home else _STRANGE
        evidence += worth
        strong += worth if word.strong else 0.0
        regions[region] = regions.get(region, 0.0) + worth
    label = {name: entry.label for name, entry in words.entries.items()}
    return Speech(
        foreign_share=foreign_share(utterance.text, lexicons),
        dialect=tuple(
            label[name]
            for name, count in words.written.items()
            if name in own and words.entries[name].strong
            for _ in range(count - (name in quoted))
        ),
        weak=tuple(
            label[name] for name in words.written if name in own and not words.entries[name].strong
        ),
        doubtful=tuple(
            label[name]
            for name, strength in own.items()
            if name not in words.written and strength >= _NAMED
        ),
        evidence=round(evidence + min(everyday, strong), 2),
        region=max(regions, key=lambda region: regions[region], default=""),
    )


def mandarin_share(parts: tuple[tuple[Utterance, Speech, int], ...]) -> float | None:
    """Share of a party's syllables that are Mandarin. `parts`: utterance, its speech, length."""
    total = sum(length for _, _, length in parts)
    if not total:
        return None
    strange = 0.0
    for utterance, said, length in parts:
        words = sum(len(label.partition("（")[0]) for label in said.dialect)
        strange += min(length, said.foreign_share * length + words)
        if utterance.language != "zh" and utterance.language_confidence >= 0.8:
            strange += max(0.0, length - (said.foreign_share * length + words))
    return round(1 - min(1.0, strange / total), 3)
