"""Enrolling a voice, refusing what is no single voice, and how like a speaker sounds."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_voices import ScriptedVoices, sound

from qc_speech.errors import UsageError
from qc_speech.model import Span, Turn, Voiceprint
from qc_speech.voiceprints import (
    LEAST_PIECE_MS,
    LEAST_SECONDS,
    Sample,
    alone,
    enrol,
    likeness,
    longest,
    pieces,
)

NOW = datetime(2026, 1, 15, 9, 12)


def sample(*parts: tuple[int, float], name: str = "a.wav") -> Sample:
    """People who talk in stretches of 4 s at most, with a breath between."""
    samples = sound(*parts)
    edges = range(0, len(samples) // 16, 4000)
    spans = tuple(Span(at, min(at + 3800, len(samples) // 16)) for at in edges)
    return Sample(name, samples, spans)


def enrolled(*samples: Sample) -> Voiceprint:
    return enrol("1023", samples, ScriptedVoices(), NOW)


def test_a_voiceprint_is_a_direction_with_what_it_rests_on() -> None:
    made = enrolled(sample((1, 40)))
    assert (made.agent_id, made.model, made.enrolled_at) == ("1023", "voices", NOW)
    assert made.seconds == pytest.approx(38, abs=0.5)
    assert np.linalg.norm(made.vector) == pytest.approx(1.0, abs=1e-4)
    assert made.vector[1] > 0.9


def test_too_little_speech_is_refused_with_what_is_missing() -> None:
    with pytest.raises(UsageError, match=rf"1\d s of speech are too little.*{LEAST_SECONDS:.0f} s"):
        enrolled(sample((1, 12)))
    with pytest.raises(UsageError, match="0 s of speech"):
        enrolled(Sample("silent.wav", sound((0, 60)), ()))
    assert enrolled(sample((1, 9)), sample((1, 9))).seconds > LEAST_SECONDS


@pytest.mark.parametrize("other", [8.0, 20.0, 36.0])
def test_two_voices_in_one_recording_are_refused(other: float) -> None:
    with pytest.raises(UsageError, match=r"mixed\.wav: two voices.*--channel.*--from"):
        enrolled(sample((1, 40), (2, other), name="mixed.wav"))


def test_a_recording_of_somebody_else_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="another voice"):
        enrolled(sample((1, 30)), sample((1, 30), name="b.wav"), sample((2, 30), name="c.wav"))


@pytest.mark.parametrize("seconds", [1.0, 3.0, 30.0])
def test_the_same_voice_is_like_and_another_is_not(seconds: float) -> None:
    made = enrolled(sample((1, 40)))
    own = likeness(made, sound((1, seconds)), (Span(0, round(seconds * 1000)),), ScriptedVoices())
    other = likeness(made, sound((2, seconds)), (Span(0, round(seconds * 1000)),), ScriptedVoices())
    assert own is not None and own > 0.7
    assert other is not None and other < 0.4


def test_of_too_little_speech_nothing_is_said() -> None:
    made = enrolled(sample((1, 40)))
    for spans in ((), (Span(0, LEAST_PIECE_MS - 1),)):
        assert likeness(made, sound((1, 5)), spans, ScriptedVoices()) is None


def test_what_others_talk_into_tells_nothing_of_a_voice() -> None:
    turns = (
        Turn(Span(0, 4000), "S0"),
        Turn(Span(3000, 6000), "S1"),
        Turn(Span(7000, 9000), "S0.ivr"),
        Turn(Span(7500, 8000), "S0"),
    )
    mixed = alone(turns, channels=1)
    assert mixed == {"S0": (Span(0, 3000),), "S1": (Span(4000, 6000),)}
    apart = alone(tuple(Turn(t.span, t.speaker.replace("S", "ch")) for t in turns), channels=2)
    assert apart["ch0"] == (Span(0, 4000), Span(7500, 8000))


SPANS = st.lists(st.tuples(st.integers(0, 60_000), st.integers(1, 15_000)), max_size=8).map(
    lambda pairs: tuple(Span(start, start + length) for start, length in pairs)
)


@given(SPANS)
def test_pieces_lie_in_their_stretches_and_are_neither_short_nor_long(
    spans: tuple[Span, ...],
) -> None:
    for piece in pieces(spans):
        assert LEAST_PIECE_MS <= piece.duration_ms < 4000
        assert any(piece.overlap_ms(span) == piece.duration_ms for span in spans)


@given(SPANS, st.integers(1000, 50_000))
def test_the_longest_stretches_fill_what_is_asked(spans: tuple[Span, ...], most_ms: int) -> None:
    chosen = longest(spans, most_ms)
    assert sum(span.duration_ms for span in chosen) <= most_ms
    assert list(chosen) == sorted(chosen)
    whole = sum(span.duration_ms for span in spans)
    assert sum(span.duration_ms for span in chosen) > min(whole, most_ms) - LEAST_PIECE_MS
