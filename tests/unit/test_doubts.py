"""What is worth asking the audio, and what its answers change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rule_toys import FOLDER, context, lexicons, talk

from qc_speech.model import Asked, Finding, Outcome
from qc_speech.rules.doubts import Doubt, doubts
from qc_speech.rules.inspect import all_kinds, find_all
from qc_speech.rules.kind import Context
from qc_speech.rules.rulebook import Rulebook, load_rulebooks
from qc_speech.text.expand import nearest, wordings

SAID = (
    ("a", "您好，山泉供水一零二号，很高兴为您服务"),
    ("c", "我想问一下水费"),
    ("a", "请问您贵姓，水费是五十块钱"),
    ("c", "我姓王，知道了"),
    ("a", "还有其他可以帮您的吗"),
    ("c", "没有了谢谢"),
)


def book() -> Rulebook:
    return load_rulebooks(FOLDER / "rulebooks", all_kinds(lexicons()))["inbound_service"]


def call(*more: tuple[str, str], confidence: float = 0.9) -> Context:
    return context(talk(*SAID, *more, confidence=confidence))


def asked(ctx: Context, questions: tuple[Doubt, ...], ratio: float) -> Context:
    answers = tuple(
        Asked(one.check, one.part, one.span, words, ratio)
        for one in questions
        for words in one.wordings
    )
    return replace(ctx, call=replace(ctx.call, asked=answers))


def finding(ctx: Context, check: str) -> Finding:
    return next(one for one in find_all(ctx, book()) if one.check == check)


def test_what_was_surely_heard_is_not_asked_for() -> None:
    ctx = call(("a", "感谢您的来电，再见"))
    assert {one.check for one in doubts(ctx, book())} == set()


def test_a_phrase_garbled_beyond_charging_is_asked_for_where_it_stands() -> None:
    ctx = call(("a", "看见的来店，再见"))
    first = next(one for one in doubts(ctx, book()) if one.check == "thanks")
    assert first.heard.startswith("看见的来店")
    assert first.utterance == 6 and first.span == ctx.call.utterances[6].span
    assert first.before + first.heard + first.after == "看见的来店再见"
    assert first.wordings[0] in ("感谢您的来电", "感谢您来电", "感谢你的来电", "感谢你来电")


@pytest.mark.parametrize(("ratio", "outcome"), [(6.0, Outcome.PASS), (-6.0, Outcome.VIOLATION)])
def test_the_answer_decides_a_phrase(ratio: float, outcome: Outcome) -> None:
    ctx = call(("a", "看见的来店，再见"))
    questions = tuple(one for one in doubts(ctx, book()) if one.check == "thanks")
    found = finding(asked(ctx, questions, ratio), "thanks")
    assert found.outcome is outcome
    if outcome is Outcome.PASS:
        assert found.evidence is not None and found.evidence.utterance == 6


def test_a_phrase_of_which_nothing_was_heard_may_have_been_dropped_at_the_edge() -> None:
    ctx = call(("a", "那好的我这边给您记下来了"))
    dropped = [one for one in doubts(ctx, book()) if one.check == "farewell" and not one.heard]
    assert [one.utterance for one in dropped] == [6]
    assert dropped[0].before.endswith("记下来了") and dropped[0].after == ""
    assert dropped[0].wordings


def test_questions_do_not_depend_on_answers() -> None:
    ctx = call(("a", "看见的来店，再见"))
    questions = doubts(ctx, book())
    assert questions and doubts(asked(ctx, questions, 4.0), book()) == questions


@pytest.mark.parametrize(("ratio", "charged"), [(5.0, True), (-5.0, False)])
def test_a_forbidden_word_in_doubt_is_asked_for(ratio: float, charged: bool) -> None:
    ctx = call(("a", "你说话能不能快电儿，我没功夫跟你好"), confidence=0.45)
    questions = tuple(one for one in doubts(ctx, book()) if one.check == "impatience")
    assert questions
    text = questions[0].before + questions[0].heard + questions[0].after
    assert text == "你说话能不能快电儿我没功夫跟你好"
    found = finding(asked(ctx, questions, ratio), "impatience")
    assert (found.outcome is Outcome.VIOLATION) == charged


def test_the_wordings_of_a_template() -> None:
    assert list(wordings("(请|麻烦)您[先]<稍等>…下$")) == [
        "请您稍等下", "请您先稍等下", "麻烦您稍等下", "麻烦您先稍等下",
    ]  # fmt: skip
    assert nearest("(感谢|谢谢|多谢)您的(来电|配合)", "看见的来店", 2)[0] == "感谢您的来电"
