"""The report's jinja2 environment: autoescape on, both languages, numbers as people read them."""

from __future__ import annotations

import functools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from qc_speech.cards.tally import wilson
from qc_speech.report import callpage, labels

_TEMPLATES = Path(__file__).with_name("templates")
_BOTH = Markup('<span class="zh" lang="zh-CN">{}</span><span class="en" lang="en">{}</span>')
_MINUS = "\N{MINUS SIGN}"


@functools.lru_cache(maxsize=1)
def environment() -> Environment:
    """Templates of this folder with their filters; an unknown name in a template is an error."""
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(
        t=lambda key: _both(labels.ui(key)),
        ui=labels.ui,
        name=lambda kind, key: _both(labels.label(kind, key)),
        names=labels.label,
        wilson=wilson,
        word_is_low=callpage.word_is_low,
    )
    env.filters.update(
        clock=clock,
        at=lambda ms: f"{ms / 1000:.3f}".rstrip("0").rstrip("."),
        num=number,
        points=points,
        percent=lambda share: f"{share * 100:.0f}%",
        band=lambda pair: f"{pair[0] * 100:.0f}–{pair[1] * 100:.0f}%",
        day=day,
        data=data,
        with_check_name=with_check_name,
        wide=lambda text, limit: text if len(text) <= limit else text[: limit - 1] + "…",
    )
    return env


def _both(pair: tuple[str, str]) -> Markup:
    return _BOTH.format(*pair)


def with_check_name(reason: str) -> str:
    """A review reason that ends in a check's identifier, with the check's Chinese name instead."""
    head, _, check = reason.replace(": ", "：").rpartition("：")
    known = labels.tables()["checks"].get(check)
    head = head.replace("violation with confidence below", "违规，但把握低于")
    return f"{head}：{known[0]}" if known else reason


def clock(ms: int) -> str:
    """Milliseconds as m:ss, from an hour on as h:mm:ss."""
    seconds = ms // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    head = f"{hours}:{minutes:02d}" if hours else str(minutes)
    return f"{head}:{seconds % 60:02d}"


def number(value: float, digits: int = 1) -> str:
    """At most `digits` decimals, none where they are zero."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", _MINUS) if text != "-0" else "0"


def points(value: float) -> str:
    """A deduction with its sign: −5, −2.5, 0, +3."""
    return f"+{number(value, 2)}" if value > 0 else number(value, 2)


def day(value: datetime | str | None) -> str:
    """A time to the minute, or a dash: a missing time is never made up."""
    if value is None:
        return "—"
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.strftime("%Y-%m-%d %H:%M")


def data(value: Any) -> Markup:
    """JSON for a <script type="application/json">: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&'":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
