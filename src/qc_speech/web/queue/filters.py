"""What an inspector asks the queue for, as it stands in the page's address."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from urllib.parse import urlencode

SOURCES = ("both", "flagged", "sample", "all")
STATES = ("open", "mine", "free", "taken", "due", "done")
ORDERS = ("risk", "newest", "lowest")
OUTCOMES = ("violation", "uncertain", "pass")


@dataclass(frozen=True)
class Cursor:
    """The last row of a page: the next one goes on behind it."""

    key: float | str | None
    call_id: str


@dataclass(frozen=True)
class Filters:
    """`source`: flagged calls, the random sample, both, or all calls. `state`: open (nobody is
    done), mine, free (nobody's), taken (somebody's), due (over their date), done. `score`: at most;
    `confidence`: a finding is at most this sure."""

    source: str = "both"
    state: str = "open"
    order: str = "risk"
    q: str = ""
    agent: str = ""
    team: str = ""
    queue: str = ""
    scenario: str = ""
    check: str = ""
    outcome: str = ""
    first: date | None = None
    last: date | None = None
    score: float | None = None
    confidence: float | None = None
    after: Cursor | None = None

    def query(self, **changes: object) -> str:
        """The address of this view, without its cursor; with some filters changed."""
        chosen = replace(self, **changes) if changes else self  # type: ignore[arg-type]
        plain = Filters()
        found = {
            field.name: str(getattr(chosen, field.name))
            for field in fields(Filters)
            if field.name != "after" and getattr(chosen, field.name) != getattr(plain, field.name)
        }
        if chosen.after is not None:
            found["after"] = written(chosen.after)
        return urlencode(found)

    @property
    def narrowed(self) -> int:
        """How many filters stand, source, state and order apart."""
        plain = Filters()
        names = (f.name for f in fields(Filters) if f.name not in ("source", "state", "order"))
        return sum(getattr(self, n) != getattr(plain, n) for n in names if n != "after")


def read_filters(given: Mapping[str, str]) -> Filters:
    """Filters from an address. What is not understood is left out: old links go on working."""
    return Filters(
        source=_one_of(given, "source", SOURCES),
        state=_one_of(given, "state", STATES),
        order=_one_of(given, "order", ORDERS),
        q=given.get("q", "").strip()[:200],
        agent=_text(given, "agent"),
        team=_text(given, "team"),
        queue=_text(given, "queue"),
        scenario=_text(given, "scenario"),
        check=_text(given, "check"),
        outcome=given["outcome"] if given.get("outcome") in OUTCOMES else "",
        first=_date(given, "first"),
        last=_date(given, "last"),
        score=_number(given, "score", 0, 100),
        confidence=_number(given, "confidence", 0, 1),
        after=read_cursor(given.get("after", "")),
    )


def written(cursor: Cursor) -> str:
    text = json.dumps([cursor.key, cursor.call_id], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor | None:
    """A cursor from an address; None where it is none of ours."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        key, call_id = json.loads(raw.decode("utf-8"))
    except (ValueError, TypeError, binascii.Error):
        return None
    if isinstance(key, bool) or not isinstance(key, (float, int, str, type(None))):
        return None
    if isinstance(key, float) and key != key:
        return None
    return Cursor(key, call_id) if isinstance(call_id, str) else None


def _one_of(given: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = given.get(name, "")
    return value if value in known else known[0]


def _text(given: Mapping[str, str], name: str) -> str:
    return given.get(name, "").strip().replace("\0", "")[:255]


def _date(given: Mapping[str, str], name: str) -> date | None:
    try:
        return date.fromisoformat(given.get(name, ""))
    except ValueError:
        return None


def _number(given: Mapping[str, str], name: str, least: float, most: float) -> float | None:
    try:
        value = float(given.get(name, ""))
    except ValueError:
        return None
    return value if least <= value <= most else None
