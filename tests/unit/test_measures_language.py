"""Dialect words, loanwords, foreign syllables, and the files they come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from speech_toys import LEXICONS, Said, Toy, call_of

from qc_speech.errors import RulebookError
from qc_speech.measures import measure
from qc_speech.measures.language import foreign_share
from qc_speech.measures.lexicon import DialectLexicon
from qc_speech.model import Role
from qc_speech.rules.yamlfile import load_yaml

ENTRIES = [word for region in LEXICONS.dialect.regions for word in region.words]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.word)
def test_every_dialect_word_finds_its_hit_and_not_its_miss(entry: object) -> None:
    word = entry.word  # type: ignore[attr-defined]
    hits = {hit.word for hit in LEXICONS.dialect_hits(entry.hit)}  # type: ignore[attr-defined]
    misses = {hit.word for hit in LEXICONS.dialect_hits(entry.miss)}  # type: ignore[attr-defined]
    assert any(word in hit for hit in hits)
    assert word not in misses


def test_no_dialect_word_is_listed_twice() -> None:
    words = [entry.word for entry in ENTRIES]
    assert len(words) == len(set(words))


def test_longer_words_hide_shorter_ones() -> None:
    assert [hit.word for hit in LEXICONS.dialect_hits("俺们公司")] == ["俺们"]
    assert [hit.word for hit in LEXICONS.dialect_hits("你要啥子")] == ["啥子"]


def test_sound_alone_is_doubtful() -> None:
    (hit,) = LEXICONS.dialect_hits("我摸的时间不多")
    assert (hit.word, hit.doubtful) == ("莫得", True)
    assert LEXICONS.dialect_hits("我摸的时间不多", by_sound=False) == ()


@pytest.mark.parametrize(
    "text",
    [
        "您可以在APP上预约，VIP客户免费，WiFi也给您换",
        "我帮您查一下ETC和SIM卡的4G流量",
        "这款Galaxy手机支持",
        "您好，请问有什么可以帮您",
        "",
    ],
)
def test_loanwords_and_names_are_mandarin(text: str) -> None:
    assert foreign_share(text, LEXICONS) == 0


def test_english_is_foreign() -> None:
    assert foreign_share("Come on relax everybody answers", LEXICONS) == 1
    assert foreign_share("好的 let me check your account please", LEXICONS) > 0.6


def test_quoting_the_customers_word_once_is_no_dialect() -> None:
    said = (Said("c", 1, 4, "柜门莫得反应"), Said("a", 4.5, 8, "莫得反应，您是说没有弹开吗"))
    assert measure(call_of(Toy(said)), None, LEXICONS).utterances[1].dialect == ()
    twice = (said[0], Said("a", 4.5, 8, "莫得反应，那就莫得办法"))
    assert len(measure(call_of(Toy(twice)), None, LEXICONS).utterances[1].dialect) == 1


def test_share_of_mandarin() -> None:
    said = (Said("a", 1, 4, "您好"), Said("a", 5, 9, "come on relax everybody"))
    party = measure(call_of(Toy(said)), None, LEXICONS).party(Role.AGENT)
    assert party is not None and party.mandarin_share is not None and party.mandarin_share < 0.5


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("word: 啥子, mandarin: 什么, weight: strong, hit: 没有, miss: 没有", "hit"),
        ("word: 啥子, mandarin: 什么, weight: strong, hit: 啥子, miss: 啥子", "miss"),
        ("word: 啥子, mandarin: 什么, weight: odd, hit: 啥子, miss: 没有", "weight"),
        ("word: 俺, mandarin: 我, weight: strong, sound: true, hit: 俺, miss: 我", "sound"),
    ],
)
def test_a_mistake_in_the_list_names_its_line(tmp_path: Path, entry: str, what: str) -> None:
    path = tmp_path / "dialect.yaml"
    text = f"version: 1\nregions:\n  - region: x\n    words:\n      - {{{entry}}}\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RulebookError, match=rf"dialect\.yaml:5: .*{what}"):
        load_yaml(path, DialectLexicon)
