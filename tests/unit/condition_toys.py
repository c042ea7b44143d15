"""Asks one condition, or runs one custom check, of a toy call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rule_toys import context, lexicons, talk

from qc_speech.model import Measures, Overlap, PartyMeasures, Silence, UtteranceMeasures
from qc_speech.rules.conditions.answer import Answer, Truth
from qc_speech.rules.conditions.check import CustomParams, custom_kind
from qc_speech.rules.conditions.condition import Condition
from qc_speech.rules.conditions.scene import Scene
from qc_speech.rules.conditions.tree import compile_tree
from qc_speech.rules.kind import Context, Draft

T, U, F = Truth.TRUE, Truth.UNKNOWN, Truth.FALSE


def ask(
    ctx: Context, written: dict[str, Any], *, absence_costs: bool = False, **names: Any
) -> Answer:
    """The answer of a condition as written in YAML; `names` are those it may refer to."""
    named = {name: Condition.model_validate(value) for name, value in names.items()}
    node = compile_tree(Condition.model_validate(written), named, ())
    scene = Scene(ctx)
    return node.ask(scene, scene.whole, absence_costs)


def said(*lines: tuple[str, str], confidence: float = 0.9, **more: Any) -> Context:
    return context(talk(*lines, confidence=confidence), **more)


def measured(
    ctx: Context,
    *,
    silences: tuple[Silence, ...] = (),
    overlaps: tuple[Overlap, ...] = (),
    parties: tuple[PartyMeasures, ...] = (),
    utterances: tuple[UtteranceMeasures, ...] = (),
    last_speech_end_ms: int | None = None,
    tail_ms: int | None = None,
) -> Context:
    values = Measures(parties, utterances, silences, overlaps, last_speech_end_ms, tail_ms)
    return replace(ctx, measures=values)


def loud(index: int, *, above: float = 0.0, rate: float | None = 240.0) -> UtteranceMeasures:
    return UtteranceMeasures(index, 20, 5000, rate, -20.0, 0.0, above_normal_db=above)


def custom(ctx: Context, **params: Any) -> tuple[Draft, ...]:
    kind = custom_kind(lexicons().phrases)
    checked = CustomParams.model_validate(params)
    assert kind.verify is not None
    kind.verify(checked)
    return kind.run(ctx, checked)
