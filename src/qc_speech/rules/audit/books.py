"""Flaws of rulebooks: conflicts, dead entries, conditions that can never be true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qc_speech.model import SCENARIOS, Severity
from qc_speech.rules.audit.examples import custom_failures
from qc_speech.rules.audit.flaw import Flaw, Level, Loc
from qc_speech.rules.conditions.check import CustomParams
from qc_speech.rules.conditions.operator import Fact
from qc_speech.rules.conditions.reach import (
    contradiction,
    dead_entries,
    empty_places,
    literals,
    never,
)
from qc_speech.rules.lexicons import Lexicons
from qc_speech.rules.rulebook import Check, File, Rulebook, layered
from qc_speech.rules.yamlfile import line_of


@dataclass(frozen=True)
class Books:
    """Rulebooks as written and as made."""

    files: Mapping[str, File]
    made: Mapping[str, Rulebook]
    lexicons: Lexicons


def book_flaws(books: Books) -> Iterator[Flaw]:
    for scenario in SCENARIOS:
        if scenario not in books.files:
            place = str(next(iter(books.files.values()))[0].parent)
            yield Flaw(
                "error", place, f"no rulebook is named {scenario}; such calls end in an error"
            )
    used: set[tuple[str, str]] = set()
    for name, book in books.made.items():
        rules = layered(books.files, name)
        for check in book.checks:
            for text, loc, level in _check_flaws(check, book, books.lexicons):
                yield Flaw(level, rules[check.check].place(loc), f"check {check.check}: {text}")
            used |= {(name, one) for one in _names_used(check)}
        for pair in _twice(book):
            yield Flaw("warning", rules[pair[1].check].place(), _charged_twice(*pair))
        yield from _switched_off(name, books)
    yield from _unused(books, used)


def _check_flaws(
    check: Check, book: Rulebook, lexicons: Lexicons
) -> Iterator[tuple[str, Loc, Level]]:
    if check.points == 0 and check.severity is not Severity.CRITICAL:
        yield "costs no points", ("points",), "warning"
    passes = getattr(check.params, "pass_from", None)
    misses = getattr(check.params, "missing_below", None)
    if passes is not None and misses is not None and misses > passes:
        yield (
            f"missing_below {misses:g} is above pass_from {passes:g}; a phrase would be both",
            ("params", "missing_below"),
            "error",
        )
    if isinstance(check.params, CustomParams):
        yield from _custom_flaws(check, check.params, book, lexicons)


def _custom_flaws(
    check: Check, params: CustomParams, book: Rulebook, lexicons: Lexicons
) -> Iterator[tuple[str, Loc, Level]]:
    if check.cap > check.points and not params.per_occurrence:
        yield "its cap is never reached: it is charged once per call", ("cap",), "warning"
    plan = params.plan
    roots = [node for node in (*plan.when, plan.require, plan.forbid) if node is not None]
    given: list[Fact] = [("ScenarioIs", frozenset({book.scenario}))] if book.scenario else []
    dead = False
    for node in dict.fromkeys(one for root in roots for one in root.walk()):
        why = never(node, given) if node.joint != "leaf" or node in roots else None
        if why and node.joint != "any":
            dead = True
            yield f"can never be true: {why}", ("params", *node.path), "error"
        for path, text in empty_places(node) if node in roots else ():
            yield text, ("params", *path), "error" if "never" in text else "warning"
        for path, text in dead_entries(node.operator) if node.operator else ():
            name = "keywords" if path[0] != "except" else "regex"
            yield text, ("params", *node.path, name, *path), "warning"
    if not dead:
        yield from _pointless(params, given)
    for text, loc in custom_failures(params, lexicons, book.scenario):
        yield text, loc, "error"


def _pointless(params: CustomParams, given: list[Fact]) -> Iterator[tuple[str, Loc, Level]]:
    """Checks that nothing can violate, though each part alone may be true."""
    plan = params.plan
    applies = [one for node in plan.when for one in literals(node, True)]
    if plan.require is not None:
        why = contradiction([*applies, *literals(plan.require, False)], given)
        if why and plan.forbid is None:
            yield (
                "can never be violated: what is required is always met",
                ("params", "require"),
                "error",
            )
        why = contradiction([*applies, *literals(plan.require, True)], given)
        if why:
            yield f"can never be met: {why}", ("params", "require"), "error"
            return
    if plan.forbid is not None and plan.require is None:
        why = contradiction([*applies, *literals(plan.forbid, True)], given)
        if why:
            yield f"can never be violated: {why}", ("params", "forbid"), "error"
    if plan.forbid is not None and plan.require is not None:
        kept = [*literals(plan.require, True), *literals(plan.forbid, False)]
        why = contradiction([*applies, *kept], given)
        if why:
            yield f"can never be met: {why}", ("params", "require"), "error"


def _twice(book: Rulebook) -> Iterator[tuple[Check, Check]]:
    """Checks that find the same and are both charged."""
    seen: dict[tuple[str, str], Check] = {}
    for check in book.checks:
        asked = check.params.model_dump_json(exclude={"conditions", "examples"})
        first = seen.setdefault((check.kind.name, asked), check)
        if first is not check:
            yield first, check


def _charged_twice(first: Check, second: Check) -> str:
    return f"check {second.check}: finds the same as {first.check}; a call is charged twice for it"


def _switched_off(name: str, books: Books) -> Iterator[Flaw]:
    path, node, book = books.files[name]
    inherited: set[str] = set()
    parent = book.extends
    while parent is not None:
        inherited |= {rule.check for rule in books.files[parent][2].checks}
        parent = books.files[parent][2].extends
    for i, rule in enumerate(book.checks):
        if not rule.enabled and rule.check not in inherited:
            place = f"{path}:{line_of(node, ('checks', i))}"
            text = f"check {rule.check}: is switched off, but no book that this one extends has it"
            yield Flaw("warning", place, text)


def _names_used(check: Check) -> set[str]:
    if not isinstance(check.params, CustomParams):
        return set()
    plan = check.params.plan
    roots = [node for node in (*plan.when, plan.require, plan.forbid) if node is not None]
    paths = (node.path for root in roots for node in root.walk())
    return {str(path[1]) for path in paths if path[:1] == ("conditions",)}


def _unused(books: Books, used: set[tuple[str, str]]) -> Iterator[Flaw]:
    for name, (path, node, book) in books.files.items():
        heirs = {name, *(heir for heir in books.made if _extends(heir, name, books))}
        for condition in book.conditions:
            if not any((heir, condition) in used for heir in heirs):
                place = f"{path}:{line_of(node, ('conditions', condition))}"
                yield Flaw("warning", place, f"condition {condition}: nothing uses it")
        for i, rule in enumerate(book.checks):
            own = rule.params.get("conditions")
            for condition in own if isinstance(own, dict) else ():
                if not any((heir, condition) in used for heir in heirs):
                    loc = ("checks", i, "params", "conditions", condition)
                    place = f"{path}:{line_of(node, loc)}"
                    yield Flaw("warning", place, f"condition {condition}: nothing uses it")


def _extends(name: str, ancestor: str, books: Books) -> bool:
    parent = books.files[name][2].extends
    while parent is not None:
        if parent == ancestor:
            return True
        parent = books.files[parent][2].extends
    return False
