"""lexicons/privacy.yaml: the words around personal data."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any

import pydantic

from qc_speech.resources import data_dir
from qc_speech.rules.conditions.lexicon import ConditionLexicon
from qc_speech.rules.yamlfile import load_yaml
from qc_speech.text.expression import linear


def _good(pattern: str) -> str:
    linear(pattern)
    return pattern


Pattern = Annotated[str, pydantic.AfterValidator(_good)]


class PrivacyFile(pydantic.BaseModel):
    """Patterns (RE2) over the text in simplified characters, digits as 零 to 九, marks as ，."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    phone: Pattern
    id_card: Pattern
    bank_card: Pattern
    number: Pattern
    own_number: Pattern
    public_number: Pattern
    counted: Pattern
    titles: Pattern
    customer_titles: Pattern
    not_surname: str
    name_is: Pattern
    asks_name: Pattern
    asks_number: Pattern
    asks_address: Pattern
    not_name: Pattern
    before_place: Pattern
    regions: Pattern
    estates: Pattern
    not_place: Pattern
    doors: Pattern
    houses: Pattern

    def says(self, what: str, text: str) -> bool:
        """Whether a text holds the pattern of that name."""
        return bool(linear(getattr(self, what)).search(text))


class Words:
    """The file with the surnames of lexicons/conditions.yaml."""

    def __init__(self, file: PrivacyFile, surnames: str, double_surnames: tuple[str, ...]) -> None:
        self.file, self.surnames = file, frozenset(surnames)
        self.surname = f"(?:{'|'.join((*double_surnames, f'[{surnames}]'))})"

    def matches(self, pattern: str, text: str) -> list[Any]:
        """All matches of an expression, left to right."""
        return list(linear(pattern).finditer(text))


@functools.lru_cache(maxsize=4)
def load_words(folder: Path | None = None) -> Words:
    """From a lexicons folder (None: the default one). Raises RulebookError."""
    folder = folder or data_dir("lexicons")
    conditions = load_yaml(folder / "conditions.yaml", ConditionLexicon)
    file = load_yaml(folder / "privacy.yaml", PrivacyFile)
    return Words(file, conditions.surnames, conditions.double_surnames)
