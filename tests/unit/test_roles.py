"""Which speaker is the agent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_toys import lexicons, talk
from speech_toys import Toy, call_of

from qc_speech.model import Metadata, Role, RoleGuess, Span, Turn, Utterance
from qc_speech.roles import UNSURE_BELOW, guess_roles, with_roles

CUSTOMER_FIRST = (
    ("c", "喂，谁啊"),
    ("a", "您好，我是蓝天宽带的客服小林，给您做个回访，请问您现在方便吗"),
    ("c", "行，你说吧"),
    ("a", "请问您报修的问题解决了吗，给我们的服务打几分"),
    ("c", "你们修得还行，九分吧"),
    ("a", "感谢您的配合，祝您生活愉快"),
)
AGENT_FIRST = (
    ("a", "您好，山泉供水很高兴为您服务，请问有什么可以帮您"),
    ("c", "我要报修，我家水管漏水了，你们什么时候能来"),
    ("a", "请问您贵姓，麻烦您说一下地址"),
    ("c", "我姓陈，我家住翠湖花园"),
    ("a", "好的，给您登记了，师傅会联系您上门，感谢您的来电，再见"),
)


def guess(
    *lines: tuple[str, str], stereo: bool = False, turned: bool = False, **metadata: object
) -> RoleGuess:
    """The guess for a call whose true roles are hidden. `turned`: the labels change places."""
    call = call_of(Toy(talk(*lines), stereo=stereo))
    utterances: tuple[Utterance, ...] = tuple(
        replace(u, role=Role.UNKNOWN) for u in call.utterances
    )
    turns = call.turns
    if turned:
        other = {"S0": "S1", "S1": "S0", "ch0": "ch1", "ch1": "ch0"}
        utterances = tuple(replace(u, speaker=other[u.speaker]) for u in utterances)
        turns = tuple(replace(turn, speaker=other[turn.speaker]) for turn in turns)
    known = Metadata("toy", **metadata)  # type: ignore[arg-type]
    return guess_roles(utterances, turns, known, lexicons().roles)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("direction", ["inbound", "outbound", None])
@pytest.mark.parametrize(
    "lines", [AGENT_FIRST, CUSTOMER_FIRST], ids=["agent first", "customer first"]
)
def test_the_agent_is_found_by_what_is_said_whoever_speaks_first(
    lines: tuple[tuple[str, str], ...], direction: str | None, turned: bool
) -> None:
    found = guess(*lines, turned=turned, direction=direction)
    agent, customer = ("S1", "S0") if turned else ("S0", "S1")
    assert found.of(agent) is Role.AGENT
    assert found.of(customer) is Role.CUSTOMER
    assert found.confidence > 0.95
    assert found.evidence


def test_the_customer_says_wei_first_in_an_outgoing_call() -> None:
    found = guess(*CUSTOMER_FIRST, stereo=True, direction="outbound")
    assert (found.of("ch0"), found.of("ch1")) == (Role.AGENT, Role.CUSTOMER)


@pytest.mark.parametrize("agent", [0, 1])
def test_the_manifests_channel_wins_over_what_is_said(agent: int) -> None:
    found = guess(*AGENT_FIRST, stereo=True, agent_channel=agent)
    assert found.of(f"ch{agent}") is Role.AGENT
    assert found.of(f"ch{1 - agent}") is Role.CUSTOMER
    assert found.confidence == 1.0


def test_the_manifests_channel_says_nothing_of_a_mixed_recording() -> None:
    assert guess(*AGENT_FIRST, agent_channel=1).of("S0") is Role.AGENT


@pytest.mark.parametrize(
    "lines",
    [
        (("a", "嗯"), ("c", "啊")),
        (("a", "今天天气不错"), ("c", "是啊昨天还下雨呢")),
        (("a", ""), ("c", "")),
    ],
)
def test_unsure_is_unknown(lines: tuple[tuple[str, str], ...]) -> None:
    found = guess(*lines)
    assert {found.of("S0"), found.of("S1")} == {Role.UNKNOWN}
    assert found.confidence < UNSURE_BELOW


def test_one_side_only() -> None:
    agent = guess(*((who, text) for who, text in AGENT_FIRST if who == "a"))
    assert agent.roles == (("S0", Role.AGENT),)
    customer = guess(*((who, text) for who, text in AGENT_FIRST if who == "c"))
    assert customer.roles == (("S1", Role.CUSTOMER),)
    assert guess(("a", "嗯")).roles == (("S0", Role.UNKNOWN),)


def test_nobody() -> None:
    found = guess_roles((), (), Metadata("toy"), lexicons().roles)
    assert (found.roles, found.confidence) == ((), 0.0)
    assert found.of("S0") is Role.UNKNOWN


def test_a_third_voice_is_neither() -> None:
    call = call_of(Toy(talk(*AGENT_FIRST), stereo=False))
    turns = (*call.turns, Turn(Span(0, 400), "S2"))
    found = guess_roles(call.utterances, turns, Metadata("toy"), lexicons().roles)
    assert found.of("S2") is Role.OTHER
    assert found.of("S0") is Role.AGENT


def test_a_long_announcement_is_not_taken_for_a_party() -> None:
    """An IVR may talk longer than either party."""
    machine = (
        "欢迎致电山泉供水，业务咨询请按一，水费查询请按二，报修请按三，重听请按零，正在为您转接"
    )
    call = call_of(Toy(talk(*AGENT_FIRST), stereo=False))
    turns = tuple(replace(turn, span=later(turn.span)) for turn in call.turns)
    own = tuple(replace(utterance, span=later(utterance.span)) for utterance in call.utterances)
    words = call_of(Toy(talk(("a", machine)))).utterances[0].words
    first = replace(own[0], speaker="S2", span=Span(0, 39_000), words=words)
    all_turns = (Turn(first.span, "S2"), *turns)
    found = guess_roles((first, *own), all_turns, Metadata("toy"), lexicons().roles)
    assert found.of("S0") is not Role.CUSTOMER
    assert found.of("S2") is not Role.AGENT


def later(span: Span) -> Span:
    return Span(span.start_ms + 40_000, span.end_ms + 40_000)


LINES = st.lists(
    st.tuples(st.sampled_from("ac"), st.text("您好请问我你们的是喂嗯", max_size=12)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25)
@given(LINES, st.sampled_from(["inbound", "outbound", None]), st.sampled_from([None, 0, 1]))
def test_a_guess_is_a_probability_and_names_each_speaker_once(
    lines: list[tuple[str, str]], direction: str | None, channel: int | None
) -> None:
    found = guess(*lines, direction=direction, agent_channel=channel)
    assert 0.0 <= found.confidence <= 1.0
    names = [speaker for speaker, _ in found.roles]
    assert len(names) == len(set(names))
    roles = [role for _, role in found.roles]
    assert roles.count(Role.AGENT) <= 1 and roles.count(Role.CUSTOMER) <= 1


@settings(max_examples=20)
@given(LINES)
def test_labels_mean_nothing(lines: list[tuple[str, str]]) -> None:
    there, back = guess(*lines), guess(*lines, turned=True)
    assert there.confidence == pytest.approx(back.confidence)
    if there.confidence >= UNSURE_BELOW:
        assert there.of("S0") is back.of("S1")


def test_utterances_get_the_roles_of_their_speakers() -> None:
    call = call_of(Toy(talk(*AGENT_FIRST)))
    roles = RoleGuess((("ch0", Role.CUSTOMER),), 0.9)
    found = with_roles(call.utterances, roles)
    assert [u.role for u in found[:2]] == [Role.CUSTOMER, Role.UNKNOWN]
    assert [u.words for u in found] == [u.words for u in call.utterances]
