"""A collection as one lesson: an offline page, a printable sheet, a playlist."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qc_speech.clips.files import shown
from qc_speech.clips.rendering import REMAINS
from qc_speech.clips.values import Clip, Collection, Question, Rendered
from qc_speech.errors import UsageError
from qc_speech.ports import SAMPLE_RATE_HZ
from qc_speech.report.labels import label, tables
from qc_speech.report.templating import clock, data

_TEMPLATES = Path(__file__).with_name("templates")
LANGUAGES = ("zh", "en")


@dataclass(frozen=True, eq=False)
class Item:
    """A clip with all that belongs to it. number: from 1. name: of its files."""

    number: int
    name: str
    clip: Clip
    rendered: Rendered
    questions: tuple[Question, ...] = ()

    @property
    def seconds(self) -> float:
        return float(self.rendered.samples.shape[1] / SAMPLE_RATE_HZ)


@dataclass(frozen=True)
class Lesson:
    """What is handed out. fmt: of the sound, wav or mp3."""

    collection: Collection
    items: tuple[Item, ...]
    fmt: str = "mp3"
    language: str = "zh"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise UsageError(f"language {self.language}: zh or en")

    def title(self, item: Item) -> str:
        """The trainer's title, else the check's name."""
        name = label("checks", item.clip.check)[LANGUAGES.index(self.language)]
        return item.clip.title or name or item.clip.id


def file_name(number: int, text: str) -> str:
    """A name that every file system takes: 03-怎样道歉."""
    plain = re.sub(r"[^\w\u3400-\u9fff-]+", "-", text, flags=re.ASCII).strip("-")[:40]
    return f"{number:02d}-{plain}" if plain else f"{number:02d}"


@functools.lru_cache(maxsize=1)
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(clock=clock, data=data, shown=shown, at=lambda ms: f"{ms / 1000:.2f}")
    return env


def _page(template: str, lesson: Lesson, **more: Any) -> str:
    place = LANGUAGES.index(lesson.language)
    words = {key: both[place] for key, both in tables()["lesson"].items()}
    return (
        _environment()
        .get_template(template)
        .render(
            lesson=lesson,
            t=words,
            name=lambda kind, key: label(kind, key)[place],
            remains=REMAINS,
            lang="zh-CN" if lesson.language == "zh" else "en",
            **more,
        )
    )


def index_html(lesson: Lesson) -> str:
    """The lesson as a page that needs nothing but the sound files beside it."""
    return _page("lesson.html", lesson, quiz=_quiz(lesson))


def _quiz(lesson: Lesson) -> list[int | None]:
    """The right choices of all questions in the order of the page."""
    return [q.answer for item in lesson.items for q in item.questions]


def sheet_html(lesson: Lesson) -> str:
    """The lesson sheet for printing: words, questions with room to write, answers at the end."""
    return _page("sheet.html", lesson)


def sheet_pdf(lesson: Lesson) -> bytes:
    """The lesson sheet as PDF. Raises UsageError without WeasyPrint."""
    try:
        import weasyprint
    except (ImportError, OSError):  # OSError: Pango, which it needs, is not installed
        raise UsageError(
            "lesson sheet: needs WeasyPrint and Pango; pip install 'qc-speech[reports]' or "
            "export with --no-pdf"
        ) from None
    pdf: bytes = weasyprint.HTML(string=sheet_html(lesson), url_fetcher=_nothing).write_pdf()
    return pdf


def _nothing(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"the sheet loads nothing ({url[:20]})")


def playlist(lesson: Lesson, names: Sequence[str]) -> str:
    """M3U (UTF-8) of the sound files."""
    lines = ["#EXTM3U", f"#PLAYLIST:{_one_line(lesson.collection.title)}"]
    for item, name in zip(lesson.items, names):
        lines += [f"#EXTINF:{round(item.seconds)},{_one_line(lesson.title(item))}", name]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
