"""Rulebooks to read, and what another price of a check would change in stored calls."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy import select

from qc_speech.codec import from_json
from qc_speech.model import CallResult, Score
from qc_speech.rules.rulebook import Rulebook
from qc_speech.score import price, score_call
from qc_speech.setup import load_rules
from qc_speech.store.rows import DAMAGED, unpack
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import RESULTS
from qc_speech.web.calls import NotFound
from qc_speech.web.guard import Visit, allowed
from qc_speech.web.pages import page
from qc_speech.web.state import state_of

router = APIRouter(include_in_schema=False)
RulesVisit = Annotated[Visit, Depends(allowed("rules.see"))]
TryVisit = Annotated[Visit, Depends(allowed("rules.try"))]
_MOST_CALLS, _MOST_SECONDS, _SHOWN = 500, 8.0, 30


@dataclass(frozen=True)
class Moved:
    """A stored call whose score would differ."""

    call_id: str
    before: float
    after: float
    grades: tuple[str, str]


@dataclass(frozen=True)
class Effect:
    """What a change would do to the newest calls of a rulebook. `calls` were looked at."""

    check: str
    calls: int
    moved: tuple[Moved, ...]
    mean_before: float
    mean_after: float
    grades_before: tuple[tuple[str, int], ...]
    grades_after: tuple[tuple[str, int], ...]


@router.get("/rules")
def rules(request: Request, visit: RulesVisit) -> Response:
    books = load_rules().rulebooks
    return page(request, "rules.html", visit, books=list(books.values()), book=None, effect=None)


@router.get("/rules/{name}")
def rulebook(request: Request, visit: RulesVisit, name: str) -> Response:
    return _page(request, visit, _book(name), None)


@router.post("/rules/{name}/try")
def try_price(
    request: Request,
    visit: TryVisit,
    name: str,
    check: Annotated[str, Form(max_length=64)],
    points: Annotated[float, Form(ge=0, le=100)],
    cap: Annotated[float, Form(ge=0, le=100)],
) -> Response:
    """Nothing is changed: rules live in files that a supervisor edits and `rules check` reads."""
    book = _book(name)
    if check not in {one.check for one in book.checks}:
        raise NotFound
    checks = tuple(
        replace(one, points=points, cap=max(points, cap)) if one.check == check else one
        for one in book.checks
    )
    effect = effect_of(state_of(request).store, book, replace(book, checks=checks), check)
    return _page(request, visit, book, effect)


def effect_of(store: SqlStore, old: Rulebook, new: Rulebook, check: str) -> Effect:
    """Price the newest calls of a rulebook by the old and the new book. Only what it costs is
    changed, so findings stay as they are stored, and no rule is run again."""
    query = (
        select(RESULTS.c.payload)
        .where(RESULTS.c.rulebook.startswith(f"{old.name}@", autoescape=True))
        .order_by(RESULTS.c.started_at.desc(), RESULTS.c.call_id)
        .limit(_MOST_CALLS)
    )
    end, pairs = time.monotonic() + _MOST_SECONDS, []
    with store.transaction(write=False) as connection:
        for packed in connection.execute(query, execution_options={"yield_per": 20}).scalars():
            if time.monotonic() > end:
                break
            try:
                result = from_json(CallResult, unpack(packed))
            except DAMAGED:
                continue
            pairs.append((result.call_id, _scored(result, old), _scored(result, new)))
    moved = [
        Moved(call_id, before.total, after.total, (before.grade, after.grade))
        for call_id, before, after in pairs
        if before.total != after.total
    ]
    moved.sort(key=lambda one: (-abs(one.after - one.before), one.call_id))
    number = max(1, len(pairs))
    return Effect(
        check=check,
        calls=len(pairs),
        moved=tuple(moved),
        mean_before=sum(before.total for _, before, _ in pairs) / number,
        mean_after=sum(after.total for _, _, after in pairs) / number,
        grades_before=tuple(sorted(Counter(one.grade for _, one, _ in pairs).items())),
        grades_after=tuple(sorted(Counter(one.grade for _, _, one in pairs).items())),
    )


def _scored(result: CallResult, book: Rulebook) -> Score:
    return score_call(result.call, price(result.findings, book), book)


def _book(name: str) -> Rulebook:
    book = load_rules().rulebooks.get(name)
    if book is None:
        raise NotFound
    return book


def _page(request: Request, visit: Visit, book: Rulebook, effect: Effect | None) -> Response:
    books = list(load_rules().rulebooks.values())
    return page(
        request, "rules.html", visit, books=books, book=book, effect=effect, most=_SHOWN
    )  # fmt: skip
