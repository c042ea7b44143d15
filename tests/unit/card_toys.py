"""Calls and findings made up for the tests of cards."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from hypothesis import strategies as st

from qc_speech.cards.agent import Lines
from qc_speech.cards.cells import KIND, call_cells, check_cells, family_cells
from qc_speech.cards.group import GroupRows
from qc_speech.cards.rows import CallLine, FindingLine
from qc_speech.model import Outcome, Severity, Span

START = datetime(2026, 3, 2, 9, 0)  # a Monday
CHECKS = {
    "greeting": ("phrase", Severity.MINOR, 3.0, "服务态度"),
    "thanks": ("phrase", Severity.MINOR, 2.0, "服务态度"),
    "negative": ("banned", Severity.MAJOR, 5.0, "业务水平"),
    "insult": ("banned", Severity.CRITICAL, 20.0, "服务态度"),
    "dead_air": ("timing", Severity.MINOR, 3.0, "工作效率"),
}


def call_line(call_id: str, agent_id: str | None = "1023", **more: object) -> CallLine:
    given: dict[str, object] = {
        "at": START, "scenario": "complaint", "duration_ms": 90_000, "total": 95.0, "grade": "A",
        "agent_talk_ms": 40_000, "snr_db": 27.0, "rulebook": "complaint@1.0+aa", **more,
    }  # fmt: skip
    return CallLine(call_id, agent_id, **given)  # type: ignore[arg-type]


def finding_line(
    call_id: str, check: str = "negative", outcome: Outcome = Outcome.VIOLATION, **more: object
) -> FindingLine:
    family, severity, points, dimension = CHECKS[check]
    given: dict[str, object] = {
        "points": -points if outcome is Outcome.VIOLATION else 0.0, "dimension": dimension,
        "machine": outcome, "span": Span(1000, 2500), "clause": "S1 四", **more,
    }  # fmt: skip
    given.setdefault("machine_points", given["points"])
    return FindingLine(call_id, check, family, outcome, severity, **given)  # type: ignore[arg-type]


def _many(seed: int) -> Lines:
    rng = random.Random(seed)
    calls, findings = [], []
    for number in range(rng.randint(0, 14)):
        call_id = f"c{number:02d}"
        own: list[FindingLine] = []
        for check in rng.sample(sorted(CHECKS), rng.randint(0, len(CHECKS))):
            for outcome in rng.choices(list(Outcome), k=rng.randint(1, 3)):
                own.append(finding_line(call_id, check, outcome, n=len(own)))
        calls.append(
            call_line(
                call_id,
                rng.choice(["1023", "2001", "3", None, "unknown", "1023;2001"]),
                at=START + timedelta(hours=rng.randint(0, 13 * 24)),
                scenario=rng.choice(["complaint", "switchboard"]),
                team=rng.choice(["甲", "乙", None]),
                queue=rng.choice(["q1", None]),
                total=max(0.0, 100 + sum(one.points for one in own)),
                agent_talk_ms=rng.choice([None, 0, 30_000]),
                snr_db=rng.choice([None, 10.0, 20.0, 30.0]),
                mandarin_share=rng.choice([None, 0.5, 1.0]),
                critical=rng.random() < 0.5,
                review=rng.random() < 0.5,
            )
        )
        findings += own
    return Lines(tuple(calls), tuple(findings))


def many_lines() -> st.SearchStrategy[Lines]:
    """Calls of several agents (some of nobody, some of two) with findings, scored from them."""
    return st.integers(0, 2**32).map(_many)


def rows_of(lines: Lines) -> GroupRows:
    return GroupRows(
        agents=call_cells(lines.calls, ("agent", "team")),
        days=call_cells(lines.calls, ("day",)),
        kinds=call_cells(lines.calls, KIND),
        checks=check_cells(lines.calls, lines.findings),
        families=family_cells(lines.findings),
        unsure=len({f.call_id for f in lines.findings if f.outcome is Outcome.UNCERTAIN}),
    )
