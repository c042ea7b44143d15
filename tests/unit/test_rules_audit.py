"""`qc-speech rules check`: each kind of flaw is found where it is written, and our own files have
no errors."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rule_toys import FOLDER, lexicons
from test_custom_check import BOOK
from typer.testing import CliRunner

from qc_speech.cli.app import app
from qc_speech.rules.audit import Flaw, audit, rulebook_flaws
from qc_speech.rules.audit.entries import banned_flaws, phrase_flaws
from qc_speech.rules.banned_lexicon import load_banned


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "lexicons")
    return tmp_path / "lexicons"


def book(folder: Path, text: str) -> list[Flaw]:
    """The flaws of a rulebook that is added to our own."""
    path = folder / "rulebooks" / "house.yaml"
    path.write_text(text, encoding="utf-8")
    found = rulebook_flaws(folder / "rulebooks", lexicons())
    assert all("\n" not in str(flaw) for flaw in found)
    return [flaw for flaw in found if flaw.place.split(":")[0] == str(path)]


def test_our_own_files_have_no_errors() -> None:
    assert [str(flaw) for flaw in audit(FOLDER) if flaw.level == "error"] == []


HEAD = """\
name: house
title: 自定义
version: "1"
conditions:
  complains: {keywords: [投诉], role: customer}
checks:
  - check: one
    kind: custom
    family: phrase
    points: 5
    severity: major
    dimension: 服务态度
    clause: S2
    params:
"""
SORRY = "{keywords: [抱歉], role: agent}"
USES = f"      when: complains\n      require: {SORRY}\n"


@pytest.mark.parametrize(
    ("params", "line", "level", "text"),
    [
        (("      when: {all: [{duration: {over_seconds: 60}}, {duration: {under_seconds: 30}}]}\n"
         f"      require: {SORRY}\n"), 15, "error", "can never be true: no call fits"),
        (("      when: {all: [{direction: inbound}, {direction: outbound}]}\n"
         f"      require: {SORRY}\n"), 15, "error", "can never be true"),
        (("      when: {all: [complains, {not: complains}]}\n"
         f"      require: {SORRY}\n"), 15, "error", "asked for and ruled out"),
        (("      when:\n        any:\n          - complains\n          - all:\n"
         "              - {ring: {over_seconds: 20}}\n              - {ring: {under_seconds: 9}}\n"
         f"      require: {SORRY}\n"), 18, "error", "of ring"),
        (("      when: {keywords: [投诉], first: {percent: 20}, last: {percent: 30}}\n"
         f"      require: {SORRY}\n"), 15, "error", "never meet"),
        (("      when: {keywords: [投诉], role: customer, first: {utterances: 3},\n"
         "             last: {seconds: 2}}\n"
         f"      require: {SORRY}\n"), 15, "warning", "in most calls that is nowhere"),
        (("      when: {role: customer, any: [{keywords: [投诉], role: agent}]}\n"
         f"      require: {SORRY}\n"), 15, "error", "never true"),
        (("      when: {date: {from: 2026-03-01}}\n"
         "      require: {all: [{date: {to: 2026-02-01}}]}\n"), 16, "error",
         "can never be met: no call fits"),
        (f"      when: {SORRY}\n      require: {SORRY}\n", 16, "error", "always met"),
        (f"      when: {{not: {SORRY}}}\n      forbid: {SORRY}\n", 16, "error",
         "never be violated"),
        (f"      require: {SORRY}\n      forbid: {SORRY}\n", 15, "error", "never be met"),
        ("      when: complains\n      require: {keywords: {any: [抱歉, 抱歉]}}\n",
         16, "warning", "there twice"),
        ("      when: complains\n      require: {keywords: {any: [抱歉, 非常抱歉], by: text}}\n",
         16, "warning", "非常抱歉 never decides"),
        (("      when: complains\n"
         "      require: {keywords: {any: [退款, '不(能|可以)退款'], except: [不能, 不可以]}}\n"),
         16, "warning", "never found"),
        ("      when: complains\n      require: {regex: {match: 退款, except: 退款}}\n",
         16, "warning", "everything that `match` finds"),
        (USES + "      conditions:\n        spare: {keywords: [好的]}\n",
         18, "warning", "condition spare: nothing uses it"),
        (USES + "      examples:\n        violates:\n          - [客户：投诉, 坐席：非常抱歉]\n",
         19, "error", "example 1 of `violates` gives pass"),
        (USES + "      examples:\n        passes:\n          - [客户：我要投诉, 坐席：请讲]\n",
         19, "error", "example 1 of `passes` gives violation"),
        (USES + "      examples:\n        passes:\n          - [客户我要投诉]\n",
         18, "error", "is no line of a call"),
    ],
)  # fmt: skip
def test_conditions(folder: Path, params: str, line: int, level: str, text: str) -> None:
    other = "  - {check: two, kind: custom, family: phrase, points: 1, severity: minor, "
    other += f"dimension: 服务态度, clause: S2, params: {{when: complains, forbid: {SORRY}}}}}\n"
    found = book(folder, HEAD + params + other)
    places = [(flaw.level, flaw.place.rpartition(":")[2], text in flaw.text) for flaw in found]
    assert (level, str(line), True) in places, [str(flaw) for flaw in found]
    assert len(found) == 1, [str(flaw) for flaw in found]


def test_a_good_book_has_no_flaw(folder: Path) -> None:
    examples = "      examples:\n        violates: [[客户：我要投诉, 坐席：请您讲]]\n"
    examples += "        passes: [[客户：我要投诉, 坐席：非常抱歉], [客户：我问个事, 坐席：请讲]]\n"
    assert book(folder, HEAD + USES + examples) == []
    assert book(folder, BOOK) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "level", "text"),
    [
        ("    points: 5", "    points: 0", 10, "warning", "costs no points"),
        ("    points: 5", "    points: 5\n    cap: 9", 11, "warning", "cap is never reached"),
        ("  complains:", "  spare: {keywords: [好的]}\n  complains:", 5, "warning",
         "nothing uses it"),
        ("  - check: one", "  - {check: two, enabled: false}\n  - check: one", 7, "warning",
         "is switched off, but no book"),
        ("checks:", ("checks:\n  - {check: thanks, family: phrase, points: 2, severity: minor, "
         "dimension: 服务态度, clause: S1, params: {pass_from: 0.3, missing_below: 0.5}}"), 7,
         "error",
         "a phrase would be both"),
        ("  - check: one", ("  - {check: hello, kind: custom, family: phrase, points: 1, "
         "severity: minor, dimension: 服务态度, clause: S2, params: {when: complains, "
         f"require: {SORRY}}}}}\n  - check: one"), 8, "warning", "charged twice"),
        ("    points: 5", "    points: 5\n    points: 6", 11, "error", "given twice"),
        ("require: ", "demand: ", 16, "error", "known parameters"),
    ],
)  # fmt: skip
def test_books(folder: Path, old: str, new: str, line: int, level: str, text: str) -> None:
    whole = HEAD + USES
    assert old in whole
    found = book(folder, whole.replace(old, new, 1))
    shown = [str(flaw) for flaw in found]
    assert len(found) == 1, shown
    assert (found[0].level, text in found[0].text) == (level, True), shown
    assert found[0].place.endswith(f":{line}"), shown


def test_a_book_for_another_scenario(folder: Path) -> None:
    text = HEAD.replace('version: "1"', 'version: "1"\nscenario: complaint')
    text += f"      when: {{scenario: repair_hotline}}\n      require: {SORRY}\n"
    found = book(folder, text.replace("conditions:\n  complains", "x", 0))
    assert any("can never be true" in flaw.text for flaw in found)


def test_a_scenario_without_a_book(folder: Path) -> None:
    (folder / "rulebooks" / "switchboard.yaml").unlink()
    found = rulebook_flaws(folder / "rulebooks", lexicons())
    assert any("no rulebook is named switchboard" in flaw.text for flaw in found)


PHRASES = """\
phrases:
  - check: house_words
    meaning: 自定义
    parts:
      - name: 说
        any: [我们的原则是客户第一, 不要着急, 我们的原则是客户第一]
        unless: [不要着急]
        regex: ["(啊|啊啊)+(?!好)$"]
    hit: [我们的原则是客户第一, 今天天气真好]
    miss: [请您说一下, 我们的原则是客户第一呀]
