"""Mandarin by ear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.text.phonetic import Heard, Pattern, distance, search, search_all, syllables

# Every syllable of these characters: all initials and finals of Mandarin are among them.
SOUNDS = sorted(
    set(
        syllables(
            "八破马发大他那拉高卡好家七西知吃是日在从三一五鱼约远云用牙要有烟样英翁弯王为温我外"
            "北盆门分等疼能冷更坑横见前先张长上人怎层森因印音双光黄快怪坏对退女绿略血决全军群"
            "兄穷窗庄装船专转短团暖乱管宽换追吹水睡瑞最催岁顿吞论滚困混准春顺润尊村孙东通农龙"
            "工空红中冲荣总聪松多拖诺落国扩或桌戳说弱坐错所丢牛六久球修表票秒条跳鸟料叫桥小边"
            "片面天年连宾品民林今亲新冰平名丁听宁灵京青星儿耳爱恩昂哦"
        )
    )
)
SYLLABLE = st.sampled_from(SOUNDS)
CHARACTERS = st.text(
    st.sampled_from("您好大龙供暖报修一二三四五六七八九请问地址电话稍等谢谢再见"), max_size=24
)


def test_the_inventory_is_wide() -> None:
    assert len(SOUNDS) > 150


@given(SYLLABLE, SYLLABLE)
def test_distance_is_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    there = distance(one, other)
    assert there == distance(other, one)
    assert 0.0 <= there <= 1.0
    assert (there == 0.0) == (one == other)


@pytest.mark.parametrize(
    ("said", "heard", "unrelated"),
    [
        ("si", "shi", "mang"),  # 四 and 是: southern accents
        ("zhong", "zong", "li"),
        ("nan", "lan", "shui"),
        ("fei", "hui", "zhao"),
        ("xin", "xing", "gua"),
        ("sen", "seng", "du"),
        ("gong", "kong", "yi"),
        ("long", "nong", "chi"),
        ("jiu", "qiu", "ba"),
        ("min", "ning", "ke"),
        ("fa", "hua", "zui"),
    ],
)
def test_confusions_of_a_telephone_line_cost_less_than_what_is_unrelated(
    said: str, heard: str, unrelated: str
) -> None:
    assert 0.0 < distance(said, heard) <= 0.35
    assert distance(said, heard) < distance(said, unrelated) - 0.3


@pytest.mark.parametrize(
    ("text", "sounds"),
    [
        ("银行", ("yin", "hang")),
        ("重庆", ("chong", "qing")),
        ("wifi好", ("w", "i", "f", "i", "hao")),
    ],
)
def test_polyphones_by_phrase_and_letters_for_themselves(
    text: str, sounds: tuple[str, ...]
) -> None:
    assert syllables(text) == sounds


@given(st.text(st.sampled_from("行重长乐了得地ab嗯呣儿〇一"), max_size=12))
def test_one_syllable_a_character(text: str) -> None:
    assert len(syllables(text)) == len(text)


@given(CHARACTERS, CHARACTERS, st.text("供暖报修电话", min_size=1, max_size=6))
def test_what_is_in_a_text_is_found_at_no_cost(before: str, after: str, phrase: str) -> None:
    match = search(Pattern.of(phrase), Heard.of(before + phrase + after))
    assert match is not None
    assert match.cost == pytest.approx(0, abs=1e-4)
    assert match.strength == pytest.approx(1, abs=1e-4)
    found = (before + phrase + after)[match.start : match.end]
    assert syllables(found) == syllables(phrase)


@given(CHARACTERS, st.text("供暖报修电话", min_size=1, max_size=6))
def test_a_match_lies_in_the_text_and_never_beats_the_very_sounds(text: str, phrase: str) -> None:
    match = search(Pattern.of(phrase), Heard.of(text))
    if not text:
        assert match is None
        return
    assert match is not None
    assert 0 <= match.start <= match.end <= len(text)
    assert match.cost >= -1e-4
    assert match.strength <= 1 + 1e-4


def test_a_homophone_is_the_same_and_a_near_sound_nearly() -> None:
    heard = Heard.of("您好，大龙共暖报修")
    same = search(Pattern.of("大龙供暖"), heard)
    near = search(Pattern.of("大农供暖"), heard)
    other = search(Pattern.of("北方电力"), heard)
    assert same is not None and near is not None and other is not None
    assert (same.start, same.end) == (2, 6)
    assert same.strength > 0.99 > near.strength > 0.9 > 0.6 > other.strength


def test_a_slot_takes_any_words_cheaply() -> None:
    pattern = Pattern.of("我姓…为您服务")
    filled = search(pattern, Heard.of("你好我姓王由我来为您服务"))
    unfilled = search(Pattern.of("我姓为您服务"), Heard.of("你好我姓王由我来为您服务"))
    assert filled is not None and unfilled is not None
    assert filled.strength > 0.95
    assert unfilled.strength < 0.9
    assert (filled.start, filled.end) == (2, 12)


def test_all_places_without_overlap_best_first() -> None:
    found = search_all(Pattern.of("您好"), Heard.of("您好请问您好那个您早"), 0.5)
    assert sorted((match.start, match.end) for match in found[:2]) == [(0, 2), (4, 6)]
    assert [match.cost for match in found] == sorted(match.cost for match in found)
    assert search_all(Pattern.of("您好"), Heard.of("天气"), 0.3) == ()


@pytest.mark.parametrize(("pattern", "text"), [("", "您好"), ("您好", ""), ("！", "您好")])
def test_nothing_to_find(pattern: str, text: str) -> None:
    assert search(Pattern.of(pattern), Heard.of(text)) is None
    assert search_all(Pattern.of(pattern), Heard.of(text), 1.0) == ()
