"""Situations, wishes on days off, polite words and the order of steps."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import FOLDER, context, lexicons, run, talk

from qc_speech.errors import RulebookError
from qc_speech.model import Outcome
from qc_speech.rules.audit.examples import situation_says
from qc_speech.rules.courtesy import PoliteWords
from qc_speech.rules.holiday import wish_due
from qc_speech.rules.inspect import all_kinds
from qc_speech.rules.rulebook import load_rulebooks
from qc_speech.rules.situations import load_situations

EXAMPLES = [
    pytest.param(name, text, wanted, id=f"{name}-{'hit' if wanted else 'miss'}-{number}")
    for name, situation in lexicons().situations.items()
    for wanted, texts in ((True, situation.hit), (False, situation.miss))
    for number, text in enumerate(texts)
]
SITUATION = """situations:
  - name: late
    meaning: 迟到
    customer: {name: 迟到, any: [来晚了]}
    hit: [来晚了]
    miss: [来早了]
"""


@pytest.mark.parametrize(("name", "text", "wanted"), EXAMPLES)
def test_every_example_of_a_situation(name: str, text: str, wanted: bool) -> None:
    assert situation_says(lexicons().situations[name], text) is wanted


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("    customer: {name: 迟到, any: [来晚了]}\n", "", "needs `agent` or `customer`"),
        ("    miss: [来早了]\n", "", "miss: is required"),
        ("来晚了]}", "(来晚了]}", "brackets do not match"),
        ("name: late", "name: Late One", "name"),
    ],
)
def test_a_mistake_in_the_situations(tmp_path: Path, old: str, new: str, text: str) -> None:
    path = tmp_path / "situations.yaml"
    path.write_text(SITUATION.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RulebookError, match=text.replace("(", r"\(")) as caught:
        load_situations(path)
    assert str(caught.value).startswith(f"{path}:") and "\n" not in str(caught.value)


def test_a_situation_twice(tmp_path: Path) -> None:
    path = tmp_path / "situations.yaml"
    path.write_text(SITUATION + SITUATION.replace("situations:\n", ""), encoding="utf-8")
    with pytest.raises(RulebookError, match="late is defined twice"):
        load_situations(path)


@pytest.mark.parametrize("rule", ["kind: when_never", "kind: when_upset, params: {check: nothing}"])
def test_a_rulebook_that_names_no_such_situation_or_phrase(tmp_path: Path, rule: str) -> None:
    (tmp_path / "base.yaml").write_text(
        'name: base\ntitle: 底本\nversion: "1"\nchecks:\n  - {check: empathy, family: phrase, '
        f"points: 1, severity: minor, dimension: 服务态度, clause: S0, {rule}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(RulebookError, match=r"base\.yaml:5: "):
        load_rulebooks(tmp_path, all_kinds(lexicons()))


def test_a_situation_at_the_very_end_asks_for_nothing() -> None:
    """The customer hangs up: the agent has no turn left to answer in."""
    ctx = context(talk(("a", "查到了，明天寄出"), ("c", "你们太慢了，叫你们经理来接电话")))
    assert run("when_leader_asked", ctx, check="leader_request").outcome is Outcome.NOT_APPLICABLE


def test_an_answer_must_come_in_time() -> None:
    filler = [("c", "那你们到底什么时候寄"), ("a", "这个月二十号会寄出去")] * 4
    late = ("a", "请您放心，我们会按公司的制度处理")
    ctx = context(talk(("c", "叫你们经理来接电话"), ("a", "单号是多少"), *filler, late))
    assert run("when_leader_asked", ctx, check="leader_request").outcome is Outcome.VIOLATION
    whole = run("when_leader_asked", ctx, check="leader_request", within_turns=None)
    assert whole.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-01-01", "节日"),
        ("2026-01-02", "节假日"),  # a day off between holiday and weekend
        ("2026-02-17", "节日"),
        ("2026-02-20", "节假日"),  # the fourth day of the lunar year
        ("2026-02-14", None),  # a Saturday that is worked
        ("2026-02-28", None),
        ("2026-03-07", "周末"),
        ("2026-03-11", None),
        ("2026-04-05", None),  # Tomb-Sweeping Day: nobody is wished a happy one
        ("2026-06-19", "节假日"),
        ("2026-09-25", "节日"),
        ("2026-10-06", "节假日"),
        ("2026-10-10", None),
    ],
)
def test_days_on_which_a_wish_is_due(day: str, why: str | None) -> None:
    date = datetime.date.fromisoformat(day)
    assert wish_due(date, public_holidays=True, weekends=True) == why
    plain = wish_due(date, public_holidays=False, weekends=False)
    assert plain == (why if why == "节日" else None)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("您好，请问有什么可以帮您", 2),
        ("我帮您申请一下，邀请您参加，先请假", 0),
        ("写写您的来电", 1),  # as the recognizer may write 谢谢
        ("对不起，让您久等了，谢谢", 3),
        ("情况是这样的", 0),  # one syllable counts only as it is written
        ("", 0),
    ],
)
def test_counting_polite_words(text: str, count: int) -> None:
    assert lexicons().polite.count(text) == count


@given(st.text("请谢感您好的对不起申", max_size=20))
def test_the_count_is_never_more_than_the_characters(text: str) -> None:
    words = PoliteWords(words=("请", "谢谢", "您好"), innocent=("申请",))
    assert 0 <= words.count(text) <= len(text)
    assert words.count(text + "，您好") == words.count(text) + 1


def test_neighbouring_steps_may_change_places_but_not_thanks_and_name() -> None:
    asked = ("a", "请问您贵姓")
    need = ("a", "请问有什么可以帮您")
    done = ("a", "我马上给您安排换一张新卡")
    over = ("a", "感谢您的来电")
    between = ("c", "嗯我的那张银行卡昨天坏了刷不出来")

    def flow(*lines: tuple[str, str]) -> Outcome:
        spread = [line for one in lines for line in (one, between)]
        return run("flow", context(talk(*spread))).outcome

    assert flow(asked, need, done, over) is Outcome.PASS
    assert flow(need, asked, done, over) is Outcome.PASS
    assert flow(need, over, done, asked) is Outcome.VIOLATION
    assert flow(done, need) is Outcome.NOT_APPLICABLE


def test_the_lexicon_of_situations_is_the_one_in_the_folder() -> None:
    assert load_situations(FOLDER / "situations.yaml") == lexicons().situations
