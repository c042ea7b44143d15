"""Where clips begin and end."""

from __future__ import annotations

import numpy as np
import pytest
from clip_calls import LINES, made, sound_of
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.clips.cutting import cut, sentences, settle
from qc_speech.clips.rendering import piece
from qc_speech.clips.values import Recipe
from qc_speech.errors import UsageError
from qc_speech.model import Role, Span

RESULT = made()
CALL = RESULT.call


def focus_on(words: str) -> Span:
    for utterance in CALL.utterances:
        at = utterance.text.find(words)
        if at >= 0:
            chars = [word for word in utterance.words for _ in word.text]
            part = chars[at : at + len(words)]
            return Span(part[0].span.start_ms, part[-1].span.end_ms)
    raise AssertionError(words)


def text(found: object) -> str:
    return "/".join("".join(w.text for w in s.words) for s in found.sentences)  # type: ignore[attr-defined]


def test_sentences_end_at_marks_and_pauses() -> None:
    parts = ["".join(word.text for word in s.words) for s in sentences(CALL.utterances[2])]
    assert parts == ["给您添麻烦了，实在抱歉。", "请您留一个联系电话。"]


def test_without_context_the_whole_sentence_and_nothing_else_is_kept() -> None:
    found = cut(CALL, focus_on("实在抱歉"), Role.AGENT, Recipe(0, 0))
    assert text(found) == "给您添麻烦了，实在抱歉。"
    assert found.focus == {0}


def test_context_is_counted_in_turns() -> None:
    found = cut(CALL, focus_on("实在抱歉"), Role.AGENT, Recipe(1, 1))
    assert text(found) == "/".join(
        (LINES[1][1], "给您添麻烦了，实在抱歉。", "请您留一个联系电话。", LINES[3][1])
    )
    assert [found.sentences[n] for n in found.focus] == [found.sentences[1]]


def test_context_stops_at_the_ends_of_the_call() -> None:
    found = cut(CALL, focus_on("有什么可以"), Role.AGENT, Recipe(9, 9))
    assert found.sentences[0].utterance == 0
    assert found.sentences[-1].utterance == len(CALL.utterances) - 1


def test_a_token_of_listening_is_no_turn_of_context() -> None:
    result = made(
        "t",
        ("c", "我要投诉你们公司"),
        ("a", "嗯"),
        ("c", "太慢了真的"),
        ("a", "对不起给您添麻烦了"),
    )
    place = result.call.utterances[3].span
    found = cut(result.call, place, Role.AGENT, Recipe(1, 0))
    assert found.sentences[0].utterance == 0


def test_one_party_alone() -> None:
    recipe = Recipe(1, 1, parties="agent")
    found = cut(CALL, focus_on("实在抱歉"), Role.AGENT, recipe)
    assert {CALL.utterances[s.utterance].role for s in found.sentences} == {Role.AGENT}


@given(st.integers(0, 30_000), st.integers(50, 5_000), st.integers(0, 3), st.integers(0, 3))
def test_no_word_lies_across_an_edge(start: int, size: int, before: int, after: int) -> None:
    focus = Span(start, start + size)
    found = cut(CALL, focus, None, Recipe(before, after))
    for utterance in CALL.utterances:
        for word in utterance.words:
            for edge in (found.span.start_ms, found.span.end_ms):
                assert not word.span.start_ms < edge < word.span.end_ms


@given(st.integers(-350, 350), st.integers(-350, 350))
def test_the_sound_moves_edges_out_of_words_when_word_times_are_off(left: int, right: int) -> None:
    audio = sound_of(RESULT)
    said = CALL.utterances[2].span
    wrong = Span(max(0, said.start_ms + left), said.end_ms + right)
    room = Span(CALL.utterances[1].span.end_ms, CALL.utterances[3].span.start_ms)
    found = settle(audio.samples, wrong, room)
    rows = np.abs(audio.samples)
    for edge in (found.start_ms, found.end_ms):
        around = rows[:, (edge - 10) * 16 : (edge + 10) * 16]
        assert around.max() < 0.02, "the edge lies in a word"
    if left <= 0 <= right:  # nothing of what was asked for is lost
        assert found.start_ms <= said.start_ms and said.end_ms - 30 <= found.end_ms


def test_edges_keep_a_little_air() -> None:
    part = piece(RESULT, sound_of(RESULT), focus_on("实在抱歉"), Role.AGENT, Recipe(0, 0))
    said = CALL.utterances[2].span
    assert 0 < said.start_ms - part.span.start_ms <= 300


@pytest.mark.parametrize("bad", [{"parties": "all"}, {"speed": 3.0}, {"before": 99}])
def test_a_recipe_that_cannot_be_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Recipe(**bad)  # type: ignore[arg-type]
