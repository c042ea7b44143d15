"""How stretches become windows and windows become chunks again: no model is loaded."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qc_speech.engines.readings import split_like, words_of
from qc_speech.engines.runaway import is_invented, is_loop
from qc_speech.engines.whisper import _better, without_invention
from qc_speech.engines.windows import (
    MAX_WINDOW_MS,
    PAUSE_MS,
    Window,
    cut,
    halves,
    pack,
    split_long,
)
from qc_speech.model import Chunk, Span, Word
from qc_speech.ports import SAMPLE_RATE_HZ

LIMIT_MS = 28_000


@st.composite
def pieces(draw: st.DrawFn, longest: int = LIMIT_MS, least: int = 0) -> list[Span]:
    clock, found = 0, []
    for _ in range(draw(st.integers(least, 14))):
        start = clock + draw(st.integers(0, 4000))
        clock = start + draw(st.integers(100, draw(st.sampled_from([800, 6000, longest]))))
        found.append(Span(start, clock))
    return found


@given(pieces(), st.randoms(use_true_random=False))
def test_windows_hold_every_piece_once_in_order_and_fit(found: list[Span], random: object) -> None:
    mixed = list(found)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    windows = pack(mixed)
    assert [piece for window in windows for piece in window.pieces] == found
    for window in windows:
        assert window.pieces
        assert window.duration_ms <= MAX_WINDOW_MS
    total = sum(piece.duration_ms + PAUSE_MS for piece in found)
    if max((piece.duration_ms for piece in found), default=0) <= 3000:
        # Short pieces fill windows well: about as many as the sound needs.
        assert len(windows) <= total // (MAX_WINDOW_MS - 5000) + 1


@given(pieces(longest=3000, least=1))
def test_windows_are_of_about_equal_length(found: list[Span]) -> None:
    lengths = [window.duration_ms for window in pack(found)]
    assert max(lengths) - min(lengths) <= 2 * (3000 + PAUSE_MS) or len(lengths) == 1


@given(pieces(least=1))
def test_halves_part_a_window_near_its_middle(found: list[Span]) -> None:
    window = Window(tuple(found))
    parts = halves(window)
    assert [piece for part in parts for piece in part.pieces] == found
    assert len(parts) == (1 if len(found) == 1 else 2)
    if len(found) > 1:
        longest = max(piece.duration_ms for piece in found) + PAUSE_MS
        assert abs(parts[0].duration_ms - parts[1].duration_ms) <= longest


def test_halving_ends() -> None:
    windows: tuple[Window, ...] = (
        Window(tuple(Span(i * 1000, i * 1000 + 900) for i in range(13))),
    )
    for _ in range(6):
        windows = tuple(half for window in windows for half in halves(window))
    assert [len(window.pieces) for window in windows] == [1] * 13


@given(pieces(longest=2000, least=1), st.floats(-5000, 40_000))
def test_a_time_in_a_window_is_a_time_in_one_of_its_pieces(found: list[Span], ms: float) -> None:
    window = Window(tuple(found))
    index, place = window.place(ms)
    assert found[index].start_ms <= place <= found[index].end_ms


@given(pieces(longest=2000, least=1), st.data())
def test_every_place_of_a_piece_comes_back_from_its_time_in_the_window(
    found: list[Span], data: st.DataObject
) -> None:
    window = Window(tuple(found))
    index = data.draw(st.integers(0, len(found) - 1))
    inside = data.draw(st.integers(0, found[index].duration_ms))
    before = sum(piece.duration_ms + PAUSE_MS for piece in found[:index])
    assert window.place(before + inside) == (index, found[index].start_ms + inside)


@given(pieces(longest=1500, least=1), st.lists(st.floats(0, 30_000), min_size=2, max_size=8))
def test_places_keep_the_order_of_time(found: list[Span], times: list[float]) -> None:
    window = Window(tuple(found))
    places = [window.place(ms) for ms in sorted(times)]
    assert places == sorted(places)


def test_the_sound_of_a_window_is_its_pieces_with_short_pauses() -> None:
    samples = np.arange(4 * SAMPLE_RATE_HZ, dtype=np.float32)
    window = Window((Span(500, 1000), Span(3000, 3250)))
    sound = window.sound(samples)
    assert len(sound) == window.duration_ms * SAMPLE_RATE_HZ // 1000
    assert np.array_equal(sound[:8000], samples[8000:16000])
    quiet = PAUSE_MS * SAMPLE_RATE_HZ // 1000
    assert not sound[8000 : 8000 + quiet].any()
    assert np.array_equal(sound[8000 + quiet :][:4000], cut(samples, Span(3000, 3250)))


@given(st.integers(0, 5000), st.integers(1, 150_000))
def test_a_long_stretch_is_cut_without_loss(start: int, length: int) -> None:
    samples = np.zeros((start + length) * SAMPLE_RATE_HZ // 1000, np.float32)
    parts = split_long(samples, Span(start, start + length))
    assert (parts[0].start_ms, parts[-1].end_ms) == (start, start + length)
    assert all(one.end_ms == other.start_ms for one, other in itertools.pairwise(parts))
    assert all(0 < part.duration_ms <= LIMIT_MS for part in parts)
    assert len(parts) <= length // (LIMIT_MS // 2) + 1


@pytest.mark.parametrize("quiet_at", [15.0, 20.0, 27.0])
def test_a_long_stretch_is_cut_where_it_is_quiet(quiet_at: float) -> None:
    rng = np.random.default_rng(1)
    samples = rng.standard_normal(40 * SAMPLE_RATE_HZ).astype(np.float32)
    first = round(quiet_at * SAMPLE_RATE_HZ)
    samples[first : first + SAMPLE_RATE_HZ // 2] *= 0.01
    one, other = split_long(samples, Span(0, 40_000))
    assert quiet_at * 1000 <= one.end_ms == other.start_ms <= quiet_at * 1000 + 500


LOOP_UNITS = st.text("延长各类设施使用年限您好", min_size=3, max_size=8)


@given(st.text("我想问一下", max_size=5), LOOP_UNITS, st.integers(5, 12))
@example("对对对对", "延长各类设施", 6)  # harmless repeats before it hide no loop
def test_a_phrase_said_over_and_over_is_a_loop(before: str, unit: str, times: int) -> None:
    text = before + unit * times
    assert is_loop(text, 60_000)
    assert is_loop("，".join([before, *[unit] * times]) + "。", 60_000)


@given(
    st.text("延长各类设施使用年限您好请问地址电话", min_size=60, max_size=100), st.integers(0, 3000)
)
def test_more_than_can_be_said_in_the_time_is_a_loop(text: str, duration_ms: int) -> None:
    assert is_loop(text, duration_ms)


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [
        ("对对对对", 1500),
        ("电话是一三八八八八八八零零", 5000),
        ("电话是13888888888", 4000),  # such numbers are sold
        ("喂，喂，喂，听得到吗", 4000),
        ("好的好的好的谢谢", 2000),
        ("不是不是不是，我说的是六号楼", 4000),
        ("您好，大龙供暖，很高兴为您服务，请问有什么可以帮您", 5000),
        ("嗯嗯嗯嗯", 1000),
        ("", 0),
        ("延长各类设施使用年限", 3700),
    ],
)
def test_speech_is_no_loop(text: str, duration_ms: int) -> None:
    assert not is_loop(text, duration_ms)


TEXT = st.text("您好请问地址电话一二三", max_size=12)


@given(st.lists(st.tuples(st.integers(0, 3), TEXT.filter(bool)), max_size=6).map(sorted), TEXT)
def test_another_reading_is_parted_without_loss(best: list[tuple[int, str]], other: str) -> None:
    parts = split_like(best, other, 4)
    assert len(parts) == 4
    assert "".join(parts) == other


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_the_same_reading_is_parted_as_the_best_one(parts: list[str]) -> None:
    best = [(index, char) for index, part in enumerate(parts) for char in part]
    assert split_like(best, "".join(parts), len(parts)) == parts


def test_another_reading_is_parted_between_the_same_words() -> None:
    best = [(0, "您好"), (0, "请讲"), (1, "我家"), (1, "不热")]
    assert split_like(best, "宁好请讲我加不热", 2) == ["宁好请讲", "我加不热"]
    assert split_like(best, "您好讲我家还是不热", 2) == ["您好讲", "我家还是不热"]
    assert split_like([], "您好", 2) == ["您好", ""]


def aligned(*items: tuple[str, float, float]) -> list[dict[str, object]]:
    return [
        {"word": word, "start": start, "end": end, "probability": 0.9} for word, start, end in items
    ]


def heard(window: Window, *items: tuple[str, float, float]) -> list[tuple[int, str, int, int]]:
    found = words_of(aligned(*items), window)
    return [(piece, word.text, word.span.start_ms, word.span.end_ms) for piece, word in found]


TWO = Window((Span(10_000, 11_000), Span(20_000, 21_000)))


def test_words_lie_in_the_piece_that_holds_their_middle() -> None:
    second = (1000 + PAUSE_MS) / 1000
    found = heard(
        TWO, ("您好", 0.1, 0.5), ("请讲", second, second + 0.4), ("吧", second + 0.4, second + 9)
    )
    assert found == [
        (0, "您好", 10_100, 10_500),
        (1, "请讲", 20_000, 20_400),
        (1, "吧", 20_400, 21_000),
    ]


def test_a_word_over_a_pause_stays_in_one_piece() -> None:
    ((piece, _, start, end),) = heard(TWO, ("您好", 0.5, 1.3))
    assert piece == 0
    assert 10_000 <= start < end <= 11_000


def test_marks_join_the_word_before_and_digits_each_other() -> None:
    found = words_of(
        aligned(("您好", 0, 0.3), ("，", 0.3, 0.8), ("1", 0.5, 0.6), ("3", 0.6, 0.7)), TWO
    )
    assert [word.text for _, word in found] == ["您好，", "13"]
    assert found[0][1].span.end_ms == 10_300  # a mark takes no time


def test_a_number_keeps_its_least_sure_digit() -> None:
    items = aligned(("1", 0.5, 0.6), ("3", 0.6, 0.7))
    items[1]["probability"] = 0.2
    assert words_of(items, TWO)[0][1].confidence == pytest.approx(0.2)


def test_spaces_part_foreign_words_only_and_broken_characters_are_dropped() -> None:
    found = words_of(
        aligned(
            (" 您好", 0, 0.2),
            (" VIP", 0.2, 0.4),
            (" card", 0.4, 0.6),
            ("\ufffd", 0.6, 0.7),
            (" ", 0.7, 0.8),
        ),
        TWO,
    )
    assert [word.text for _, word in found] == ["您好", " VIP", " card"]


def test_traditional_characters_become_simplified() -> None:
    assert heard(TWO, ("電話", 0, 0.4))[0][1] == "电话"


WORDS = st.lists(
    st.tuples(st.sampled_from(["您好", "，", "1", " ok", "。"]), st.floats(0, 0.6)), max_size=12
)


@given(pieces(longest=1500, least=1), WORDS)
def test_word_times_stay_in_their_piece_and_in_order(
    found: list[Span], said: list[tuple[str, float]]
) -> None:
    clock, items = 0.0, []
    for text, length in said:
        items.append((text, clock, clock + length))
        clock += length
    words = words_of(aligned(*items), Window(tuple(found)))
    for piece, word in words:
        assert word.text
        assert (
            found[piece].start_ms <= word.span.start_ms <= word.span.end_ms <= found[piece].end_ms
        )
    order = [(piece, word.span.start_ms) for piece, word in words]
    assert order == sorted(order)
    told = "".join(word.text.strip() for _, word in words)
    assert told == "".join(text.strip() for text, _ in said)


SPEECH = Chunk(
    Span(0, 3000), None, (Word(Span(0, 3000), "您好请问有什么可以帮您", 0.9),), "zh", 0.95, -0.4
)  # fmt: skip


@pytest.mark.parametrize(
    "worse",
    [
        replace(SPEECH, score=-0.8),
        replace(SPEECH, doubtful=True, score=-0.1),
        replace(SPEECH, words=(), score=-0.2),  # nothing heard where there is speech
        replace(SPEECH, language_confidence=0.05, score=-0.3),  # fluent in another language
    ],
)
def test_the_better_of_two_readings_stays(worse: Chunk) -> None:
    assert _better(SPEECH, worse)
    assert not _better(worse, SPEECH)


@given(
    st.floats(-3, 0),
    st.floats(-3, 0),
    st.booleans(),
    st.booleans(),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_no_reading_is_better_both_ways(
    score: float, score2: float, bad: bool, bad2: bool, sure: float, sure2: float
) -> None:
    one = replace(SPEECH, score=score, doubtful=bad, language_confidence=sure)
    other = replace(SPEECH, score=score2, doubtful=bad2, language_confidence=sure2)
    assert not (_better(one, other) and _better(other, one))
    assert not _better(one, one)


@pytest.mark.parametrize(
    "text",
    [
        "字幕由志愿者提供", "请不吝点赞订阅转发打赏支持明镜与点点栏目", "谢谢观看", "谢谢大家收看",
        "Please like and subscribe to my channel", "Thank you for watching!", "作词：李宗盛",
    ],
)  # fmt: skip
def test_credits_of_videos_are_inventions(text: str) -> None:
    assert is_invented(text)
    words = (Word(Span(0, 900), text, 0.9),)
    chunk = without_invention(Chunk(Span(0, 1000), 0, words, "zh", 0.9, -0.2))
    assert chunk.words == () and chunk.doubtful


@pytest.mark.parametrize(
    "text",
    [
        "我想取消订阅这个会员", "谢谢您的来电", "感谢您的支持", "电视上的字幕显示不出来",
        "给师傅点个赞", "谢谢你们关注这件事", "thank you for calling",
    ],
)  # fmt: skip
def test_what_is_said_on_the_phone_is_no_invention(text: str) -> None:
    assert not is_invented(text)
