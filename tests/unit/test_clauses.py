"""Every clause that a recording can show works, or says what it needs: calls of tests/data."""

from __future__ import annotations

import datetime
import functools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from rule_toys import FOLDER, lexicons
from speech_toys import LEXICONS, Said, Toy, audio_of, call_of

from qc_speech.measures import measure
from qc_speech.model import SCENARIOS, Finding, Metadata, Outcome
from qc_speech.rules.inspect import all_kinds, find_all
from qc_speech.rules.kind import Context
from qc_speech.rules.rulebook import Rulebook, load_rulebooks

DOCUMENTS = ("s0", "s1", "s2", "s3", "s4")
CLAUSES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "clauses.yaml").read_text("utf-8")
)
OUTCOMES = {outcome.value for outcome in Outcome}
LINE = re.compile(r"(坐席|客户)(?:\[(.*?)\])?：(.*)")
CALLS = [
    pytest.param(clause, call, outcome, id=f"{clause['check']}-{outcome}-{number}")
    for clause in CLAUSES
    for number, call in enumerate(clause["calls"])
    for outcome in OUTCOMES & set(call)
]


@functools.lru_cache(maxsize=1)
def books() -> dict[str, Rulebook]:
    return load_rulebooks(FOLDER / "rulebooks", all_kinds(lexicons()))


def said_in(lines: list[str]) -> tuple[Said, ...]:
    """Turns one after the other at four characters a second, unless a line says otherwise."""
    said: list[Said] = []
    clock = 0.6
    for line in lines:
        match = LINE.fullmatch(line)
        assert match, line
        who, options, text = match.groups()
        given = dict(option.split("=") for option in (options or "").split())
        start = float(given.get("at", clock))
        letters = len(re.sub(r"\W", "", text))
        end = start + max(0.5, letters * 60 / float(given.get("rate", 240)))
        said.append(
            Said(
                "a" if who == "坐席" else "c",
                start,
                end,
                text,
                db=float(given.get("db", -23)),
                confidence=float(given.get("sure", 0.9)),
            )
        )
        clock = end + 0.5
    return tuple(said)


def context(clause: dict[str, Any], call: dict[str, Any], outcome: str) -> Context:
    given = {**clause, **call}
    said = said_in(call[outcome])
    ring, started = given.get("ring"), given.get("started_at")
    metadata = Metadata(
        "toy",
        direction=given.get("direction"),
        ring_ms=None if ring is None else ring * 1000,
        started_at=datetime.datetime.fromisoformat(started) if started else None,
    )
    end = max(one.end for one in said)
    toy = Toy(said, seconds=end + given.get("tail", 1.2), metadata=metadata)
    heard = call_of(toy)
    audio = audio_of(toy, swing=given.get("swing", 4.0)) if given.get("sound") else None
    scenario = given.get("scenario", "inbound_service")
    return Context(heard, measure(heard, audio, LEXICONS), scenario, lexicons())


def findings(book: Rulebook, check: str, ctx: Context) -> tuple[Finding, ...]:
    (own,) = (one for one in book.checks if one.check == check)
    return find_all(ctx, replace(book, checks=(own,)))


@pytest.mark.parametrize(("clause", "call", "outcome"), CALLS)
def test_a_clause_has_its_outcome_in_every_book_that_asks_for_it(
    clause: dict[str, Any], call: dict[str, Any], outcome: str
) -> None:
    ctx = context(clause, call, outcome)
    for book in clause["books"]:
        found = findings(books()[book], clause["check"], ctx)
        assert {finding.outcome.value for finding in found} == {outcome}, [f.reason for f in found]
        assert all(call.get("reason", "") in finding.reason for finding in found), found[0].reason
        assert all((finding.points < 0) == (outcome == "violation") for finding in found)
        assert all(finding.clause.startswith(book.upper()) for finding in found)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_documents_book_switches_on_all_its_clauses_and_no_others(document: str) -> None:
    wanted = {clause["check"] for clause in CLAUSES if document in clause["books"]}
    assert {check.check for check in books()[document].checks} == wanted


def test_every_check_is_shown_to_work_or_says_what_it_needs() -> None:
    for clause in CLAUSES:
        shown = set().union(*(OUTCOMES & set(call) for call in clause["calls"]))
        assert clause["books"], clause["check"]
        if "violation" in shown:
            assert "pass" in shown, clause["check"]
        elif "uncertain" not in shown:  # it needs what this installation has not
            assert all(call["reason"] for call in clause["calls"]), clause["check"]
    checks = [clause["check"] for clause in CLAUSES]
    assert len(checks) == len(set(checks))


def test_every_default_check_is_a_clause() -> None:
    known = {clause["check"] for clause in CLAUSES}
    for scenario in SCENARIOS:
        assert {check.check for check in books()[scenario].checks} <= known
