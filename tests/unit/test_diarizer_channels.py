"""Turns by channel: edges, cross-talk and sounds that are no speech."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from qc_speech.engines.channels import channel_turns, speech_spans
from qc_speech.model import Span

RATE = 16_000
Sound = npt.NDArray[np.float32]


def quiet(seconds: float, level: float = 0.0005, seed: int = 0) -> Sound:
    noise = np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return (noise * level).astype(np.float32)


def talking(base: Sound, *spans: tuple[float, float], level: float = 0.1) -> Sound:
    """Loud noise in place of a voice; the VAD is told where it is (see `told`)."""
    sound = base.copy()
    for start, stop in spans:
        part = slice(int(start * RATE), int(stop * RATE))
        loud = quiet(stop - start + 1, level, seed=int(start * 10))
        sound[part] += loud[: len(sound[part])]
    return sound


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the VAD answer with the given (start, stop) seconds, one list per channel."""

    def tell(*channels: Iterable[tuple[float, float]]) -> None:
        answers = iter([list(spans) for spans in channels])

        def answer(sound: Sound, options: Any) -> tuple[tuple[int, int], ...]:
            return tuple((int(a * 100), int(b * 100)) for a, b in next(answers))

        monkeypatch.setattr("qc_speech.engines.channels.stretches", answer)

    return tell


def turns(*channels: Sound) -> list[tuple[str, int, int]]:
    found = channel_turns(np.stack(channels), "r1")
    assert found.exclusive == found.turns and found.recording_id == "r1"
    return [(turn.speaker, turn.span.start_ms, turn.span.end_ms) for turn in found.turns]


def near(found: list[tuple[str, int, int]], wanted: list[tuple[str, int, int]]) -> bool:
    return len(found) == len(wanted) and all(
        a[0] == b[0] and abs(a[1] - b[1]) <= 30 and abs(a[2] - b[2]) <= 30
        for a, b in zip(found, wanted)
    )


def test_edges_follow_the_sound_and_not_the_late_vad(told: Any) -> None:
    told([(1.4, 2.9)], [(4.2, 5.3)])
    left = talking(quiet(8), (1.0, 3.0))
    right = talking(quiet(8, seed=1), (4.0, 5.0))
    assert near(turns(left, right), [("ch0", 1000, 3000), ("ch1", 4000, 5000)])


def test_overlapping_turns_are_kept(told: Any) -> None:
    told([(1.0, 4.0)], [(3.0, 6.0)])
    left, right = talking(quiet(8), (1.0, 4.0)), talking(quiet(8, seed=1), (3.0, 6.0))
    assert near(turns(left, right), [("ch0", 1000, 4000), ("ch1", 3000, 6000)])


def test_cross_talk_is_nobodys_turn(told: Any) -> None:
    left = talking(quiet(10), (1.0, 4.0))
    right = talking(quiet(10, seed=1), (6.0, 8.0)) + 0.1 * left
    told([(1.0, 4.0)], [(1.0, 4.0), (6.0, 8.0)])
    assert near(turns(left, right), [("ch0", 1000, 4000), ("ch1", 6000, 8000)])


def test_a_silent_party_that_only_carries_cross_talk_has_no_turn(told: Any) -> None:
    left = talking(quiet(6), (1.0, 4.0))
    told([(1.0, 4.0)], [(1.0, 4.0)])
    assert near(turns(left, quiet(6, seed=1) + 0.1 * left), [("ch0", 1000, 4000)])


def test_a_quiet_line_is_not_taken_for_cross_talk(told: Any) -> None:
    left = talking(quiet(10), (1.0, 5.0), level=0.3)
    right = talking(quiet(10, 0.0001, seed=1), (4.0, 5.0), (7.0, 9.0), level=0.02)  # 23 dB below
    told([(1.0, 5.0)], [(4.0, 5.0), (7.0, 9.0)])
    wanted = [("ch0", 1000, 5000), ("ch1", 4000, 5000), ("ch1", 7000, 9000)]
    assert near(turns(left, right), wanted)


def test_pauses_within_a_turn(told: Any) -> None:
    spans = [(1.0, 2.0), (2.8, 4.0), (6.0, 7.0)]
    told(spans, [])
    found = turns(talking(quiet(9), *spans), quiet(9, seed=1))
    assert near(found, [("ch0", 1000, 4000), ("ch0", 6000, 7000)])


def test_a_pause_in_which_the_other_talks_ends_the_turn(told: Any) -> None:
    mine, yours = [(1.0, 2.0), (2.8, 4.0)], [(2.1, 2.6)]
    told(mine, yours)
    found = turns(talking(quiet(6), *mine), talking(quiet(6, seed=1), *yours))
    assert [turn[0] for turn in found] == ["ch0", "ch1", "ch0"]


def test_spans_for_the_recognizer_have_room_and_do_not_overlap(told: Any) -> None:
    spans = [(0.1, 1.0), (1.3, 2.0), (2.7, 3.0), (5.0, 6.0)]
    told(spans)
    found = speech_spans(talking(quiet(6.1), *spans), pad_ms=400, join_ms=500)
    assert len(found) == 3
    assert found[0].start_ms == 0 and found[-1].end_ms == 6100
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(found))
    assert abs(found[0].end_ms - 2350) <= 30  # 0.7 s apart, 0.4 s of room each: they share it
    assert found[2].start_ms == pytest.approx(4600, abs=30)


def tone(hertz: float, seconds: float) -> Sound:
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def ringing() -> Sound:
    return np.tile(np.concatenate([tone(450, 1), quiet(4, 0.0)]), 4)


def keys() -> Sound:
    pairs = [(697, 1209), (770, 1336), (852, 1477), (941, 1336), (697, 1477)]
    beeps = [np.concatenate([tone(a, 0.2) + tone(b, 0.2), quiet(0.6, 0.0)]) for a, b in pairs]
    return np.concatenate(beeps * 4)


def music() -> Sound:
    notes = [sum(tone(h * 2 ** (n / 12), 0.5) for h in (262, 330, 392)) for n in (0, 5, 7, 3)]
    fading = np.exp(-np.arange(RATE // 2) / RATE * 4).astype(np.float32)
    return np.concatenate([np.asarray(note, np.float32) * fading for note in notes] * 5)


@pytest.mark.parametrize("sound", [ringing(), keys(), music(), quiet(15, 0.05), quiet(15, 0.0)])
def test_what_is_no_speech_gives_no_turns(sound: Sound) -> None:
    assert speech_spans(sound) == ()
    assert turns(sound, quiet(len(sound) / RATE, 0.001, seed=3)[: len(sound)]) == []


@pytest.mark.parametrize("length", [0, 1, 100, 1600])
def test_next_to_nothing(length: int) -> None:
    sound = np.zeros(length, np.float32)
    assert speech_spans(sound) == ()
    assert turns(sound, sound) == []


def test_spans_stay_inside_the_recording(told: Any) -> None:
    told([(0.0, 2.0)])
    sound = talking(quiet(1.995), (0.0, 1.99))
    (span,) = speech_spans(sound)
    assert span == Span(0, 1995)
