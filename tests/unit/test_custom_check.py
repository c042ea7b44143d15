"""Checks written as conditions, from a rulebook's YAML to findings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from condition_toys import custom, said
from rule_toys import lexicons, within

from qc_speech.errors import RulebookError
from qc_speech.model import Finding, Outcome
from qc_speech.rules.conditions.scene import Scene
from qc_speech.rules.inspect import all_kinds, find_all
from qc_speech.rules.kind import Context
from qc_speech.rules.rulebook import load_rulebooks

PASS, VIOLATION = Outcome.PASS, Outcome.VIOLATION
UNCERTAIN, OUT = Outcome.UNCERTAIN, Outcome.NOT_APPLICABLE
BOOK = """\
name: house
title: 自定义示例
version: "1"
conditions:
  complains:
    role: customer
    any:
      - keywords: [投诉, 太过分]
      - similar: [打了好几次电话都没有人管]
checks:
  - check: apology_after_complaint
    kind: custom
    family: phrase
    points: 5
    severity: major
    dimension: 服务态度
    clause: S2 六.8
    shown: 客户抱怨后，三句之内要致歉
    params:
      require:
        keywords: [对不起, 抱歉, 不好意思]
        role: agent
        after: {of: complains, hit: first, utterances: 3}

  - check: asks_for_pin
    kind: custom
    family: banned
    points: 20
    cap: 40
    severity: critical
    dimension: 业务水平
    clause: S1 信息保密
    shown: 任何时候都不得索要银行卡密码
    params:
      per_occurrence: true
      forbid:
        role: agent
        keywords:
          any: ["(说|报|提供|告诉|给|输|讲)…<密码>", "<密码>(是多少|是什么|报一下|说一下)"]
          except: ["(不要|别|不能|切勿|千万别|请勿|不会)…密码", "修改密码", "重置密码"]

  - check: refund_before_checking
    kind: custom
    family: banned
    points: 10
    severity: major
    dimension: 业务水平
    clause: S3 d
    shown: 核实之前不得承诺退款
    params:
      conditions:
        checks:
          role: agent
          keywords: ["(查|核实|核对|看)[一]下", "(查到|核实到|看到)"]
      forbid:
        role: agent
        keywords:
          any: ["(给|帮|为)您<(退款|退钱|退费)>", "<(保证|肯定|一定)>…<退(款|钱|费|您)>"]
          except: ["(不能|没办法|无法|才能|会不会)…退(款|钱|费)"]
        before: {of: checks, hit: first, absent: anywhere}
