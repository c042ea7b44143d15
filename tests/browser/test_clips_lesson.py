"""An exported lesson in a real browser, unzipped on a machine that knows nothing of us."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from clip_calls import found, made, sound_of

from qc_speech.clips import export, rendering
from qc_speech.clips.export import Wish
from qc_speech.clips.lesson import Item, Lesson, file_name
from qc_speech.clips.values import Clip, Collection, Question, Recipe
from qc_speech.model import Role, Span

pytestmark = pytest.mark.browser

API = """
window.said = [];
window.API = {
  LMSInitialize: () => 'true', LMSFinish: () => 'true', LMSCommit: () => 'true',
  LMSGetValue: (key) => key === 'cmi.core.lesson_status' ? 'not attempted' : '',
  LMSSetValue: (key, value) => { window.said.push([key, value]); return 'true'; },
};
"""


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = made("k1")
    focus = result.call.utterances[2].span
    assert found(result, "apology", 2).evidence
    rendered = rendering.render(result, sound_of(result), focus, Role.AGENT, Recipe(1, 1))
    clip = Clip("c1", "k1", "r", "apology", "pass", Role.AGENT, Span(0, 1), title="怎样道歉")
    questions = (
        Question("c1", "做对了什么？", ("打断客户", "道歉"), 1, "S4 2.3"),
        Question("c1", "你会怎么说？"),
    )
    items = tuple(
        Item(n, file_name(n, clip.title), clip, rendered, questions if n == 1 else ())
        for n in (1, 2)
    )
    lesson = Lesson(Collection("x1", "第一课：道歉", "先听，再回答"), items)
    folder = tmp_path_factory.mktemp("lesson")
    (folder / "l.zip").write_bytes(export.zipped(export.files(lesson, Wish("scorm", pdf=False))))
    with zipfile.ZipFile(folder / "l.zip") as archive:
        archive.extractall(folder / "课程 1")
    return folder / "课程 1" / "index.html"


@pytest.fixture(params=[1280, 390])
def page(browser: Any, unzipped: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on(
        "request",
        lambda asked: asked.url.startswith(("file:", "data:")) or complaints.append(asked.url),
    )
    opened.add_init_script(API)
    opened.goto(unzipped.as_uri())
    yield opened
    context.close()
    assert complaints == []


def test_a_click_on_a_line_plays_it_from_there(page: Any) -> None:
    line = page.locator("article").first.locator(".said .focus").first
    line.click()
    playing = "const a = document.querySelector('audio'); return !a.paused && a.currentTime > 0.3"
    page.wait_for_function(f"() => {{ {playing}; }}")
    start = float(line.get_attribute("data-start"))
    assert page.evaluate("document.querySelector('audio').currentTime") >= start
    second = page.locator("audio").nth(1)
    second.evaluate("a => a.play()")
    page.wait_for_function("() => document.querySelector('audio').paused")


def test_the_quiz_is_marked_and_told_to_the_learning_system(page: Any) -> None:
    box = page.locator("[data-question]").first
    box.get_by_label("道歉").check()
    box.locator(".tell").click()
    assert "答对了" in box.locator(".told").inner_text()
    assert page.locator("#score").inner_text().endswith("1 / 1")
    said = dict(page.evaluate("window.said"))
    assert said["cmi.core.score.raw"] == "100" and said["cmi.core.lesson_status"] == "incomplete"
    for audio in page.locator("audio").all():
        audio.evaluate("a => a.dispatchEvent(new Event('ended'))")
    assert dict(page.evaluate("window.said"))["cmi.core.lesson_status"] == "completed"


def test_nothing_is_wider_than_the_screen_and_masks_are_shown(page: Any) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1")
    assert not wide
    assert "［" in page.locator(".said").first.inner_text()
    assert "二五七" not in page.content()
