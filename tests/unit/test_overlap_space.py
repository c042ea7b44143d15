"""Two voices over the whole space of overlaps: what is clear must come out right, everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_toys import LEXICONS, Said, Toy, audio_of, call_of

from qc_speech.measures import measure
from qc_speech.model import Overlap, Role

BROKEN = st.sampled_from(
    [
        "我上个月在你们那里办的业务到现在也没有人给我们",
        "师傅来看过一次他说这个东西因为",
        "我想问一下你们到底",
    ]
)
FINISHED = st.sampled_from(
    [
        "请问这个业务现在要怎么办理啊",
        "我家的暖气从昨天晚上开始就不热了",
        "麻烦你们今天之内派个人来看看吧",
    ]
)
TURNS = st.sampled_from(
    ["那您的电话号码是多少呢", "这个我们系统里已经登记过了", "您先把身份证号码报给我一下"]
)
TOKENS = st.sampled_from(["嗯嗯", "好的好的", "对，是的", "您接着说", "哦，明白了", "嗯，您说"])


def kinds(said: tuple[Said, ...], stereo: bool, second: Role) -> list[Overlap]:
    found = measure(call_of(Toy(said, stereo=stereo)), None, LEXICONS).overlaps
    return [overlap for overlap in found if overlap.second is second]


@given(overlap=st.floats(0.6, 3), text=BROKEN, turn=TURNS, stereo=st.booleans())
@settings(max_examples=80, deadline=None)
def test_who_cuts_an_unfinished_sentence_interrupts(
    overlap: float, text: str, turn: str, stereo: bool
) -> None:
    said = (Said("c", 1, 7, text), Said("a", 7 - overlap, 11, turn), Said("c", 11.5, 13, text))
    (found,) = kinds(said, stereo, Role.AGENT)
    assert found.kind == "interruption" and found.confidence >= 0.6
    if overlap <= 0.78:
        assert found.yielded and found.form == "simple"
    if overlap >= 0.82:
        assert not found.yielded


@given(overlap=st.floats(0.02, 0.22), text=FINISHED, turn=TURNS, stereo=st.booleans())
@settings(max_examples=60, deadline=None)
def test_who_touches_the_end_of_a_finished_sentence_does_not(
    overlap: float, text: str, turn: str, stereo: bool
) -> None:
    said = (Said("c", 1, 7, text), Said("a", 7 - overlap, 11, turn))
    assert all(found.kind == "overlap" for found in kinds(said, stereo, Role.AGENT))


@given(
    start=st.floats(1.5, 6.5),
    length=st.floats(0.25, 1.7),
    token=TOKENS,
    text=BROKEN | FINISHED,
    stereo=st.booleans(),
)
@settings(max_examples=120, deadline=None)
def test_a_listener_never_interrupts_wherever_the_token_falls(
    start: float, length: float, token: str, text: str, stereo: bool
) -> None:
    said = (Said("c", 1, 7, text), Said("a", start, start + length, token), Said("a", 10, 12))
    assert all(found.kind == "backchannel" for found in kinds(said, stereo, Role.AGENT))


@given(offset=st.floats(0.01, 0.2), length=st.floats(2, 6), stereo=st.booleans())
@settings(max_examples=60, deadline=None)
def test_both_starting_at_once_is_nobodys_interruption(
    offset: float, length: float, stereo: bool
) -> None:
    for first, second, role in (("c", "a", Role.AGENT), ("a", "c", Role.CUSTOMER)):
        said = (
            Said("a", 0.5, 3),
            Said(first, 4, 4 + length, "那个我想问一下你们"),
            Said(second, 4 + offset, 8, "这个我们系统里已经登记过了"),
        )
        assert all(found.kind != "interruption" for found in kinds(said, stereo, role))


@given(overlap=st.floats(0.1, 3), text=BROKEN, turn=TURNS, stereo=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_same_call_with_the_parties_exchanged_is_judged_the_same(
    overlap: float, text: str, turn: str, stereo: bool
) -> None:
    said = (Said("c", 1, 7, text), Said("a", 7 - overlap, 11, turn))
    other = {"a": "c", "c": "a"}
    mirrored = tuple(replace(one, who=other[one.who]) for one in said)
    mine = [(o.kind, o.form, o.confidence) for o in kinds(said, stereo, Role.AGENT)]
    assert mine == [(o.kind, o.form, o.confidence) for o in kinds(mirrored, stereo, Role.CUSTOMER)]
    assert kinds(mirrored, stereo, Role.AGENT) == []


@pytest.mark.parametrize("overlap", [0.3, 0.5, 0.9, 1.5])
@pytest.mark.parametrize("error", [-0.15, 0.15])
def test_edges_that_are_wrong_are_mended_by_the_sound(overlap: float, error: float) -> None:
    """Turns 150 ms off at the place of the overlap; the channels' own sound says where it is."""
    true = (Said("c", 1, 7), Said("a", 7 - overlap, 11))
    off = (replace(true[0], end=7 + error), replace(true[1], start=7 - overlap + error))
    found = measure(call_of(Toy(off)), audio_of(Toy(true)), LEXICONS).overlaps
    assert [o.span.duration_ms for o in found] == [pytest.approx(1000 * overlap, abs=60)]
