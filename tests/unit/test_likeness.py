"""The quick search is the exact one: the same probabilities, and nothing lost to what it skips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qc_speech.resources import data_dir
from qc_speech.rules.phrases import load_phrases
from qc_speech.text.likeness import holders, likeness, spelled
from qc_speech.text.phonetic import Heard, Pattern, least_costs, search
from qc_speech.text.template import Corpus, find_in, parse

TEMPLATES = sorted(
    {
        wording
        for phrase in load_phrases(data_dir("lexicons") / "phrases").values()
        for part in phrase.parts
        for wording in (*part.any, *part.unless)
    }
)
TALK = st.text("您好请问大龙供暖报修地址电话稍等谢来再见工号一二嗯那个还有什么", max_size=24)


@given(st.sampled_from(TEMPLATES), st.lists(TALK, max_size=4))
def test_likeness_is_what_the_search_with_places_finds(template: str, texts: list[str]) -> None:
    corpus = Corpus(texts)
    found = likeness(template, corpus)
    wanted = [hit.probability for hit in find_in(template, corpus)]
    assert found == pytest.approx(wanted, abs=1e-6)


@given(st.sampled_from(TEMPLATES), st.lists(TALK, min_size=2, max_size=4))
def test_a_part_of_a_corpus_is_searched_at_the_price_of_all(
    template: str, texts: list[str]
) -> None:
    corpus = Corpus(texts)
    alone = likeness(template, corpus.like(texts[1:]))
    assert alone == pytest.approx(likeness(template, corpus)[1:], abs=1e-4)


@given(st.sampled_from(TEMPLATES), st.lists(TALK, min_size=1, max_size=5))
def test_a_text_without_the_characters_cannot_hold_the_words(
    template: str, texts: list[str]
) -> None:
    corpus = Corpus(texts)
    holding = holders(parse(template), corpus.texts_with, (1 << len(texts)) - 1)
    for number, text in enumerate(texts):
        if spelled(template).search(text):
            assert holding >> number & 1


@given(st.lists(TALK.filter(bool), min_size=1, max_size=6), TALK.filter(bool))
def test_costs_of_many_patterns_are_those_of_each(patterns: list[str], text: str) -> None:
    made, heard = [Pattern.of(one) for one in patterns], Heard.of(text)
    wanted = [found.cost if (found := search(one, heard)) else np.inf for one in made]
    assert least_costs(made, heard) == pytest.approx(wanted, abs=1e-5)