"""


def test_phrases(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text(PHRASES, encoding="utf-8")
    found = [(f.level, f.place.rpartition(":")[2], f.text.partition(": ")[2])
             for f in phrase_flaws(tmp_path)]  # fmt: skip
    assert found == [
        ("error", "9", "its example 今天天气真好 is not found"),
        ("error", "10", "its example 我们的原则是客户第一呀 is found"),
        (
            "error",
            "8",
            ("this expression may search without end; repeat nothing that repeats, such as (a+)+"),
        ),
        ("warning", "6", "不要着急 never counts: `unless` covers every way to say it"),
        ("warning", "6", "我们的原则是客户第一 is there twice; remove one"),
    ]


def test_banned_lists(folder: Path) -> None:
    path = folder / "banned" / "side_talk.yaml"
    text = path.read_text(encoding="utf-8") + (
        "  - name: 附加\n    words:\n"
        "      - {say: 王八蛋, hit: 今天天气真好}\n"
        "      - {say: 一会儿去哪儿吃火锅}\n"
        "      - {say: 一会儿去哪儿吃火锅}\n"
    )
    path.write_text(text, encoding="utf-8")
    found = list(banned_flaws(path.parent, load_banned(path.parent)))
    assert any("is not found" in flaw.text and flaw.level == "error" for flaw in found)
    assert any("also in" in flaw.text and "王八蛋" in flaw.text for flaw in found)
    assert any("in entries before it; remove it" in flaw.text for flaw in found)


def test_each_broken_file_is_named_once(folder: Path) -> None:
    (folder / "rulebooks" / "a.yaml").write_bytes("name: a\ntitle: 甲\n".encode("gbk"))
    (folder / "rulebooks" / "b.yaml").write_text("name: b\ntitle: 乙\nversion: 1\n", "utf-8")
    (folder / "phrases" / "c.yaml").write_text("phrases: [\n", "utf-8")
    (folder / "rulebooks" / "d.yml").write_text("name: d\n", "utf-8")
    (folder / "rulebook.yaml").write_text("name: e\n", "utf-8")
    names = [flaw.place.split("/")[-1].partition(":")[0] for flaw in audit(folder)]
    assert sorted(names) == ["a.yaml", "b.yaml", "c.yaml", "d.yml", "rulebook.yaml"]


def test_the_command(folder: Path) -> None:
    runner = CliRunner()
    clean = runner.invoke(app, ["rules", "check", str(folder)])
    assert clean.exit_code == 0 and "0 errors" in clean.output
    assert runner.invoke(app, ["rules", "check", str(folder / "none")]).exit_code == 2
    assert runner.invoke(app, ["rules", "check", str(folder / "phrases")]).exit_code == 2
    (folder / "rulebooks" / "d.yml").write_text("name: d\n", "utf-8")
    assert runner.invoke(app, ["rules", "check", str(folder), "--strict"]).exit_code == 1
    (folder / "rulebooks" / "switchboard.yaml").write_text("name: [\n", "utf-8")
    broken = runner.invoke(app, ["rules", "check", str(folder)])
    assert broken.exit_code == 1 and "switchboard.yaml:" in broken.output
