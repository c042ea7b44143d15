"""What a mask covers, what it leaves, and what is left when the words go."""

from __future__ import annotations

import json

from stored_calls import scored

from qc_speech.codec import to_json
from qc_speech.model import CallResult
from qc_speech.pipeline import rescore
from qc_speech.privacy.masking import COVER, Policy, masked, stripped
from qc_speech.setup import load_rules

TALK = (
    ("a", "您好，山泉供水一零二三号为您服务，请问您贵姓"),
    ("c", "我姓穆，电话幺三八零零零零二五七幺，住在柳荫小区七号楼二单元五零一"),
    ("a", "穆先生，跟您核对一下，电话幺三八零零零零二五七幺，对吗"),
    ("c", "对的，再见"),
)
SECRETS = ("三八零零零零", "二五七", "138", "穆")


def result() -> CallResult:
    return scored("d01", *TALK)


def texts(value: CallResult) -> str:
    """All of a result as text; what was said also as it reads, not only word by word."""
    spoken = "。".join(utterance.text for utterance in value.call.utterances)
    return json.dumps(to_json(value), ensure_ascii=False) + spoken


def test_no_secret_is_left_anywhere() -> None:
    whole = result()
    assert all(secret in texts(whole) for secret in ("三八零零零零", "穆"))
    covered = texts(masked(whole, Policy()))
    assert [secret for secret in SECRETS if secret in covered] == []
    assert "柳荫小区" in covered  # addresses are not in the default policy
    assert "柳荫小区" not in texts(masked(whole, Policy(("address",))))


def test_only_texts_change() -> None:
    whole = result()
    covered = masked(whole, Policy())
    assert covered.score == whole.score
    for before, after in zip(whole.findings, covered.findings):
        assert (before.check, before.outcome, before.points) == (
            after.check,
            after.outcome,
            after.points,
        )
    for one, other in zip(whole.call.utterances, covered.call.utterances):
        assert len(one.text) == len(other.text) and one.span == other.span
        assert all(b in (a, COVER) for a, b in zip(one.text, other.text))
    assert covered.call.masked == ("bank_card", "id_card", "name", "number", "phone")


def test_masking_twice_is_masking_once() -> None:
    once = masked(result(), Policy())
    assert masked(once, Policy()) == once


def test_a_masked_call_keeps_its_judgement() -> None:
    covered = masked(result(), Policy())
    assert rescore(covered, load_rules(), None) == covered


def test_stripped_of_words_the_scores_stay() -> None:
    whole = result()
    bare = stripped(whole)
    assert bare.score.total == whole.score.total and len(bare.findings) == len(whole.findings)
    left = texts(bare)
    assert [text for _, line in TALK for text in (line[:6],) if text in left] == []
    assert bare.call.turns == whole.call.turns and bare.call.masked == ("transcript",)


def test_a_customers_number_that_may_be_a_phones_goes_too() -> None:
    from dataclasses import replace

    whole = result()
    recording = whole.call.recording
    meta = replace(recording.metadata, customer_id="13800002571")
    named = replace(whole, call=replace(whole.call, recording=replace(recording, metadata=meta)))
    assert masked(named, Policy()).call.recording.metadata.customer_id is None
