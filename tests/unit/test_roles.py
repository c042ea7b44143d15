"""Which speaker is the agent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_toys import lexicons, talk
from speech_toys import Toy, call_of

from qc_speech.model import Metadata, Role, RoleGuess, Span, Turn, Utterance
from qc_speech.roles import Clues, guess_roles, set_apart, with_roles
from qc_speech.roles.guess import posterior

UNSURE_BELOW = lexicons().roles.unsure_below

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
    *lines: tuple[str, str],
    stereo: bool = False,
    turned: bool = False,
    clues: Clues | None = None,
    **metadata: object,
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
    return told(utterances, turns, known, clues)


def told(
    utterances: Sequence[Utterance],
    turns: Sequence[Turn],
    metadata: Metadata = Metadata("toy"),
    clues: Clues | None = None,
) -> RoleGuess:
    return guess_roles(utterances, turns, metadata, lexicons().roles, lexicons().phrases, clues)


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
    unclear = guess(("a", "嗯"), ("c", "啊"), stereo=True, agent_channel=agent)
    assert (unclear.of(f"ch{agent}"), unclear.confidence) == (Role.AGENT, 1.0)


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
    found = told((), ())
    assert (found.roles, found.confidence) == ((), 0.0)
    assert found.of("S0") is Role.UNKNOWN


def test_a_third_voice_is_neither() -> None:
    call = call_of(Toy(talk(*AGENT_FIRST), stereo=False))
    turns = (*call.turns, Turn(Span(0, 400), "S2"))
    found = told(call.utterances, turns)
    assert found.of("S2") is Role.OTHER
    assert found.of("S0") is Role.AGENT


MENU = "欢迎致电山泉供水，业务咨询请按一，水费查询请按二，报修请按三，重听请按零"


@pytest.mark.parametrize("stereo", [False, True])
@pytest.mark.parametrize("lent", ["a", "c"], ids=["as the agent", "as the customer"])
def test_a_machine_is_neither_party_whoever_it_was_heard_as(lent: str, stereo: bool) -> None:
    """It may talk longer than either; a diarizer for two voices gives it to one of them."""
    call = call_of(Toy(talk((lent, MENU), *AGENT_FIRST), stereo=stereo))
    heard, turns = set_apart(call.utterances, call.turns, lexicons().roles.announcements)
    agent, customer = ("ch0", "ch1") if stereo else ("S0", "S1")
    owner = agent if lent == "a" else customer
    assert [u.speaker for u in heard if u.speaker.endswith(".ivr")] == [f"{owner}.ivr"]
    assert heard[0].speaker == f"{owner}.ivr" and heard[0].words == call.utterances[0].words
    found = told(heard, turns, Metadata("toy", direction="inbound"))
    assert found.of(f"{owner}.ivr") is Role.OTHER
    assert (found.of(agent), found.of(customer)) == (Role.AGENT, Role.CUSTOMER)


@pytest.mark.parametrize(
    "text",
    [
        "您的来电可能会被录音，请不要挂机",
        "您好，您拨打的电话正在通话中，请稍后再拨",
        "座席全忙，请稍候，感谢您的耐心等待",
        "普通话服务请按一，英语服务请按二",
        "请输入您的手机号码，以井号键结束",
        "您好，我是机主的智能语音助理，机主暂时不方便接电话",
        "请在提示音之后留言",
    ],
)
def test_what_only_machines_say(text: str) -> None:
    call = call_of(Toy(talk(("a", text), *AGENT_FIRST)))
    heard, _ = set_apart(call.utterances, call.turns, lexicons().roles.announcements)
    assert [u.speaker.endswith(".ivr") for u in heard] == [True] + [False] * len(AGENT_FIRST)


@pytest.mark.parametrize(
    "text",
    [
        "您好，欢迎致电山泉供水，请问有什么可以帮您",
        "您好，我是山泉供水的小王，为了保证服务质量，本次通话会被录音，请问您现在方便吗",
        "您先不要挂机，我帮您转接",
        "麻烦您按一下电源键",
        "请您按一下路由器后面的重启键，灯亮了吗",
        "客服一直在忙，我打了半天",
        "嗯，我留言了，没人回我",
        "好的，请稍等",
        "您拨打的是山泉供水，请问您要找谁",
    ],
)
def test_people_are_not_taken_for_machines(text: str) -> None:
    for who in "ac":
        call = call_of(Toy(talk((who, text), *AGENT_FIRST)))
        heard, turns = set_apart(call.utterances, call.turns, lexicons().roles.announcements)
        assert (heard, turns) == (call.utterances, call.turns), text


def test_a_turn_is_cut_where_the_machine_ends() -> None:
    """A diarizer may put machine and agent into one turn; speech is neither lost nor doubled."""
    call = call_of(Toy(talk(("a", MENU), *AGENT_FIRST), stereo=False))
    machine, first = call.utterances[0].span, call.utterances[1].span
    joined = Turn(Span(machine.start_ms - 100, first.end_ms), "S0")
    _, turns = set_apart(call.utterances, (joined, *call.turns[2:]), lexicons().roles.announcements)
    assert turns[:3] == (
        Turn(Span(machine.start_ms - 100, machine.start_ms), "S0"),
        Turn(machine, "S0.ivr"),
        Turn(Span(machine.end_ms, first.end_ms), "S0"),
    )


def test_only_a_machine() -> None:
    call = call_of(Toy(talk(("a", MENU)), stereo=False))
    found = told(*set_apart(call.utterances, call.turns, lexicons().roles.announcements))
    assert found.roles == (("S0.ivr", Role.OTHER),)


@pytest.mark.parametrize("text", ["那行吧", "好的好的，我知道了"])
def test_a_bystander_who_says_little_leaves_the_parties_sure(text: str) -> None:
    call = call_of(Toy(talk(*AGENT_FIRST, *CUSTOMER_FIRST[2:], ("c", text)), stereo=False))
    last = call.utterances[-1].index
    heard = tuple(replace(u, speaker="S2") if u.index == last else u for u in call.utterances)
    found = told(heard, tuple(Turn(u.span, u.speaker) for u in heard))
    assert [found.of(s) for s in ("S0", "S1", "S2")] == [Role.AGENT, Role.CUSTOMER, Role.OTHER]
    assert found.confidence >= UNSURE_BELOW
    assert found.doubts == ()


def test_who_talks_much_is_rather_a_party_than_a_bystander() -> None:
    odds = {"A": 8.0, "B": -1.5, "C": -1.5}
    best, _ = posterior(odds, -2.5, {"A": 0.5, "B": 0.45, "C": 0.05})[0]
    assert best == {"A": Role.AGENT, "B": Role.CUSTOMER, "C": Role.OTHER}


def test_one_agent_cut_in_two_is_not_agent_and_customer() -> None:
    """A recording of the agent alone in which a diarizer hears two voices."""
    own = [text for who, text in AGENT_FIRST + CUSTOMER_FIRST if who == "a"]
    found = guess(*((("a", "c")[place % 2], text) for place, text in enumerate(own)))
    assert Role.CUSTOMER not in {role for _, role in found.roles}
    # Both or undecided: in either case nobody may be charged without a person.
    assert found.confidence < 0.6 or Role.UNKNOWN in {role for _, role in found.roles}


def test_a_second_agent_leaves_it_open_who_is_meant() -> None:
    call = call_of(Toy(talk(*AGENT_FIRST), stereo=False))
    again = call_of(Toy(talk(*((w, t) for w, t in CUSTOMER_FIRST if w == "a")), stereo=False))
    later = tuple(
        replace(u, speaker="S2", span=Span(u.span.start_ms + 60_000, u.span.end_ms + 60_000))
        for u in again.utterances
    )
    turns = (*call.turns, *(Turn(u.span, "S2") for u in later))
    found = told((*call.utterances, *later), turns)
    assert [found.of(s) for s in ("S0", "S1", "S2")] == [Role.AGENT, Role.CUSTOMER, Role.AGENT]
    assert found.confidence <= 0.5
    assert any("两位坐席" in doubt for doubt in found.doubts)


TRANSFERRED = (
    *AGENT_FIRST[:4],
    ("a", "这个要由维修部处理，我帮您转接，请稍等"),
    ("c", "好的"),
    ("a", "您好，维修部小李为您服务，请问您家哪里漏水"),
    ("c", "厨房"),
    ("a", "好的，师傅马上上门，感谢您的来电，再见"),
)


@pytest.mark.parametrize("channel", [None, 0])
def test_a_call_handed_over_on_the_same_channel_charges_nobody(channel: int | None) -> None:
    found = guess(*TRANSFERRED, stereo=True, agent_channel=channel)
    assert found.of("ch0") is Role.AGENT
    assert found.confidence <= 0.5
    assert any("转接" in doubt for doubt in found.doubts)


@pytest.mark.parametrize(
    "lines",
    [
        AGENT_FIRST,
        (*AGENT_FIRST, ("a", "我帮您转接维修部，请稍等")),
        (*AGENT_FIRST[:4], ("a", "我帮您转接维修部，感谢您的来电，很高兴为您服务，再见")),
        (*AGENT_FIRST[:4], ("a", "我帮您转接"), ("c", "您好，我是陈先生")),
        (*AGENT_FIRST[:4], ("a", "我帮您转接"), ("a", "您好，让您久等了，维修部没有人接")),
    ],
)
def test_no_handover_without_a_second_introduction(lines: tuple[tuple[str, str], ...]) -> None:
    found = guess(*lines, stereo=True, agent_channel=0)
    assert (found.confidence, found.doubts) == (1.0, ())


def test_a_manifest_that_contradicts_what_is_said_is_kept_and_doubted() -> None:
    long = AGENT_FIRST * 1 + CUSTOMER_FIRST[1:]
    right = guess(*long, stereo=True, agent_channel=0)
    assert (right.confidence, right.doubts) == (1.0, ())
    wrong = guess(*long, stereo=True, agent_channel=1)
    assert (wrong.of("ch1"), wrong.of("ch0")) == (Role.AGENT, Role.CUSTOMER)
    assert wrong.confidence < 0.5
    assert any("声道" in doubt for doubt in wrong.doubts)


def test_a_sites_habit_decides_where_nothing_else_does_and_yields_to_what_is_said() -> None:
    silent = (("a", "嗯"), ("c", "啊"))
    for side in (0, 1):
        usual = guess(*silent, stereo=True, clues=Clues(usual_channel=side))
        assert usual.of(f"ch{side}") is Role.AGENT
        assert guess(*AGENT_FIRST, stereo=True, clues=Clues(usual_channel=side)).of("ch0") in (
            Role.AGENT,
            Role.UNKNOWN,
        )
    assert guess(*silent, clues=Clues(usual_channel=0)).of("S0") is Role.UNKNOWN


def test_a_known_voice_tells_the_agent() -> None:
    silent = (("a", "嗯"), ("c", "啊"))
    like = Clues(likeness={"S0": 0.75, "S1": 0.15})
    assert guess(*silent, clues=like).of("S0") is Role.AGENT
    assert guess(*silent, clues=Clues(likeness={"S0": 0.45, "S1": 0.44})).of("S0") is Role.UNKNOWN


def test_an_agent_whose_voice_is_not_his_is_doubted() -> None:
    strange = guess(*AGENT_FIRST, clues=Clues(likeness={"S0": 0.05, "S1": 0.02}))
    assert strange.of("S0") is Role.AGENT
    assert any("声纹" in doubt for doubt in strange.doubts)
    assert guess(*AGENT_FIRST, clues=Clues(likeness={"S0": 0.7, "S1": 0.0})).doubts == ()


@given(st.dictionaries(st.sampled_from("ABCDE"), st.floats(-30, 30), min_size=1, max_size=5))
def test_chances_add_up_to_one_and_follow_the_evidence(odds: dict[str, float]) -> None:
    chances = posterior(odds, -2.5)
    assert sum(chance for _, chance in chances) == pytest.approx(1.0)
    best, chance = chances[0]
    assert all(chance >= other for _, other in chances)
    agents = [odds[s] for s, role in best.items() if role is Role.AGENT]
    customers = [odds[s] for s, role in best.items() if role is Role.CUSTOMER]
    if agents and customers:
        assert min(agents) >= max(customers) - 1e-9


def test_two_speakers_are_weighed_against_each_other() -> None:
    chances = {tuple(r.values()): c for r, c in posterior({"A": 1.5, "B": -0.5}, -50.0)}
    straight = chances[Role.AGENT, Role.CUSTOMER]
    assert straight == pytest.approx(1 / (1 + math.exp(-2.0)), abs=1e-6)


LINES = st.lists(
    st.tuples(st.sampled_from("ac"), st.text("您好请问我你们的是喂嗯", max_size=12)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=8, deadline=None)
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


@settings(max_examples=6, deadline=None)
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
