"""Calls made up for the tests of the report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qc_speech.model import (
    Call,
    CallResult,
    Evidence,
    Finding,
    Measures,
    Metadata,
    Outcome,
    Overlap,
    PartyMeasures,
    Recording,
    Role,
    RoleGuess,
    Score,
    Severity,
    Silence,
    Span,
    Stamp,
    Strain,
    Track,
    Turn,
    Utterance,
    Word,
)

SPEAKERS = {"S0": Role.AGENT, "S1": Role.CUSTOMER, "S2": Role.OTHER, "S3": Role.UNKNOWN}
TURNS = (
    ("S0", 600, 4600, "您好，这里是晴川热力1023号，请问有什么可以帮您？"),
    ("S1", 5200, 9800, "我家暖气从昨天晚上开始就不热了，屋里才十四度"),
    ("S0", 9300, 12900, "您先别急，这个不归我管"),
    ("S3", 13100, 14000, "嗯"),
    ("S1", 20500, 24000, "那我应该找谁呢"),
    ("S0", 24600, 28000, "我帮您登记，两个工作日内给您答复，再见"),
)


def finding(
    check: str = "negative",
    outcome: Outcome = Outcome.VIOLATION,
    points: float = -5.0,
    family: str = "banned",
    at_ms: int | None = 9300,
    *,
    utterance: int | None = 2,
    quote: str = "这个不归我管",
) -> Finding:
    evidence = None
    if at_ms is not None:
        evidence = Evidence(Span(at_ms, at_ms + 1500), Role.AGENT, utterance, quote)
    return Finding(
        check=check,
        family=family,
        outcome=outcome,
        severity=Severity.MAJOR,
        confidence=0.9,
        clause="S1 四",
        reason="坐席说了推诿的话。",
        points=points,
        dimension="服务态度",
        evidence=evidence,
    )


FINDINGS = (
    finding("greeting", Outcome.PASS, 0, "phrase", 600, utterance=0, quote="您好"),
    finding("farewell", Outcome.PASS, 0, "phrase", 27000, utterance=5, quote="再见"),
    finding("verify_identity", Outcome.VIOLATION, -5, "phrase", None),
    finding(),
    finding("agent_interrupts", Outcome.VIOLATION, -2.5, "interruption", 9300),
    finding("impatience", Outcome.UNCERTAIN, 0, "banned", 13100, utterance=3, quote="嗯"),
    finding("festival", Outcome.NOT_APPLICABLE, 0, "phrase", None),
)


def words(start_ms: int, end_ms: int, text: str) -> tuple[Word, ...]:
    """Two characters a word, spread evenly; the last word is heard badly."""
    parts = [text[i : i + 2] for i in range(0, len(text), 2)]
    step = (end_ms - start_ms) / max(len(parts), 1)
    return tuple(
        Word(
            Span(round(start_ms + i * step), round(start_ms + (i + 1) * step)),
            part,
            0.3 if i == len(parts) - 1 else 0.95,
        )
        for i, part in enumerate(parts)
    )


def utterances(turns: Sequence[tuple[str, int, int, str]]) -> tuple[Utterance, ...]:
    return tuple(
        Utterance(
            index,
            Span(start, end),
            speaker,
            SPEAKERS[speaker],
            words(start, end, text),
            confidence=0.4 if speaker == "S3" else 0.93,
        )
        for index, (speaker, start, end, text) in enumerate(turns)
    )


def score_of(findings: Sequence[Finding], total: float | None = None) -> Score:
    if total is None:
        total = max(0.0, 100 + sum(f.points for f in findings))
    uncertain = any(f.outcome is Outcome.UNCERTAIN for f in findings)
    attitude = 100 + sum(f.points for f in findings if f.dimension == "服务态度")
    return Score(
        total=total,
        dimensions=(("服务态度", attitude),),
        critical=False,
        grade="A" if total >= 90 else "B" if total >= 80 else "C",
        review=uncertain,
        review_reasons=("有 1 项听不清，待人工判定",) if uncertain else (),
    )


def call(
    call_id: str = "c01",
    agent_id: str | None = "1023",
    *,
    findings: Sequence[Finding] = FINDINGS,
    turns: Sequence[tuple[str, int, int, str]] = TURNS,
    total: float | None = None,
    started_at: datetime | None = datetime(2026, 1, 15, 9, 12),
    agent_name: str | None = None,
) -> CallResult:
    meta = Metadata(
        call_id=call_id,
        agent_id=agent_id,
        agent_name=agent_name,
        started_at=started_at,
        scenario="repair_hotline",
        direction="inbound",
        ring_ms=5000,
    )
    recording = Recording("ab" * 32, f"{call_id}.wav", 30_000, 8000, 2, meta, ("truncated",))
    return CallResult(
        call=Call(
            recording,
            utterances(turns),
            tuple(Turn(Span(start, end), speaker) for speaker, start, end, _ in turns),
            RoleGuess(tuple(SPEAKERS.items()), 0.97, ("声道 1 是坐席",)),
            (Stamp("fake", "1", "none"), Stamp("channels", "1", "none")),
        ),
        scenario="repair_hotline",
        scenario_confidence=0.7,
        rulebook="repair_hotline@1",
        measures=Measures(
            parties=(
                PartyMeasures(Role.AGENT, 11_000, 60, 240.0, 1.0, -22.9),
                PartyMeasures(Role.CUSTOMER, 8_100, 30, None, None, None),
            ),
            utterances=(),
            silences=(Silence(Span(14_000, 20_500), Role.AGENT),),
            overlaps=(
                Overlap(Span(9300, 9800), Role.CUSTOMER, Role.AGENT, "interruption", 0.9, True),
            ),
            last_speech_end_ms=28_000,
            tail_ms=2000,
            snr_db=27.6,
            tracks=(
                Track(Role.AGENT, 1000, (None, -24.0, -23.0, None, -25.0), (None, 240.0, 250.0)),
                Track(Role.CUSTOMER, 1000, (None,) * 9 + (-20.0, -14.0), (None,) * 30),
            ),
            strains=(Strain(Span(9000, 11_000), 8.4, 0.3, True),),
        ),
        findings=tuple(findings),
        score=score_of(findings, total),
        qc_speech_version="0.0",
    )
