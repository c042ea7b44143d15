"""The language model, and homophones put right by it: only the writing changes, never the sound."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.errors import RulebookError
from qc_speech.model import Alternative, Chunk, Metadata, Span, Word
from qc_speech.resources import data_dir
from qc_speech.spelling import NamesFile, Speller, corrected, load_speller
from qc_speech.text.homophones import Channel, Corrector, Heard, is_han
from qc_speech.text.language import END, START, LanguageModel, load_language_model
from qc_speech.text.phonetic import distance, syllables

LINES = (
    "您好，请问有什么可以帮您？",
    "那您的电话是多少？",
    "那我帮您查一下。",
    "家里的暖气不热，师傅什么时候上门？",
    "请把水管的阀门关上。",
    "这个我拿走了。",
)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    found = LanguageModel()
    found.add(LINES)
    return found


@pytest.fixture(scope="module")
def corrector(model: LanguageModel) -> Corrector:
    return Corrector(model)


def chunk(text: str, confidence: float = 0.3, *others: str) -> Chunk:
    words = tuple(
        Word(Span(i * 100, i * 100 + 90), char, confidence) for i, char in enumerate(text)
    )
    alternatives = tuple(Alternative(other, -0.5) for other in others)
    return Chunk(Span(0, 100 * len(text)), 0, words, "zh", 0.99, -0.3, alternatives=alternatives)


@given(st.text("您好请问暖气电话那拿阀门^$", max_size=5), st.sampled_from("您好请暖气那拿法鑫$"))
def test_probabilities_are_probabilities(history: str, char: str) -> None:
    found = LanguageModel()
    found.add(LINES)
    assert -math.inf < found.log(START + history, char) < 0


def test_what_is_said_often_is_likelier(model: LanguageModel) -> None:
    assert model.log("^您", "好") > model.log("^您", "号")
    assert model.log("帮您", END) > model.log("帮", END)
    assert sum(math.exp(model.log("^", c)) for c in model.characters()) < 1.01


def test_a_copy_takes_names_and_leaves_the_first_alone(model: LanguageModel) -> None:
    before = model.log("^大", "龙")
    other = model.copy()
    other.add(("大龙供暖",), 8.0)
    assert other.log("^大", "龙") > before + 3
    assert model.log("^大", "龙") == before


def test_a_folder_without_text_is_a_model_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# 只是注释\n", encoding="utf-8")
    assert load_language_model(tmp_path).characters() == frozenset()


def heard(text: str, confidence: float) -> list[Heard]:
    return [Heard(char, confidence) for char in text]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("拿您的电话是多少", "那您的电话是多少"),
        ("家里的暖器不热", "家里的暖气不热"),
        ("请把水管的法门关上", "请把水管的阀门关上"),
        ("这个我拿走了", "这个我拿走了"),
    ],
)
def test_what_sounds_alike_is_written_as_it_was_meant(
    corrector: Corrector, written: str, meant: str
) -> None:
    assert corrector.correct(heard(written, 0.4)) == meant


def test_what_was_heard_surely_stays(corrector: Corrector) -> None:
    sure = replace(corrector.channel, surely=(8.0, 0.0))
    assert Corrector(corrector.model, sure).correct(heard("拿您的电话", 0.99)) == "拿您的电话"


def test_another_reading_is_believed_where_it_fits(corrector: Corrector) -> None:
    said = [Heard("师", 0.9), Heard("父", 0.2, ("傅",)), Heard("什", 0.9), Heard("么", 0.9)]
    assert corrector.correct(said) == "师傅什么"


def test_numbers_stay_as_they_were_heard(corrector: Corrector) -> None:
    assert corrector.correct(heard("一三五八零", 0.1)) == "一三五八零"


@given(st.text("拿您电话师父法门器水abc12四五，", max_size=20), st.floats(0, 1))
def test_only_the_writing_changes(text: str, confidence: float) -> None:
    """Length, letters and digits stay; each character keeps its sound, or nearly."""
    found = LanguageModel()
    found.add(LINES)
    channel = Channel()
    right = Corrector(found, channel).correct(heard(text, confidence))
    assert len(right) == len(text)
    for old, new, sound in zip(text, right, syllables(text) if text else ()):
        if not is_han(old):
            assert new == old
        elif new != old:
            assert distance(sound, syllables(new)[0]) <= channel.reach


def test_a_chunk_keeps_its_times_and_its_first_reading(corrector: Corrector) -> None:
    before = chunk("拿您的电话是多少，嗯", 0.4, "那您的电话是多少，嗯", "哎")
    after = corrected(before, corrector)
    assert after.text == "那您的电话是多少，嗯"
    assert [w.span for w in after.words] == [w.span for w in before.words]
    assert [w.confidence for w in after.words] == [w.confidence for w in before.words]
    assert [a.text for a in after.alternatives] == ["拿您的电话是多少，嗯", "哎"]


def test_what_is_right_already_is_the_same_chunk(corrector: Corrector) -> None:
    before = chunk("您好，ABC123。")
    assert corrected(before, corrector) is before


def test_names_are_of_the_site_the_queue_and_the_agent() -> None:
    names = NamesFile.model_validate(
        {"names": ["清源水务"], "queues": [{"queue": "报修", "names": ["智能水表", "清源水务"]}]}
    )
    assert names.of(Metadata("c")) == ("清源水务",)
    mine = names.of(Metadata("c", queue="报修", agent_name="诸葛瑾"))
    assert mine == ("清源水务", "智能水表", "诸葛瑾")


def test_a_name_of_the_queue_is_written_right_there_and_only_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(LINES), encoding="utf-8")
    names = NamesFile.model_validate({"queues": [{"queue": "报修", "names": ["鑫源供暖"]}]})
    speller = Speller(tmp_path, names, Channel())
    said = (chunk("您好，新元供暖", 0.4),)
    assert speller.correct(said, Metadata("a", queue="报修"))[0].text == "您好，鑫源供暖"
    assert "鑫" not in speller.correct(said, Metadata("a", queue="热线"))[0].text


def test_another_language_is_left_alone(tmp_path: Path) -> None:
    speller = Speller(tmp_path, NamesFile(), Channel())
    english = replace(chunk("hello"), language="en")
    assert speller.correct((english,), Metadata("a")) == (english,)


def test_the_corpus_that_ships_is_plain_text_and_counts() -> None:
    for path in sorted((data_dir("lexicons") / "corpus").glob("*.txt")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
        doubles = {line for line in lines if lines.count(line) > 1}
        assert not doubles, f"{path.name}: twice: {sorted(doubles)[:3]}"
        dialect = [line for line in lines if re.search("[冇咩嘅俺侬恁]|啥子|莫得|咋个", line)]
        assert not dialect, f"{path.name}: would be written into Mandarin: {dialect[:3]}"
    speller = load_speller(data_dir("lexicons"))
    (right,) = speller.correct((chunk("拿请问您贵姓", 0.4),), Metadata("a"))
    assert right.text == "那请问您贵姓"


def test_a_bad_setting_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text("names: []\n", encoding="utf-8")
    (tmp_path / "hearing.yaml").write_text("channel:\n  langage: 1\n", encoding="utf-8")
    with pytest.raises(RulebookError, match=r"hearing\.yaml:2"):
        load_speller(tmp_path)


def test_common_words_that_the_corpus_does_not_know_stay() -> None:
    """苹果 is a word, 平果 is none, however often 平 and 果 stand in the corpus."""
    small = LanguageModel()
    small.add(["平常", "平时", "果然", "结果平平"] * 20)
    corrector = Corrector(small, Channel())
    heard = [Heard(char, 0.3) for char in "苹果此举"]
    assert corrector.correct(heard).startswith("苹果")
