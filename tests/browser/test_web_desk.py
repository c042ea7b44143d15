"""The review app around the call page, as people use it: the queue by keyboard, an appeal from the
agent to the decision, every page on a phone and for everybody (axe-core)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytestmark = pytest.mark.browser

from live_site import Live, inspected, running, serious, with_sound  # noqa: E402
from report_calls import call  # noqa: E402

OpenPage = Callable[..., Any]
PAGES = {
    "wang": ("/queue", "/account", "/appeals", "/calibration", "/rules/repair_hotline"),
    "chen": ("/dashboard?days=365", "/audit", "/settings", "/users", "/cards/agents/1023?days=365"),
    "root": ("/users", "/settings"),
    "lin": ("/my", "/my/calls/c01"),
    "-": ("/login", "/nowhere"),
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    calls = (
        call("c01", "1023", agent_name="林晓"),
        call("c02", "2001", agent_name="高远"),
        call("c03", "2001"),
        inspected("d05"),
    )
    with running(with_sound(tmp_path_factory.mktemp("desk") / "out", calls)) as one:
        yield one


@pytest.fixture
def open_page(browser: Any, live: Live) -> Iterator[OpenPage]:
    """Opens a page as somebody; fails if the page complains or asks another host for anything."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_(path: str, who: str = "wang", width: int = 1280, language: str = "zh") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{live.address}/language/{language}?next=/login")
        if who != "-":
            live.enter(page, who)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error"
                and "404" not in said.text else None)  # fmt: skip
        page.on("request", lambda asked: complaints.append(asked.url)
                if not asked.url.startswith((live.address, "data:")) else None)  # fmt: skip
        page.goto(live.address + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def ids(page: Any) -> list[str]:
    return [str(one) for one in page.locator("#calls a.call").all_inner_texts()]


def test_the_queue_by_keyboard(open_page: OpenPage, live: Live) -> None:
    page = open_page("/queue")
    shown = ids(page)
    assert set(shown) >= {"c01", "c02", "c03"}
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == shown[1]
    page.keyboard.press("x")
    page.keyboard.press("k")
    page.keyboard.press("x")
    assert page.locator("#chosen").inner_text() == "2"
    with page.expect_navigation():
        page.keyboard.press("t")
    assert page.locator("#calls tbody tr", has_text="王质检").count() == 2
    page.keyboard.press("/")
    page.keyboard.type("nuanqi")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "q=nuanqi" in page.url and "c01" in ids(page)
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.locator("#q").evaluate("field => field.blur()")
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("d")
    assert len(ids(page)) == 2
    page.goto(f"{live.address}/queue?state=done")
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("u")
    page.goto(f"{live.address}/queue?state=mine")
    page.keyboard.press("a")
    with page.expect_navigation():
        page.keyboard.press("r")
    assert page.locator("#calls").count() == 0, "they were given back"
    page.goto(f"{live.address}/queue")
    with page.expect_navigation():
        page.keyboard.press("s")
    assert "/calls/" in page.url


def test_two_inspectors_do_not_take_the_same_call(open_page: OpenPage) -> None:
    wang, zhao = open_page("/queue", "wang"), open_page("/queue", "zhao")
    for page in (wang, zhao):
        page.locator("#calls tr[data-call=c03] .one").check()
    with wang.expect_navigation():
        wang.locator("[data-act=take]").click()
    zhao.locator("[data-act=take]").click()
    zhao.locator("#toast.bad").wait_for()
    assert "没有可更新的通话" in zhao.locator("#toast").inner_text()
    wang.locator("#calls tr[data-call=c03] .one").check()
    with wang.expect_navigation():
        wang.locator("[data-act=release]").click()


def test_an_appeal_from_the_agent_to_the_decision(open_page: OpenPage, live: Live) -> None:
    lin = open_page("/my", "lin")
    lin.get_by_role("link", name="c01").click()
    case = lin.locator("article", has_text="消极推诿")
    before = float(lin.locator("dd strong").inner_text())
    case.locator("summary").click()
    case.locator("textarea").fill("客户问的是另一家公司")
    case.get_by_role("button", name="提交申诉").click()
    lin.get_by_text("由另一位质检员裁定").wait_for()
    zhao = open_page("/appeals", "zhao")
    zhao.get_by_role("link", name="c01").click()
    assert "客户问的是另一家公司" in zhao.locator("main").inner_text()
    zhao.locator("textarea").fill("同意，与本公司无关")
    zhao.get_by_role("button", name="撤销扣分").click()
    zhao.get_by_text("裁定已记录").wait_for()
    lin.goto(f"{live.address}/my")
    assert "1 项申诉有了结果" in lin.locator("main").inner_text()
    lin.get_by_role("link", name="c01").click()
    text = lin.locator("main").inner_text()
    assert "撤销扣分" in text and "同意，与本公司无关" in text
    assert float(lin.locator("dd strong").inner_text()) == before + 5


def test_calibration_from_round_to_agreement(open_page: OpenPage, live: Live) -> None:
    chen = open_page("/calibration", "chen")
    chen.locator("[name=name]").fill("第一轮")
    chen.locator("[name=calls]").fill("c02")
    for shown in ("王质检", "赵质检"):
        chen.get_by_label(shown).check()
    chen.get_by_role("button", name="开始").click()
    place = chen.url.removeprefix(live.address)
    for who, outcome in (("wang", "violation"), ("zhao", "pass")):
        page = open_page(f"{place}/calls/c02", who)
        page.locator(f"[name='check.negative'][value={outcome}]").check()
        page.locator("[name='check.greeting'][value=pass]").check()
        page.get_by_role("button", name="保存").click()
        page.wait_for_url(f"**{place}")
        assert serious(page) == []
    chen.reload()
    chen.get_by_role("button", name="结束并比较").click()
    chen.locator("#agreement").wait_for()
    assert "50%" in chen.locator("#agreement").inner_text()
    assert "王质检" in chen.locator("main").inner_text()
    assert serious(chen) == []


@pytest.mark.parametrize("who", list(PAGES))
def test_every_page_for_everybody(open_page: OpenPage, live: Live, who: str) -> None:
    """No serious finding of axe-core; nothing wider than a phone, in both languages."""
    for language in ("zh", "en"):
        page = open_page(PAGES[who][0], who, 390, language)
        for path in PAGES[who]:
            page.goto(live.address + path)
            page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, (path, language)
            if language == "zh":
                assert serious(page) == [], path
