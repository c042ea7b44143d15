"""A trainer at work in the review app: search, hear by one click, collect, hand out."""

from __future__ import annotations

import socket
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import uvicorn
from rule_toys import lexicons
from test_web_clips import real
from web_house import PASSWORD, site

from qc_speech.clips import index, library
from qc_speech.clips.guard import secrets
from qc_speech.clips.values import Recipe
from qc_speech.publish import remember_source
from qc_speech.rules.absence import load_absence

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    folder = tmp_path_factory.mktemp("site")
    result, path = real(folder, "k1")
    house = site(folder / "out", [result], secure_cookies=False)
    remember_source(house.store, result, path)
    index.refresh(house.store, lexicons(), load_absence())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(house.app, host="127.0.0.1", port=port, log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}", house
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize("width", [1280, 390])
def test_from_the_search_to_the_lesson(
    browser: Any, running: tuple[str, Any], tmp_path: Path, width: int
) -> None:
    address, house = running
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/login?next=/clips")
    page.fill("input[name=name]", "sun")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/clips")

    page.fill("input[name=q]", "tian ma fan")
    page.click("form[role=search] button")
    row = page.locator("#examples tbody tr").first
    assert "给您添麻烦了" in row.inner_text()
    sound = row.locator("audio")
    sound.evaluate("audio => audio.play()")
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0.2")
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    row.locator("input[type=checkbox]").check()
    page.fill("input[name=title]", f"第一课 {width}")
    page.locator("form[action='/clips/collect'] button").click()
    page.wait_for_url("**/clips/library/*")
    assert page.get_by_text("待听检").count() == 1
    assert page.locator("button[value=zip]").count() == 0, "not before it was heard again"
    page.locator("summary").click()
    page.fill("input[name=question]", "哪里做得好？")
    page.fill("textarea[name=choices]", "道歉\n打断")
    page.fill("input[name=answer]", "1")
    page.locator("details button").click()
    page.wait_for_load_state()
    assert page.locator(".chip.ok").inner_text() == "道歉"

    collection = library.collection(house.store, f"第一课 {width}")
    result = house.store.result("k1")
    library.mark_checked(house.store, collection.clip_ids[0], secrets(result, Recipe()), clean=True)
    page.reload()
    with page.expect_download() as waiting:
        page.locator("button[value=zip]").click()
    waiting.value.save_as(tmp_path / "lesson.zip")
    with zipfile.ZipFile(tmp_path / "lesson.zip") as archive:
        assert "哪里做得好？" in archive.read("index.html").decode()
    context.close()
    assert complaints == []
