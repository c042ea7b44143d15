"""Conditions that can never be true, or never false: found without any call. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qc_speech.rules.conditions.operator import Fact, Operator
from qc_speech.rules.conditions.pattern import as_pattern
from qc_speech.rules.conditions.tree import Node
from qc_speech.rules.conditions.wording import samples
from qc_speech.rules.conditions.words import Keywords, Regex
from qc_speech.text.expression import linear
from qc_speech.text.normalize import normalize

Path = tuple[str | int, ...]
_MOST = 400  # ways to say a wording that are tried


@dataclass(frozen=True)
class Literal:
    """A leaf that must be true, or must not be, for the whole to be true."""

    node: Node
    holds: bool


def never(node: Node, given: Sequence[Fact] = ()) -> str | None:
    """Why a condition can never be true; None: it may. `given` holds in every call it is asked."""
    return contradiction(literals(node, True), given)


def contradiction(parts: Sequence[Literal], given: Sequence[Fact] = ()) -> str | None:
    """Why all of these can never hold together."""
    for i, one in enumerate(parts):
        for other in parts[i + 1 :]:
            if one.holds != other.holds and _implies(
                one if one.holds else other, other if one.holds else one
            ):
                return "the same is asked for and ruled out"
    facts: dict[str, list[tuple[Fact, bool]]] = {}
    for fact in given:
        facts.setdefault(fact[0], []).append((fact, True))
    for part in parts:
        own = part.node.operator.fact() if part.node.operator else None
        if own is not None and (part.node.operator is not None and _everywhere(part.node)):
            facts.setdefault(own[0], []).append((own, part.holds))
    for subject, known in facts.items():
        if _empty(known):
            return f"no call fits what is asked of {subject.lower()}"
    return None


def literals(node: Node, holds: bool) -> list[Literal]:
    """What must be so for a condition to be true (or, with `holds` False, to be false)."""
    if node.joint == "not":
        return literals(node.parts[0], not holds)
    if node.operator is not None:
        return [Literal(node, holds)]
    if (node.joint == "all") == holds or len(node.parts) == 1:
        return [one for part in node.parts for one in literals(part, holds)]
    return []  # one of several: nothing is certain


def empty_places(node: Node) -> Iterator[tuple[Path, str]]:
    """Where a condition looks that is no place in any call, or in hardly any."""
    for part in (node, *_below(node)):
        first, last = part.first, part.last
        if first and last:
            if first.percent and last.percent:
                if first.percent + last.percent <= 100:
                    yield part.path, "its first and last percent never meet; it is never true"
            else:
                yield (
                    part.path,
                    (
                        "looks only where the first and the last part of a call meet; "
                        "in most calls that is nowhere"
                    ),
                )
        seen: dict[tuple[Path, object], str] = {}
        for near in part.near:
            key = (near.target.path, near.anchor.number)
            if near.anchor.number is not None and {seen.get(key), near.relation} == {
                "after",
                "before",
            }:
                yield part.path, f"looks after and before the same hit of {near.anchor.of}"
            seen[key] = near.relation
        for child in part.parts:
            if part.role and child.role and part.role is not child.role:
                yield (
                    child.path,
                    (
                        f"asks for words of the {child.role.value} among those of the "
                        f"{part.role.value}; it is never true"
                    ),
                )


def dead_entries(operator: Operator) -> Iterator[tuple[Path, str]]:
    """Words that can never decide: shadowed, said twice, or always excepted."""
    if isinstance(operator, Regex):
        if operator.except_ is not None and operator.except_ == operator.match:
            yield ("except",), "excludes everything that `match` finds"
        return
    if not isinstance(operator, Keywords):
        return
    for name in ("any", "all", "none", "of"):
        words: tuple[str, ...] = getattr(operator, name)
        ways = [samples(word, _MOST) for word in words]
        for i, (word, said) in enumerate(zip(words, ways)):
            if any(set(said) == set(other) for other in ways[:i]):
                yield (name, i), f"{word} is there twice; remove one"
            elif name in ("any", "none") and operator.by == "text" and not operator.whole_words:
                for j, other in enumerate(words):
                    if (
                        i != j
                        and set(said) != set(ways[j])
                        and all(any(short in text for short in ways[j]) for text in said)
                    ):
                        yield (name, i), f"{word} never decides: {other} is in it and found first"
                        break
            if operator.except_ and all(_excepted(text, operator.except_) for text in said):
                yield (name, i), f"{word} is never found: `except` covers every way to say it"


def _excepted(text: str, wordings: tuple[str, ...]) -> bool:
    return any(linear(as_pattern(wording)).search(normalize(text)) for wording in wordings)


def _below(node: Node) -> Iterator[Node]:
    for part in node.parts:
        yield part
        yield from _below(part)


def _everywhere(node: Node) -> bool:
    """Whether a fact is of the whole call, and not of a part of it."""
    operator = node.operator
    return operator is not None and (
        operator.OF_CALL or not (node.first or node.last or node.near or node.role)
    )


def _implies(one: Literal, other: Literal) -> bool:
    """Whether the first being true makes the second's condition true, as far as is written."""
    a, b = one.node, other.node
    if a is b:
        return True
    same_place = (a.role, a.first, a.last) == (b.role, b.first, b.last) and [
        (n.relation, n.anchor) for n in a.near
    ] == [(n.relation, n.anchor) for n in b.near]
    if not same_place or a.operator is None or b.operator is None:
        return False
    if a.operator == b.operator:
        return True
    if isinstance(a.operator, Keywords) and isinstance(b.operator, Keywords):
        mine, theirs = a.operator, b.operator
        plain = not (mine.all or mine.none or mine.of or theirs.all or theirs.none or theirs.of)
        alike = (mine.by, mine.except_, mine.whole_words) == (
            theirs.by,
            theirs.except_,
            theirs.whole_words,
        )
        return plain and alike and set(mine.any) <= set(theirs.any)
    return False


def _empty(known: Sequence[tuple[Fact, bool]]) -> bool:
    """Whether no value fits all of what is known of one subject."""
    sets = [(fact[1], holds) for fact, holds in known if isinstance(fact[1], frozenset)]
    if sets:
        wanted = [values for values, holds in sets if holds]
        if not wanted:
            return False
        ruled_out = [values for values, holds in sets if not holds]
        return not frozenset.intersection(*wanted).difference(*ruled_out)
    ranges = [(fact[1], holds) for fact, holds in known if not isinstance(fact[1], frozenset)]
    low = max((r[0] for r, holds in ranges if holds), default=-math.inf)
    high = min((r[1] for r, holds in ranges if holds), default=math.inf)
    if low >= high:
        return True
    return any(not holds and r[0] <= low and high <= r[1] for r, holds in ranges)
