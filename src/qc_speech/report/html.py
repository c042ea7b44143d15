"""The static report: an index, a page per call, a scorecard per agent. Opens from a folder,
without a server and without a network."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from qc_speech.cards.tally import add_up
from qc_speech.codec import from_json, to_json
from qc_speech.model import CallResult
from qc_speech.ports import Hook, silent_hook
from qc_speech.report import callpage
from qc_speech.report.cardpage import cards_of
from qc_speech.report.names import Names
from qc_speech.report.overtime import over_time
from qc_speech.report.scorecard import Card, card_of
from qc_speech.report.summary import CallEntry, CallRow, entry_of, row_of

if TYPE_CHECKING:
    from jinja2 import Environment

_STATIC = Path(__file__).with_name("static")
_UNASSIGNED = "unassigned"  # the page of calls that name no agent
_SPOOL = ".agents-"
AudioOf = Callable[[CallResult], "Path | None"]


@dataclass(frozen=True)
class AgentRow:
    """An agent on the index: the head of a scorecard."""

    page: str
    card: Card


def write_report(
    results: Iterable[CallResult],
    out: Path,
    *,
    failures: Sequence[tuple[str, str]] = (),
    audio_of: AudioOf,
    hook: Hook = silent_hook,
) -> Path:
    """Write OUT/report and return its index.html.

    `audio_of` names a file that browsers play, or None. `failures` are (source, message). Pages
    of calls and agents that are no longer there are removed. Results are streamed: in memory
    stays one row per call, and the findings of one agent at a time.
    """
    report = out / "report"
    calls, agents = report / "calls", report / "agents"
    for folder in (calls, agents):
        folder.mkdir(parents=True, exist_ok=True)
    for left in report.glob(f"{_SPOOL}*"):  # of a run that was killed: it holds spoken words
        shutil.rmtree(left, ignore_errors=True)
    _copy_static(report / "static")
    pages = _Pages()
    call_names, agent_names = Names(), Names(_UNASSIGNED)
    rows: list[CallRow] = []
    with tempfile.TemporaryDirectory(prefix=_SPOOL, dir=report) as folder_name:
        spool = _Spool(Path(folder_name))
        for result in results:
            row = row_of(result, call_names.of(result.call_id))
            agent_page = _agent_page(agent_names, row.agent)
            pages.call(calls, result, row, agent_page, audio_of(result))
            spool.add(agent_page, entry_of(result, row))
            rows.append(row)
            hook("report", len(rows), len(results) if isinstance(results, Sized) else 0)
        agent_rows = [
            pages.agent(agents, page, card_of(entries[0].row.agent, entries))
            for page, entries in spool.by_agent()
        ]
    _remove_old(calls, {row.page for row in rows})
    _remove_old(agents, {agent.page for agent in agent_rows})
    return pages.index(report, rows, agent_rows, failures)


def _agent_page(names: Names, agent: str | None) -> str:
    return _UNASSIGNED if agent is None else names.of(agent)


class _Spool:
    """The entries of each agent on disk, so that memory does not grow with the calls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._agents: dict[str, Path] = {}

    def add(self, page: str, entry: CallEntry) -> None:
        path = self._agents.setdefault(page, self._folder / f"{len(self._agents)}.jsonl")
        with path.open("a", encoding="utf-8", errors="surrogatepass") as file:
            file.write(json.dumps(to_json(entry), ensure_ascii=True) + "\n")

    def by_agent(self) -> Iterator[tuple[str, list[CallEntry]]]:
        """(page, entries) by page, the unassigned ones last."""
        for page in sorted(self._agents, key=lambda name: (name == _UNASSIGNED, name)):
            with self._agents[page].open(encoding="utf-8") as file:
                yield page, [from_json(CallEntry, json.loads(line)) for line in file]


class _Pages:
    """Renders and writes the pages."""

    def __init__(self) -> None:
        self._environment = _environment()

    def call(
        self, folder: Path, result: CallResult, row: CallRow, agent_page: str, audio: Path | None
    ) -> None:
        shown = callpage.numbered(result)
        self._write(
            folder / f"{row.page}.html",
            "call.html",
            root="..",
            row=row,
            agent_page=agent_page,
            call=result.call,
            result=result,
            audio=_audio_url(audio, folder),
            groups=callpage.groups(shown),
            lines=callpage.lines(result, shown),
            breakdown=callpage.breakdown(result, shown),
            dimensions=callpage.dimensions(result),
            low_turns=callpage.low_turns(result),
            floor_rows=callpage.floor_rows(result),
            line_quality=callpage.line_quality(result.measures.snr_db),
            timeline=callpage.timeline(result, shown),
            over_time=over_time(result),
        )

    def agent(self, folder: Path, page: str, card: Card) -> AgentRow:
        cards = cards_of(card.agent, folder.parent)
        self._write(folder / f"{page}.html", "agent.html", root="..", card=card, cards=cards)
        # The index needs the head of the card only: let the lists of its findings go.
        head = Card(card.agent, card.name, card.tally, card.score, (), (), (), (), ())
        return AgentRow(page, head)

    def index(
        self,
        report: Path,
        rows: Sequence[CallRow],
        agents: Sequence[AgentRow],
        failures: Sequence[tuple[str, str]],
    ) -> Path:
        path = report / "index.html"
        self._write(
            path,
            "index.html",
            root=".",
            rows=sorted(rows, key=lambda r: (r.started_at or "", r.call_id), reverse=True),
            agents=agents,
            agent_pages={agent.card.agent: agent.page for agent in agents},
            failures=failures,
            total=add_up(agent.card.tally for agent in agents),
            with_violation=sum(row.violations > 0 for row in rows),
            to_review=sum(row.review for row in rows),
            scenarios=sorted({row.scenario for row in rows}),
            grades=sorted({row.grade for row in rows}),
        )
        return path

    def _write(self, path: Path, template: str, **values: Any) -> None:
        """Stream a page to its place: readers see the old page or the whole new one."""
        draft = path.with_name(f".{path.name}.part")
        stream = self._environment.get_template(template).stream(**values)
        stream.enable_buffering(64)
        with draft.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.writelines(stream)
        draft.replace(path)


def _environment() -> Environment:
    # jinja2 is imported here so that the command line answers at once.
    from qc_speech.report.templating import environment

    return environment()


def _audio_url(audio: Path | None, page_folder: Path) -> str | None:
    """The audio's address relative to the page; None where there is no such file."""
    if audio is None or not audio.is_file():
        return None
    target = Path(os.path.abspath(audio))  # noqa: PTH100 - resolve() would follow links
    start = os.path.abspath(page_folder)  # noqa: PTH100
    try:
        relative = os.path.relpath(target, start)
    except ValueError:  # another drive
        return target.as_uri()
    return quote(os.fsencode(Path(relative).as_posix()))


def _copy_static(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for source in sorted(_STATIC.iterdir()):
        if source.is_file():
            shutil.copyfile(source, folder / source.name)


def _remove_old(folder: Path, current: set[str]) -> None:
    for page in folder.glob("*.html"):
        if page.stem not in current:
            page.unlink()
