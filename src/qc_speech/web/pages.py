"""HTML pages: the templates of this room, filled in for one visitor in his language."""

from __future__ import annotations

import functools
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qc_speech import __version__
from qc_speech.clips.files import shown
from qc_speech.report import labels
from qc_speech.report.templating import clock, data, day, number, points
from qc_speech.web.guard import Visit
from qc_speech.web.permission import may
from qc_speech.web.texts import LANGUAGES, text

_ROOM = Path(__file__).parent
LANGUAGE_COOKIE = "qc_language"
# The menu: text, address, action that opens it.
_MENU = (
    ("queue", "/queue", "queue.see"),
    ("my_calls", "/my", "appeal.file"),
    ("appeals", "/appeals", "appeal.decide"),
    ("calibration", "/calibration", "calibration.take"),
    ("dashboard", "/dashboard", "dashboard.see"),
    ("clips", "/clips", "clips.use"),
    ("quality", "/quality", "quality.see"),
    ("rules", "/rules", "rules.see"),
    ("users", "/users", "users.see"),
    ("audit", "/audit", "audit.see"),
    ("settings", "/settings", "settings.change"),
)


@functools.lru_cache(maxsize=1)
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(_ROOM / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters.update(
        clock=clock,
        num=number,
        points=points,
        day=day,
        moment=moment,
        data=data,
        shown=shown,
        percent=lambda share: f"{share * 100:.0f}%",
        path=lambda part: quote(str(part), safe=""),
    )
    env.globals.update(version=__version__, query=lambda **values: urlencode(values))
    return env


def moment(value: datetime | None) -> str:
    """A time that the tables keep in UTC, as clocks at this site show it."""
    return day(value.replace(tzinfo=timezone.utc).astimezone() if value else None)


def language_of(request: Request, visit: Visit | None = None) -> str:
    """zh or en: as last chosen in this browser, else as the user's account says."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, visit.user.language if visit else "zh")
    return chosen if chosen in LANGUAGES else "zh"


def page(
    request: Request, template: str, visit: Visit | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page. Templates have `t(text)`, `name(kind, key)` for labels of checks and scenarios,
    `may(action, call)`, `visit`, `lang` and `csrf` (put it into every form)."""
    language = language_of(request, visit)
    place = LANGUAGES.index(language)
    html = (
        _environment()
        .get_template(template)
        .render(
            t=lambda key: text(key, language),
            name=lambda kind, key: labels.label(kind, key)[place],
            may=lambda action, call=None: visit is not None and may(visit.user, action, call),
            menu=[item for item in _MENU if visit is not None and may(visit.user, item[2])],
            visit=visit,
            csrf=visit.csrf if visit else "",
            lang=language,
            here=request.url.path,
            here_query=request.url.query,
            **values,
        )
    )
    return HTMLResponse(html, status_code=status)
