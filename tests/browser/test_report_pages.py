"""The report in a real browser, opened from a folder."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

AUDIO = "document.getElementById('audio')"
PAGES = ("index.html", "calls/c01.html", "calls/silent.html", "agents/1023.html")

# Text whose contrast with what lies behind it is below 4.5:1 (3:1 for large or bold large text).
FAINT_TEXT = """() => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const parse = s => s.match(/[\\d.]+/g).map(Number);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) { return c; }
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, style = getComputedStyle(e);
    if (!walk.currentNode.textContent.trim() || !e.checkVisibility()) { continue; }
    if (e.closest('svg, script, option')) { continue; }
    const a = light(parse(style.color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) {
      faint.push(e.className + ': ' + walk.currentNode.textContent.trim() + ' ' + ratio.toFixed(2));
    }
  }
  return faint;
}"""


def until(page: Any, condition: str) -> None:
    """Waits for a condition; wait_for_function would need eval, which the policy bars."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {condition}")


def time_of(page: Any) -> float:
    return float(page.evaluate(f"{AUDIO}.currentTime"))


def wait_until_playing(page: Any, after: float) -> None:
    """Waits until the audio has really moved on from `after` seconds."""
    until(page, f"!{AUDIO}.paused && {AUDIO}.currentTime > {after + 0.15}")


def first_column(page: Any) -> list[str]:
    return [str(text) for text in page.locator("#calls tbody th").all_inner_texts()]


def test_the_index_opens_from_a_folder(open_page: Any) -> None:
    page = open_page("index.html")
    assert page.evaluate("location.protocol") == "file:"
    assert first_column(page) == ["c02", "silent", "c01", "c04"]  # newest first, undated last
    assert "坏.wav" in page.locator("#failures").inner_text()
    page.get_by_role("link", name="c01").click()
    assert page.locator("h1").inner_text() == "通话 c01"


def test_sorting_says_so_and_turns_round(open_page: Any) -> None:
    page = open_page("index.html")
    heading = page.locator("#calls thead th").filter(has_text="得分")
    heading.get_by_role("button").click()
    assert first_column(page)[0] == "silent"
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").press("Enter")
    assert first_column(page)[0] == "c02"
    assert heading.get_attribute("aria-sort") == "descending"


def test_filters_narrow_and_clear(open_page: Any) -> None:
    page = open_page("index.html")
    page.locator("[name=agent]").select_option("1023")
    assert first_column(page) == ["c02", "c01"]
    page.locator("[name=violations]").check()
    assert first_column(page) == ["c01"]
    assert page.locator("#shown").inner_text() == "1"
    page.locator("[name=text]").fill("no such call")
    assert page.locator("#none").is_visible()
    page.get_by_role("button", name="清除筛选").click()
    until(page, "document.getElementById('shown').textContent === '4'")
    page.locator("[name=agent]").select_option("")
    assert first_column(page) == ["c04"]
    page.get_by_role("button", name="清除筛选").click()
    page.locator("[name=from]").fill("2026-01-20")
    assert first_column(page) == ["c02"]
    page.get_by_role("button", name="清除筛选").click()
    page.locator("[name=text]").fill("林晓")
    assert first_column(page) == ["c01"]


def test_sorting_keeps_the_filter(open_page: Any) -> None:
    page = open_page("index.html")
    page.locator("[name=agent]").select_option("1023")
    page.locator("#calls thead th").first.get_by_role("button").click()
    assert first_column(page) == ["c01", "c02"]


