"""An inspector at work on the call page, by keyboard, on calls that were really inspected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytestmark = pytest.mark.browser

from live_site import Live, running, serious, with_sound  # noqa: E402

OpenCall = Callable[..., Any]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(with_sound(tmp_path_factory.mktemp("live") / "out")) as one:
        yield one


@pytest.fixture
def open_call(browser: Any, live: Live) -> Iterator[OpenCall]:
    """Opens a call as somebody, each in a browser of his own; fails if the page complains."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def hear(message: Any) -> None:
        expected = "409" in message.text or "500" in message.text  # tests refuse on purpose
        if message.type in ("error", "warning") and not expected:
            complaints.append(message.text)

    def open_(call_id: str, who: str = "wang", width: int = 1280, height: int = 900) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(90_000)
        live.enter(page, who)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", hear)
        page.goto(f"{live.address}/calls/{call_id}", wait_until="commit")
        page.wait_for_selector("#turns:not([aria-busy])")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def now_ms(page: Any) -> float:
    at: float = page.evaluate("document.getElementById('audio').currentTime * 1000")
    return at


def wait_until(page: Any, script: str) -> Any:
    """Polls from outside: the page's policy evaluates nothing."""
    for _ in range(1200):
        value = page.evaluate(script)
        if value:
            return value
        page.wait_for_timeout(50)
    raise AssertionError(script)


def total(page: Any) -> float:
    return float(page.inner_text("#total"))


def said(page: Any, part: str) -> str:
    page.locator("#note", has_text=part).wait_for()
    text: str = page.inner_text("#note")
    return text


def test_a_session_by_keyboard(open_call: OpenCall, live: Live) -> None:
    page = open_call("d01")
    press = page.keyboard.press
    assert total(page) == 95
    first = page.locator(".finding.here")
    assert "不耐烦" in first.inner_text()

    press("l")  # hear where it is
    wait_until(page, "!document.getElementById('audio').paused")
    start = now_ms(page)
    assert 16_000 < start < 20_000
    wait_until(page, f"document.getElementById('audio').currentTime * 1000 > {start + 400}")
    assert page.locator(".turn.now .w.now").count() <= 2
    press("Space")
    wait_until(page, "document.getElementById('audio').paused")
    page.locator("#play[aria-pressed=false]").wait_for()  # the event follows a moment later

    press("w")
    page.locator(".here .lines", has_text="理由").wait_for()
    press("x")  # overturned: the score moves, and the page says why
    assert "95 → 100" in said(page, "得分") and "不耐烦" in page.inner_text("#changes")
    assert total(page) == 100 and page.inner_text("#machine-total") == "机器评分 95"
    assert "wang 判为「通过」" in page.inner_text("#findings")
    press("z")
    assert "100 → 95" in said(page, "已撤销")
    assert total(page) == 95 and page.is_hidden("#changes-box")
    press("n")
    press("c")  # confirmed
    said(page, "得分不变：95")
    assert page.is_disabled("#undo") is False

    press("m")  # a miss in the line that plays
    page.keyboard.type("语速过快")
    press("Enter")
    said(page, "已补漏判：语速过快")
    assert total(page) < 95
    press("z")
    said(page, "已撤销")

    press("k")
    page.keyboard.type("请听 0:18 的语气")
    press("Enter")
    page.locator("#notes li", has_text="语气").wait_for()
    press("d")
    said(page, "整通核对")
    assert page.get_attribute("#looked", "aria-pressed") == "true"
    kept = [one for one in live.house.store.reviews("d01") if not one.withdrawn]
    assert {(one.check, one.outcome.value) for one in kept} == {
        ("impatience", "violation"), ("call", "pass"),
    }  # fmt: skip


def test_words_are_heard_by_a_click_and_the_text_is_corrected(open_call: OpenCall) -> None:
    page = open_call("d05")
    page.locator(".turn .w").nth(20).click()
    wait_until(page, "!document.getElementById('audio').paused")
    word = page.locator(".turn .w").nth(20)
    assert word.inner_text()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    at = now_ms(page)
    page.keyboard.press("ArrowLeft")
    assert now_ms(page) == pytest.approx(at - 3000, abs=40)

    page.locator(".turn").nth(1).locator(".words").click(position={"x": 4, "y": 8})
    page.keyboard.press("Space")
    heard = page.locator(".turn").nth(1).locator(".words").inner_text()
    page.keyboard.press("t")
    page.keyboard.type("这是真正说的话")
    page.keyboard.press("Enter")
    page.locator(".turn .words", has_text="这是真正说的话").wait_for()
    assert heard in page.locator(".turn").nth(1).locator(".machine-text").inner_text()
    page.keyboard.press("r")
    page.keyboard.press("3")
    page.locator(".turn").nth(1).locator(".who.r-other").wait_for()
    page.keyboard.press("z")
    page.keyboard.press("z")
    page.locator(".turn .words", has_text=heard[:6]).first.wait_for()


