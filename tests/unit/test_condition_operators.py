"""Each operator with what it must find and what it must not."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest
from condition_toys import F, T, U, ask, loud, measured, said
from rule_toys import wait

from qc_speech.model import (
    FloorMeasures,
    HangUp,
    Latency,
    Overlap,
    PartyFloor,
    PartyMeasures,
    Role,
    Silence,
    Span,
)
from qc_speech.rules.conditions.answer import Truth
from qc_speech.rules.kind import Context

COMPLAINT = said(
    ("a", "您好，请问有什么可以帮您"),
    ("c", "我要投诉你们，打了三次电话都没人管"),
    ("a", "非常抱歉给您添麻烦了，我马上帮您查一下"),
    ("c", "好的，那你查吧"),
    ("a", "请您放心，今天一定给您答复"),
)


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ({"keywords": ["投诉", "举报"]}, T),
        ({"keywords": "举报"}, F),
        ({"keywords": {"all": ["抱歉", "查一下"]}}, T),
        ({"keywords": {"all": ["抱歉", "转接"]}}, F),
        ({"keywords": {"of": ["抱歉", "放心", "转接"], "at_least": 2}}, T),
        ({"keywords": {"of": ["抱歉", "别急", "转接"], "at_least": 2}}, F),
        ({"keywords": {"none": ["赔偿", "法院"]}}, T),
        ({"keywords": {"none": ["投诉"]}}, F),
        ({"keywords": {"all": ["抱歉", "答复"], "together": True}}, F),
        ({"keywords": {"all": ["抱歉", "麻烦"], "together": True}}, T),
        ({"keywords": {"any": ["没人管"], "except": ["三次电话都没人管"]}}, F),
        ({"keywords": ["(非常|十分)<抱歉>…麻烦"]}, T),
        ({"keywords": ["投诉"], "role": "agent"}, F),
        ({"keywords": {"any": ["投诉"], "by": "text"}}, T),
        ({"keywords": {"any": ["诉你"], "by": "text"}}, T),
        ({"keywords": {"any": ["诉你"], "by": "text", "whole_words": True}}, F),
        ({"keywords": {"any": ["投诉"], "by": "text", "whole_words": True}}, T),
        ({"phrase": "apology"}, T),
        ({"phrase": "survey_score"}, F),
        ({"regex": "打了[一二三四五]次电话"}, T),
        ({"regex": {"match": "打了[一二三四五]次电话", "except": "三次电话都没人管"}}, F),
        ({"regex": {"match": "打了\\d次", "form": "digits"}}, T),
        ({"regex": "打了\\d次"}, F),
        ({"similar": ["我要投诉，电话打了好几次都没有人管"]}, T),
        ({"similar": ["我想办理一张新的银行卡"]}, F),
        ({"utterances": {"at_least": 3}}, T),
        ({"utterances": {"at_most": 3}}, F),
        ({"utterances": {"at_least": 3}, "role": "customer"}, F),
        ({"sentence": "question"}, T),
        ({"sentence": "question", "role": "customer"}, U),  # 吧: asked or told
        ({"sentence": "question", "last": {"utterances": 1}}, F),
        ({"sentence": "statement", "role": "customer"}, T),
        ({"mood": "upset", "role": "customer"}, T),
        ({"mood": "satisfied", "role": "customer"}, F),
        ({"speaks_first": "agent"}, T),
        ({"speaks_first": "customer"}, F),
    ],
)
def test_words_and_talk(written: dict[str, Any], truth: Truth) -> None:
    assert ask(COMPLAINT, written).truth is truth


def test_a_keyword_heard_as_other_characters() -> None:
    ctx = said(("c", "我想办一下宽待业务的停机保号"))
    assert ask(ctx, {"keywords": ["办一下宽带业务"]}).truth is T
    assert ask(ctx, {"keywords": {"any": ["办一下宽带业务"], "by": "text"}}).truth is F


@pytest.mark.parametrize("by", ["sound", "text"])
def test_one_word_for_you(by: str) -> None:
    for text in ("您好请讲", "你好请讲"):
        for word in ("您好", "你好", "<您好>"):
            written = {"keywords": {"any": [word], "by": by}, "role": "agent"}
            assert ask(said(("a", text)), written).truth is T


def test_a_wording_broken_by_a_pause() -> None:
    ctx = said(("a", "请问您还有没有"), ("a", "其他需要帮助的吗"))
    answer = ask(ctx, {"keywords": ["还有没有其他需要帮助的"]})
    assert answer.truth is T
    assert answer.places[0].utterance == 0


def test_similar_is_not_fooled_by_a_denial() -> None:
    sample = {"similar": {"to": ["我可以保证今天给您退款"], "at_least": 0.8}}
    assert ask(said(("a", "我可以保证今天给您退款")), sample).truth is T
    assert ask(said(("a", "我不可以保证今天给您退款")), sample).truth is not T


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ({"repeats": {"times": 2}}, T),
        ({"repeats": {"times": 3}}, T),
        ({"repeats": {"times": 4}}, F),
        ({"repeats": {"times": 2, "within_utterances": 1}}, F),
        ({"repeats": {"times": 2, "min_characters": 30}}, F),
        ({"repeats": {"times": 2, "except": ["重启路由器"]}}, F),
        ({"repeats": {"of": "other"}}, F),
    ],
)
def test_repetition(written: dict[str, Any], truth: Truth) -> None:
    again = "您先重启路由器试一下可以吗"
    ctx = said(
        ("a", again), ("c", "我试过了没有用"), ("a", "那您看看灯亮不亮呢现在"), ("c", "亮的"),
        ("a", again), ("c", "都说了没有用"), ("a", "这边建议您再看一下线路"), ("a", again),
    )  # fmt: skip
    assert ask(ctx, {**written, "role": "agent"}).truth is truth


def test_repeating_what_the_customer_said() -> None:
    ctx = said(("c", "我家在幸福小区三号楼"), ("a", "您家在幸福小区三号楼"))
    written = {"repeats": {"of": "other", "similarity": 0.8}, "role": "agent"}
    assert ask(ctx, written).truth is T


@pytest.mark.parametrize(
    ("kind", "text", "truth"),
    [
        ("phone", "我的电话是幺三八零零一二三四五六", T),
        ("phone", "我的电话是幺三八零零一二三四五", U),  # a digit lost
        ("phone", "我的电话是三八零零一", F),
        ("phone", "您打零二零八三三三四四四四", T),
        ("phone", "我的电话您有的", F),
        ("id_card", "身份证号码是幺幺零幺零五幺九四九幺二三幺零零二叉", T),
        ("id_card", "卡号是六二二八四八零四零二五六四八九零零一八", F),
        ("bank_card", "卡号是六二二八四八零四零二五六四八九零零一八", T),
        ("bank_card", "您报一下银行卡号", F),
        ("amount", "一共是三百八十块五", T),
        ("amount", "收您一百二十元", T),
        ("amount", "十分感谢您的来电", F),
        ("date", "师傅明天上午过去", T),
        ("date", "五月三号到期", T),
        ("date", "您家是三号楼吗", F),
        ("date", "工号零二三号为您服务", F),
        ("date", "要等一年吗", F),
        ("date", "师傅三号过去", U),  # a day, or a door
        ("date", "二零二六年交的", T),
        ("address", "我住朝阳区幸福小区三号楼二单元五零二室", T),
        ("address", "地址我没记住", F),
        ("address", "线路断了修了一路", F),
        ("address", "物业六零零五号为您服务", F),
        ("address", "就是那边的幸福小区", U),
        ("address", "我在人民路三十六号", T),
        ("name", "我姓欧阳", T),
        ("name", "王先生您好", T),
        ("name", "先生您好", F),
        ("name", "有一位老师傅", F),
    ],
)
def test_entities(kind: str, text: str, truth: Truth) -> None:
    assert ask(said(("c", text)), {"entity": kind}).truth is truth


def test_a_phone_number_dictated_in_parts() -> None:
    ctx = said(("c", "一三八零零"), ("a", "嗯"), ("c", "一二三"), ("a", "嗯"), ("c", "四五六"))
    assert ask(ctx, {"entity": "phone", "role": "customer"}).truth is T


@pytest.mark.parametrize(
    ("limits", "truth"),
    [({"over": 380}, T), ({"over": 380.5}, F), ({"under": 400}, T), ({"over": 1, "under": 9}, F)],
)
def test_an_amount_by_its_value(limits: dict[str, float], truth: Truth) -> None:
    ctx = said(("a", "一共是三百八十块五"))
    assert ask(ctx, {"entity": {"kind": "amount", **limits}}).truth is truth


TWO = said(("a", "您好请问有什么可以帮您的吗"), ("c", "我想问一下话费怎么多了这么多"))


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ({"silence": {"over_seconds": 10}}, T),
        ({"silence": {"over_seconds": 13}}, F),
        ({"silence": {"over_seconds": 12.1}}, U),  # the edge of a turn is not that exact
        ({"silence": {"over_seconds": 10, "after": "agent", "before": "customer"}}, T),
        ({"silence": {"over_seconds": 10, "after": "customer"}}, F),
        ({"silence": {"over_seconds": 10, "position": "end"}}, F),
        ({"silence": {"over_seconds": 4, "position": "end"}}, T),
        ({"silence": {"over_seconds": 4, "position": "end"}, "first": {"seconds": 15}}, F),
        ({"silence": {"over_seconds": 10}, "last": {"seconds": 5}}, F),
    ],
)
def test_silence(written: dict[str, Any], truth: Truth) -> None:
    quiet = (
        wait(3.5, 15.6, Role.AGENT, Role.CUSTOMER),
        wait(16.0, 22.0, Role.CUSTOMER, None),
    )
    call = replace(TWO.call, recording=replace(TWO.call.recording, duration_ms=22_000))
    ctx = measured(replace(TWO, call=call), silences=quiet)
    assert ask(ctx, written).truth is truth


def test_a_silence_with_music_is_unknown_unless_it_counts() -> None:
    music = replace(wait(3.5, 15.6, Role.AGENT, Role.CUSTOMER), quiet=False)
    ctx = measured(TWO, silences=(music,))
    assert ask(ctx, {"silence": {"over_seconds": 10}}).truth is U
    assert ask(ctx, {"silence": {"over_seconds": 10, "music": True}}).truth is T


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ({"rate": {"over_per_minute": 300}, "role": "agent"}, T),
        ({"rate": {"over_per_minute": 360}, "role": "agent"}, F),
        ({"rate": {"over_per_minute": 338}, "role": "agent"}, U),
        ({"rate": {"over_per_minute": 300}, "role": "customer"}, U),  # not measured
        ({"rate": {"over_per_minute": 300, "min_characters": 30}, "role": "agent"}, U),
        ({"rate": {"under_per_minute": 220, "of": "call"}, "role": "agent"}, T),
        ({"rate": {"under_per_minute": 150, "of": "call"}, "role": "agent"}, F),
        ({"volume": {"above_normal_db": 5}, "role": "agent"}, T),
        ({"volume": {"above_normal_db": 9}, "role": "agent"}, F),
        ({"volume": {"under_dbfs": -15}, "role": "agent"}, T),
        ({"volume": {"under_dbfs": -30}, "role": "agent"}, F),
        ({"tone": {"under_semitones": 1}, "role": "agent"}, T),
        ({"tone": {"over_semitones": 3}, "role": "agent"}, F),
        ({"tone": {"over_semitones": 3}, "role": "customer"}, U),
    ],
)
def test_rate_volume_and_tone(written: dict[str, Any], truth: Truth) -> None:
    party = PartyMeasures(Role.AGENT, 5000, 20, 200.0, 1.0, -20.0, pitch_spread_semitones=0.5)
    units = (loud(0, above=7.0, rate=340.0), loud(1, rate=None))
    assert ask(measured(TWO, parties=(party,), utterances=units), written).truth is truth


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ({"interruption": {"by": "agent"}}, T),
        ({"interruption": {"by": "customer"}}, F),
        ({"interruption": {"by": "agent", "min_seconds": 2}}, F),
        ({"interruption": {"by": "agent", "delay_seconds": 3}}, F),
        ({"interruption": {"by": "agent", "at_least": 2}}, U),  # the second is perhaps one
        ({"interruption": {"by": "agent", "at_least": 3}}, F),
        ({"interruption": {"by": "customer", "kind": "any"}}, T),
        ({"interruption": {"by": "agent", "talk_seconds": 2.5}}, F),
    ],
)
def test_interruption(written: dict[str, Any], truth: Truth) -> None:
    a, c = Role.AGENT, Role.CUSTOMER
    clashes = (
        Overlap(Span(5000, 6000), c, a, "interruption", 0.9, talk_ms=2000),
        Overlap(Span(7000, 7500), c, a, "overlap", 0.55, talk_ms=1000),
        Overlap(Span(2000, 2300), a, c, "backchannel", 0.9, talk_ms=300),
    )
    assert ask(measured(TWO, overlaps=clashes), written).truth is truth


@pytest.mark.parametrize(("rate", "truth"), [(2.5, T), (1.5, F), (None, U)])
def test_interruptions_per_minute(rate: float | None, truth: Truth) -> None:
    agent = PartyFloor(Role.AGENT, 30_000, 9, 5000, 3, 2, rate, 1, Latency(0))
    end = HangUp(None, 0.0, "not_shown", None)
    floor = FloorMeasures((agent,), 0.5, 0.0, 0.0, 0, (), end)
    ctx = replace(TWO, measures=replace(TWO.measures, floor=floor))
    assert ask(ctx, {"interruption": {"by": "agent", "over_per_minute": 2}}).truth is truth
    assert ask(ctx, {"interruption": {"by": "customer", "over_per_minute": 2}}).truth is U


@pytest.mark.parametrize(
    ("cause", "truth"), [(["line_dead", "hold_music"], T), (["agent_silent"], F)]
)
def test_silences_of_a_cause(cause: list[str], truth: Truth) -> None:
    music = Silence(Span(5000, 20_000), Role.CUSTOMER, Role.AGENT, False, "hold_music")
    written = {"silence": {"over_seconds": 10, "cause": cause}}
    assert ask(measured(TWO, silences=(music,)), written).truth is truth


@pytest.mark.parametrize(
    ("written", "tail", "truth"),
    [
        ({"abnormal_hangup": {"who": "customer"}}, 300, T),
        ({"abnormal_hangup": {"who": "customer"}}, 3000, F),
        ({"abnormal_hangup": {"who": "customer"}}, 790, U),
        ({"abnormal_hangup": {"who": "agent"}}, 300, F),
        ({"abnormal_hangup": {}}, None, U),
    ],
)
def test_hanging_up(written: dict[str, Any], tail: int | None, truth: Truth) -> None:
    ctx = measured(TWO, last_speech_end_ms=8000, tail_ms=tail)
    assert ask(ctx, written).truth is truth


def test_answering_and_the_length_of_the_call() -> None:
    late = said(("c", "喂你好有人吗怎么没人说话呢喂喂喂你好"), ("a", "您好"))
    assert ask(late, {"abnormal_answer": {"after_seconds": 4}}).truth is T
    assert ask(late, {"abnormal_answer": {"after_seconds": 10}}).truth is F
    assert ask(said(("c", "喂")), {"abnormal_answer": {}}).truth is T  # nobody ever answers
    assert ask(late, {"duration": {"over_seconds": 3}}).truth is T
    assert ask(late, {"duration": {"over_seconds": 3, "under_seconds": 4}}).truth is F


SPRING = datetime.datetime(2026, 2, 17, 21, 30)  # the first day of the lunar year, a Tuesday
KNOWN: dict[str, Any] = {
    "agent_id": "1023", "direction": "inbound", "queue": "vip", "ring_ms": 15_000,
    "started_at": SPRING, "customer_class": "gold", "agent_since": datetime.datetime(2026, 1, 8),
}  # fmt: skip


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ({"direction": "inbound"}, T),
        ({"direction": "outbound"}, F),
        ({"queue": ["vip", "gold"]}, T),
        ({"queue": "normal"}, F),
        ({"ring": {"over_seconds": 12}}, T),
        ({"ring": {"under_seconds": 12}}, F),
        ({"date": {"from": "2026-02-01", "to": "2026-02-17"}}, T),
        ({"date": {"from": datetime.date(2026, 2, 18)}}, F),
        ({"date": {"days": ["tue"]}}, T),
        ({"date": {"days": ["sat", "sun"]}}, F),
        ({"date": {"from_time": "21:00", "to_time": "06:00"}}, T),  # over midnight
        ({"date": {"from_time": 9 * 60, "to_time": "21:30"}}, F),  # YAML reads 9:00 as 540
        ({"holiday": True}, T),
        ({"holiday": "春节"}, T),
        ({"holiday": "国庆"}, F),
        ({"tenure": {"under_days": 90}}, T),
        ({"tenure": {"over_days": 90}}, F),
        ({"customer_class": "gold"}, T),
        ({"customer_class": "new"}, F),
        ({"scenario": "inbound_service"}, T),
        ({"scenario": ["complaint"]}, F),
        ({"agent": "1023"}, T),
        ({"agent": ["1024"]}, F),
    ],
)
def test_metadata(written: dict[str, Any], truth: Truth) -> None:
    known: Context = said(("a", "您好"), **KNOWN)
    assert ask(known, written).truth is truth
    if "scenario" not in written:
        nothing = said(("a", "您好"))
        assert ask(nothing, written).truth is U
        assert ask(nothing, {"not": written}).truth is U


def test_words_of_a_bad_line_prove_nothing_against_anybody() -> None:
    bad = said(("a", "嗯那个什么保证给你退款哦好了"), confidence=0.3)
    words = {"keywords": ["保证给你退款"]}
    missing = {"keywords": ["感谢您的来电祝您生活愉快"]}
    assert ask(bad, words, absence_costs=True).truth is T  # it was said: no harm in believing it
    assert ask(bad, missing, absence_costs=True).truth is U
    assert ask(bad, missing, absence_costs=False).truth is F
