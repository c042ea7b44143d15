"""A report on disk and a Chromium to open it with, as a person would: from a folder."""

from __future__ import annotations

import math
import shutil
import struct
import sys
import wave
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from report_calls import FINDINGS, call

from qc_speech.report.html import write_report

ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OpenPage = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    executable = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if executable is None:
        pytest.skip("no Chromium on this machine (install the package chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(ARGS))
        yield chromium
        chromium.close()


def _tone(path: Path, seconds: int) -> None:
    rate = 8000
    samples = (int(9000 * math.sin(2 * math.pi * 330 * i / rate)) for i in range(rate * seconds))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four calls: two of one agent, one without audio, one that names no agent."""
    out = tmp_path_factory.mktemp("out")
    audio = out / "录音 1.wav"
    _tone(audio, 30)
    clean = tuple(f for f in FINDINGS if f.points == 0)
    calls = [
        call("c01", "1023", agent_name="林晓"),
        call("c02", "1023", findings=clean, started_at=datetime(2026, 2, 1, 8, 30)),
        call("silent", "2001", total=59.0),
        call("c04", None, started_at=None),
    ]
    index = write_report(
        calls,
        out,
        failures=[("rec/2026/坏.wav", "文件里没有声音；请检查导出")],
        audio_of=lambda result: None if result.call_id == "silent" else audio,
    )
    return index.parent


@pytest.fixture
def open_page(browser: Any, report: Path) -> Iterator[OpenPage]:
    """Opens a page of the report; fails if the page complains or asks anything of a network."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def note(request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            complaints.append(f"asked for {request.url}")

    def hear(message: Any) -> None:
        if not message.location["url"].endswith("/gone.wav"):  # a test takes the audio away
            complaints.append(message.text)

    def open_(path: str, width: int = 1280, height: int = 900) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.on("request", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", hear)
        page.goto(f"{report.as_uri()}/{path}")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
