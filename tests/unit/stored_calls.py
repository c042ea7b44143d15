"""Calls of given words, scored by our own rules and kept in a store."""

from __future__ import annotations

from pathlib import Path

from rule_toys import talk
from speech_toys import Toy, call_of

from qc_speech.model import CallResult, Measures, Metadata
from qc_speech.pipeline import score
from qc_speech.setup import load_rules
from qc_speech.store import open_store

RUDE = (("a", "您好，请问有什么可以帮您"), ("c", "我的卡坏了"), ("a", "你给我滚蛋"))
KIND = (("a", "您好，请问有什么可以帮您"), ("c", "我的卡坏了"), ("a", "感谢您的来电，再见"))


def scored(call_id: str, *lines: tuple[str, str]) -> CallResult:
    meta = Metadata(call_id, scenario="inbound_service", direction="inbound")
    call = call_of(Toy(talk(*lines), seconds=30.0, metadata=meta))
    measures = Measures((), (), (), (), call.utterances[-1].span.end_ms, None)
    return score(call, measures, load_rules(), None)


def stored(out: Path, *results: CallResult) -> Path:
    out.mkdir(exist_ok=True)
    with open_store(out / "qc.sqlite") as store:
        for result in results:
            store.put_result(result)
    return out
