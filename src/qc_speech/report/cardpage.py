"""A card as a page of the static report: opens from a folder, Chinese or English, prints on A4."""

from __future__ import annotations

import re
import shutil
from collections.abc import Set
from pathlib import Path
from typing import Any

from qc_speech.cards.agent import AgentCard
from qc_speech.cards.group import GroupCard
from qc_speech.cards.statistics import Estimate
from qc_speech.cards.tally import Tally
from qc_speech.report import labels
from qc_speech.report.charts import chart_of
from qc_speech.report.names import safe_name
from qc_speech.report.tables import AnyCard, Column, Value, tables

_STATIC = Path(__file__).with_name("static")
_PERIOD = re.compile(r"\d{4}-(W?\d\d)(-\d\d)?(_\d{4}-\d\d-\d\d)?")  # in names of files
_NUMBERS = ("count", "number", "points", "percent", "rate")
# Tables whose first look is enough; the long ones are unfolded on request.
_FOLDED = ("trend", "checks", "calls", "bins", "grades", "rulebooks", "hours", "days")


def write_page(card: AnyCard, path: Path) -> Path:
    """Write a card's page. In a folder of a report (OUT/report/cards) it shares the report's styles
    and links to its calls; elsewhere it brings its styles along and links nowhere."""
    report = path.parent.parent
    inside = (report / "calls").is_dir()
    static = (report if inside else path.parent) / "static"
    static.mkdir(exist_ok=True)
    for source in sorted(_STATIC.iterdir()):
        if source.is_file():
            shutil.copyfile(source, static / source.name)
    known = {page.stem for page in (report / "calls").glob("*.html")} if inside else set()
    beside = {page.stem for page in path.parent.glob("*.html")}
    own = _own_page(card, report) if inside else None
    text = page(card, root=".." if inside else ".", known=known, beside=beside, own_page=own)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text, encoding="utf-8", errors="replace", newline="\n")
    draft.replace(path)
    return path


def page(
    card: AnyCard,
    *,
    root: str,
    known: Set[str],
    beside: Set[str] = frozenset(),
    own_page: str | None = None,
) -> str:
    """The page as text. `root`: where static/ and, for `known` call pages, calls/ lie. `beside`:
    cards in the same folder, by name; `own_page`: the page of all calls of the card's agent."""
    from qc_speech.report.templating import environment

    template = environment().get_template("card.html")
    return template.render(
        root=root,
        home=f"{root}/index.html" if known else "#main",
        heading=title(card),
        head=_head(card),
        period=_whole(card).period,
        tables=tables(card),
        folded=_FOLDED,
        numeric=_is_number,
        call_href=lambda call_id, ms=None: _href(call_id, ms, root, known),
        card_href=lambda value, column: _card_href(value, column, card, beside),
        own_page=own_page,
        chart_of=chart_of,
        texts=labels.tables(),
    )


def title(card: AnyCard) -> tuple[str, str]:
    """What the card is, with whose it is: (Chinese, English)."""
    if isinstance(card, AgentCard):
        if card.agent is None:
            return labels.ui("unassigned_card")
        kind, whose = "agent_card", " · ".join([card.agent, *card.names[:1]])
    elif isinstance(card, GroupCard):
        kind = f"{card.kind}_card"
        if card.kind != "site" and card.name is None:
            zh, en = labels.label("card", "nameless")
            return f"{labels.label('card', kind)[0]} {zh}", f"{labels.label('card', kind)[1]} {en}"
        whose = card.name or ""
    else:
        kind, whose = "weekly", ""
    zh, en = labels.label("card", kind)
    return f"{zh} {whose}".strip(), f"{en} {whose}".strip()


def file_name(card: AnyCard) -> str:
    """The name of a card's file, without its ending: agent-1023-2026-03."""
    if isinstance(card, AgentCard):
        whose = _whose(card.agent)
    elif isinstance(card, GroupCard):
        whose = card.kind
        if card.kind != "site":
            whose += "-" + (safe_name(card.name) if card.name is not None else "none")
    else:
        whose = "weekly"
    return f"{whose}-{_whole(card).period.label.replace('..', '_')}"


def _whose(agent: str | None) -> str:
    return f"agent-{safe_name(agent)}" if agent is not None else "unassigned"


def cards_of(agent: str | None, report: Path) -> tuple[tuple[str, str], ...]:
    """The cards of an agent that lie in a report: (period, address from a folder beside)."""
    start = f"{_whose(agent)}-"
    found = sorted((report / "cards").glob("*.html"), reverse=True)
    return tuple(
        (page.stem.removeprefix(start).replace("_", " – "), f"../cards/{page.name}")
        for page in found
        if page.stem.startswith(start) and _PERIOD.fullmatch(page.stem.removeprefix(start))
    )


def _own_page(card: AnyCard, report: Path) -> str | None:
    if not isinstance(card, AgentCard):
        return None
    name = "unassigned" if card.agent is None else safe_name(card.agent)
    return f"../agents/{name}.html" if (report / "agents" / f"{name}.html").is_file() else None


def _card_href(value: Value, column: Column, card: AnyCard, beside: Set[str]) -> str | None:
    """A team's or agent's card of the same period, if it was written."""
    if column.key not in ("agent", "team", "queue") or value is None:
        return None
    label = _whole(card).period.label.replace("..", "_")
    name = f"{column.key}-{safe_name(str(value))}-{label}"
    return f"{name}.html" if name in beside else None


def _whole(card: AnyCard) -> AgentCard | GroupCard:
    return card if isinstance(card, (AgentCard, GroupCard)) else card.site


def _head(card: AnyCard) -> dict[str, Any]:
    whole = _whole(card)
    score: Estimate | None = whole.score
    tally: Tally = whole.tally
    names = card.names[1:] if isinstance(card, AgentCard) else ()
    return {"score": score, "tally": tally, "former": names, "critical": whole.critical}


def _is_number(column: Column) -> bool:
    return column.kind in _NUMBERS


def _href(call_id: Value, ms: Value, root: str, known: Set[str]) -> str | None:
    name = safe_name(str(call_id))
    if name not in known:
        return None
    mark = f"#t={int(ms) / 1000:g}" if isinstance(ms, (int, float)) else ""
    return f"{root}/calls/{name}.html{mark}"
