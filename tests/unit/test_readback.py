"""Does the agent repeat what the customer gave, and is it the same?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import context, run, talk

from qc_speech.model import Alternative, Outcome, Role
from qc_speech.rules.digit_runs import Run, compare, numbers_given, runs
from qc_speech.rules.doors import value
from qc_speech.rules.kind import Context, Draft
from qc_speech.rules.phrases import agent_turns

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
    assert check(*lines, heard=0.3).outcome is not Outcome.VIOLATION
    right = (lines[0], ("a", f"跟您核对一下是{said(digits)}对吗"))
    assert check(*right, heard=0.9).outcome is Outcome.PASS


def said(digits: str) -> str:
    return "".join("零一二三四五六七八九"[int(digit)] for digit in digits)


def test_a_wrong_digit_names_both_places() -> None:
    draft = check(GIVEN, ("a", "跟您核对一下，电话是13800001284，对吗"))
    assert draft.outcome is Outcome.VIOLATION
    assert draft.evidence is not None and draft.evidence.utterance == 1
    assert "1 处" in draft.reason
    assert "13800001234" in draft.reason and "13800001284" in draft.reason


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


def run_of(text: str, heard: float = 0.9) -> Run:
    ctx = heard_with(context(talk(("c", text))), heard)
    (turn,) = agent_turns(ctx.call, Role.CUSTOMER)
    (run,) = runs(turn, 3)
    return run


@given(st.text("0123456789", min_size=4, max_size=12))
def test_a_number_is_like_itself_and_any_part_of_it_is_like_the_whole(digits: str) -> None:
    whole = run_of(f"电话是{said(digits)}")
    assert whole.digits == digits
    same = compare(whole, whole)
    assert (same.equal, same.gaps, same.differing) == (len(digits), 0.0, ())
    part = compare(whole, run_of(f"尾号{said(digits[-4:])}"))
    assert part.equal == 4 and not part.differing and not part.gaps


@given(
    st.text("0123456789", min_size=4, max_size=12), st.text("0123456789", min_size=4, max_size=12)
)
def test_comparing_is_the_same_from_both_sides(one: str, other: str) -> None:
    a, b = run_of(f"电话是{said(one)}"), run_of(f"电话是{said(other)}")
    there, back = compare(a, b), compare(b, a)
    assert there.score == pytest.approx(back.score)
    assert len(there.pairs) <= min(len(one), len(other))


@pytest.mark.parametrize(
    ("heard", "equal", "written"),
    [
        ("要三把零零零零二五七要", 7, 8),  # as a recognizer writes 幺三八零零零零二五七幺
        ("138-00002571", 11, 11),
        ("1380002571", 10, 10),  # a zero of four is dropped
        ("洞三八零零零零拐勾二五", 9, 11),  # as soldiers and dispatchers say 零, 七 and 九
    ],
)
def test_a_number_under_mishearing(heard: str, equal: int, written: int) -> None:
    run = run_of(f"电话是{heard}")
    assert run.written >= written - 1
    found = compare(run_of("电话是13800002571"), run)
    assert found.equal >= equal - 1


def test_what_is_counted_or_dated_is_no_number() -> None:
    for text in ("我家在七号楼二单元", "一共三百五十块钱", "明天上午十一点二十分", "三楼四零二室"):
        ctx = context(talk(("c", text)))
        (turn,) = agent_turns(ctx.call, Role.CUSTOMER)
        assert runs(turn, 4) == ()


def test_digits_that_sound_alike_are_a_question_only_when_both_are_sure() -> None:
    lines = (("c", "电话是一三八零零零零九二五七"), ("a", "跟您核对一下一三八零零零零七二五七对吗"))
    assert check(*lines, heard=0.9).outcome is Outcome.VIOLATION
    assert check(*lines, heard=0.6).outcome is Outcome.PASS  # 九 and 七 on a telephone


def test_a_difference_in_a_short_number_is_left_to_a_person() -> None:
    lines = (("c", "取件码后四位六六一九"), ("a", "跟您核对一下六六五九对吗"))
    assert check(*lines).outcome is Outcome.UNCERTAIN


def test_a_dropped_digit_is_left_to_a_person() -> None:
    lines = (("c", "电话是一三八二三四五六七八九"), ("a", "跟您核对一下一三八二三四六七八九对吗"))
    assert check(*lines, heard=0.9).outcome is Outcome.UNCERTAIN
    assert check(*lines, heard=0.5).outcome is Outcome.PASS  # the recognizer may have dropped it


def test_another_reading_with_the_right_digits_is_a_doubt() -> None:
    ctx = context(talk(GIVEN, ("a", "跟您核对一下，电话是13800001284，对吗")))
    first, second = ctx.call.utterances
    other = (Alternative("跟您核对一下，电话是13800001234，对吗", -0.3),)
    both = (first, replace(second, alternatives=other))
    assert run("readback", ctx).outcome is Outcome.VIOLATION
    doubted = replace(ctx, call=replace(ctx.call, utterances=both))
    assert run("readback", doubted).outcome is Outcome.UNCERTAIN


def test_a_number_corrected_by_the_customer_is_the_one_to_repeat() -> None:
    lines = (GIVEN, ("c", "不对说错了，是13900005678"), ("a", "跟您核对一下，13800001234，对吗"))
    assert check(*lines).outcome is not Outcome.PASS


def test_a_long_number_repeated_after_one_that_was_not_heard_passes_without_comparison() -> None:
    lines = (("c", "电话是摇散把灵灵"), ("a", "跟您核对一下，电话13800001234，没错吧"))
    draft = check(*lines)
    assert draft.outcome is Outcome.PASS and draft.confidence < 0.7
    hotline = (("c", "电话是摇散把灵灵"), ("a", "您以后可以直接拨打4008123456"))
    assert check(*hotline).outcome is Outcome.VIOLATION


PIECES = ["一三八", "零零零零", "二五七一"]


def test_a_number_dictated_and_echoed_piece_by_piece_is_one_number() -> None:
    def lines(*echo: str) -> list[tuple[str, str]]:
        return [
            (who, text)
            for piece, back in zip(PIECES, echo)
            for who, text in (("c", piece), ("a", back))
        ]

    right = check(("a", "请您报一下电话"), *lines(*PIECES), NEUTRAL)
    assert right.outcome is Outcome.PASS and "一致" in right.reason
    wrong = check(("a", "请您报一下电话"), *lines("一三八", "零零零零", "二五九一"), NEUTRAL)
    assert wrong.outcome is Outcome.VIOLATION
    nods = check(("a", "请您报一下电话"), *lines("嗯嗯", "好的您讲", "好的记了"), NEUTRAL)
    assert nods.outcome is Outcome.VIOLATION


def test_two_numbers_in_two_sentences_stay_two() -> None:
    ctx = context(
        talk(("c", "卡号是六二二五八八零零"), ("a", "好的"), ("c", "电话是一三八零零零零"))
    )
    found = numbers_given(agent_turns(ctx.call, Role.CUSTOMER))
    assert [run.digits for run in found] == ["62258800", "1380000"]


@pytest.mark.parametrize(
    ("repeated", "heard", "outcome"),
    [
        ("铁西花园十六号楼三单元四零二，对不", 0.9, Outcome.VIOLATION),
        ("铁西花园十六号楼三单元四零二，对不", 0.7, Outcome.UNCERTAIN),
        ("铁西花园十六号楼三单元四零二，对不", 0.4, Outcome.PASS),  # may be misheard
        ("铁西花园十六号楼三单元二零四，对不", 0.9, Outcome.PASS),
        ("铁西花园一六栋三单元两零四，对不", 0.9, Outcome.PASS),  # said in another way
        ("铁西花园十八号楼三单元二零四，对不", 0.9, Outcome.VIOLATION),
    ],
)
def test_a_wrong_house_number(repeated: str, heard: float, outcome: Outcome) -> None:
    given_address = ("c", "我住在铁西花园十六号楼三单元二零四，暖气片漏水了")
    draft = check(given_address, ("a", f"跟您核对一下，{repeated}"), heard=heard)
    assert draft.outcome is outcome
    if outcome is Outcome.VIOLATION:
        assert "门牌" in draft.reason


def test_a_house_number_corrected_later_is_right() -> None:
    draft = check(
        ("c", "我住在铁西花园十六号楼三单元二零四"),
        ("a", "跟您核对一下，铁西花园十六号楼三单元四零二，对吗"),
        ("c", "不对，是二零四"),
        ("a", "好的，十六号楼三单元二零四，记下了"),
    )
    assert draft.outcome is Outcome.PASS


def test_other_numbers_of_the_agents_are_no_house_numbers() -> None:
    draft = check(
        ("c", "我住在铁西花园十六号楼三单元二零四"),
        ("a", "跟您核对一下，铁西花园十六号楼三单元二零四，对吗，师傅在二号院，十分钟到"),
    )
    assert draft.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("text", "number"),
    [("十六", 16), ("二百二十", 220), ("两百二十", 220), ("一零二", 102), ("十", 10),
     ("一百零八", 108),
     ("两", 2), ("二十", 20), ("零", 0)],
)  # fmt: skip
def test_the_value_of_a_house_number(text: str, number: int) -> None:
    assert value(text) == number


def test_two_numbers_of_which_one_is_wrong() -> None:
    """A short number that is repeated rightly does not hide a long one that is not."""
    draft = check(
        ("c", "房号是一二零四"),
        ("a", "好的"),
        ("c", "电话是一三八零零零零六六二九"),
        ("a", "跟您核对一下，房号一二零四，电话一三八零零零零六六三九，对吧"),
    )
    assert draft.outcome is Outcome.VIOLATION and "13800006639" in draft.reason
