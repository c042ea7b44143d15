"""Calls of given words, the real lexicons, and a context in which one check runs."""

from __future__ import annotations

import functools
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speech_toys import Said, Toy, call_of

from qc_speech.model import Measures, Metadata, Role, Silence, Span
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.kind import Context, Draft
from qc_speech.rules.lexicons import Lexicons, load_lexicons

FOLDER = Path(__file__).parents[2] / "lexicons"


@functools.lru_cache(maxsize=1)
def lexicons() -> Lexicons:
    return load_lexicons(FOLDER)


def talk(*lines: tuple[str, str], confidence: float = 0.9) -> tuple[Said, ...]:
    """Turns one after the other, four characters a second: ("a" or "c", what is said)."""
    said, clock = [], 0.6
    for who, text in lines:
        end = clock + max(0.5, len(text) / 4)
        said.append(Said(who, clock, end, text, confidence=confidence))
        clock = end + 0.4
    return tuple(said)


def context(
    said: tuple[Said, ...],
    *,
    silences: tuple[Silence, ...] = (),
    known: bool = True,
    scenario: str = "inbound_service",
    **metadata: Any,
) -> Context:
    seconds = None if said else 30.0
    call = call_of(Toy(said, seconds=seconds, known=known, metadata=Metadata("toy", **metadata)))
    measures = Measures(
        (), (), silences, (), call.utterances[-1].span.end_ms if said else None, None
    )
    return Context(call, measures, scenario, lexicons())


def run(kind_name: str, ctx: Context, **params: Any) -> Draft:
    """The only draft of a check, by the name of its kind."""
    kind = all_kinds(ctx.lexicons)[kind_name]
    (draft,) = kind.run(ctx, kind.params.model_validate(params))
    return draft


def wait(start: float, end: float, after: Role | None, before: Role | None) -> Silence:
    """A silence; the customer makes it where he speaks before and after it."""
    searches = after is Role.CUSTOMER and before is Role.CUSTOMER
    cause = "customer_search" if searches else "unknown"
    return Silence(Span(round(start * 1000), round(end * 1000)), after, before, cause=cause)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fails what goes on without end instead of waiting for it."""

    def stop(*_: object) -> None:
        raise TimeoutError("goes on without end")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
