"""What a trainer asks for, read from a page's address; wrong values count as not given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from sqlalchemy import select

from qc_speech.clips.search import MOODS, Wanted
from qc_speech.clips.values import PARTIES, Recipe
from qc_speech.model import SCENARIOS, Role
from qc_speech.store.sql import SqlStore
from qc_speech.store.tables import RESULTS
from qc_speech.web.people import User
from qc_speech.web.permission import CallKey, may

OUTCOMES = ("pass", "violation", "uncertain")
SPEEDS = (1.0, 0.75, 0.6)
_LIMIT = 30


@dataclass(frozen=True)
class Asked:
    """The fields of the form as they are shown again."""

    q: str = ""
    check: str = ""
    outcome: str = ""
    confidence: float | None = None
    scenario: str = ""
    agent: str = ""
    mood: str = ""
    speaker: str = ""
    longest: float | None = None
    snr: float | None = None
    first: date | None = None
    last: date | None = None

    @property
    def anything(self) -> bool:
        return self != Asked()

    def wanted(self, user: User) -> Wanted:
        return Wanted(
            checks=(self.check,) if self.check else (),
            outcome=self.outcome or None,
            min_confidence=self.confidence or 0.0,
            scenario=self.scenario or None,
            agent=self.agent or None,
            text=self.q,
            mood=self.mood or None,
            role=Role(self.speaker) if self.speaker else None,
            length_s=(0.0, self.longest or 120.0),
            min_snr_db=self.snr,
            since=self.first,
            until=self.last,
            limit=_LIMIT,
            teams=tuple(user.teams),
        )


def read_asked(given: Mapping[str, str]) -> Asked:
    return Asked(
        q=given.get("q", "").strip()[:200],
        check=given.get("check", "")[:64],
        outcome=_one_of(given.get("outcome", ""), OUTCOMES),
        confidence=_number(given.get("confidence", ""), 0, 1),
        scenario=_one_of(given.get("scenario", ""), SCENARIOS),
        agent=given.get("agent", "").strip()[:255],
        mood=_one_of(given.get("mood", ""), MOODS),
        speaker=_one_of(given.get("speaker", ""), ("agent", "customer")),
        longest=_number(given.get("longest", ""), 0.1, 600),
        snr=_number(given.get("snr", ""), -10, 80),
        first=_day(given.get("first", "")),
        last=_day(given.get("last", "")),
    )


def read_recipe(given: Mapping[str, str]) -> Recipe:
    """How clips are made: always without personal data."""
    before = _number(given.get("before", ""), 0, 20)
    after = _number(given.get("after", ""), 0, 20)
    speed = _number(given.get("speed", ""), 0.5, 2)
    voices = [Role(name) for name in ("customer", "agent") if given.get(f"disguise_{name}")]
    return Recipe(
        before=1 if before is None else int(before),
        after=1 if after is None else int(after),
        parties=_one_of(given.get("parties", ""), PARTIES) or "both",
        speed=speed or 1.0,
        disguise=tuple(voices),
        agent_too=bool(given.get("shared")),
    )


def recipe_query(recipe: Recipe) -> str:
    """The same as an address."""
    fields = {
        "before": recipe.before,
        "after": recipe.after,
        "parties": recipe.parties,
        "speed": f"{recipe.speed:g}",
        **{f"disguise_{role.value}": 1 for role in recipe.disguise},
        **({"shared": 1} if recipe.agent_too else {}),
    }
    return urlencode(fields)


def _one_of(value: str, known: Iterable[str]) -> str:
    return value if value in tuple(known) else ""


def _number(value: str, least: float, most: float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if least <= number <= most else None


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def reachable_calls(store: SqlStore, user: User, call_ids: Iterable[str]) -> set[str]:
    """Those of the calls that a user may take clips of."""
    r = RESULTS.c
    query = select(r.call_id, r.agent_id, r.team).where(r.call_id.in_(list(call_ids)))
    with store.transaction(write=False) as connection:
        rows = connection.execute(query).all()
    keys = [CallKey(row.call_id, row.agent_id, row.team) for row in rows]
    return {key.call_id for key in keys if may(user, "clips.use", key)}
