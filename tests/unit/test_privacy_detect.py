"""Personal data in calls: found by ear, over turns, and not where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import talk
from speech_toys import Toy, call_of

from qc_speech.model import Call, Metadata
from qc_speech.privacy.detect import KINDS, personal
from qc_speech.privacy.numbers import is_id_card, luhn


def call(*lines: tuple[str, str], agent_name: str | None = None) -> Call:
    metadata = Metadata("toy", agent_name=agent_name)
    return call_of(Toy(talk(*lines), seconds=90.0, metadata=metadata))


def found(*lines: tuple[str, str], least: float = 0.6, **more: str) -> list[tuple[str, str]]:
    """(kind, text as written) in order of time."""
    one = call(*lines, **more)
    texts = {utterance.index: utterance.text for utterance in one.utterances}
    return [
        (p.kind, texts[p.utterance][p.start : p.end])
        for p in personal(one)
        if p.confidence >= least
    ]


@pytest.mark.parametrize(
    ("said", "kind", "hidden"),
    [
        ("我的电话是幺三八零零零零二五七幺", "phone", "幺三八零零零零二五七幺"),
        ("你记一下要三八零零零零啊五七要", "phone", "要三八零零零零啊五七要"),
        ("电话138-0000-2571", "phone", "138-0000-2571"),
        ("座机是零幺零六二零零八八幺幺", "phone", "零幺零六二零零八八幺幺"),
        ("身份证号是幺幺零幺零幺幺九九零零三零七八八九幺", "id_card",
         "幺幺零幺零幺幺九九零零三零七八八九幺"),
        ("卡号六二二二零二零二零零零零幺二三四五六七", "bank_card",
         "六二二二零二零二零零零零幺二三四五六七"),
        ("订单号是二零二六零一一五零零一", "number", "二零二六零一一五零零一"),
        ("尾号是四四七二", "number", "四四七二"),
        ("卡号后四位是六六一九", "number", "六六一九"),
        ("九栋一零二，手机幺三九零零零零七七八四", "phone", "幺三九零零零零七七八四"),
        ("我叫欧阳小满", "name", "欧阳小"),
        ("免贵姓卓，卓越的卓", "name", "卓，卓越的卓"),
        ("我姓穆", "name", "穆"),
        ("住在柳荫小区七号楼二单元五零一", "address", "柳荫小区七号楼二单元五零一"),
        ("在桂花路三十六号", "address", "桂花路三十六号"),
    ],
)  # fmt: skip
def test_found_to_the_character(said: str, kind: str, hidden: str) -> None:
    assert (kind, hidden) in found(("a", "您好"), ("c", said))


@pytest.mark.parametrize(
    "said",
    [
        "您可以打我们的热线四零零八零零一二三四",
        "请拨打九五五八八",
        "工号一零二三号为您服务",
        "年费三百六十块，一共一千零八十八元",
        "我等了二三十分钟了",
        "五月六号才上班，八点半开门",
        "这位先生您好，请问有什么可以帮您",
        "这个小区都停水了，哪个小区的师傅都没来",
        "他妈妈什么都不知道",
    ],
)
def test_nothing_where_there_is_nothing(said: str) -> None:
    assert found(("a", said), ("c", "好的谢谢")) == []


def test_a_number_over_several_turns_is_one_number() -> None:
    lines = (
        ("a", "请您报一下手机号"),
        ("c", "幺三八"),
        ("a", "幺三八"),
        ("c", "零零零零"),
        ("a", "嗯"),
        ("c", "二五七幺"),
        ("a", "好的，尾号二五七幺，记下了"),
    )
    seen = found(*lines)
    assert [text for kind, text in seen if kind == "phone"] == [
        "幺三八", "幺三八", "零零零零", "二五七幺",
    ]  # fmt: skip
    assert ("number", "二五七幺") in seen


def test_a_name_is_found_again_where_it_is_misheard() -> None:
    seen = found(("a", "孩子叫什么名字"), ("c", "孩子叫林小满"), ("a", "林小曼的号约好了"))
    assert [text for kind, text in seen if kind == "name"] == ["林小满", "林小曼"]


def test_a_short_answer_to_the_question_for_a_name() -> None:
    assert ("name", "王建国") in found(("a", "请问您怎么称呼"), ("c", "王建国"))


def test_a_surname_that_was_misheard_stands_before_a_title() -> None:
    assert ("name", "祝") in found(("a", "好的祝先生，麻烦您稍等"))


def test_the_agents_own_name_is_a_name() -> None:
    assert ("name", "房小妮") in found(("a", "我是客服房小妮"), agent_name="房小妮")


def test_times_are_of_the_words() -> None:
    one = call(("c", "号码幺三八零零零零二五七幺谢谢"))
    (piece,) = [p for p in personal(one) if p.kind == "phone"]
    words = one.utterances[0].words
    assert (piece.span.start_ms, piece.span.end_ms) == (
        words[piece.start].span.start_ms,
        words[piece.end - 1].span.end_ms,
    )


def test_check_digits() -> None:
    assert is_id_card("11010519491231002x") and not is_id_card("110105194912310021")
    assert luhn("4111111111111111") and not luhn("4111111111111112")


@given(st.lists(st.text("幺三八零一二0159，。的姓王先生路号楼x我叫 ab", max_size=30), max_size=6))
def test_any_text_gives_places_inside_it(texts: list[str]) -> None:
    one = call(*(("ac"[n % 2], text) for n, text in enumerate(texts) if text.strip(" ")))
    by_index = {utterance.index: utterance for utterance in one.utterances}
    for piece in personal(one):
        text = by_index[piece.utterance].text
        assert piece.kind in KINDS and 0 < piece.confidence <= 1
        assert 0 <= piece.start < piece.end <= len(text)
        assert piece.span.duration_ms > 0
