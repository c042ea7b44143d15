"""Phrases that must be said: every example of the lexicon, places, zones and identities."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import lexicons, talk
from speech_toys import Said, Toy, call_of

from qc_speech.model import Alternative, Role
from qc_speech.rules.audit.examples import phrase_says
from qc_speech.rules.matcher import Matcher
from qc_speech.rules.phrases import (
    AgentTurn,
    Found,
    Part,
    Phrase,
    agent_turns,
    spoken_identity,
    zone_of,
)

EXAMPLES = [
    pytest.param(check, text, wanted, id=f"{check}-{'hit' if wanted else 'miss'}-{number}")
    for check, phrase in lexicons().phrases.items()
    for wanted, texts in ((True, phrase.hit), (False, phrase.miss))
    for number, text in enumerate(texts)
]
# Every phrase that the clauses ask for, and only those that a rulebook may name.
CHECKS = {
    "greeting", "self_id", "late_apology", "festival", "ask_need", "verify_identity", "ask_address",
    "ask_phone", "repeat_request", "out_of_scope", "complaint_accepted", "apology", "empathy",
    "solution", "followup_promise", "satisfied", "hold_request", "hold_thanks", "leader_request",
    "callee_absent", "wrong_number", "anything_else", "thanks", "farewell", "time_ok", "purpose",
    "survey_resolved", "survey_attitude", "survey_charged", "survey_score",
}  # fmt: skip


def phrase_of(*wordings: str, zone: str = "anywhere", **more: object) -> Phrase:
    part = Part(name="meaning", any=wordings)
    given = {"check": "toy", "meaning": "m", "zone": zone, "parts": (part,), "hit": ("x",), **more}
    return Phrase.model_validate(given)


def turns_of(*said: Said) -> tuple[AgentTurn, ...]:
    return agent_turns(call_of(Toy(said)))


def find(phrase: Phrase, *lines: tuple[str, str], identity: str | None = None) -> Found:
    return Matcher(turns_of(*talk(*lines)), identity).find(phrase)


@pytest.mark.parametrize(("check", "text", "wanted"), EXAMPLES)
def test_every_example_of_the_lexicon(check: str, text: str, wanted: bool) -> None:
    assert phrase_says(lexicons().phrases[check], text) == wanted


def test_every_phrase_of_the_clauses_has_wordings() -> None:
    assert set(lexicons().phrases) >= CHECKS


@pytest.mark.parametrize(
    "text",
    [
        "您好大龙供暖为您服务",
        "您好大龙共暖为您服务",
        "您好大龙公暖为您服务",
        "您好大笼供暖为您服务",
    ],
)
def test_a_wording_is_found_when_exact_and_when_homophones_are_written(text: str) -> None:
    found = find(phrase_of("大龙供暖"), ("a", text))
    assert found.probability > 0.9
    assert found.quote == text[2:6]


def test_a_wording_is_not_found_in_unrelated_talk() -> None:
    found = find(phrase_of("大龙供暖"), ("a", "今天的会议改到下午三点"), ("a", "好的"))
    assert found.probability < 0.1


def test_the_customers_words_count_for_nothing() -> None:
    assert find(phrase_of("感谢您的来电"), ("a", "好的"), ("c", "感谢您的来电")).probability < 0.1


def test_place_and_quote_are_those_of_the_words() -> None:
    said = talk(("c", "喂我想问一下账单"), ("a", "好的，请您稍等，我查一下"))
    found = Matcher(turns_of(*said)).find(phrase_of("请您稍等"))
    assert (found.quote, found.utterance) == ("请您稍等", 1)
    assert found.span is not None
    step = (said[1].end - said[1].start) / len(said[1].text)
    # Characters 3 to 7 of the turn: the comma before them takes its own time.
    assert found.span.start_ms == pytest.approx(1000 * (said[1].start + 3 * step), abs=30)
    assert found.span.end_ms == pytest.approx(1000 * (said[1].start + 7 * step), abs=30)


@given(
    st.text("嗯那我看一下啊好的行", max_size=20),
    st.text("嗯那我看一下啊好的行", max_size=20),
    st.integers(0, 4),
)
def test_what_is_found_lies_in_its_utterance(before: str, after: str, others: int) -> None:
    lines = [("c", "我家暖气不热你们什么时候来")] * others
    call = call_of(Toy(talk(*lines, ("a", before + "感谢您的来电" + after))))
    found = Matcher(agent_turns(call)).find(phrase_of("感谢您的来电"))
    assert found.probability > 0.9 and found.span is not None
    own = call.utterances[found.utterance or 0]
    assert own.role is Role.AGENT
    assert own.span.start_ms <= found.span.start_ms < found.span.end_ms <= own.span.end_ms
    assert found.quote == "感谢您的来电"


@pytest.mark.parametrize("cut", [2, 3, 4])
def test_no_wording_is_put_together_from_two_turns(cut: int) -> None:
    whole = "感谢您的来电"
    lines = (("a", "稍后" + whole[:cut]), ("c", "我家里还是特别冷"), ("a", whole[cut:] + "好"))
    assert find(phrase_of("<感谢您的来电>"), *lines).probability < 0.25


def test_a_turn_goes_on_over_a_backchannel() -> None:
    lines = (("a", "感谢您"), ("c", "嗯"), ("a", "的来电再见"))
    assert find(phrase_of("感谢您的来电"), *lines).probability > 0.9


def test_another_reading_may_hold_the_phrase_and_is_trusted_a_little_less() -> None:
    call = call_of(Toy(talk(("a", "今天风很大"))))
    best = call.utterances[0]
    other = replace(best, alternatives=(Alternative("感谢您的来电", -0.4),))
    plain = Matcher((AgentTurn((best,)),)).find(phrase_of("感谢您的来电")).probability
    found = Matcher((AgentTurn((other,)),)).find(phrase_of("感谢您的来电"))
    assert plain < 0.5 < found.probability < 0.95
    assert found.span == best.span


def test_all_parts_are_needed_and_the_least_sure_decides() -> None:
    parts = (Part(name="1", any=("您好",)), Part(name="2", any=("为您服务",)))
    phrase = phrase_of("x", parts=parts)
    both = find(phrase, ("a", "您好请讲很高兴为您服务"))
    assert both.probability > 0.9
    assert both.quote == "您好…为您服务"
    assert find(phrase, ("a", "您好，请讲")).probability < 0.3
    apart = (("a", "您好"), ("c", "你好我想问一下账单"), ("a", "好为您服务"))
    assert find(phrase, *apart).probability < 0.3
    assert find(phrase_of("x", parts=parts, same_turn=False), *apart).probability > 0.9


def test_words_that_take_a_wording_back() -> None:
    part = Part(name="1", any=("方便",), unless=("方便面",))
    phrase = phrase_of("x", parts=(part,))
    assert find(phrase, ("a", "您现在方便")).probability > 0.5
    assert find(phrase, ("a", "我要买方便面")).probability < 0.1
    assert (
        find(phrase, ("a", "方便面"), ("c", "什么方便面啊"), ("a", "您现在方便")).probability > 0.5
    )


@pytest.mark.parametrize("text", ["x" * 3, "[零一二三四五六七八九]{3,4}号"])
def test_a_regular_expression_reads_normalized_characters(text: str) -> None:
    part = Part(name="1", regex=(text,))
    found = find(phrase_of("x", parts=(part,)), ("a", "您好工号1023号，请问Xxx"))
    assert found.probability > 0.9
    assert found.quote in ("xxx", "一零二三号")


def test_zones() -> None:
    lines = [("a" if i % 2 == 0 else "c", f"这里是第{i}句平平常常说的话啊" * 2) for i in range(14)]
    turns = turns_of(*talk(*lines))
    assert len(turns) == 7
    opening = zone_of(turns, "opening")
    assert opening == turns[: len(opening)] and 2 <= len(opening) < 7
    assert zone_of(turns, "closing") == turns[-3:]
    assert zone_of(turns, "anywhere") == turns
    assert zone_of((), "opening") == zone_of((), "closing") == ()


@pytest.mark.parametrize(
    ("zone", "place", "said"),
    [("opening", 0, True), ("opening", 6, False), ("closing", 6, True), ("closing", 0, False),
     ("anywhere", 3, True)],
)  # fmt: skip
def test_a_phrase_counts_in_its_zone_only(zone: str, place: int, said: bool) -> None:
    filler = "这件事情我们正在给您登记一下具体内容"
    lines: list[tuple[str, str]] = []
    for i in range(7):
        lines += [
            ("a", "祝您节日愉快" if i == place else filler),
            ("c", "我说的那个问题到底怎么处理呢"),
        ]
    found = find(phrase_of("祝您节日愉快", zone=zone), *lines)
    assert (found.probability >= 0.5) == said


@pytest.mark.parametrize(
    ("agent_id", "name", "text"),
    [
        ("1023", None, "您好1023号为您服务"),
        ("1023", None, "您好，工号幺零二三"),
        ("211", None, "我是两幺幺号"),
        ("A07", "王晓梅", "我是客服王小美"),  # homophones of a name
        (None, "王晓梅", "我叫王晓梅"),
    ],
)
def test_the_agent_names_himself_as_the_manifest_has_it(
    agent_id: str | None, name: str | None, text: str
) -> None:
    part = Part(name="1", any=("完全不相干的话语",), agent_identity=True)
    phrase = phrase_of("x", parts=(part,))
    identity = spoken_identity(agent_id, name)
    assert find(phrase, ("a", text), identity=identity).probability >= 0.5
    assert find(phrase, ("a", text), identity=None).probability < 0.3
    assert find(phrase, ("a", "您好请讲"), identity=identity).probability < 0.3


@pytest.mark.parametrize(("agent_id", "name"), [(None, None), ("", ""), ("—", "李")])
def test_an_unknown_agent_has_no_spoken_identity(agent_id: str | None, name: str | None) -> None:
    assert spoken_identity(agent_id, name) is None


@given(st.text("0123456789ab-(|)<>$…[]王小", max_size=8), st.text("王李明(|)[]<", max_size=4))
def test_any_identity_of_a_manifest_can_be_searched(agent_id: str, name: str) -> None:
    identity = spoken_identity(agent_id, name)
    if identity is not None:
        part = Part(name="1", any=(identity,))
        assert 0 <= find(phrase_of("x", parts=(part,)), ("a", "您好一零二三")).probability <= 1


def test_nobody_speaks() -> None:
    found = Matcher(()).find(phrase_of("您好"))
    assert (found.probability, found.span) == (0.0, None)
    assert find(phrase_of("您好"), ("c", "您好")).probability == 0.0


def test_an_utterance_without_words() -> None:
    said = Said("a", 0.5, 1.5, "")
    assert Matcher(turns_of(said)).find(phrase_of("您好")).probability == 0.0
