"""Which file of lexicons/ is of which shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pydantic

from qc_speech.measures.floor_words import BackchannelLexicon, FloorLexicon
from qc_speech.measures.lexicon import DialectLexicon, LoanwordLexicon
from qc_speech.privacy.lexicon import PrivacyFile
from qc_speech.roles import RoleEvidence
from qc_speech.rules.absence import AbsenceFile
from qc_speech.rules.banned_lexicon import LISTS, DisclosureFile, FrameFile, RamblingFile, WordFile
from qc_speech.rules.conditions.lexicon import ConditionLexicon
from qc_speech.rules.courtesy import PoliteWords
from qc_speech.rules.phrases import PhraseFile
from qc_speech.rules.rulebook import RulebookFile
from qc_speech.rules.situations import SituationFile
from qc_speech.rules.survey import AnswerFile
from qc_speech.scenario import ScenarioEvidence
from qc_speech.spelling import HearingFile, NamesFile


@dataclass(frozen=True)
class Shape:
    """Files of one shape: a glob below lexicons/, the name of their JSON Schema, their model."""

    glob: str
    schema: str
    model: type[pydantic.BaseModel]


SHAPES = (
    Shape("rulebooks/*.yaml", "rulebook", RulebookFile),
    Shape("phrases/*.yaml", "phrases", PhraseFile),
    *(Shape(f"banned/{name}.yaml", "banned", WordFile) for name in LISTS),
    Shape("banned/frames.yaml", "banned-frames", FrameFile),
    Shape("banned/disclosure.yaml", "banned-disclosure", DisclosureFile),
    Shape("banned/rambling.yaml", "banned-rambling", RamblingFile),
    Shape("situations.yaml", "situations", SituationFile),
    Shape("answers.yaml", "answers", AnswerFile),
    Shape("courtesy.yaml", "courtesy", PoliteWords),
    Shape("conditions.yaml", "conditions", ConditionLexicon),
    Shape("names.yaml", "names", NamesFile),
    Shape("privacy.yaml", "privacy", PrivacyFile),
    Shape("clips.yaml", "clips", AbsenceFile),
    Shape("hearing.yaml", "hearing", HearingFile),
    Shape("roles.yaml", "roles", RoleEvidence),
    Shape("scenarios.yaml", "scenarios", ScenarioEvidence),
    Shape("dialect.yaml", "dialect", DialectLexicon),
    Shape("loanwords.yaml", "loanwords", LoanwordLexicon),
    Shape("backchannels.yaml", "backchannels", BackchannelLexicon),
    Shape("floor.yaml", "floor", FloorLexicon),
)


def shape_of(path: str) -> Shape | None:
    """The shape of a file by its path below lexicons/."""
    return next((shape for shape in SHAPES if PurePosixPath(path).match(shape.glob)), None)


def shaped(folder: Path) -> Iterator[tuple[Path, Shape]]:
    """Every file of a lexicons folder that has a shape, in order."""
    for shape in SHAPES:
        for path in sorted(folder.glob(shape.glob)):
            yield path, shape
