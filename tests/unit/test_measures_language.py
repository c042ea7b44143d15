"""Dialect words, loanwords, foreign syllables, and the files they come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from speech_toys import LEXICONS, Said, Toy, call_of

from qc_speech.errors import RulebookError
from qc_speech.measures import measure
from qc_speech.measures.ear import variants
from qc_speech.measures.language import Speech, foreign_share, speeches
from qc_speech.measures.lexicon import DialectLexicon, DialectWord
from qc_speech.model import Alternative, Role
from qc_speech.rules.yamlfile import load_yaml

ENTRIES = [word for region in LEXICONS.dialect.regions for word in region.words]


def evidence(text: str, *before: str) -> Speech:
    """Of an agent's words, after what the customer said before."""
    said = [Said("c", 2 * i, 2 * i + 1.5, words) for i, words in enumerate((*before, "好"))]
    call = call_of(Toy((*said, Said("a", 20, 26, text))))
    return speeches(call.utterances, LEXICONS)[len(call.utterances) - 1]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.word)
def test_every_dialect_word_finds_its_hit_and_not_its_miss(entry: DialectWord) -> None:
    hits = {word.word for word in LEXICONS.dialect_words(entry.hit)}
    misses = {word.word for word in LEXICONS.dialect_words(entry.miss)}
    assert any(entry.word in hit or hit in entry.hit for hit in hits)
    assert entry.word not in misses


def test_no_dialect_word_is_listed_twice() -> None:
    words = [entry.word for entry in ENTRIES]
    assert len(words) == len(set(words))


def test_longer_words_hide_shorter_ones() -> None:
    assert [word.word for word in LEXICONS.dialect_words("俺们公司")] == ["俺们"]
    assert [word.word for word in LEXICONS.dialect_words("你要啥子")] == ["啥子"]


def test_phrases_are_written_with_choices() -> None:
    assert variants("(我|你)晓得了?") == ("我晓得了", "我晓得", "你晓得了", "你晓得")
    assert variants("(可以)?要得$") == ("可以要得$", "要得$")


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("我摸的时间跟你说", "莫得（没有）"),
        ("要的我小的了", "要得我晓得（好，我知道）"),
        ("那个东西坏秋了", "坏求了（坏了）"),
        ("农务里乡是哪里", "屋里厢（家里）"),
        ("无改你等一阵", "唔该（谢谢、麻烦）"),
        ("这万有可得进了", "可得劲（很舒服）"),
    ],
)
def test_homophones_are_heard_as_the_dialect_phrase(written: str, word: str) -> None:
    said = evidence(written)
    assert word in said.doubtful and said.evidence >= 0.4
    assert said.dialect == ()


@pytest.mark.parametrize(
    "text",
    [
        "沙子和水泥的运费是分开算的您要几吨",
        "您摸的那个阀门在左边还是右边",
        "这个问题是这样的您家的表是去年换的对吗",
        "农村用户也可以办理您把身份证带上",
        "您先坐巴士到市中心再换地铁",
        "您是不是按照说明书操作的",
        "系统里显示已经发货了",
        "您稍等一下哈我马上给您看",
        "这一点解释起来比较复杂",
        "",
    ],
)
def test_plain_mandarin_has_hardly_any_evidence(text: str) -> None:
    assert evidence(text).evidence < 0.4


def test_a_mandarin_twin_takes_the_hit_away() -> None:
    (hits,) = LEXICONS.ear.search(["这个怎么弄"])
    assert "咋个" not in {hit.word.word for hit in hits}
    (hits,) = LEXICONS.ear.search(["你咋哥弄"])
    assert "咋个" in {hit.word.word for hit in hits}


def test_colloquial_words_alone_are_everyday_mandarin() -> None:
    assert evidence("这是啥情况咋回事咱俩看看").evidence < 0.4
    assert evidence("您甭急晓得了").evidence < 0.4


def test_readings_that_differ_count_less_than_readings_that_agree() -> None:
    call = call_of(Toy((Said("a", 1, 5, "这是啥子哦"),)))
    (sure,) = call.utterances
    plain = Alternative("这个搞不懂", -0.4)
    split = replace(sure, alternatives=(plain,))
    other = replace(split, words=(), alternatives=(plain, Alternative("这是啥子哦", -0.5)))
    found = [speeches([u], LEXICONS)[0].evidence for u in (sure, split, other)]
    assert found[0] == 1 > found[1] > found[2] > 0.4


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
    measured = measure(call_of(Toy(said)), None, LEXICONS).utterances[1]
    assert measured.dialect == () and measured.dialect_evidence < 0.2
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
        ("word: 俺, mandarin: 我, weight: strong, heard: [俺], hit: 俺, miss: 我", "heard"),
        ("word: 阮, mandarin: 我, weight: strong, alone: false, hit: 阮, miss: 我", "heard"),
    ],
)
def test_a_mistake_in_the_list_names_its_line(tmp_path: Path, entry: str, what: str) -> None:
    path = tmp_path / "dialect.yaml"
    text = f"version: 1\nregions:\n  - region: x\n    words:\n      - {{{entry}}}\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RulebookError, match=rf"dialect\.yaml:5: .*{what}"):
        load_yaml(path, DialectLexicon)
