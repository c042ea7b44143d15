"""Which language an utterance is in: foreign syllables, and dialect words."""

from __future__ import annotations

from dataclasses import dataclass

from qc_speech.measures.lexicon import DialectHit, SpeechLexicons
from qc_speech.measures.syllables import pieces, syllables
from qc_speech.model import Utterance


@dataclass(frozen=True)
class Speech:
    """What an utterance's words say about its language."""

    foreign_share: float  # of its syllables, accepted loanwords left out
    dialect: tuple[str, ...]
    weak: tuple[str, ...]
    doubtful: tuple[str, ...]


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


def speech(utterance: Utterance, lexicons: SpeechLexicons, said_before: str) -> Speech:
    """Language of one utterance. A dialect word that the other party has just used is a quotation
    the first time."""
    hits = lexicons.dialect_hits(utterance.text)
    quoted = {hit.word for hit in lexicons.dialect_hits(said_before)}
    own: list[DialectHit] = []
    for hit in hits:
        if hit.word in quoted:
            quoted.discard(hit.word)
        else:
            own.append(hit)
    labels = {hit.label for hit in hits}
    other = tuple(
        hit.label
        for alternative in utterance.alternatives[:4]
        for hit in lexicons.dialect_hits(alternative.text, by_sound=False)
        if hit.strong and hit.label not in labels
    )
    return Speech(
        foreign_share(utterance.text, lexicons),
        tuple(hit.label for hit in own if hit.strong and not hit.doubtful),
        tuple(hit.label for hit in own if not hit.strong),
        tuple(hit.label for hit in own if hit.doubtful) + tuple(dict.fromkeys(other)),
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
