"""Which scenario a call is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_toys import FOLDER, talk
from speech_toys import Toy, call_of

from qc_speech.model import Metadata
from qc_speech.rules.rulebook import SCENARIOS
from qc_speech.scenario import load_scenario_evidence, recognize

EVIDENCE = load_scenario_evidence(FOLDER / "scenarios.yaml")

CALLS = {
    "inbound_service": (
        "inbound",
        ("a", "您好，东风快递，请问有什么可以帮您"),
        ("c", "我想查询一下我的快递，顺便问一下这个月的账单"),
        ("a", "好的，请您提供一下单号"),
    ),
    "complaint": (
        "inbound",
        ("c", "我要投诉，你们什么态度，都好几天了没人管，给我个说法，我要退款"),
        ("a", "非常抱歉给您带来不便，您的投诉已经受理了"),
    ),
    "repair_hotline": (
        "inbound",
        ("a", "您好，这里是报修热线"),
        ("c", "我家水管漏水了，厨房都淹了"),
        ("a", "请您留一下地址和电话，师傅会上门"),
    ),
    "callback_survey": (
        "outbound",
        ("c", "喂"),
        ("a", "您好，给您做个回访，上次报修的问题解决了吗，师傅服务态度怎么样"),
        ("c", "挺好的"),
        ("a", "请您给我们打个分"),
    ),
    "outbound_sales": (
        "outbound",
        ("c", "喂哪位"),
        ("a", "您好，想给您介绍一款新出的会员卡，现在有优惠活动"),
        ("c", "不需要，没兴趣"),
    ),
    "switchboard": (
        "inbound",
        ("a", "您好，这里是总机，请问您找哪位"),
        ("c", "帮我转一下财务部王经理"),
        ("a", "他不在座位上，需要我转告吗"),
    ),
}


def recognized(lines: Sequence[Any], **metadata: object) -> tuple[str, float]:
    call = call_of(Toy(talk(*lines)))
    known = Metadata("toy", **metadata)  # type: ignore[arg-type]
    return recognize(call.utterances, known, EVIDENCE)


def test_every_scenario_has_its_signs() -> None:
    assert {signs.scenario for signs in EVIDENCE.scenarios} == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_plain_call_of_each_scenario(scenario: str) -> None:
    direction, *lines = CALLS[scenario]
    found, confidence = recognized(lines, direction=direction)
    assert found == scenario
    assert confidence > 0.5
    assert recognized(lines)[0] == scenario  # without the direction too


@pytest.mark.parametrize("scenario", [*SCENARIOS, "of_our_own"])
def test_the_manifests_word_is_taken_as_it_is(scenario: str) -> None:
    _, *lines = CALLS["complaint"]
    assert recognized(lines, scenario=scenario) == (scenario, 1.0)


def test_a_call_that_says_nothing_is_not_sure() -> None:
    assert recognized((("a", "嗯"), ("c", "啊")))[1] < EVIDENCE.unsure_below
    name, confidence = recognize((), Metadata("toy"), EVIDENCE)
    assert name in SCENARIOS
    assert confidence < EVIDENCE.unsure_below


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from("ac"), st.text("投诉报修回访总机您我的查询", max_size=10)),
        max_size=5,
    ),
    st.sampled_from(["inbound", "outbound", None]),
)
def test_the_answer_is_a_scenario_with_a_probability(
    lines: list[tuple[str, str]], direction: str | None
) -> None:
    call = call_of(Toy(talk(*lines), seconds=30))
    name, confidence = recognize(call.utterances, Metadata("toy", direction=direction), EVIDENCE)
    assert name in SCENARIOS
    assert 1 / len(SCENARIOS) - 0.001 <= confidence <= 1.0


def test_signs_after_signs_make_it_surer() -> None:
    less = recognized((("c", "我要投诉"),))
    more = recognized((("c", "我要投诉，你们什么态度，没人管，给我个说法"),))
    assert less[0] == more[0] == "complaint"
    assert more[1] > less[1]
