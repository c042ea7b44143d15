"""Words + turns -> utterances with a speaker."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.align import speech_pieces, utterances
from qc_speech.model import (
    Alternative,
    Chunk,
    Diarization,
    Role,
    Span,
    Stamp,
    Turn,
    Utterance,
    Word,
)

STAMP = Stamp("scripted", "1", "none")


def turn(start: float, end: float, speaker: str) -> Turn:
    return Turn(Span(round(start * 1000), round(end * 1000)), speaker)


def chunk(start: float, end: float, text: str, channel: int | None = None, **more: object) -> Chunk:
    """Text said evenly over a stretch, a word a character."""
    first, last = round(start * 1000), round(end * 1000)
    step = (last - first) / max(1, len(text))
    words = tuple(
        Word(Span(first + round(i * step), first + round((i + 1) * step)), char, 0.9)
        for i, char in enumerate(text)
    )
    given = {"language": "zh", "language_confidence": 0.95, "score": -0.3, **more}
    return Chunk(Span(first, last), channel, words, **given)  # type: ignore[arg-type]


def talk(turns: list[Turn], exclusive: list[Turn] | None = None) -> Diarization:
    return Diarization("r", tuple(turns), tuple(turns if exclusive is None else exclusive), STAMP)


def said(found: tuple[Utterance, ...]) -> list[tuple[str, str]]:
    return [(utterance.speaker, utterance.text) for utterance in found]


def test_mono_words_go_to_the_turn_they_lie_in() -> None:
    turns = [turn(0.5, 3, "S0"), turn(3.5, 6, "S1"), turn(6.2, 8, "S0")]
    chunks = [
        chunk(0.5, 3, "您好请问有什么可以帮您"),
        chunk(3.5, 6, "我家暖气不热"),
        chunk(6.2, 8, "好的请稍等"),
    ]
    found = utterances(chunks, talk(turns))
    assert said(found) == [
        ("S0", "您好请问有什么可以帮您"),
        ("S1", "我家暖气不热"),
        ("S0", "好的请稍等"),
    ]


def test_mono_one_stretch_over_two_turns_is_divided_where_the_turn_changes() -> None:
    found = utterances(
        [chunk(0, 4, "您好请讲我家不热")], talk([turn(0, 2, "S0"), turn(2, 4, "S1")])
    )
    assert said(found) == [("S0", "您好请讲"), ("S1", "我家不热")]


def test_stereo_the_channel_is_the_speaker_whatever_the_other_channel_holds() -> None:
    turns = [turn(0, 4, "ch0"), turn(1, 3, "ch1")]
    chunks = [chunk(0, 4, "请您说一下您的地址", 0), chunk(1, 3, "我家住翠湖花园", 1)]
    found = utterances(chunks, talk(turns))
    assert sorted(said(found)) == [("ch0", "请您说一下您的地址"), ("ch1", "我家住翠湖花园")]


def test_an_overlapped_backchannel_survives_and_does_not_cut_the_turn() -> None:
    turns = [turn(0, 5, "ch0"), turn(2, 2.4, "ch1")]
    chunks = [chunk(0, 5, "这个费用是按照面积来计算的", 0), chunk(2, 2.4, "嗯", 1)]
    found = utterances(chunks, talk(turns))
    assert said(found) == [("ch0", "这个费用是按照面积来计算的"), ("ch1", "嗯")]


def test_a_backchannel_in_a_mixed_channel_survives() -> None:
    whole = [turn(0, 5, "S0"), turn(2.2, 2.6, "S1")]
    alone = [turn(0, 2.2, "S0"), turn(2.2, 2.6, "S1"), turn(2.6, 5, "S0")]
    chunks = [chunk(0, 2.2, "这个费用是按照"), chunk(2.2, 2.6, "嗯"), chunk(2.6, 5, "面积来计算的")]
    found = utterances(chunks, talk(whole, alone))
    assert ("S1", "嗯") in said(found)
    assert "".join(u.text for u in found if u.speaker == "S0") == "这个费用是按照面积来计算的"
    assert len(found) == 2


def test_a_long_pause_or_the_others_sentence_begins_a_new_utterance() -> None:
    chunks = [chunk(0, 1, "您好"), chunk(4, 5, "还在吗")]
    assert len(utterances(chunks, talk([turn(0, 1, "S0"), turn(4, 5, "S0")]))) == 2
    close = [chunk(0, 1, "您好"), chunk(1.4, 2, "请讲")]
    assert len(utterances(close, talk([turn(0, 2, "S0")]))) == 1


def test_what_an_utterance_knows_comes_from_its_words() -> None:
    chunks = [
        chunk(
            0,
            2,
            "您好请讲",
            alternatives=(Alternative("您好请将", -0.5), Alternative("宁好请讲", -0.6)),
        ),
        chunk(5, 6, "hello", language="en", language_confidence=0.8, doubtful=True),
    ]
    first, second = utterances(chunks, talk([turn(0, 2, "S0"), turn(5, 6, "S1")]))
    assert [other.text for other in first.alternatives] == ["您好请将", "宁好请讲"]
    assert first.confidence == pytest.approx(0.9)
    assert (first.language, second.language) == ("zh", "en")
    assert second.confidence <= 0.2  # a stretch that stayed bad is worth little
    assert (first.role, second.role) == (Role.UNKNOWN, Role.UNKNOWN)


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[Chunk], Diarization, int]:
    """Mixed or two-channel calls as the engines give them: what is heard is a little more (mixed:
    as `speech_pieces` cuts) or less (two channels: another detector) than the turns."""
    stereo = draw(st.booleans())
    names = ("ch0", "ch1") if stereo else ("S0", "S1")
    clock, ends, turns = 0, [0, 0], []
    for _ in range(draw(st.integers(0, 8))):
        who = draw(st.integers(0, 1))
        start = max(ends[who], clock + draw(st.integers(-1500 if stereo else 0, 2500)))
        end = start + draw(st.integers(120, 6000))
        clock, ends[who] = max(clock, end), end
        turns.append(Turn(Span(start, end), names[who]))
    duration = clock + draw(st.integers(0, 1000))
    if stereo:
        edges = st.integers(-200, 200)
        spans = [
            Span(
                max(0, own.span.start_ms + min(60, draw(edges))),
                min(duration, own.span.end_ms + max(-50, draw(edges))),
            )
            for own in turns
        ]
    else:
        spans = list(speech_pieces(turns, duration))
    chunks = [
        chunk(
            span.start_ms / 1000,
            span.end_ms / 1000,
            draw(st.text("您好请问嗯啊电话地址一二三", max_size=12)),
            names.index(own.speaker) if stereo else None,
        )
        for span, own in zip(spans, turns)
    ]
    return chunks, talk(turns), duration


@given(calls())
def test_no_word_is_lost_doubled_or_moved_out_of_the_recording(
    call: tuple[list[Chunk], Diarization, int],
) -> None:
    chunks, diarization, duration = call
    found = utterances(chunks, diarization)
    words = sorted((word for utterance in found for word in utterance.words), key=lambda w: w.span)
    assert words == sorted((word for one in chunks for word in one.words), key=lambda w: w.span)
    assert [utterance.index for utterance in found] == list(range(len(found)))
    for one, other in itertools.pairwise(found):
        assert one.span.start_ms <= other.span.start_ms
    for utterance in found:
        assert utterance.words
        assert 0 <= utterance.span.start_ms < utterance.span.end_ms <= duration
        assert 0.0 <= utterance.confidence <= 1.0
        starts = [word.span.start_ms for word in utterance.words]
        assert starts == sorted(starts)


@given(calls())
def test_who_speaks_is_who_the_engines_said(call: tuple[list[Chunk], Diarization, int]) -> None:
    chunks, diarization, _ = call
    wanted: dict[str, int] = {}
    for one, own in zip(chunks, diarization.turns):
        wanted[own.speaker] = wanted.get(own.speaker, 0) + len(one.text)
    heard: dict[str, int] = {}
    for utterance in utterances(chunks, diarization):
        heard[utterance.speaker] = heard.get(utterance.speaker, 0) + len(utterance.text)
    assert heard == {speaker: count for speaker, count in wanted.items() if count}


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(1, 3000), st.sampled_from("AB")), max_size=10
    ),
    st.integers(0, 1500),
)
def test_pieces_to_hear_lie_in_the_recording_and_in_one_turn(
    steps: list[tuple[int, int, str]], tail: int
) -> None:
    turns, clock = [], 0
    for gap, length, speaker in steps:
        turns.append(Turn(Span(clock + gap, clock + gap + length), speaker))
        clock += gap + length
    duration = clock + tail
    pieces = speech_pieces(turns, duration)
    assert list(pieces) == sorted(pieces)
    for piece in pieces:
        assert 0 <= piece.start_ms < piece.end_ms <= duration
    for one, other in itertools.pairwise(pieces):
        assert one.end_ms <= other.start_ms
    for own in turns:
        if own.span.duration_ms >= 120:
            assert any(piece & own.span == own.span for piece in pieces)


def test_no_words_no_turns() -> None:
    assert utterances([], talk([])) == ()
    assert utterances([], talk([turn(0, 1, "S0")])) == ()
    assert utterances([chunk(0, 1, "")], talk([turn(0, 1, "S0")])) == ()
    assert speech_pieces([], 1000) == ()
