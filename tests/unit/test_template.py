"""Wordings as templates: the grammar, and how surely a wording is heard."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rule_toys import within

from qc_speech.text.normalize import normalize
from qc_speech.text.template import Corpus, Hit, find_in, likely, parse, readable

CHARACTERS = "您好大龙供暖报修请问地址电话稍等谢谢"


def find(template: str, *texts: str) -> tuple[Hit, ...]:
    return find_in(template, Corpus([normalize(text) for text in texts]))


def surely(template: str, text: str) -> float:
    return find(template, text)[0].probability


@pytest.mark.parametrize(
    "template",
    [
        "(您好",
        "您好)",
        "[您好",
        "您好]",
        "(您好]",
        "[您好)",
        "您好|早上好",
        "((您)好",
        "",
        "…",
        "……",
        "，。",
        "<>",
        "()",
        "[]",
        "(|)",
        "[您好]",
        "[您]…[好]",
        "$",
        "<您好",
        "您好>",
        "<(您好|早>上)",
    ],
)
def test_malformed_templates_are_refused_by_name(template: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(template)
    assert repr(template) in str(caught.value)


@given(st.text("()[]|<>$…您好 a1，", max_size=14), st.text(CHARACTERS, max_size=12))
@example("11", "供")
def test_a_template_is_either_refused_or_searched(template: str, text: str) -> None:
    try:
        parse(template)
    except ValueError:
        return
    (hit,) = find(template, text)
    assert 0.0 <= hit.probability <= 1.0
    assert 0 <= hit.start <= hit.end <= len(normalize(text))


@pytest.mark.parametrize(
    "template",
    [
        "[您|好]" * 30 + "大",
        "(您|好|您好)" * 20 + "大",
        "(您|您您)" * 20 + "大",
        "您…好…您…好…您…好…您…大",
        "…".join("您" * 8) + "…大",
        "[[[[您]好]您]好]" * 6 + "大",
        "(" * 40 + "您好" + ")" * 40,
    ],
)
@pytest.mark.parametrize("text", ["您好" * 150, "您" * 300])
def test_no_template_takes_long(template: str, text: str) -> None:
    """Also where a recognizer went round in circles. A template may be refused as too involved."""
    with within(2), suppress(ValueError):
        find(template, text)


@given(st.text(CHARACTERS, max_size=15), st.text(CHARACTERS, max_size=15))
def test_a_wording_is_found_where_it_stands(before: str, after: str) -> None:
    (hit,) = find("耽误您几分钟", before + "耽误您几分钟" + after)
    assert hit.probability > 0.95
    assert (hit.start, hit.end) == (len(before), len(before) + 6)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("大龙供暖", "您好大龙共暖报修"),  # homophones
        ("大龙供暖", "您好大农共暖报修"),  # and a near sound
        ("请您稍等", "请您少等"),
        ("请您稍等", "请您嗯稍等"),  # a filler
        ("感谢您的来电", "感谢宁的来店再见"),
        ("有什么可以帮您", "请问有什么可以帮您的吗"),
        ("[请]您(稍等|等一下)", "您等一下"),
        ("祝您…愉快", "祝您工作顺利生活愉快"),
        ("我姓…<为您服务>", "我姓欧阳很高兴为您服务"),
    ],
)
def test_a_wording_heard_with_slips_is_found(template: str, text: str) -> None:
    assert surely(template, text) >= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "我家暖气不热已经三天了你们什么时候能来修",
        "那个订单昨天晚上就显示发货了怎么还没到",
        "今天天气不错我们下午去公园走走吧",
        "这个月的账单好像多扣了一笔钱",
        "好的",
        "嗯",
    ],
)
@pytest.mark.parametrize(
    "template",
    [
        "大龙供暖",
        "感谢您的来电",
        "请您稍等",
        "祝您…愉快",
        "<跟您>…<核对>[一]下",
        "为您服务",
        "您贵姓",
        "再见",
    ],
)
def test_unrelated_talk_is_not_taken_for_a_wording(template: str, text: str) -> None:
    assert surely(template, text) < 0.3


def test_more_slips_mean_less_certainty() -> None:
    heard = [
        "感谢您的来电",
        "感谢您的来店",
        "感谢银的来店",
        "敢写银的来店",
        "干些事的来店",
        "今天天气不错",
    ]
    found = [surely("感谢您的来电", text) for text in heard]
    assert found == sorted(found, reverse=True), "the very words must be the surest"
    assert found[0] > 0.95 and found[-1] < 0.05


def test_the_words_that_carry_the_meaning_weigh_more() -> None:
    plain, core = "祝您中秋节愉快", "祝您<中秋>节愉快"
    assert surely(core, "祝您中秋节愉快") > 0.95
    assert surely(core, "祝您周末节愉快") < surely(plain, "祝您周末节愉快") - 0.1


def test_the_end_of_what_is_said() -> None:
    assert surely("<对吗>$", "地址是三号楼对吗") > 0.9
    assert surely("<对吗>$", "对吗那我再看看这个地址") < 0.5
    last, middle = find("好的$", "行吧好的", "好的我知道了明天再说")
    assert last.probability > 0.8 > 0.5 > middle.probability


def test_optional_and_alternative_words() -> None:
    template = "(请|麻烦)您[先|再]稍等"
    for text in ("请您稍等", "麻烦您先稍等", "请您再稍等"):
        assert surely(template, text) > 0.95
    assert surely(template, "您挂了吧") < 0.3


def test_an_empty_branch_matches_nothing_at_no_cost() -> None:
    assert surely("您[]好大龙", "您好大龙") > 0.95


def test_a_slot_reaches_over_a_name_but_not_over_a_speech() -> None:
    assert surely("我姓…为您服务", "我姓欧阳为您服务") > 0.9
    far = "我姓" + "今天我们公司新出了一款非常好的产品" * 6 + "为您服务"
    assert surely("我姓…为您服务", far) < surely("我姓…为您服务", "我姓欧阳为您服务")


@pytest.mark.parametrize("place", [2, 3, 4])
def test_no_match_crosses_from_one_text_into_the_next(place: int) -> None:
    whole = "感谢您的来电"
    parts = ("稍后" + whole[:place], whole[place:] + "再见")
    assert surely(whole, "".join(parts)) > 0.95
    alone = [surely(whole, part) for part in parts]
    assert max(alone) < 0.9
    assert [hit.probability for hit in find(whole, *parts)] == pytest.approx(alone, abs=0.02)


@given(st.lists(st.text(CHARACTERS, max_size=12), max_size=5))
@example(["好的请您", "等谢谢"])
def test_what_is_found_in_a_text_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    together = find("请您稍等", *texts)
    assert len(together) == len(texts)
    for hit, text in zip(together, texts):
        assert hit.probability == pytest.approx(surely("请您稍等", text), abs=0.02)
        assert 0 <= hit.start <= hit.end <= len(text)


def test_places_are_those_of_each_text() -> None:
    first, second, third = find("请您少等", "好的，请您稍等", "没事", "请您稍等啊")
    assert (first.start, first.end) == (2, 6)
    assert second.probability < 0.3
    assert (third.start, third.end) == (0, 4)


def test_no_texts_and_empty_texts() -> None:
    assert find("您好") == ()
    assert [hit.probability for hit in find("您好", "", "您好", "")] == [
        0.0,
        pytest.approx(0.985),
        0.0,
    ]


@given(st.floats(-1e6, 1e6), st.floats(0, 10))
def test_a_better_margin_is_never_less_likely(margin: float, more: float) -> None:
    assert 0.0 <= likely(margin) <= likely(margin + more) <= 1.0


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("(您|你|请问)[是]<姓(什么|啥)>", "您姓什么"),
        ("<(感谢|谢谢)>…<(来电|配合)>", "感谢…来电"),
        ("再见[了|啊]$", "再见"),
    ],
)
def test_a_template_can_be_read_by_a_person(template: str, text: str) -> None:
    assert readable(template) == text