def test_a_finding_plays_its_second(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    page.locator(".o-violation [data-seek='9300']").first.click()
    wait_until_playing(page, 9.3)
    assert 9.3 <= time_of(page) < 12
    page.keyboard.press("Space")  # the click left the button, so Space pauses
    until(page, f"{AUDIO}.paused")
    assert page.locator("#now").inner_text() == f"0:{int(time_of(page)):02d}"


def test_a_word_plays_and_is_marked(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    word = page.locator(".turn").nth(4).locator(".w").nth(2)
    start = float(word.get_attribute("data-s")) / 1000
    word.click()
    wait_until_playing(page, start)
    page.keyboard.press("Space")
    until(page, f"{AUDIO}.paused")
    assert start <= time_of(page) < start + 3
    marked = page.locator(".w.now")
    assert marked.count() == 1
    now = time_of(page) * 1000
    assert float(marked.get_attribute("data-s")) <= now < float(marked.get_attribute("data-e"))


def test_the_transcript_follows_and_the_page_does_not(open_page: Any) -> None:
    page = open_page("calls/c01.html", 1280, 620)
    page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    before = page.evaluate("scrollY")
    page.evaluate(f"{AUDIO}.currentTime = 25")
    until(
        page,
        "(() => { const t = document.querySelector('.turn.now'), l = t && t.parentElement;"
        "if (!t) return false; const a = t.getBoundingClientRect(), b = l.getBoundingClientRect();"
        "return a.top >= b.top - 1 && a.bottom <= b.bottom + 1; })()",
    )
    assert page.evaluate("scrollY") == before


def test_keys(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    until(page, f"{AUDIO}.readyState > 0")
    page.keyboard.press("ArrowRight")
    assert time_of(page) == pytest.approx(3)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert time_of(page) == pytest.approx(3)
    page.keyboard.press("n")
    assert time_of(page) == pytest.approx(9.3)
    assert page.locator(".finding.here").count() == 1
    page.keyboard.press("n")
    assert time_of(page) == pytest.approx(13.1)
    page.keyboard.press("p")
    assert time_of(page) == pytest.approx(9.3)
    page.keyboard.press(".")
    assert 9.3 < time_of(page) < 10
    page.locator("#speed").focus()
    here = time_of(page)
    page.keyboard.press("ArrowRight")  # belongs to the list, not to the player
    assert time_of(page) == here
    page.locator("#timeline").focus()
    page.keyboard.press("Space")
    wait_until_playing(page, here)


def test_speed_keeps_the_pitch(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    speeds = page.locator("#speed option").evaluate_all("all => all.map(o => Number(o.value))")
    assert (min(speeds), max(speeds)) == (0.75, 3)
    page.locator("#speed").select_option("3")
    assert page.evaluate(f"[{AUDIO}.playbackRate, {AUDIO}.preservesPitch]") == [3, True]


def test_the_timeline_shows_the_call_and_seeks(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    assert page.locator("#timeline .speech").count() == 6
    assert page.locator("#timeline .silence").count() == 1
    assert page.locator("#timeline .overlap.k-interruption").count() == 1
    assert page.locator("#timeline .mark.m-violation").count() == 2
    assert page.locator("#timeline .mark.m-uncertain").count() == 1
    box = page.locator("#timeline svg").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.605, box["y"] + box["height"] - 8)
    assert time_of(page) == pytest.approx(18.15, abs=0.1)
    assert page.locator("#timeline").get_attribute("aria-valuetext") == "0:18"
    head = float(page.locator(".playhead").get_attribute("x1"))
    assert head == pytest.approx(box["width"] * 0.605, rel=0.02)
    page.get_by_role("button", name="放大时间轴").click()
    assert page.locator("#timeline svg").bounding_box()["width"] == pytest.approx(2 * box["width"])


def test_a_link_from_the_card_opens_the_call_at_its_second(open_page: Any) -> None:
    page = open_page("agents/1023.html")
    page.locator("#violations a.go").first.click()
    page.wait_for_url("**/calls/c01.html#t=9.3")
    until(page, f"{AUDIO}.readyState > 0 && !{AUDIO}.seeking")
    assert time_of(page) == pytest.approx(9.3)
    assert page.locator(".finding.here").count() == 1


def test_without_audio_the_page_says_so_and_still_moves(open_page: Any) -> None:
    page = open_page("calls/silent.html")
    assert page.locator("audio").count() == 0
    assert "没有可在浏览器播放的录音" in page.locator("#player").inner_text()
    page.locator(".w").nth(3).click()
    assert page.locator(".w.now").count() == 1
    page.keyboard.press("Space")


def test_audio_that_was_removed_is_reported(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    page.evaluate(f"{AUDIO}.src = 'gone.wav'")
    page.locator("#audio-error").wait_for()
    assert "无法播放" in page.locator("#audio-error").inner_text()


def test_the_language_is_switched_and_remembered(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    assert "检查结果" in page.locator("main").inner_text()
    page.get_by_role("button", name="English").click()
    text = page.locator("main").inner_text()
    assert "Findings" in text and "检查结果" not in text
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("#play").get_attribute("aria-label") == "Play"
    page.goto(page.url.replace("calls/c01", "index"))
    assert "All calls" in page.locator("main").inner_text()
    assert "Repair hotline" in page.locator("[name=scenario]").inner_text()
    page.get_by_role("button", name="中文").click()
    assert "全部通话" in page.locator("main").inner_text()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways(open_page: Any, path: str, width: int, language: str) -> None:
    page = open_page(path, width, 844)
    if language == "en":
        page.locator("#language").click()
    page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", PAGES)
def test_text_can_be_read(open_page: Any, path: str) -> None:
    page = open_page(path)
    page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
    assert page.evaluate(FAINT_TEXT) == []


@pytest.mark.parametrize("path", PAGES)
def test_controls_have_names_and_tables_have_captions(open_page: Any, path: str) -> None:
    page = open_page(path)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, select, audio, [role=slider]')]
        .filter(e => e.checkVisibility() && !e.getAttribute('aria-label') &&
          !(e.labels && e.labels.length) && !e.innerText.trim()).map(e => e.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("th:not([scope])").count() == 0


def test_low_confidence_is_lighter(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    colours = page.evaluate(
        "['.turn:not(.low) .w:not(.low)', '.turn:not(.low) .w.low', '.turn.low .w']"
        ".map(q => getComputedStyle(document.querySelector(q)).color.match(/\\d+/g).map(Number))"
    )
    plain, word, turn = (sum(colour) for colour in colours)
    assert word > plain + 100 and turn > plain + 100


def test_paper_shows_what_the_screen_folds_away(open_page: Any) -> None:
    page = open_page("calls/c01.html", 1280, 500)
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert (
        page.evaluate("getComputedStyle(document.getElementById('turns')).overflowY") == "visible"
    )
    assert not page.locator("#controls").is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0


def test_the_call_over_time_is_a_picture_with_its_table(open_page: Any) -> None:
    page = open_page("calls/c01.html")
    assert page.locator(".overtime svg .curve").count() >= 3
    assert page.locator(".overtime svg .speech").count() > 0
    assert page.locator("#over-time tbody tr").count() == 6
    page.locator("#over-time tbody tr").nth(2).locator("button").click()
    assert page.locator("#timeline").get_attribute("aria-valuetext") == "0:10"
    small = open_page("calls/c01.html", width=390)
    assert small.evaluate("document.documentElement.scrollWidth") <= 390