def test_speed_one_party_and_no_silence(open_call: OpenCall) -> None:
    page = open_call("d05")  # one channel: the other party's turns are passed over
    for _ in range(2):
        page.keyboard.press("]")
    audio = "document.getElementById('audio')"
    assert page.evaluate(f"[{audio}.playbackRate, {audio}.preservesPitch]") == [1.5, True]
    page.keyboard.press("\\")
    assert page.evaluate(f"{audio}.playbackRate") == 1
    data = page.evaluate("JSON.parse(document.getElementById('call-data').textContent)")
    customer = [turn for turn in data["turns"] if turn[2] == "customer"]
    page.evaluate(f"{audio}.currentTime = 0")
    page.keyboard.press("3")
    page.keyboard.press("Space")
    first = customer[0][0]
    assert wait_until(page, f"{audio}.currentTime * 1000 > {first - 200}")
    page.wait_for_timeout(300)
    at = now_ms(page)
    assert any(s - 400 <= at <= e + 700 for s, e, _ in customer)
    page.keyboard.press("Space")

    page = open_call("d01")  # two channels: the other one is muted, nothing is passed over
    page.evaluate(f"{audio}.currentTime = 5")
    page.keyboard.press("2")
    page.keyboard.press("Space")
    wait_until(page, f"{audio}.currentTime > 5.2")
    page.wait_for_timeout(300)
    assert now_ms(page) < 9_000
    assert page.get_attribute("#party-agent", "aria-pressed") == "true"
    page.keyboard.press("s")
    assert page.get_attribute("#skip", "aria-pressed") == "true"


def test_two_inspectors_at_once(open_call: OpenCall) -> None:
    mine, other = open_call("d05", "wang"), open_call("d05", "zhao")
    said(other, "打开这通电话")  # he is told that somebody is there
    score = total(mine)
    for page in (mine, other):
        page.locator(".finding", has_text="语速过快").first.click()
    mine.keyboard.press("x")
    said(mine, "得分")
    assert total(mine) > score
    other.keyboard.press("c")
    assert "wang" in said(other, "没有保存")
    assert total(other) == total(mine)  # and sees how it stands
    assert "判为「通过」" in other.inner_text("#findings")
    other.locator(".finding", has_text="语速过快").first.click()
    other.keyboard.press("c")  # now he knows, and decides
    said(other, "得分")
    assert total(other) == score


def test_an_agent_looks_and_changes_nothing(open_call: OpenCall) -> None:
    page = open_call("d01", "lin")
    assert page.locator(".verdicts, #do-text, #undo").count() == 0
    before = total(page)
    for key in "xcmtrkzd":
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    assert total(page) == before and page.locator("dialog[open]").count() == 0
    page.keyboard.press("Space")
    wait_until(page, "document.getElementById('audio').currentTime > 0.3")


@pytest.mark.parametrize("width", [1280, 390])
def test_accessible_and_fits(open_call: OpenCall, width: int) -> None:
    page = open_call("d05", "zhao", width, 844)
    assert serious(page) == []
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    page.keyboard.press("?")
    assert page.locator("#help[open]").count() == 1
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    assert serious(page) == []
    if width == 390:
        page.keyboard.press("Escape")
        box = page.locator("#play").bounding_box()
        assert box["width"] >= 44 and box["height"] >= 44
        page.locator("#play").click()
        wait_until(page, "!document.getElementById('audio').paused")


def test_english(open_call: OpenCall, live: Live) -> None:
    page = open_call("d01", "zhao")
    page.goto(f"{live.address}/language/en?next=/calls/d01", wait_until="commit")
    page.wait_for_selector("#turns:not([aria-busy])")
    assert page.inner_text("#h-findings") == "Findings"
    text = page.inner_text("main")
    for word in ("Impatience", "Overturn", "Agent", "Start"):
        assert word in text
    assert "未" not in page.inner_text(".controls")


def test_a_recording_that_cannot_be_played_is_said(open_call: OpenCall, live: Live) -> None:
    page = open_call("d01")
    page.route("**/audio", lambda route: route.fulfill(status=500))
    page.evaluate("document.getElementById('audio').load()")
    page.locator("#audio-error").wait_for()
    page.keyboard.press("ArrowRight")  # words and findings still move the clock
    assert page.inner_text("#now") != "0:00"


def test_the_page_of_an_hours_call(browser: Any, tmp_path: Path) -> None:
    """The transcript is there as soon as for a minute's call, words only where one looks."""
    from long_call import hour

    with running(with_sound(tmp_path / "out", (hour(),))) as live:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(90_000)
        live.enter(page, "wang")
        page.goto(f"{live.address}/calls/hour", wait_until="commit")
        page.wait_for_selector("#turns:not([aria-busy])")
        assert page.locator(".turn").count() > 500
        assert page.locator(".turn .w").count() < 4000
        page.evaluate("document.getElementById('turns').scrollTop = 1e9")
        wait_until(page, "!![...document.querySelectorAll('.turn')].pop().querySelector('.w')")
        context.close()
