"""Three-valued logic, where conditions look, and what a tree refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from condition_toys import F, T, U, ask, said
from hypothesis import given
from hypothesis import strategies as st
from rule_toys import context, talk, wait

from qc_speech.model import Role, Span
from qc_speech.rules.conditions.answer import (
    Answer,
    Place,
    Truth,
    all_of,
    any_of,
    found,
    negated,
    within,
)
from qc_speech.rules.conditions.condition import Condition
from qc_speech.rules.conditions.tree import compile_tree
from qc_speech.rules.kind import ParamsFault

truths = st.sampled_from(Truth)
confidences = st.floats(0, 1)
places = st.builds(
    lambda start, sure, c: Place(Span(start, start + 5), confidence=c, sure=sure),
    st.integers(0, 1000), st.booleans(), confidences,
)  # fmt: skip
answers = st.builds(
    lambda truth, c, where: Answer(truth, c, tuple(where) if truth is not F else ()),
    truths, confidences, st.lists(places, max_size=3),
)  # fmt: skip


@given(st.lists(answers, max_size=5))
def test_and_or_are_kleenes(parts: list[Answer]) -> None:
    both, either = all_of(parts), any_of(parts)
    assert both.truth is min((p.truth for p in parts), default=T)
    assert either.truth is max((p.truth for p in parts), default=F)
    assert 0 <= both.confidence <= 1 and 0 <= either.confidence <= 1
    assert list(both.places) == sorted(both.places, key=lambda p: p.span)
    if both.truth is T:
        assert set(both.places) == {place for p in parts for place in p.places}
    if U in (both.truth, either.truth):
        assert 0.5 in (both.confidence, either.confidence)


@given(st.lists(answers, max_size=4))
def test_de_morgan(parts: list[Answer]) -> None:
    assert negated(all_of(parts)).truth is any_of([negated(p) for p in parts]).truth
    assert negated(any_of(parts)).truth is all_of([negated(p) for p in parts]).truth


@given(answers)
def test_a_double_no(answer: Answer) -> None:
    twice = negated(negated(answer))
    assert (twice.truth, twice.confidence) == (answer.truth, answer.confidence)


@given(st.lists(places, max_size=6), st.integers(1, 4))
def test_so_many_places(where: list[Place], needed: int) -> None:
    sure = sum(place.sure for place in where)
    expected = T if sure >= needed else U if len(where) >= needed else F
    assert found(where, "", needed=needed).truth is expected


@given(st.floats(-100, 100), st.floats(-50, 0), st.floats(1, 50), st.floats(0, 3))
def test_between_two_limits(value: float, over: float, under: float, margin: float) -> None:
    truth = within(value, over, under, margin)
    if truth is T:
        assert over < value < under
    if truth is F:
        assert not over < value < under
    if truth is U:
        assert min(abs(value - over), abs(value - under)) < margin
    assert within(None, over, under, margin) is U


LINES = (
    ("a", "您好请问有什么可以帮您"),      # 0
    ("c", "我要投诉你们送货太慢了"),      # 1
    ("a", "好的您说一下订单号码"),        # 2
    ("c", "这个订单号我也不记得了"),      # 3
    ("a", "非常抱歉给您添麻烦了"),        # 4
    ("c", "我还要投诉你们的快递员"),      # 5
    ("a", "我先帮您查一下记录再说"),      # 6
    ("c", "那你快点查吧我等着呢"),        # 7
)  # fmt: skip
CALL = said(*LINES)
COMPLAINS = {"keywords": ["投诉"], "role": "customer"}
SORRY: dict[str, Any] = {"keywords": ["抱歉"], "role": "agent"}


@pytest.mark.parametrize(
    ("where", "truth"),
    [
        ({"first": {"utterances": 2}}, F),
        ({"first": {"utterances": 3}}, T),  # the third of the agent's
        ({"last": {"utterances": 1}}, F),
        ({"last": {"utterances": 2}}, T),
        ({"first": {"seconds": 12}}, F),
        ({"first": {"seconds": 17}}, T),
        ({"first": {"percent": 40}}, F),
        ({"first": {"percent": 70}}, T),
        ({"last": {"percent": 60}}, T),
        ({"last": {"percent": 30}}, F),
        ({"last": {"seconds": 15}, "first": {"seconds": 20}}, T),
        ({"after": {"of": "complains"}}, T),
        ({"after": {"of": "complains", "hit": "first", "utterances": 1}}, F),
        ({"after": {"of": "complains", "hit": "first", "utterances": 2}}, T),
        ({"after": {"of": "complains", "hit": 1, "seconds": 5}}, F),
        ({"after": {"of": "complains", "hit": 1, "seconds": 12}}, T),
        ({"after": {"of": "complains", "hit": 2}}, F),
        ({"after": {"of": "complains", "hit": "last"}}, F),
        ({"after": {"of": "complains", "hit": -2}}, T),
        ({"after": {"of": "complains", "hit": 3}}, F),  # there is no third
        ({"after": {"of": "complains", "hit": 3, "absent": "anywhere"}}, T),
        ({"after": {"of": "complains", "hit": "each"}}, F),
        ({"after": {"of": "complains", "hit": "any"}}, T),
        ({"before": {"of": "complains", "hit": "last", "utterances": 1}}, T),
        ({"before": {"of": "complains", "hit": "first"}}, F),
        ({"around": {"of": "complains", "hit": "each", "utterances": 2}}, T),
        ({"around": {"of": "complains", "hit": "first", "utterances": 1}}, F),
        ({"within": {"of": "complains"}}, F),
        ({"after": {"of": "complains"}, "before": {"of": "checks"}}, T),
        ({"after": {"of": "checks"}, "before": {"of": "complains"}}, F),
    ],
)
def test_where_it_looks(where: dict[str, Any], truth: Truth) -> None:
    checks = {"keywords": ["查一下"], "role": "agent"}
    assert ask(CALL, {**SORRY, **where}, complains=COMPLAINS, checks=checks).truth is truth


def test_within_the_same_utterance() -> None:
    slow = {"keywords": ["送货太慢"], "within": {"of": "complains"}}
    assert ask(CALL, slow, complains=COMPLAINS).truth is T


def test_an_anchor_may_be_a_silence() -> None:
    said_ = talk(("a", "请您稍等"), ("c", "好的"), ("a", "谢谢您的等待"))
    shifted = (*said_[:2], replace(said_[2], start=20.0, end=22.0))
    ctx = context(shifted, silences=(wait(2.5, 20.0, Role.CUSTOMER, Role.AGENT),))
    thanks = {"keywords": ["谢谢您的等待"], "after": {"of": "wait", "seconds": 5}}
    assert ask(ctx, thanks, wait={"silence": {"over_seconds": 10}}).truth is T
    assert ask(ctx, thanks, wait={"silence": {"over_seconds": 18}}).truth is F


def test_mere_acknowledgements_are_not_counted() -> None:
    ctx = said(
        ("c", "我要投诉你们送货太慢了"), ("a", "嗯"), ("c", "都等了三天了"), ("a", "嗯嗯"),
        ("c", "到底什么时候送来"), ("a", "非常抱歉给您添麻烦了"),
    )  # fmt: skip
    near = {**SORRY, "after": {"of": "complains", "utterances": 1}}
    assert ask(ctx, near, complains=COMPLAINS).truth is T


@given(
    st.lists(st.sampled_from(["投诉", "抱歉", "今天天气不错呀"]), min_size=1, max_size=6),
    st.integers(1, 4),
)
def test_anchors_against_counting_by_hand(words: list[str], reach: int) -> None:
    """Any, each and first, over utterances, against plain loops. One role: all utterances count."""
    ctx = said(*(("c", word) for word in words))
    hits = [i for i, word in enumerate(words) if word == "投诉"]
    follows = [any(words[j] == "抱歉" for j in range(i + 1, i + 1 + reach) if j < len(words))
               for i in hits]  # fmt: skip
    expected = {
        "any": any(follows),
        "each": bool(follows) and all(follows),
        "first": bool(follows) and follows[0],
        "last": bool(follows) and follows[-1],
    }
    # Two characters are acknowledgements and not counted: lengthen what is said.
    long = said(*(("c", word * 2) for word in words))
    for hit, truth in expected.items():
        written = {"keywords": {"any": ["抱歉"], "by": "text"},
                   "after": {"of": "complains", "hit": hit, "utterances": reach}}  # fmt: skip
        complains = {"keywords": {"any": ["投诉"], "by": "text"}}
        assert ask(long, written, complains=complains).truth is (T if truth else F)
        absent = {**written, "after": {**written["after"], "absent": "anywhere"}}
        if not hits:
            answer = ask(ctx, absent, complains=complains)
            assert answer.truth is (T if "抱歉" in words else F)


@pytest.mark.parametrize(
    ("sorry_after", "hit", "truth"),
    [
        ((), "any", F),
        ((1,), "any", U),  # only the doubtful complaint is followed by it
        ((3,), "any", T),
        ((3,), "each", U),  # if the doubtful one was a complaint, it was not followed
        ((1, 3), "each", T),
        ((1,), "first", U),  # which is the first nobody knows
        ((3,), "first", U),
        ((1, 3), "first", T),
        ((), "first", F),
    ],
)
def test_a_doubtful_anchor(sorry_after: tuple[int, ...], hit: str, truth: Truth) -> None:
    """The first complaint is heard in doubt (badly heard words), the second surely."""
    lines = [
        ("c", "我要投诉你们的客服"), ("a", "非常抱歉" if 1 in sorry_after else "请您稍等"),
        ("c", "我要投诉你们的客服"), ("a", "非常抱歉" if 3 in sorry_after else "请您稍等"),
    ]  # fmt: skip
    ctx = said(*lines)
    blurred = tuple(
        replace(u, words=tuple(replace(w, confidence=0.2) for w in u.words)) if u.index == 0 else u
        for u in ctx.call.utterances
    )
    ctx = replace(ctx, call=replace(ctx.call, utterances=blurred))
    assert ask(ctx, COMPLAINS).places[0].sure is False
    written = {**SORRY, "after": {"of": "complains", "hit": hit, "utterances": 1}}
    assert ask(ctx, written, complains=COMPLAINS).truth is truth


def test_joints_pass_on_where_they_look() -> None:
    both = {"all": [{"keywords": ["投诉"]}, {"keywords": ["抱歉"]}]}
    assert ask(CALL, both).truth is T
    assert ask(CALL, {**both, "role": "agent"}).truth is F
    assert ask(CALL, {**both, "first": {"seconds": 10}}).truth is F
    assert ask(CALL, {"not": {"keywords": ["投诉"]}, "role": "agent"}).truth is T
    assert ask(CALL, {"any": ["complains", SORRY], "role": "agent"}, complains=COMPLAINS).truth is T


def fault(written: dict[str, Any], **names: Any) -> ParamsFault:
    named = {name: Condition.model_validate(value) for name, value in names.items()}
    with pytest.raises(ParamsFault) as caught:
        compile_tree(Condition.model_validate(written), named, ("when",))
    return caught.value


def test_what_a_tree_refuses() -> None:
    assert "no condition is named" in str(fault({"ref": "nowhere"}, there=COMPLAINS))
    circle = {
        "a": {"keywords": ["好"], "after": {"of": "b"}},
        "b": {"any": ["c", {"keywords": ["行"]}]},
        "c": {"not": "a"},
    }
    caught = fault({"ref": "a"}, **circle)
    assert "in a circle: a -> b -> c -> a" in str(caught)
    assert caught.path == ("conditions", "c", "not", "ref")
    itself = fault({"ref": "a"}, a={"keywords": ["好"], "after": {"of": "a"}})
    assert "a -> a" in str(itself)
    nothing = fault(
        {"keywords": ["好"], "after": {"of": "long"}}, long={"duration": {"over_seconds": 9}}
    )
    assert "no place in the call" in str(nothing)
    deep: dict[str, Any] = {"keywords": ["好"]}
    for _ in range(25):
        deep = {"not": deep}
    assert "nested deeper" in str(fault(deep))


def test_one_node_for_one_name() -> None:
    names = {"n": Condition.model_validate(COMPLAINS)}
    written = {"all": ["n", {"not": "n"}, {"keywords": ["好"], "after": {"of": "n"}}]}
    root = compile_tree(Condition.model_validate(written), names, ())
    leaves = [node for node in root.walk() if node.operator and node.role]
    assert len(leaves) == 3 and len({id(node) for node in leaves}) == 1
