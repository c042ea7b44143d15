"""Which scenario a call is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_toys import FOLDER, lexicons, talk
from speech_toys import Toy, call_of

from qc_speech.errors import RulebookError
from qc_speech.model import Metadata
from qc_speech.rules.rulebook import SCENARIOS
from qc_speech.scenario import load_scenario_evidence, recognize

EVIDENCE = load_scenario_evidence(FOLDER / "scenarios.yaml", SCENARIOS)

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


def recognized(lines: Sequence[Any], known: bool = True, **metadata: Any) -> tuple[str, float]:
    seconds = None if lines else 30.0
    toy = Toy(talk(*lines), seconds=seconds, known=known, metadata=Metadata("toy", **metadata))
    return recognize(call_of(toy), lexicons().phrases, EVIDENCE)


def test_every_scenario_has_its_signs() -> None:
    assert {signs.scenario for signs in EVIDENCE.scenarios} == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_plain_call_of_each_scenario(scenario: str) -> None:
    direction, *lines = CALLS[scenario]
    found, confidence = recognized(lines, direction=direction)
    assert found == scenario
    assert confidence > 0.5
    assert recognized(lines)[0] == scenario  # without the direction too
    assert recognized(lines, known=False)[0] == scenario  # and without the roles


@pytest.mark.parametrize("scenario", [*SCENARIOS, "of_our_own"])
def test_the_manifests_word_is_taken_as_it_is(scenario: str) -> None:
    _, *lines = CALLS["complaint"]
    assert recognized(lines, scenario=scenario) == (scenario, 1.0)


def test_a_call_that_says_nothing_is_not_sure() -> None:
    assert recognized((("a", "嗯"), ("c", "啊")))[1] < EVIDENCE.unsure_below
    name, confidence = recognized(())
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
    name, confidence = recognized(lines, direction=direction)
    assert name in SCENARIOS
    assert 1 / len(SCENARIOS) - 0.001 <= confidence <= 1.0


def test_signs_after_signs_make_it_surer() -> None:
    less = recognized((("c", "我要投诉"),))
    more = recognized((("c", "我要投诉，你们什么态度，没人管，给我个说法"),))
    assert less[0] == more[0] == "complaint"
    assert more[1] > less[1]


@pytest.mark.parametrize(
    ("queue", "scenario"),
    [
        ("二线投诉组", "complaint"),
        ("供暖报修 2 组", "repair_hotline"),
        ("Repair-North", "repair_hotline"),
        ("客户回访", "callback_survey"),
        ("SALES", "outbound_sales"),
        ("总机", "switchboard"),
    ],
)
def test_the_queue_tells_the_scenario(queue: str, scenario: str) -> None:
    _, *lines = CALLS["inbound_service"]
    assert recognized(lines, queue=queue) == (scenario, 1.0)
    assert recognized(lines, queue=queue, scenario="inbound_service")[0] == "inbound_service"


def test_a_queue_that_no_pattern_fits_leaves_it_to_the_words() -> None:
    _, *lines = CALLS["complaint"]
    name, confidence = recognized(lines, queue="三组")
    assert name == "complaint" and confidence < 1.0


def test_who_speaks_first_tells_the_direction() -> None:
    """A call of no scenario's words: who is called says 喂 first and asks who it is."""
    outbound = (("c", "喂，哪位啊"), ("a", "您好，您是张先生吗"), ("c", "是我，什么事"))
    inbound = (("a", "您好，请问有什么可以帮您"), ("c", "我想那个，你看一下"))
    signs = {one.scenario: one.direction for one in EVIDENCE.scenarios}
    assert signs[recognized(outbound)[0]] == "outbound"
    assert signs[recognized(inbound)[0]] == "inbound"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("scenario: complaint}", "scenario: complaints}", "no rulebook is named complaints"),
        ('{say: "<投诉>", by: customer', '{say: "<投诉", by: customer', "`<` without `>`"),
        ('{say: "<投诉>", by: customer', "{by: customer", "either `say` or `phrase`"),
        ('{say: "<投诉>", by: customer', '{say: "<投诉>", by: boss', "by"),
    ],
)
def test_a_mistake_in_the_signs(tmp_path: Path, old: str, new: str, text: str) -> None:
    whole = (FOLDER / "scenarios.yaml").read_text("utf-8")
    assert old in whole
    path = tmp_path / "scenarios.yaml"
    path.write_text(whole.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        load_scenario_evidence(path, SCENARIOS)
    assert text in str(caught.value) and "\n" not in str(caught.value)
