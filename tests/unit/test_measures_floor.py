"""Who had the floor, who came in, and where nobody spoke."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech_toys import LEXICONS, Said, Toy, audio_of, call_of

from qc_speech.measures import measure
from qc_speech.model import Measures, Overlap, Role


def heard(*said: Said, stereo: bool = True, **more: object) -> Measures:
    toy = Toy(said, stereo=stereo, **more)  # type: ignore[arg-type]
    return measure(call_of(toy), audio_of(toy), LEXICONS)


def agent_came_in(measures: Measures) -> list[Overlap]:
    return [o for o in measures.overlaps if o.second is Role.AGENT]


@pytest.mark.parametrize("stereo", [True, False])
def test_agent_who_cuts_the_customer_off_interrupts(stereo: bool) -> None:
    (found,) = agent_came_in(heard(Said("c", 1, 7), Said("a", 6.45, 10), stereo=stereo))
    assert (found.kind, found.yielded) == ("interruption", True)
    assert found.confidence >= 0.6
    assert found.span.duration_ms == pytest.approx(550, abs=80)


@pytest.mark.parametrize("stereo", [True, False])
def test_agent_who_talks_over_the_customer_interrupts(stereo: bool) -> None:
    (found,) = agent_came_in(heard(Said("c", 1, 7), Said("a", 5.6, 10), stereo=stereo))
    assert found.kind == "interruption" and found.confidence > 0.9
    assert not found.yielded


@pytest.mark.parametrize("text", ["嗯嗯", "好的好的", "对，是的", "ok", "嗯，我明白"])
@pytest.mark.parametrize("stereo", [True, False])
def test_listening_aloud_is_no_interruption(text: str, stereo: bool) -> None:
    found = agent_came_in(
        heard(Said("c", 1, 8), Said("a", 5, 5.9, text), Said("a", 9, 12), stereo=stereo)
    )
    assert [o.kind for o in found] == ["backchannel"]


def test_unclear_short_sound_while_the_customer_goes_on_is_a_backchannel() -> None:
    (found,) = agent_came_in(heard(Said("c", 1, 8), Said("a", 5, 6, "糊里糊涂"), Said("a", 9, 12)))
    assert found.kind == "backchannel"


def test_short_but_dismissive_words_do_cut_in() -> None:
    (found,) = agent_came_in(
        heard(Said("c", 1, 8), Said("a", 5, 6.1, "行了行了"), Said("a", 9, 12))
    )
    assert found.kind == "interruption"


def test_touching_the_last_syllable_is_a_change_of_turn() -> None:
    found = agent_came_in(heard(Said("c", 1, 7), Said("a", 6.85, 10)))
    assert [o.kind for o in found] == ["overlap"]


def test_customer_who_comes_in_is_never_the_agents_fault() -> None:
    measured = heard(Said("a", 1, 7), Said("c", 6, 10), Said("a", 10.5, 13))
    assert agent_came_in(measured) == []
    assert [o.kind for o in measured.overlaps] == ["interruption"]


def test_agent_who_was_interrupted_may_finish() -> None:
    measured = heard(Said("a", 1, 5), Said("c", 4.5, 8), Said("a", 6, 8.5))
    assert [o.kind for o in agent_came_in(measured)] == ["overlap"]


def test_both_start_together() -> None:
    measured = heard(Said("c", 1, 5), Said("a", 1.25, 5))
    assert [o.kind for o in agent_came_in(measured)] == ["overlap"]


def test_pause_inside_the_customers_sentence_is_not_held_against_the_agent() -> None:
    measured = heard(Said("c", 1, 4), Said("a", 4.2, 8), Said("c", 4.35, 6))
    assert agent_came_in(measured) == []


def test_leak_of_the_other_channel_is_no_overlap() -> None:
    toy = Toy((Said("c", 1, 8, db=-18), Said("a", 4, 7), Said("a", 9, 12, db=-20)))
    silent = Toy((toy.said[0], toy.said[2]))
    audio = audio_of(silent, leak_db=-30)
    assert agent_came_in(measure(call_of(toy), audio, LEXICONS)) == []


@given(
    start=st.floats(2, 6),
    length=st.floats(0.3, 1.1),
    text=st.sampled_from(["嗯", "好的", "对对对", "是的是的", "明白"]),
    stereo=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_no_backchannel_is_ever_charged(
    start: float, length: float, text: str, stereo: bool
) -> None:
    toy = Toy((Said("c", 1, 9), Said("a", start, start + length, text)), stereo=stereo)
    found = agent_came_in(measure(call_of(toy), None, LEXICONS))
    assert all(o.kind == "backchannel" for o in found)


@given(shift=st.integers(0, 20))
@settings(max_examples=10, deadline=None)
def test_overlaps_move_with_the_call(shift: int) -> None:
    def at(offset: float) -> list[tuple[int, str, float]]:
        said = (Said("c", 1 + offset, 7 + offset), Said("a", 6.2 + offset, 10 + offset))
        found = measure(call_of(Toy(said)), None, LEXICONS).overlaps
        return [(o.span.start_ms - round(1000 * offset), o.kind, o.confidence) for o in found]

    assert at(shift) == at(0)


def test_silences_say_who_spoke_before_and_after() -> None:
    measured = heard(Said("a", 3, 5), Said("c", 5.5, 8), Said("a", 20, 22), seconds=23.0)
    first, long = measured.silences
    assert (first.after, first.before) == (None, Role.AGENT)
    assert (long.after, long.before, long.quiet) == (Role.CUSTOMER, Role.AGENT, True)
    assert long.span.duration_ms == pytest.approx(12_000, abs=60)
    assert measured.tail_ms == pytest.approx(1000, abs=60)


def test_silence_with_music_is_not_quiet() -> None:
    toy = Toy((Said("a", 1, 5), Said("a", 17, 20), Said("c", 30, 32)), seconds=60)
    music = Toy((*toy.said, Said("a", 5.5, 16.5, db=-30)), seconds=60)
    first, second = measure(call_of(toy), audio_of(music), LEXICONS).silences[:2]
    assert first.span.duration_ms > 10_000 and not first.quiet
    assert second.quiet


@pytest.mark.parametrize("error", [-0.3, 0.3])
def test_end_of_speech_is_where_the_sound_dies(error: float) -> None:
    toy = Toy((Said("a", 1, 4), Said("c", 5, 9)), stereo=False, seconds=9.5)
    off = Toy((toy.said[0], Said("c", 5, 9 + error)), stereo=False, seconds=9.5)
    assert measure(call_of(off), audio_of(toy), LEXICONS).tail_ms == pytest.approx(500, abs=80)
