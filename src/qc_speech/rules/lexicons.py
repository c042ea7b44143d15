"""All word lists and phrases that rules rest on, loaded once from the lexicons folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qc_speech.measures.lexicon import SpeechLexicons
from qc_speech.model import Role, Span, Utterance, Word
from qc_speech.roles import RoleEvidence, load_role_evidence
from qc_speech.rules.banned_judge import Scene, hits
from qc_speech.rules.banned_lexicon import BannedLexicon, load_banned
from qc_speech.rules.conditions.lexicon import ConditionLexicon
from qc_speech.rules.courtesy import PoliteWords, load_polite_words
from qc_speech.rules.phrases import Phrase, load_phrases
from qc_speech.rules.situations import Situation, load_situations
from qc_speech.rules.speech_lexicons import load_speech_lexicons
from qc_speech.rules.survey import Question, load_answers
from qc_speech.rules.yamlfile import load_yaml

if TYPE_CHECKING:
    from qc_speech.rules.kind import Context

_HEATED = ("profanity", "insult", "impatience", "mockery", "threat")


@dataclass(frozen=True)
class Lexicons:
    """What rules read besides the call."""

    phrases: dict[str, Phrase]
    banned: BannedLexicon
    speech: SpeechLexicons
    roles: RoleEvidence
    situations: dict[str, Situation]
    polite: PoliteWords
    answers: dict[str, Question]
    conditions: ConditionLexicon

    def said(self, ctx: Context, check: str, window: Span) -> float:
        """How surely (0..1) the agent said a phrase in a stretch of the call."""
        phrase = self.phrases.get(check)
        if phrase is None:
            return 0.0
        turns = tuple(turn for turn in ctx.matcher.turns if turn.span.overlap_ms(window))
        return ctx.matcher.find(phrase, turns).probability

    def hostile(self, text: str) -> float:
        """How hostile an agent's words are (0..1): the surest word of the heated lists in them."""
        words = (Word(Span(0, max(1, 100 * len(text))), text, 0.9),)
        utterance = Utterance(0, words[0].span, "", Role.AGENT, words)
        scene = Scene.of((utterance,), 0)
        found = (
            hit.confidence
            for name in _HEATED
            for hit in hits(self.banned.lists[name], self.banned, scene, sound=False)
        )
        return max(found, default=0.0)


def load_lexicons(folder: Path) -> Lexicons:
    """Raises RulebookError naming file, line and cure."""
    return Lexicons(
        load_phrases(folder / "phrases"),
        load_banned(folder / "banned"),
        load_speech_lexicons(folder),
        load_role_evidence(folder / "roles.yaml"),
        load_situations(folder / "situations.yaml"),
        load_polite_words(folder / "courtesy.yaml"),
        load_answers(folder / "answers.yaml"),
        load_yaml(folder / "conditions.yaml", ConditionLexicon),
    )
