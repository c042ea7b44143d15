"""The report as files: what is written, what it says, and what cannot break out of it."""

from __future__ import annotations

import gc
import html
import json
import re
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_calls import FINDINGS, TURNS, call, finding

from qc_speech.model import (
    CallResult,
    Evidence,
    FloorMeasures,
    HangUp,
    Latency,
    Outcome,
    PartyFloor,
    Promise,
    Role,
    Silence,
    Span,
    SurveyAnswer,
)
from qc_speech.report.html import write_report
from qc_speech.report.templating import clock, data, number, points

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}<!--"


def no_audio(result: CallResult) -> None:
    return None


class Page(HTMLParser):
    """Tags, ids and texts of a page, as a browser would split it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def with_id(self, wanted: str) -> list[str]:
        return [tag for tag, attributes in self.tags if attributes.get("id") == wanted]


def table(path: Path, identifier: str) -> list[str]:
    """The rows of a table, each as one text without tags."""
    found = re.search(rf'<table[^>]*id="{identifier}".*?</table>', path.read_text("utf-8"), re.S)
    assert found, f"{path.name} has no table {identifier}"
    rows = re.findall(r"<tr.*?</tr>", found[0], re.S)
    plain = (re.sub(r'<span class="en".*?</span>|<[^>]+>', " ", row) for row in rows)
    return [html.unescape(" ".join(row.split())) for row in plain]


def test_every_call_and_agent_has_a_page(tmp_path: Path) -> None:
    calls = [call("c01"), call("c02"), call("c03", "2001")]
    index = write_report(calls, tmp_path, audio_of=no_audio)
    assert index == tmp_path / "report/index.html"
    assert sorted(p.name for p in index.parent.glob("calls/*")) == [
        "c01.html",
        "c02.html",
        "c03.html",
    ]
    assert sorted(p.name for p in index.parent.glob("agents/*")) == ["1023.html", "2001.html"]
    assert {p.suffix for p in index.parent.glob("static/*")} == {".css", ".js"}
    left = [p for p in index.parent.rglob("*") if p.name.startswith(".")]
    assert left == []


def test_answers_and_promises_stand_on_the_page(tmp_path: Path) -> None:
    said = Evidence(Span(5200, 6200), Role.CUSTOMER, 1, "九分吧")
    asked = replace(
        call("c01"),
        answers=(
            SurveyAnswer("survey_score", "9", 0.9, said),
            SurveyAnswer("survey_attitude", "satisfied", 0.9, said),
            SurveyAnswer("survey_charged", None, 0.0, said),
        ),
        promises=(Promise("两个工作日内", datetime(2026, 1, 19, 18), 0.9, said),),
    )
    index = write_report([asked, call("c02")], tmp_path, audio_of=no_audio)
    rows = table(index.parent / "calls/c01.html", "answers")
    assert any("打分" in row and " 9 " in row for row in rows)
    assert any("态度" in row and "满意" in row and "九分吧" in row for row in rows)
    assert any("收费" in row and "未听清" in row for row in rows)
    assert any("两个工作日内" in row and "2026-01-19 18:00" in row for row in rows)
    assert 'id="answers"' not in (index.parent / "calls/c02.html").read_text("utf-8")


def test_turn_taking_stands_among_the_measures(tmp_path: Path) -> None:
    agent = PartyFloor(Role.AGENT, 11_000, 9, 4300, 3, 2, 1.25, 6, Latency(8, 640, -120, 2100))
    end = HangUp(Role.AGENT, 0.7, "cut_at_once", Role.CUSTOMER)
    floor = FloorMeasures((agent,), 0.58, 0.2, 0.01, 6500, (), end)
    base = call("c01")
    dead = (Silence(Span(14_000, 26_500), Role.CUSTOMER, Role.AGENT, True, "agent_silent"),)
    measures = replace(base.measures, floor=floor, silences=dead)
    index = write_report(
        [replace(base, measures=measures), call("c02")], tmp_path, audio_of=no_audio
    )
    page = index.parent / "calls/c01.html"
    rows = table(page, "measures")
    wanted = {"插话次数": "3", "每分钟插话": "1.25", "附和次数": "6", "应答间隔中位数": "0.64"}
    for name, value in wanted.items():
        (row,) = [row for row in rows if row.startswith(name)]
        assert value in row and "无法测量" in row  # the customer's was not measured
    assert "坐席没有说话" in page.read_text("utf-8")
    older = table(index.parent / "calls/c02.html", "measures")
    assert not any(row.startswith("插话次数") for row in older)


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    calls = [call("a/b"), call("张三 1", "坐席/七"), call("c", None), call("..", "x y")]
    index = write_report(calls, tmp_path, audio_of=no_audio)
    for page in index.parent.rglob("*.html"):
        for tag, attributes in Page(page).tags:
            link = attributes.get("href") or attributes.get("src")
            if tag not in ("a", "link", "script") or not link or link.startswith(("#", "data:")):
                continue
            assert (page.parent / link.split("#")[0]).is_file(), f"{page.name}: {link}"


def test_no_page_reaches_outside(tmp_path: Path) -> None:
    index = write_report([call()], tmp_path, audio_of=no_audio)
    for path in index.parent.rglob("*.*"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|url\(|@import|fetch\(|XMLHttpRequest", text), path.name


def test_no_calls_at_all(tmp_path: Path) -> None:
    index = write_report([], tmp_path, failures=[("a.wav", "没有声音")], audio_of=no_audio)
    page = Page(index)
    assert "还没有通话" in page.text
    assert "a.wav" in page.text and "没有声音" in page.text
    assert not list(index.parent.glob("calls/*"))


def test_one_call_never_shows_a_bare_mean(tmp_path: Path) -> None:
    index = write_report([call()], tmp_path, audio_of=no_audio)
    card = Page(index.parent / "agents/1023.html").text
    assert "仅 1 通，无法给出区间" in card
    assert "±" not in card


def test_several_calls_show_their_interval(tmp_path: Path) -> None:
    calls = [call("a", total=80.0), call("b", total=90.0), call("c", total=100.0)]
    index = write_report(calls, tmp_path, audio_of=no_audio)
    card = Page(index.parent / "agents/1023.html").text
    assert "90 ± 24.8" in card
    assert "65.2–100, n = 3" in card


@pytest.mark.parametrize("agent", [None, "", "unknown", " Unknown "])
def test_an_unknown_agent_is_nobody(tmp_path: Path, agent: str | None) -> None:
    index = write_report([call("c01", agent)], tmp_path, audio_of=no_audio)
    assert [p.name for p in index.parent.glob("agents/*")] == ["unassigned.html"]
    assert "未分配 (unassigned)" in Page(index.parent / "agents/unassigned.html").text


def test_an_agent_who_is_called_unassigned_keeps_an_own_card(tmp_path: Path) -> None:
    index = write_report([call("a", "unassigned"), call("b", None)], tmp_path, audio_of=no_audio)
    assert len(list(index.parent.glob("agents/*"))) == 2
    assert "c" not in table(index.parent / "agents/unassigned.html", "calls")[1:]
    assert len(table(index.parent / "agents/unassigned.html", "calls")) == 2


def test_pages_of_calls_that_are_gone_are_removed(tmp_path: Path) -> None:
    write_report([call("a", "1"), call("b", "2")], tmp_path, audio_of=no_audio)
    killed = tmp_path / "report/.agents-killed"
    killed.mkdir()
    note = tmp_path / "report/notes.txt"
    note.write_text("kept", encoding="utf-8")
    index = write_report([call("b", "2")], tmp_path, audio_of=no_audio)
    assert [p.name for p in index.parent.glob("calls/*")] == ["b.html"]
    assert [p.name for p in index.parent.glob("agents/*")] == ["2.html"]
    assert not killed.exists()
    assert note.exists()


def test_the_score_can_be_computed_by_hand(tmp_path: Path) -> None:
    index = write_report([call(total=59.0)], tmp_path, audio_of=no_audio)
    page = index.parent / "calls/c01.html"
    deducted = [float(v) for v in re.findall(r'data-points="([^"]+)"', page.read_text("utf-8"))]
    assert 100 + sum(deducted) == 59.0
    rows = table(page, "breakdown")
    assert "100" in rows[1] and rows[-1].endswith("59")
    assert any("规则调整" in row and "−28.5" in row for row in rows)


def test_a_dimension_without_a_value_is_not_guessed(tmp_path: Path) -> None:
    index = write_report([call()], tmp_path, audio_of=no_audio)
    rows = table(index.parent / "calls/c01.html", "dimensions")
    assert [row.split()[0] for row in rows[1:]] == [
        "服务态度",
        "服务质量",
        "业务水平",
        "工作效率",
        "客户满意度",
    ]
    assert rows[1].endswith("= 87.5")
    assert all(row.endswith("录音无法体现") for row in rows[2:])


def test_a_card_lists_violations_with_links_to_their_second(tmp_path: Path) -> None:
    index = write_report([call("a b")], tmp_path, audio_of=no_audio)
    text = (index.parent / "agents/1023.html").read_text(encoding="utf-8")
    name = next(index.parent.glob("calls/*.html")).name
    assert f'href="../calls/{name}#t=9.3"' in text
    violations = sum(f.outcome is Outcome.VIOLATION for f in FINDINGS)
    assert len(table(index.parent / "agents/1023.html", "violations")) == 1 + violations
    assert len(table(index.parent / "agents/1023.html", "uncertain")) == 1 + 1


def test_the_audio_is_named_relative_to_the_page(tmp_path: Path) -> None:
    audio = tmp_path / "audio" / "录音 #1?.wav"
    audio.parent.mkdir()
    audio.write_bytes(b"RIFF")
    index = write_report([call()], tmp_path, audio_of=lambda result: audio)
    tags = Page(index.parent / "calls/c01.html").tags
    source = next(attributes["src"] for tag, attributes in tags if tag == "audio")
    assert source == "../../audio/%E5%BD%95%E9%9F%B3%20%231%3F.wav"


def test_audio_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    index = write_report([call()], tmp_path, audio_of=lambda result: tmp_path / "gone.wav")
    page = Page(index.parent / "calls/c01.html")
    assert "没有可在浏览器播放的录音" in page.text
    assert "audio" not in [tag for tag, _ in page.tags]


def test_nothing_that_was_said_can_break_out(tmp_path: Path) -> None:
    turns = [(speaker, start, end, HOSTILE) for speaker, start, end, _ in TURNS]
    found = finding(HOSTILE, family=HOSTILE, quote=HOSTILE)
    bad = call(HOSTILE, HOSTILE, findings=[found], turns=turns, agent_name=HOSTILE)
    index = write_report([bad], tmp_path, failures=[(HOSTILE, HOSTILE)], audio_of=no_audio)
    for path in index.parent.rglob("*.html"):
        page = Page(path)
        for tag, attributes in page.tags:
            assert tag != "img", path.name
            assert not [name for name in attributes if name.startswith("on")], path.name
            if tag == "script":
                assert attributes.get("src", "").startswith(("./static/", "../static/")) or (
                    attributes.get("type") == "application/json"
                )
        assert "{{7*7}}" in page.text, path.name  # shown as it was said
        assert "alert(1)" in page.text, path.name


def test_scripts_are_files_and_the_policy_allows_no_others(tmp_path: Path) -> None:
    index = write_report([call()], tmp_path, audio_of=no_audio)
    for path in index.parent.rglob("*.html"):
        page = Page(path)
        policy = [a["content"] for t, a in page.tags if a.get("http-equiv")]
        assert len(policy) == 1 and policy[0] is not None
        assert "default-src 'none'" in policy[0] and "unsafe" not in policy[0]
        assert not [a for _, a in page.tags if "style" in a], f"{path.name}: inline style"


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_inlined_data_survives_and_cannot_end_its_element(value: object) -> None:
    text = str(data(value))
    assert not set("<>&'") & set(text)
    assert json.loads(text) == value


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=3, unique=True))
def test_any_ids_give_a_page_each(tmp_path: Path, ids: list[str]) -> None:
    index = write_report([call(i, i) for i in ids], tmp_path, audio_of=no_audio)
    assert len(list(index.parent.glob("calls/*.html"))) == len(ids)


def test_results_are_not_kept(tmp_path: Path) -> None:
    alive: list[weakref.ref[CallResult]] = []
    most = 0

    def stream() -> Iterator[CallResult]:
        nonlocal most
        for number_ in range(12):
            result = call(f"c{number_}", str(number_ % 3))
            alive.append(weakref.ref(result))
            yield result
            del result
            gc.collect()
            most = max(most, sum(ref() is not None for ref in alive))

    seen: list[float] = []
    hook = lambda stage, done, total: seen.append(done)  # noqa: E731
    index = write_report(stream(), tmp_path, audio_of=no_audio, hook=hook)
    assert most <= 2
    assert seen == list(range(1, 13))
    assert len(table(index, "calls")) == 13


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00"), (9_999, "0:09"), (61_000, "1:01"), (3_661_000, "1:01:01")]
)
def test_clock(ms: int, text: str) -> None:
    assert clock(ms) == text


def test_numbers_as_people_read_them() -> None:
    assert [number(v) for v in (0.0, -0.0, 87.5, 100.0, 33.3333)] == [
        "0",
        "0",
        "87.5",
        "100",
        "33.3",
    ]
    assert [points(v) for v in (-5.0, -2.25, 0.0, 3.0)] == ["−5", "−2.25", "0", "+3"]
