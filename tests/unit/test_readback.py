"""Does the agent repeat what the customer gave, and is it the same?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import context, run, talk

from qc_speech.model import Outcome, Role
from qc_speech.rules.kind import Context, Draft
from qc_speech.rules.phrases import agent_turns
from qc_speech.rules.readback import numbers_of, part_distance

GIVEN = ("c", "我的电话是13800001234")
ADDRESS = ("c", "我住在翠湖花园六栋二单元，家里暖气不热")
NEUTRAL = ("a", "好的，我们会尽快安排")


def check(*lines: tuple[str, str], heard: float = 0.9, known: bool = True) -> Draft:
    return run("readback", heard_with(context(talk(*lines), known=known), heard))


def heard_with(ctx: Context, confidence: float) -> Context:
    """The same call with every word heard so surely."""
    changed = tuple(
        replace(
            utterance, words=tuple(replace(word, confidence=confidence) for word in utterance.words)
        )
        for utterance in ctx.call.utterances
    )
    return replace(ctx, call=replace(ctx.call, utterances=changed))


@pytest.mark.parametrize(
    "repeated",
    [
        "跟您核对一下，电话是13800001234，对吗",
        "跟您核对一下，一三八零零零零一二三四",
        "电话幺三八，零零零零，幺二三四，对吧",
        "您的电话尾号是1234，对吗",
    ],
)
def test_the_same_digits_pass(repeated: str) -> None:
    draft = check(GIVEN, ("a", repeated))
    assert draft.outcome is Outcome.PASS
    assert draft.evidence is not None and draft.evidence.speaker is Role.AGENT
    assert draft.evidence.utterance == 1


@given(st.text("0123456789", min_size=7, max_size=11), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_heard_clearly_is_a_violation_heard_badly_it_is_not(
    digits: str, place: int, more: int
) -> None:
    place %= len(digits)
    wrong = digits[:place] + str((int(digits[place]) + more) % 10) + digits[place + 1 :]
    lines = (("c", f"电话是{said(digits)}"), ("a", f"跟您核对一下是{said(wrong)}对吗"))
    assert check(*lines, heard=0.9).outcome is Outcome.VIOLATION
    assert check(*lines, heard=0.3).outcome is Outcome.UNCERTAIN
    right = (lines[0], ("a", f"跟您核对一下是{said(digits)}对吗"))
    assert check(*right, heard=0.9).outcome is Outcome.PASS


def said(digits: str) -> str:
    return "".join("零一二三四五六七八九"[int(digit)] for digit in digits)


def test_a_wrong_digit_names_both_places() -> None:
    draft = check(GIVEN, ("a", "跟您核对一下，电话是13800001284，对吗"))
    assert draft.outcome is Outcome.VIOLATION
    assert draft.evidence is not None and draft.evidence.quote == "一三八零零零零一二八四"
    assert "1 处" in draft.reason


def test_a_corrected_readback_passes() -> None:
    draft = check(
        GIVEN,
        ("a", "跟您核对一下，电话是13800001284，对吗"),
        ("c", "不对，是13800001234"),
        ("a", "好的，13800001234，记下了"),
    )
    assert draft.outcome is Outcome.PASS


def test_the_customers_own_correction_counts() -> None:
    draft = check(GIVEN, ("c", "哎说错了，是13900005678"), ("a", "跟您核对一下，13900005678对吗"))
    assert draft.outcome is Outcome.PASS


def test_a_number_said_before_the_customer_gave_his_is_no_readback() -> None:
    draft = check(("a", "请拨打13800001234报修"), ("c", "我的电话是13800001234"), NEUTRAL)
    assert draft.outcome is Outcome.VIOLATION


def test_another_number_of_the_agents_is_not_compared() -> None:
    """A hotline of the house beside the customer's number is neither right nor wrong."""
    draft = check(
        GIVEN, ADDRESS, ("a", "跟您核对一下，翠湖花园六栋二单元，暖气不热，我们的热线是95598765")
    )
    assert draft.outcome is Outcome.PASS


@pytest.mark.parametrize("lines", [(GIVEN, NEUTRAL), (ADDRESS, NEUTRAL), (GIVEN, ADDRESS, NEUTRAL)])
def test_no_readback_is_a_violation(lines: tuple[tuple[str, str], ...]) -> None:
    assert check(*lines).outcome is Outcome.VIOLATION


@pytest.mark.parametrize(
    "repeated",
    [
        "跟您核对一下，翠湖花园六栋二单元，家里暖气不热，对吗",
        "我跟您确认一下，您住在翠湖花园六栋二单元，是吧",
        "跟您核对一下，翠湖化园六动二单元，家里暖器不热，对吗",  # homophones
    ],
)
def test_content_repeated_with_a_frame_passes(repeated: str) -> None:
    assert check(ADDRESS, ("a", repeated)).outcome is Outcome.PASS


def test_a_frame_without_content_is_no_readback() -> None:
    assert check(ADDRESS, ("a", "跟您核对一下，好的没问题对吗")).outcome is not Outcome.PASS


def test_unknown_roles_are_for_a_person() -> None:
    lines = (GIVEN, ("a", "跟您核对一下，13800001234，对吗"))
    assert check(*lines, known=False).outcome is Outcome.UNCERTAIN
    assert check(GIVEN, ADDRESS).outcome is Outcome.UNCERTAIN  # no agent is heard


def test_a_customer_who_is_not_heard_gave_nothing() -> None:
    assert check(("a", "您好，请讲")).outcome is Outcome.NOT_APPLICABLE


@given(
    st.text("0123456789", min_size=1, max_size=12), st.text("0123456789", min_size=1, max_size=12)
)
def test_distance_of_numbers(one: str, other: str) -> None:
    away = part_distance(one, other)
    assert 0 <= away <= max(len(one), len(other))
    assert part_distance(one, one) == 0
    assert part_distance(one, other + one) == 0  # a part of a number, said right
    if len(one) == len(other):
        assert away == part_distance(other, one)


def test_numbers_of_a_turn_with_how_well_they_were_heard() -> None:
    ctx = context(talk(("c", "电话一三八零零，后面是五六七八")))
    (turn,) = agent_turns(ctx.call, Role.CUSTOMER)
    first, second = numbers_of(turn, 4)
    assert (first.digits, second.digits) == ("一三八零零", "五六七八")
    assert first.span.end_ms <= second.span.start_ms
    assert first.confidence == 0.9
    assert numbers_of(turn, 6) == []
