"""The check kind `custom`: a check that a supervisor writes as conditions, without code."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pydantic

from qc_speech.model import Evidence, Outcome, Role
from qc_speech.rules.conditions.answer import Answer, Place, Truth, all_of, any_of, negated
from qc_speech.rules.conditions.condition import Condition, Name, Written
from qc_speech.rules.conditions.scene import Scene
from qc_speech.rules.conditions.tree import Node, compile_tree
from qc_speech.rules.conditions.words import PhraseSaid
from qc_speech.rules.kind import Context, Draft, Kind, Params, ParamsFault
from qc_speech.rules.rehearsal import spoken
from qc_speech.rules.verdict import SURE


class Examples(Params):
    """Short calls, in lines such as 「客户：我要投诉」: those that the check must find wrong, and
    those that it must not. `qc-speech rules check` tries them."""

    violates: tuple[tuple[str, ...], ...] = ()
    passes: tuple[tuple[str, ...], ...] = ()

    @pydantic.field_validator("violates", "passes")
    @classmethod
    def _lines(cls, calls: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for lines in calls:
            for line in lines:
                spoken(line)
        return calls


class CustomParams(Params):
    """`when` (where it is true the check applies) and what is then required or forbidden.
    `conditions` are named, to be used by name and to be looked near. Without `when` the check
    applies where the anchors were found that `require` looks near."""

    conditions: dict[Name, Condition] = pydantic.Field(default_factory=dict)
    when: Written | None = None
    require: Written | None = None
    forbid: Written | None = None
    if_unknown: Literal["uncertain", "not_applicable"] = "uncertain"
    per_occurrence: bool = False  # a finding for each place of what is forbidden
    examples: Examples = Examples()

    @pydantic.model_validator(mode="after")
    def _asks_something(self) -> CustomParams:
        if self.require is None and self.forbid is None:
            raise ValueError("needs require or forbid; add one")
        if self.per_occurrence and self.forbid is None:
            raise ValueError("per_occurrence counts what is forbidden; add forbid or remove it")
        return self

    @functools.cached_property
    def plan(self) -> Plan:
        """Raises ParamsFault."""
        return Plan.of(self)


@dataclass(frozen=True, eq=False)
class Plan:
    """The conditions of one check, compiled."""

    when: tuple[Node, ...]
    require: Node | None
    forbid: Node | None
    by_role: bool  # asks who spoke

    @classmethod
    def of(cls, params: CustomParams) -> Plan:
        names = params.conditions
        for name in names:  # also those that are not used: a mistake is said at once
            compile_tree(Condition(ref=name), names, ("conditions", name))
        require = _compiled(params.require, names, "require")
        forbid = _compiled(params.forbid, names, "forbid")
        when = _compiled(params.when, names, "when")
        implied = tuple(near.target for near in require.near) if require and not when else ()
        roots = [node for node in (when, require, forbid) if node is not None]
        by_role = any(node.role is not None for root in roots for node in root.walk())
        return cls((when,) if when else implied, require, forbid, by_role)


def _compiled(
    condition: Condition | None, names: Mapping[str, Condition], part: str
) -> Node | None:
    return None if condition is None else compile_tree(condition, names, (part,))


def run_custom(ctx: Context, params: CustomParams) -> tuple[Draft, ...]:
    """Violated where it applies and something is missing or forbidden; pass; or who knows."""
    plan = params.plan
    if plan.by_role and not any(role is Role.AGENT for _, role in ctx.call.roles.roles):
        return (Draft(Outcome.UNCERTAIN, 0.5, "未能分清哪一方是坐席，需人工判断"),)
    scene = Scene.of(ctx)
    whole = scene.whole
    when = all_of([node.ask(scene, whole, False) for node in plan.when])
    if when.truth is Truth.FALSE:
        return (_out(when),)
    broken = []
    if plan.require is not None:
        broken.append(negated(plan.require.ask(scene, whole, True)))
    forbidden = plan.forbid.ask(scene, whole, False) if plan.forbid is not None else None
    if forbidden is not None:
        broken.append(forbidden)
    wrong = any_of(broken)
    if wrong.truth is Truth.FALSE:
        return (_kept(when, wrong),)
    if plan.by_role and ctx.call.roles.confidence < SURE:
        return (_unsure(params, wrong, "哪一方是坐席不能确定；"),)
    if when.truth is Truth.UNKNOWN or wrong.truth is Truth.UNKNOWN:
        doubtful = when if when.truth is Truth.UNKNOWN else wrong
        return (_unsure(params, doubtful, ""),)
    if params.per_occurrence and forbidden is not None and forbidden.truth is Truth.TRUE:
        places = [place for place in forbidden.places if place.sure]
        if places:
            return tuple(_broken(when, forbidden, place) for place in places)
    return (_broken(when, wrong, _main(wrong, when)),)


def _out(when: Answer) -> Draft:
    return Draft(Outcome.NOT_APPLICABLE, _rounded(when), f"条件不成立：{when.why or '未出现'}")


def _kept(when: Answer, wrong: Answer) -> Draft:
    """Nothing is wrong: no matter then whether the check applied for sure."""
    place = wrong.at
    evidence = _evidence(place) if place else None
    return Draft(Outcome.PASS, _rounded(wrong), f"符合要求：{wrong.why or '未出现'}", evidence)


def _unsure(params: CustomParams, answer: Answer, before: str) -> Draft:
    place = _main(answer, answer)
    evidence = _evidence(place) if place else None
    reason = f"{before}{answer.why or '听不清'}"
    if params.if_unknown == "not_applicable" and not before:
        return Draft(Outcome.NOT_APPLICABLE, 1.0, f"无法判断：{reason}", evidence)
    return Draft(Outcome.UNCERTAIN, 0.5, f"需人工判断：{reason}", evidence)


def _broken(when: Answer, wrong: Answer, place: Place | None) -> Draft:
    confidence = min(when.confidence, place.confidence if place else wrong.confidence)
    confidence = min(confidence, wrong.confidence)
    reason = "；".join(part for part in (when.why, wrong.why) if part)
    evidence = _evidence(place) if place else None
    return Draft(Outcome.VIOLATION, round(max(0.5, confidence), 3), reason, evidence)


def _main(wrong: Answer, when: Answer) -> Place | None:
    """Where the mistake can be heard: what was said, where something was missed, or what made the
    check apply."""
    sure = [place for place in (*wrong.places, *((wrong.at,) if wrong.at else ())) if place.sure]
    return next(iter((*sure, *wrong.places, *when.places)), None)


def _evidence(place: Place) -> Evidence:
    return Evidence(place.span, place.role, place.utterance, place.quote)


def _rounded(answer: Answer) -> float:
    return round(max(0.5, min(answer.confidence, 0.99)), 3)


def custom_kind(phrases: Mapping[str, object]) -> Kind:
    """The kind, knowing which phrases there are."""

    def verify(params: CustomParams) -> None:
        plan = params.plan
        for root in (*plan.when, plan.require, plan.forbid):
            for node in root.walk() if root else ():
                said = node.operator
                if isinstance(said, PhraseSaid) and said.check not in phrases:
                    known = ", ".join(sorted(phrases))
                    raise ParamsFault(
                        (*node.path, "phrase"), f"no phrase {said.check}; one of {known}"
                    )

    return Kind("custom", CustomParams, run_custom, verify)
