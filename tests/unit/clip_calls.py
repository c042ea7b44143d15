"""Calls for clips: what is said, and a sound in which each word can be told by its place."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from rule_toys import talk
from speech_toys import Toy, call_of

from qc_speech.model import (
    Call,
    CallResult,
    Chunk,
    Evidence,
    Finding,
    Measures,
    Metadata,
    Outcome,
    PartyMeasures,
    Role,
    Score,
    Severity,
    Span,
)
from qc_speech.ports import SAMPLE_RATE_HZ, Audio

LINES = (
    ("a", "您好，请问有什么可以帮您？"),
    ("c", "我家暖气不热，等了三天了，你们太慢了！"),
    ("a", "给您添麻烦了，实在抱歉。请您留一个联系电话。"),
    ("c", "幺三八零零零零二五七幺。"),
    ("a", "好的，师傅明天上午上门，感谢您的来电，再见。"),
)


def made(
    call_id: str = "k1",
    *lines: tuple[str, str],
    agent_id: str = "1023",
    started_at: datetime | None = datetime(2026, 1, 5, 9),
    stereo: bool = True,
    findings: tuple[Finding, ...] = (),
    agent_name: str | None = None,
    snr_db: float = 25.0,
) -> CallResult:
    meta = Metadata(
        call_id, agent_id=agent_id, agent_name=agent_name, started_at=started_at,
        scenario="repair_hotline",
    )  # fmt: skip
    call = call_of(Toy(talk(*(lines or LINES)), stereo=stereo, metadata=meta))
    recording = call.recording
    recording = type(recording)(
        f"{abs(hash(call_id)):064x}"[:64], f"{call_id}.wav", recording.duration_ms, 8000,
        2 if stereo else 1, meta,
    )  # fmt: skip
    call = Call(recording, call.utterances, call.turns, call.roles)
    parties = tuple(
        PartyMeasures(role, 9000, 40, 240.0, 1.0, -23.0, pitch_hz=hz, snr_db=snr_db)
        for role, hz in ((Role.AGENT, 210.0), (Role.CUSTOMER, 110.0))
    )
    measures = Measures(parties, (), (), (), call.utterances[-1].span.end_ms, None)
    score = Score(100.0, (), False, "A", False)
    return CallResult(
        call, "repair_hotline", 1.0, "repair_hotline@1", measures, findings, score, "0"
    )


def found(
    result: CallResult,
    check: str,
    utterance: int,
    outcome: Outcome = Outcome.PASS,
    confidence: float = 0.95,
) -> Finding:
    said = result.call.utterances[utterance]
    place = Evidence(said.span, said.role, utterance, said.text)
    return Finding(
        check, "phrase", outcome, Severity.MINOR, confidence, "S4 2.3", "", evidence=place
    )


def sound_of(result: CallResult, noise: float = 0.0005) -> Audio:
    """Each word is a tone of its own pitch, silent in its last 30 ms; the rest is faint noise."""
    call = result.call
    size = call.recording.duration_ms * SAMPLE_RATE_HZ // 1000
    rows = np.random.default_rng(1).normal(0, noise, (call.recording.channels, size))
    for utterance in call.utterances:
        row = 0 if call.recording.channels == 1 or utterance.role is Role.AGENT else 1
        for n, word in enumerate(utterance.words):
            start = word.span.start_ms * SAMPLE_RATE_HZ // 1000
            end = (word.span.end_ms - 30) * SAMPLE_RATE_HZ // 1000
            time = np.arange(end - start) / SAMPLE_RATE_HZ
            rows[row, start:end] += 0.2 * np.sin(2 * np.pi * (180 + 20 * n) * time)
    return Audio(call.recording, rows.astype(np.float32))


def chunks_of(result: CallResult, silent: tuple[Span, ...] = ()) -> tuple[Chunk, ...]:
    """What a perfect recognizer hears of a call in which some stretches are silent."""
    heard = []
    for utterance in result.call.utterances:
        words = tuple(w for w in utterance.words if not any(w.span & span for span in silent))
        if words:
            channel = int(utterance.speaker[-1]) if result.call.recording.channels == 2 else None
            span = Span(words[0].span.start_ms, words[-1].span.end_ms)
            heard.append(Chunk(span, channel, words, "zh", 0.9, -0.2))
    return tuple(heard)
