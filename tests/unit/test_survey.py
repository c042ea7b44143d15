"""What the customer answered to a survey, and what the agent promised by when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import FOLDER, context, lexicons, talk

from qc_speech.errors import RulebookError
from qc_speech.model import Role
from qc_speech.rules.promise import promises, times
from qc_speech.rules.survey import QUESTIONS, load_answers, survey_answers

ASKS = {
    "survey_resolved": "请问您的问题解决了吗",
    "survey_attitude": "维修师傅的服务态度您觉得怎么样",
    "survey_charged": "那师傅有没有另外收您费用呢",
    "survey_score": "最后请您给这次服务打个分，满分十分您打几分",
}
NOW = datetime(2026, 1, 15, 9, 12)  # a Thursday


def answers(*lines: tuple[str, str]) -> dict[str, str | None]:
    found = survey_answers(context(talk(*lines)), QUESTIONS)
    assert len(found) == len({one.question for one in found})
    return {one.question: one.value for one in found}


def reply(question: str, text: str) -> str | None:
    return answers(("a", ASKS[question]), ("c", text), ("a", "好的，记下了"))[question]


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ("survey_resolved", "解决了，换了个新的就好了", "yes"),
        ("survey_resolved", "嗯，修好了，现在很热", "yes"),
        ("survey_resolved", "没问题了，都正常", "yes"),
        ("survey_resolved", "没有解决啊，还是老样子", "no"),
        ("survey_resolved", "没呢，还是漏水", "no"),
        ("survey_resolved", "算是基本解决了吧", "partly"),
        ("survey_resolved", "修是修了，可是还有点堵", "partly"),
        ("survey_resolved", "网是好的，不掉了", "yes"),
        ("survey_resolved", "通了，通了，师傅滚了一身泥", "yes"),
        ("survey_resolved", "没问题了", "yes"),
        ("survey_attitude", "态度挺好的，鞋套都自己带着", "satisfied"),
        ("survey_attitude", "非常满意", "satisfied"),
        ("survey_attitude", "一般吧，马马虎虎", "ordinary"),
        ("survey_attitude", "还行", "ordinary"),
        ("survey_attitude", "不满意，那人凶得很", "dissatisfied"),
        ("survey_attitude", "客气个屁，爱搭不理的", "dissatisfied"),
        ("survey_attitude", "不太好，没什么耐心", "dissatisfied"),
        ("survey_charged", "没有没有，一分钱都没收", "no"),
        ("survey_charged", "那倒没有", "no"),
        ("survey_charged", "不要钱，免费的", "no"),
        ("survey_charged", "收了三十五块材料费", "yes"),
        ("survey_charged", "给了他五十", "yes"),
        ("survey_score", "那就九分吧，扣一分是因为来得晚了", "9"),
        ("survey_score", "六分，不能再多了，要不是钱到得快，我就打零分", "6"),
        ("survey_score", "满分", "10"),
        ("survey_score", "打个8分吧", "8"),
        ("survey_score", "八分半", "8.5"),
        ("survey_score", "那就十吧", "10"),
        ("survey_score", "扣两分，给八分", "8"),
        ("survey_score", "那就就分吧，口一分是来晚了", "9"),  # as it may be heard
        ("survey_resolved", "同了同了，师傅辛苦了", "yes"),
        ("survey_score", "有机会再说吧", None),
    ],
)
def test_an_answer(question: str, text: str, value: str | None) -> None:
    assert reply(question, text) == value


def test_a_whole_survey_in_order() -> None:
    lines = [
        ("a", ASKS["survey_resolved"]), ("c", "解决了"),
        ("a", ASKS["survey_attitude"]), ("c", "态度挺好的"),
        ("a", ASKS["survey_charged"]), ("c", "没有"),
        ("a", ASKS["survey_score"]), ("c", "十分"),
    ]  # fmt: skip
    assert answers(*lines) == {
        "survey_resolved": "yes",
        "survey_attitude": "satisfied",
        "survey_charged": "no",
        "survey_score": "10",
    }


def test_what_was_not_asked_has_no_answer() -> None:
    found = answers(("a", ASKS["survey_resolved"]), ("c", "解决了，也没收钱，给你们十分"))
    assert found == {"survey_resolved": "yes"}


def test_a_reply_to_the_next_question_is_no_reply_to_this_one() -> None:
    lines = [("a", ASKS["survey_charged"]), ("a", ASKS["survey_score"]), ("c", "九分")]
    assert answers(*lines).get("survey_charged") is None


def test_two_questions_in_one_breath() -> None:
    lines = [("a", "问题解决了吗，师傅态度怎么样"), ("c", "解决了，态度也挺好的")]
    assert answers(*lines) == {"survey_resolved": "yes", "survey_attitude": "satisfied"}


def test_what_is_said_when_asked_again_counts() -> None:
    first, again, last = "态度吧，前头那个挺好的", "您就说好还是不好，满意不满意", "那就一般吧"
    lines = [("a", ASKS["survey_attitude"]), ("c", first), ("a", again), ("c", last)]
    assert answers(*lines) == {"survey_attitude": "ordinary"}
    nodded = [("a", ASKS["survey_attitude"]), ("c", first), ("a", "嗯嗯好"), ("c", last)]
    assert answers(*nodded) == {"survey_attitude": "satisfied"}


def test_the_agents_echo_serves_where_the_score_was_not_heard() -> None:
    ctx = context(
        talk(("a", ASKS["survey_score"]), ("c", "那就这么着吧"), ("a", "好的，九分给您记上了"))
    )
    (answer,) = survey_answers(ctx, ("survey_score",))
    assert answer.value == "9"
    assert answer.evidence.speaker is Role.AGENT


def test_an_answer_shows_where_it_was_said() -> None:
    ctx = context(talk(("a", ASKS["survey_score"]), ("c", "九分吧")))
    (answer,) = survey_answers(ctx, ("survey_score",))
    assert answer.evidence.speaker is Role.CUSTOMER
    assert answer.evidence.utterance == 1 and answer.evidence.quote == "九分吧"
    assert 0 < answer.confidence <= 1


@given(st.text("九六分扣打给我零十一半点吧满没", max_size=14))
def test_a_score_is_between_0_and_10(text: str) -> None:
    lines = [("a", ASKS["survey_score"]), ("c", f"嗯{text}")]
    value = answers(*lines).get("survey_score")
    assert value is None or 0 <= float(value) <= 10.5


def test_every_question_of_the_lexicon_has_its_examples_understood() -> None:
    assert set(lexicons().answers) == set(QUESTIONS)


def test_a_question_that_does_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    whole = (FOLDER / "answers.yaml").read_text("utf-8")
    path.write_text(whole.replace("survey_score", "survey_stars"), encoding="utf-8")
    with pytest.raises(RulebookError, match="no question survey_stars"):
        load_answers(path)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("师傅两个小时之内上门", "2026-01-15T11:12:00"),
        ("半个小时内到", "2026-01-15T09:42:00"),
        ("一个半小时左右", "2026-01-15T10:42:00"),
        ("四十分钟之内到", "2026-01-15T09:52:00"),
        ("三个工作日之内答复您", "2026-01-20T18:00:00"),  # over the weekend
        ("三天之内", "2026-01-18T09:12:00"),
        ("今天上午十一点之前一定到", "2026-01-15T11:00:00"),
        ("今天晚上八点之前", "2026-01-15T20:00:00"),
        ("今天六点之前给您回电话", "2026-01-15T18:00:00"),
        ("明天上午九点到十二点之间上门", "2026-01-16T12:00:00"),
        ("明天上午十点", "2026-01-16T10:00:00"),
        ("明天下午三点半", "2026-01-16T15:30:00"),
        ("明天中午之前", "2026-01-16T14:00:00"),
        ("后天上午", "2026-01-17T12:00:00"),
        ("下周三上午十点", "2026-01-21T10:00:00"),
        ("周六下午两点", "2026-01-17T14:00:00"),
        ("几天之内给您答复", None),
        ("我们会尽快跟您联系", None),
        ("今天二十五点", None),
    ],
)
def test_the_moment_that_is_meant(text: str, due: str | None) -> None:
    found = list(times(text, NOW))
    assert len(found) == 1
    assert (found[0][1].isoformat() if found[0][1] else None) == due
    ((words, moment),) = times(text, None)
    assert (words, moment) == (found[0][0], None)


def test_a_second_time_is_of_the_same_evening() -> None:
    first, second = times("今天夜里十一点恢复供电十一点半之前给您回电话", NOW)
    assert first[1] == datetime(2026, 1, 15, 23)
    assert second[1] == datetime(2026, 1, 15, 23, 30)


def test_a_text_without_a_time() -> None:
    assert list(times("请问您的具体地址是哪里", NOW)) == []
    assert list(times("", NOW)) == []


@given(st.text("今明后天上下午晚早点半分钟小时工作日周一二十两个之内前到", max_size=24))
def test_any_talk_of_times_is_read_without_failing(text: str) -> None:
    for words, due in times(text, NOW):
        assert words and words in text
        assert due is None or due >= datetime(2026, 1, 12)


def test_only_what_is_promised_counts_as_a_promise() -> None:
    lines = (
        ("a", "您好，请问有什么可以帮您"),
        ("c", "昨天下午三点就停了，你们两个小时之内能来吗"),
        ("a", "维修师傅两个小时之内上门"),
    )
    (promise,) = promises(context(talk(*lines), started_at=NOW))
    assert promise.said == "两个小时之内" and promise.evidence.utterance == 2
    assert promise.due is not None and promise.due.hour == 11
    (undated,) = promises(context(talk(*lines)))
    assert undated.due is None
