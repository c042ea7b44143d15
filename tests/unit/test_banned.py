"""Forbidden words: what the agent says is judged in its context, what was misheard with care."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qc_speech.model import (
    Alternative,
    Call,
    Measures,
    Metadata,
    Outcome,
    Recording,
    Role,
    RoleGuess,
    Severity,
    Span,
    Utterance,
    Word,
)
from qc_speech.resources import data_dir
from qc_speech.rules.banned import KINDS
from qc_speech.rules.banned_lexicon import LISTS, load_banned
from qc_speech.rules.kind import Context, Draft
from qc_speech.rules.numbers_said import numbers

BY_NAME = {kind.name: kind for kind in KINDS}
BANNED = load_banned(data_dir("lexicons") / "banned")


@dataclass(frozen=True)
class Lexicons:
    banned: Any = BANNED


def call_of(*turns: str, trust: float = 0.9, roles: float = 1.0) -> Call:
    """A call from "坐席：…" and "客户：…" turns, one word a character."""
    utterances = []
    for index, turn in enumerate(turns):
        who, _, text = turn.partition("：")
        role = Role.AGENT if who == "坐席" else Role.CUSTOMER
        start = 10_000 * index
        words = tuple(
            Word(Span(start + 200 * i, start + 200 * (i + 1)), char, trust)
            for i, char in enumerate(text)
        )
        span = Span(start, start + 200 * len(words))
        utterances.append(Utterance(index, span, who, role, words, confidence=trust))
    recording = Recording("0", "t", 10_000 * len(turns) + 1, 8000, 1, Metadata("t"))
    guess = RoleGuess((("坐席", Role.AGENT), ("客户", Role.CUSTOMER)), roles)
    return Call(recording, tuple(utterances), (), guess)


def run(check: str, call: Call, **given: Any) -> tuple[Draft, ...]:
    kind = BY_NAME.get(check) or BY_NAME["banned_words"]
    params = kind.params(**({"lexicon": check} if check in LISTS else {}), **given)
    measures = Measures((), (), (), (), None, None)
    return kind.run(Context(call, measures, "complaint", cast(Any, Lexicons())), params)


def outcome(check: str, *turns: str, **options: Any) -> Outcome:
    drafts = run(check, call_of(*turns, **options))
    assert len(drafts) == 1
    return drafts[0].outcome


SAID = [
    ("profanity", "坐席：这他妈什么破机器，又坏了。"),
    ("insult", "坐席：你脑子有毛病吧。"),
    ("impatience", "坐席：我跟你说过多少遍了，先交钱。"),
    ("mockery", "坐席：三岁小孩都会的事，您可真行。"),
    ("negative", "坐席：这个不归我管，你问别人去。"),
    ("threat", "坐席：再闹我就把你拉黑。"),
    ("discrimination", "坐席：你们乡下人就是麻烦。"),
]


@pytest.mark.parametrize(("check", "turn"), SAID)
def test_what_the_agent_says_is_found_and_quoted(check: str, turn: str) -> None:
    draft = run(check, call_of("客户：喂，你好。", turn))[0]
    assert draft.outcome is Outcome.VIOLATION
    assert draft.evidence is not None and draft.evidence.speaker is Role.AGENT
    assert draft.evidence.utterance == 1
    assert Span(10_000, 14_000) & draft.evidence.span == draft.evidence.span
    assert draft.evidence.quote.strip("…") in turn
    assert draft.severity in Severity


@pytest.mark.parametrize(("check", "turn"), SAID)
def test_the_customer_may_say_anything(check: str, turn: str) -> None:
    customer = turn.replace("坐席", "客户")
    assert outcome(check, "坐席：您好，请讲。", customer) is Outcome.PASS


@pytest.mark.parametrize(
    ("check", "turns"),
    [
        ("profanity", ["坐席：孩子他妈的电话是多少？"]),
        ("profanity", ["坐席：您在设置里操作一下，操场旁边有网点。"]),
        ("profanity", ["客户：他妈的烦不烦！", "坐席：您是说师傅冲您骂他妈的，对吗？"]),
        ("insult", ["坐席：挂变态反应科，挂号费二百五十块，下午十三点。"]),
        ("insult", ["坐席：这是一台傻瓜相机，请保管好病历。"]),
        ("insult", ["坐席：我们绝没有说您是傻子的意思。"]),
        ("impatience", ["坐席：麻烦您再说一遍，给您添麻烦了，烦请稍等。"]),
        ("impatience", ["客户：他说烦不烦，自己拿。", "坐席：您是说他冲您喊烦不烦，是吗？"]),
        ("negative", ["坐席：不知道您现在方不方便？没关系，知道了。"]),
        ("negative", ["坐席：按规定我们不许跟客户讲没办法、不归我管这种话。"]),
        ("negative", ["坐席：这个我不太清楚，我马上帮您问一下，十分钟内回复您。"]),
        ("threat", ["坐席：放心，我们不会给您停机的，您等着收短信就行。"]),
        ("discrimination", ["坐席：外地人也可以办理，外地户口一样的。"]),
        ("mockery", ["坐席：这个不会没关系，我一步一步教您。"]),
    ],
)
def test_innocent_words_pass(check: str, turns: list[str]) -> None:
    assert outcome(check, *turns) is Outcome.PASS


@pytest.mark.parametrize(
    ("check", "turn"),
    [
        ("impatience", "坐席：我都说了多少便了，你还问。"),
        ("discrimination", "坐席：你们想下人打电话也不问清楚。"),
        ("negative", "坐席：业务员说的，这个也不贵我管。"),
        ("impatience", "坐席：你翻不翻啊，快点说。"),
    ],
)
def test_misheard_words_are_found_by_sound(check: str, turn: str) -> None:
    draft = run(check, call_of(turn, trust=0.5))[0]
    assert draft.outcome is Outcome.VIOLATION


def test_surely_heard_other_words_are_no_violation() -> None:
    draft = run("negative", call_of("坐席：这辆车不贵我管你要。", trust=0.99))[0]
    assert draft.outcome is not Outcome.VIOLATION


def test_unknown_roles_never_cost_points() -> None:
    for check, turn in SAID:
        assert outcome(check, turn, roles=0.6) is Outcome.UNCERTAIN


def test_no_agent_is_uncertain() -> None:
    for check in (*LISTS, "disclosure", "rambling"):
        assert outcome(check, "客户：喂，有人吗？") is Outcome.UNCERTAIN
        assert [one.outcome for one in run(check, call_of())] == [Outcome.UNCERTAIN]


def test_one_finding_per_utterance_with_all_its_words() -> None:
    call = call_of("坐席：你烦不烦，说了多少遍了！", "客户：你！", "坐席：急什么急！")
    drafts = run("impatience", call)
    assert [draft.evidence.utterance for draft in drafts if draft.evidence] == [0, 2]
    assert drafts[0].evidence and "烦不烦" in drafts[0].evidence.quote
    assert "多少遍" in drafts[0].evidence.quote


def test_other_readings_raise_and_lower() -> None:
    call = call_of("坐席：你烦不烦啊。", trust=0.4)
    said = call.utterances[0]

    def certainty(*texts: str) -> float:
        readings = tuple(Alternative(text, -0.5) for text in texts)
        other = replace(call, utterances=(replace(said, alternatives=readings),))
        return run("impatience", other)[0].confidence

    assert certainty("你烦不烦啊") > certainty("你方便吗")


def test_only_another_reading_is_a_case_for_a_person() -> None:
    call = call_of("坐席：请您稍微等一等。")
    readings = (Alternative("你烦不烦啊烦死了", -0.4), Alternative("你烦不烦啊", -0.5))
    call = replace(call, utterances=(replace(call.utterances[0], alternatives=readings),))
    (found,) = run("impatience", call)
    assert found.outcome is Outcome.UNCERTAIN
    assert "烦" in found.reason and "|" not in found.reason  # words, not the pattern they match


def test_tiers_become_severity() -> None:
    low = run("negative", call_of("坐席：这个我不知道，就这样。"))[0]
    high = run("profanity", call_of("坐席：操你妈的。"))[0]
    assert (low.severity, high.severity) == (Severity.MINOR, Severity.CRITICAL)


class TestDisclosure:
    def test_private_number_of_a_manager(self) -> None:
        turn = "坐席：我把岳经理私人手机号给你，138 0000 7416，你自己打。"
        draft = run("disclosure", call_of("客户：帮我找岳经理。", turn))[0]
        assert draft.outcome is Outcome.VIOLATION
        assert draft.evidence and "7416" in draft.evidence.quote

    def test_number_in_two_halves_over_a_short_reply(self) -> None:
        turns = ["坐席：王主任的手机是一三八零零零零", "客户：嗯。", "坐席：五五六六，您打给他。"]
        assert outcome("disclosure", *turns) is Outcome.VIOLATION

    def test_the_customers_own_number_read_back(self) -> None:
        turns = ["客户：我电话一三八零零零零二二三三。", "坐席：一三八零零零零二二三三，对吗？"]
        assert outcome("disclosure", *turns) is Outcome.PASS

    def test_hotline_and_refusal(self) -> None:
        assert outcome("disclosure", "坐席：经理不在，您打热线4008001234。") is Outcome.PASS
        turn = "坐席：经理的私人手机号我不能告诉您。"
        assert outcome("disclosure", "客户：把经理手机号给我。", turn) is Outcome.PASS


class TestRambling:
    SAME = "坐席：这笔费用是上个月套餐超出的部分"

    def test_unasked_repetition(self) -> None:
        turns = [self.SAME, "客户：我没用那么多。", self.SAME, "客户：不对。", self.SAME]
        assert outcome("rambling", *turns) is Outcome.VIOLATION

    def test_asked_for(self) -> None:
        turns = [self.SAME, "客户：没听清。", self.SAME, "客户：再说一遍。", self.SAME]
        assert outcome("rambling", *turns) is Outcome.PASS


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("号码是一三八零零零零九五二七对吧", ["13800009527"]),
        ("要三八零零零零后面是九五二七", ["13800009527"]),
        ("一千零八十八块", []),
        ("一下子三个人", []),
    ],
)
def test_numbers_in_speech(text: str, digits: list[str]) -> None:
    assert [number.digits for number in numbers(text)] == digits


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="他妈的烦不知道您好，。 138abc操滚𠮷😀\n请稍等", max_size=60), st.floats(0, 1)
)
def test_any_text_gives_sound_drafts(text: str, trust: float) -> None:
    call = call_of("客户：喂。", "坐席：" + text, trust=trust)
    for check in (*LISTS, "disclosure", "rambling"):
        for draft in run(check, call):
            assert 0 <= draft.confidence <= 1 and draft.reason
            if draft.evidence:
                span = call.utterances[1].span
                assert span.start_ms <= draft.evidence.span.start_ms
                assert draft.evidence.span.end_ms <= span.end_ms


def test_cost_is_flat_in_the_lexicon(tmp_path: Path) -> None:
    from qc_speech.rules.banned_pattern import Index

    text = "您好请问有什么可以帮您这个不归我管您稍等" * 20

    def seconds(count: int) -> float:
        index = Index((n, f"甲{chr(0x4E00 + n % 5000)}乙{n}", 6) for n in range(count))
        began = time.perf_counter()
        for _ in range(20):
            assert list(index.find(text)) == []
        return time.perf_counter() - began

    assert seconds(50_000) < 20 * seconds(500) + 0.05
