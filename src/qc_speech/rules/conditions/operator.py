"""What every operator is: parameters from YAML and a question to a stretch of a call."""

from __future__ import annotations

from typing import Any, ClassVar

import pydantic
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from qc_speech.rules.conditions.answer import Answer
from qc_speech.rules.conditions.scene import Scene, Stretch
from qc_speech.rules.kind import Params
from qc_speech.text.template import parse

TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
Fact = tuple[str, frozenset[str] | tuple[float, float]]


class Operator(Params):
    """Base of the operators. `PLACED`: its hits have places, so other conditions may look near
    them; `OF_CALL`: it is about the whole call, wherever it is asked to look."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    PLACED: ClassVar[bool] = True
    SHORT: ClassVar[tuple[Any, ...]] = ()  # JSON Schemas of what may be written instead
    OF_CALL: ClassVar[bool] = False

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        whole = handler(core)
        return {"anyOf": [*cls.SHORT, whole]} if cls.SHORT else whole

    def answer(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        """`absence_costs`: a false answer may cost points, so it must have been heard well enough;
        otherwise a true one may, and what sounds alike only by far is not taken."""
        raise NotImplementedError

    def fact(self) -> Fact | None:
        """What must hold of the call for it to be true, for finding contradictions: a subject with
        the values it may have (a set, or numbers between two). None: nothing simple."""
        return None


def listed(value: Any) -> Any:
    """One text where a list is wanted."""
    return [value] if isinstance(value, str) else value


def wordings(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Checks templates of wordings. Raises ValueError."""
    for text in texts:
        parse(text)
    return texts


def ordered(over: float | None, under: float | None, names: tuple[str, str]) -> None:
    """Raises ValueError when neither limit is given or no value can lie between them."""
    if over is None and under is None:
        raise ValueError(f"needs {names[0]} or {names[1]}; add one")
    if over is not None and under is not None and over >= under:
        raise ValueError(f"{names[0]} {over:g} is not below {names[1]} {under:g}; no value fits")


def numbers(over: float | None, under: float | None) -> tuple[float, float]:
    low = float("-inf") if over is None else over
    return low, float("inf") if under is None else under
