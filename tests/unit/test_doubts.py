"""What is worth asking the audio, and what its answers change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rule_toys import FOLDER, context, lexicons, talk

from qc_speech.model import Alternative, Asked, Finding, Outcome, Span, Word
from qc_speech.rules.asking import Interview, question
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


def test_a_no_of_the_audio_speaks_of_its_words_only() -> None:
    """What is like the phrase, but in other words, is left to a person."""
    ctx = call(("a", "谢谢您肯花这些工夫，再见"), confidence=0.5)
    questions = tuple(one for one in doubts(ctx, book()) if one.check == "anything_else")
    plain = finding(ctx, "anything_else")
    assert finding(asked(ctx, questions, -6.0), "anything_else").outcome is plain.outcome


def questions_of(text: str, *others: str) -> Interview:
    ctx = call(("a", text))
    said = ctx.call.utterances
    last = replace(said[-1], alternatives=tuple(Alternative(other, -0.5) for other in others))
    ctx = replace(ctx, call=replace(ctx.call, utterances=(*said[:-1], last)))
    return Interview(ctx, book())


def test_a_question_compares_whole_stretches() -> None:
    interview = questions_of("看见的来店，再见", "看见您的来店，再见。")
    stretch = next(one for one in interview.stretches if "看见您的来店再见" in one.texts)
    assert "看见的来店再见" in stretch.texts  # the other reading competes with what was heard
    assert any(text.startswith("感谢您的来电") and text.endswith("再见") for text in stretch.texts)


def test_what_the_recognizer_likes_better_than_all_it_heard_is_evidence() -> None:
    interview = questions_of("看见的来店，再见")

    def best(liked: str) -> float:
        likelihoods = [
            [-5.0 if liked in text else -40.0 for text in one.texts] for one in interview.stretches
        ]
        found = interview.answers(likelihoods)
        return max(one.ratio for one in found if one.check == "thanks")

    assert best("感谢您的来电") > 3
    assert (
        max(
            one.ratio
            for one in interview.answers(
                [
                    [-60.0 if "谢" in text else -5.0 for text in one.texts]
                    for one in interview.stretches
                ]
            )
            if one.check == "thanks"
        )
        < -3
    )


def test_a_long_turn_is_narrowed_to_the_words_in_doubt() -> None:
    long = "我这边给您登记好了" * 8 + "看见的来店" + "然后我们尽快安排" * 4
    ctx = call(("a", long))
    last = ctx.call.utterances[-1]
    step = 250
    words = tuple(
        Word(Span(last.span.start_ms + i * step, last.span.start_ms + (i + 1) * step), char, 0.9)
        for i, char in enumerate(long)
    )
    slow = replace(last, words=words, span=Span(words[0].span.start_ms, words[-1].span.end_ms))
    recording = replace(ctx.call.recording, duration_ms=slow.span.end_ms + 1000)
    ctx = replace(
        ctx,
        call=replace(ctx.call, recording=recording, utterances=(*ctx.call.utterances[:-1], slow)),
    )
    asked_for = [one for one in doubts(ctx, book()) if one.check == "thanks" and one.heard]
    assert asked_for
    for doubt in asked_for:
        one = question(ctx.call, doubt)
        assert one.span.duration_ms <= 20_000
        assert doubt.heard in one.heard[0] and len(one.heard[0]) < len(long)


def test_the_wordings_of_a_template() -> None:
    assert list(wordings("(请|麻烦)您[先]<稍等>…下$")) == [
        "请您稍等下", "请您先稍等下", "麻烦您稍等下", "麻烦您先稍等下",
    ]  # fmt: skip
    assert nearest("(感谢|谢谢|多谢)您的(来电|配合)", "看见的来店", 2)[0] == "感谢您的来电"