"""


def findings(tmp_path: Path, ctx: Context, text: str = BOOK) -> dict[str, list[Finding]]:
    (tmp_path / "house.yaml").write_text(text, encoding="utf-8")
    book = load_rulebooks(tmp_path, all_kinds(lexicons()))["house"]
    by_check: dict[str, list[Finding]] = {}
    for finding in find_all(ctx, book):
        by_check.setdefault(finding.check, []).append(finding)
    return by_check


OPEN = ("a", "您好，请问有什么可以帮您")
COMPLAINT = ("c", "我要投诉你们，送个货送了五天")
FILL = ("a", "好的，请您报一下订单号码")
GIVES = ("c", "订单号是三五七八九二")


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([OPEN, COMPLAINT, FILL, GIVES, ("a", "非常抱歉给您添麻烦了")], PASS),
        ([OPEN, COMPLAINT, FILL, GIVES, FILL, GIVES, FILL, GIVES, ("a", "实在抱歉")], VIOLATION),
        ([OPEN, ("a", "抱歉让您久等了"), COMPLAINT, FILL, GIVES], VIOLATION),
        ([OPEN, ("c", "我想查一下我的余额还有多少"), FILL, GIVES], OUT),
    ],
)
def test_apology_after_a_complaint(
    tmp_path: Path, lines: list[tuple[str, str]], outcome: Outcome
) -> None:
    (finding,) = findings(tmp_path, said(*lines))["apology_after_complaint"]
    assert finding.outcome is outcome
    if outcome is VIOLATION:
        assert finding.points == -5
        assert finding.reason.startswith("客户抱怨后，三句之内要致歉（")
        assert finding.evidence and "投诉" in finding.evidence.quote  # where it was missed


def test_asking_for_a_pin(tmp_path: Path) -> None:
    ctx = said(
        ("a", "请您报一下银行卡号"), ("c", "六二二八"), ("a", "麻烦您说一下取款密码"),
        ("c", "这个不能说吧"), ("a", "密码是多少您告诉我就行"),
    )  # fmt: skip
    found = findings(tmp_path, ctx)["asks_for_pin"]
    assert [(f.outcome, f.points) for f in found] == [(VIOLATION, -20.0), (VIOLATION, -20.0)]
    innocent = said(
        ("a", "请您不要把密码告诉别人"), ("c", "我的密码说错了"), ("a", "您可以在手机上修改密码")
    )
    (finding,) = findings(tmp_path, innocent)["asks_for_pin"]
    assert (finding.outcome, finding.points) == (PASS, 0)


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([("c", "我要退货"), ("a", "好的我马上给您退款"), ("a", "我查一下您的订单")], VIOLATION),
        ([("c", "我要退货"), ("a", "我查一下您的订单"), ("a", "查到了，我给您退款")], PASS),
        ([("c", "我要退货"), ("a", "好的我马上给您退款")], VIOLATION),  # never checked at all
        ([("c", "我要退货"), ("a", "我先核实一下"), ("a", "这个没办法给您退款")], PASS),
    ],
)
def test_no_refund_before_checking(
    tmp_path: Path, lines: list[tuple[str, str]], outcome: Outcome
) -> None:
    (finding,) = findings(tmp_path, said(*lines))["refund_before_checking"]
    assert finding.outcome is outcome


def outcomes(ctx: Context, **params: Any) -> list[Outcome]:
    return [draft.outcome for draft in custom(ctx, **params)]


THANKS = {"keywords": ["感谢您的来电"], "role": "agent"}
GOOD = said(("a", "您好请讲"), ("c", "我问一下营业时间"), ("a", "早上九点，感谢您的来电"))


def test_what_is_required_and_forbidden_together() -> None:
    forbid = {"keywords": ["没空"], "role": "agent"}
    assert outcomes(GOOD, require=THANKS, forbid=forbid) == [PASS]
    assert outcomes(GOOD, require=THANKS, forbid={"keywords": ["营业时间"]}) == [VIOLATION]
    assert outcomes(GOOD, require={"keywords": ["祝您生活愉快"]}, forbid=forbid) == [VIOLATION]


def test_unknown_never_costs_points() -> None:
    inbound = {"direction": "inbound"}
    missing = {"keywords": ["祝您生活愉快"], "role": "agent"}
    assert outcomes(GOOD, when=inbound, require=missing) == [UNCERTAIN]
    assert outcomes(GOOD, when=inbound, require=THANKS) == [PASS]  # either way nothing is wrong
    assert outcomes(GOOD, when=inbound, require=missing, if_unknown="not_applicable") == [OUT]
    bad = said(
        ("a", "嗯那个你好请讲"), ("c", "我问一下"), ("a", "早上九点嗯好的再见"), confidence=0.3
    )
    assert outcomes(bad, require=missing) == [UNCERTAIN]
    strangers = said(("a", "您好"), ("c", "再见"), known=False)
    assert outcomes(strangers, require=missing) == [UNCERTAIN]


def test_without_when_the_anchors_decide() -> None:
    near = {**THANKS, "after": {"of": "asks"}}
    asks = {"keywords": ["营业时间"], "role": "customer"}
    other = {"keywords": ["投诉"], "role": "customer"}
    assert outcomes(GOOD, conditions={"asks": asks}, require=near) == [PASS]
    assert outcomes(GOOD, conditions={"asks": other}, require=near) == [OUT]


MISTAKES = [
    ("kind: custom\n    family: phrase",
     "kind: costum\n    family: phrase", 12, "check costum"),
    ("- keywords: [投诉, 太过分]", "- keywrods: [投诉]", 8, "unknown name"),
    ("- keywords: [投诉, 太过分]", "- keywords: []", 8, "needs any, all, none or of"),
    ("- keywords: [投诉, 太过分]", "- keywords: ['(投诉']", 8, "brackets do not match"),
    ("- keywords: [投诉, 太过分]", "- {keywords: [投诉], regex: 投诉}", 8,
     "has keywords and regex"),
    ("- keywords: [投诉, 太过分]", "- regex: '(a'", 8, "bad regular expression"),
    ("- keywords: [投诉, 太过分]", "- regex: '(?=投诉)'", 8, "no look-around"),
    ("- keywords: [投诉, 太过分]", "- regex: '.*'", 8, "also fits where nothing is said"),
    ("- keywords: [投诉, 太过分]", "- regex: '" + "(投诉)?" * 500 + "'", 8, "split it"),
    ("- keywords: [投诉, 太过分]", "- duration: {over_seconds: 9, under_seconds: 3}", 8,
     "no value"),
    ("- keywords: [投诉, 太过分]", "- holiday: false", 8, "not: {holiday: true}"),
    ("- keywords: [投诉, 太过分]", "- {duration: {over_seconds: 9}, last: {seconds: 3}}", 8,
     "about the whole call"),
    ("- keywords: [投诉, 太过分]", "- {keywords: [投诉], last: {seconds: 3, percent: 3}}", 8,
     "exactly one"),
    ("- similar: [打了好几次电话都没有人管]", "- similar: [没人管]", 9, "shorter than"),
    ("of: complains, hit: first", "of: complained, hit: first",
     23, "no condition is named"),
    ("of: complains, hit: first", "of: complains, hit: 0", 23, "counted from 1"),
    ("of: complains, hit: first", "of: complains, hit: second", 23, "hit"),
    ("      require:\n        keywords: [对",
     "      demand:\n        keywords: [对", 20, "unknown name"),
    ("        role: agent\n        after",
     "        role: boss\n        after", 22, "'agent' or 'customer'"),
    ("      per_occurrence: true\n      forbid:", "      per_occurrence: true\n      require:", 34,
     "per_occurrence"),
    ("[对不起, 抱歉, 不好意思]", "{all: [抱歉], none: [抱歉]}", 21, "both asked for and forbidden"),
    ("[对不起, 抱歉, 不好意思]", "{of: [抱歉], at_least: 2}", 21, "can never be said"),
    ("keywords: [对不起, 抱歉, 不好意思]", "phrase: appology", 21, "no phrase appology"),
    ("role: customer\n    any:", "after: {of: complains}\n    any:", 6, "in a circle"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "text"), MISTAKES, ids=[m[3] for m in MISTAKES])
def test_each_mistake_in_one_line(tmp_path: Path, old: str, new: str, line: int, text: str) -> None:
    assert old in BOOK
    with pytest.raises(RulebookError) as caught:
        findings(tmp_path, GOOD, BOOK.replace(old, new, 1))
    message = str(caught.value)
    assert "\n" not in message and text in message, message
    assert message.startswith(f"{tmp_path / 'house.yaml'}:{line}: "), message


def test_a_call_is_prepared_once_and_a_changed_one_anew() -> None:
    first = Scene.of(GOOD)
    assert outcomes(GOOD, forbid=THANKS) == [VIOLATION]
    assert Scene.of(GOOD) is first and first.memo
    silent = replace(GOOD, call=replace(GOOD.call, utterances=GOOD.call.utterances[:2]))
    assert outcomes(silent, forbid=THANKS) == [PASS]


def test_a_regular_expression_that_would_never_end() -> None:
    ctx = said(("a", "啊" * 5000), ("c", "好的"))
    with within(5):
        assert outcomes(ctx, forbid={"regex": "(啊+)+$好"}) == [PASS]
        assert outcomes(ctx, forbid={"regex": "((啊*)*)*b"}) == [PASS]
