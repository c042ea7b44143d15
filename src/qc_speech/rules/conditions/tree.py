"""Conditions compiled into a tree that is asked about calls. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

from qc_speech.model import Role
from qc_speech.rules.conditions.answer import (
    Answer,
    Place,
    Truth,
    all_of,
    any_of,
    negated,
    unknown,
)
from qc_speech.rules.conditions.condition import Condition
from qc_speech.rules.conditions.operator import Operator
from qc_speech.rules.conditions.scene import Scene, Stretch
from qc_speech.rules.conditions.where import Anchor, Extent, Relation, ends, near, with_role
from qc_speech.rules.kind import ParamsFault

MAX_DEPTH = 20
Look = Callable[[Place | None], Answer]  # near a place; None: anywhere


@dataclass(frozen=True, eq=False)
class Near:
    """Look `relation` the hits of `target`."""

    relation: Relation
    anchor: Anchor
    target: Node


@dataclass(frozen=True, eq=False)
class Node:
    """One condition. `joint` is leaf, all, any or not; `parts` its conditions."""

    joint: str
    path: tuple[str | int, ...]  # where it is written in the parameters
    operator: Operator | None = None
    parts: tuple[Node, ...] = ()
    role: Role | None = None
    first: Extent | None = None
    last: Extent | None = None
    near: tuple[Near, ...] = ()

    def ask(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        """The answer for a stretch of a call. `absence_costs`: see Operator.answer."""
        key = (self, where, absence_costs)  # the node itself: an id may be given again
        if key not in scene.memo:
            role = where.role or self.role
            if where.role and self.role and where.role is not self.role:
                scene.memo[key] = Answer(Truth.FALSE, 1.0)
            else:
                inside = ends(scene, with_role(where, role), self.first, self.last)
                scene.memo[key] = self._near(scene, inside, self.near, absence_costs)
        return scene.memo[key]

    def walk(self) -> Iterator[Node]:
        """This node and all below it, anchors too."""
        yield self
        for part in (*self.parts, *(one.target for one in self.near)):
            yield from part.walk()

    @property
    def has_places(self) -> bool:
        """Whether a true answer says where."""
        if self.joint == "not":
            return False
        if self.operator is not None:
            return self.operator.PLACED
        return any(part.has_places for part in self.parts)

    def _near(
        self, scene: Scene, where: Stretch, anchors: tuple[Near, ...], absence_costs: bool
    ) -> Answer:
        if not anchors:
            return self._here(scene, where, absence_costs)
        head, rest = anchors[0], anchors[1:]
        anchor = head.anchor
        found = head.target.ask(scene, scene.whole, anchor.absent == "anywhere")

        def at(place: Place | None) -> Answer:
            reach = where if place is None else near(scene, where, place, head.relation, anchor)
            answer = self._near(scene, reach, rest, absence_costs)
            return answer if place is None or answer.at else replace(answer, at=place)

        if not found.places:
            return _without(found, anchor, at)
        if anchor.number is not None:
            return _numbered(found.places, anchor, at)
        answers = [_if_there(place, at(place), anchor) for place in found.places]
        if anchor.hit == "each":
            return all_of(answers) if found.truth is Truth.TRUE else _perhaps(all_of(answers))
        if anchor.absent == "anywhere" and found.truth is not Truth.TRUE:
            answers.append(_perhaps(at(None)))
        return any_of(answers)

    def _here(self, scene: Scene, where: Stretch, absence_costs: bool) -> Answer:
        if self.operator is not None:
            return self.operator.answer(scene, where, absence_costs)
        if self.joint == "not":
            return negated(self.parts[0].ask(scene, where, not absence_costs))
        answers = [part.ask(scene, where, absence_costs) for part in self.parts]
        return all_of(answers) if self.joint == "all" else any_of(answers)


def _without(found: Answer, anchor: Anchor, look: Look) -> Answer:
    """No place of the anchor: nowhere to look, or anywhere."""
    if anchor.absent == "anywhere":
        everywhere = look(None)
        return _perhaps(everywhere) if found.truth is Truth.UNKNOWN else everywhere
    if found.truth is Truth.UNKNOWN:
        return unknown(found.why)
    return Answer(Truth.FALSE, found.confidence, (), f"没有出现「{anchor.of}」")


def _numbered(places: tuple[Place, ...], anchor: Anchor, look: Look) -> Answer:
    """The n-th hit, among the sure ones and among all: where they differ nobody knows."""
    number = anchor.number or 0
    answers = []
    for group in (tuple(p for p in places if p.sure), places):
        if -len(group) <= number < len(group):
            answers.append(look(group[number]))
        elif anchor.absent == "anywhere":
            answers.append(look(None))
        else:
            answers.append(Answer(Truth.FALSE, 0.9, (), f"「{anchor.of}」没有第 {number + 1} 次"))
    sure, every = answers
    return sure if sure.truth is every.truth else unknown(every.why, every.places)


def _if_there(place: Place, answer: Answer, anchor: Anchor) -> Answer:
    """What is near a hit that is only perhaps one: for `each` it need not hold, for `any` it does
    not suffice."""
    decides = Truth.FALSE if anchor.hit == "each" else Truth.TRUE
    return answer if place.sure or answer.truth is not decides else _doubted(answer)


def _doubted(answer: Answer) -> Answer:
    return replace(answer, truth=Truth.UNKNOWN, confidence=0.5)


def _perhaps(answer: Answer) -> Answer:
    """True, if at all, only perhaps."""
    return _doubted(answer) if answer.truth is Truth.TRUE else answer


def compile_tree(
    condition: Condition, names: Mapping[str, Condition], path: tuple[str | int, ...]
) -> Node:
    """Raises ParamsFault naming the part that is wrong."""
    return _Compiler(names).node(condition, path, ())


class _Compiler:
    """Each named condition becomes one node, however often it is named."""

    def __init__(self, names: Mapping[str, Condition]) -> None:
        self.names = names
        self.made: dict[str, Node] = {}

    def node(
        self, condition: Condition, path: tuple[str | int, ...], trail: tuple[str, ...]
    ) -> Node:
        if sum(isinstance(part, int) or part == "not" for part in path) > MAX_DEPTH:
            raise ParamsFault(path, f"nested deeper than {MAX_DEPTH} levels; name some parts")
        near = tuple(
            Near(cast(Relation, relation), anchor, self._anchor(anchor, (*path, relation), trail))
            for relation, anchor in condition.anchors
        )
        joint, parts = self._parts(condition, path, trail)
        return Node(
            joint=joint,
            path=path,
            operator=condition.operator,
            parts=parts,
            role=Role(condition.role) if condition.role else None,
            first=condition.first,
            last=condition.last,
            near=near,
        )

    def _parts(
        self, condition: Condition, path: tuple[str | int, ...], trail: tuple[str, ...]
    ) -> tuple[str, tuple[Node, ...]]:
        if condition.operator is not None:
            return "leaf", ()
        if condition.ref is not None:
            return "all", (self._named(condition.ref, (*path, "ref"), trail),)
        if condition.not_ is not None:
            return "not", (self.node(condition.not_, (*path, "not"), trail),)
        joint = "all" if condition.all is not None else "any"
        written = condition.all or condition.any or ()
        parts = (self.node(one, (*path, joint, i), trail) for i, one in enumerate(written))
        return joint, tuple(parts)

    def _named(self, name: str, path: tuple[str | int, ...], trail: tuple[str, ...]) -> Node:
        if name in trail:
            circle = " -> ".join((*trail[trail.index(name) :], name))
            raise ParamsFault(path, f"conditions refer to each other in a circle: {circle}")
        if name not in self.names:
            known = ", ".join(sorted(self.names)) or "none"
            raise ParamsFault(path, f"no condition is named {name}; there are: {known}")
        if name not in self.made:
            inner = (*trail, name)
            self.made[name] = self.node(self.names[name], ("conditions", name), inner)
        return self.made[name]

    def _anchor(self, anchor: Anchor, path: tuple[str | int, ...], trail: tuple[str, ...]) -> Node:
        target = self._named(anchor.of, (*path, "of"), trail)
        if not target.has_places:
            raise ParamsFault(
                (*path, "of"), f"{anchor.of} has no place in the call to look near; name another"
            )
        return target
