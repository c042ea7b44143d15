"""What one call's page shows, worked out before the template: lines, groups, sums, timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qc_speech.model import CallResult, Finding, Outcome, PartyFloor, Role, Silence, Utterance, Word
from qc_speech.report.labels import label

DIMENSIONS = ("服务态度", "服务质量", "业务水平", "工作效率", "客户满意度")
LOW_WORD = 0.5  # below this a word is shown as badly heard
LOW_TURN = 0.6
_LONG_SILENCE_MS = 4000  # shown between the lines of the transcript
_GROUPS = (Outcome.VIOLATION, Outcome.UNCERTAIN, Outcome.PASS, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True)
class Shown:
    """A finding with its number on the page."""

    number: int
    finding: Finding

    @property
    def start_ms(self) -> int | None:
        return self.finding.evidence.span.start_ms if self.finding.evidence else None


@dataclass(frozen=True)
class Line:
    """One line of the transcript: an utterance with its marks, or a long silence."""

    utterance: Utterance | None
    silence: Silence | None
    marks: tuple[Shown, ...] = ()

    @property
    def start_ms(self) -> int:
        if self.utterance:
            return self.utterance.span.start_ms
        return self.silence.span.start_ms if self.silence else 0

    @property
    def low(self) -> bool:
        return self.utterance is not None and self.utterance.confidence < LOW_TURN


@dataclass(frozen=True)
class Breakdown:
    """100 − deductions = raw; `adjust` is what the rulebook did beyond that (floor, critical)."""

    deductions: tuple[Shown, ...]
    raw: float
    adjust: float
    total: float


@dataclass(frozen=True)
class Dimension:
    """One dimension; value None: a recording does not show it."""

    name: str
    value: float | None
    deductions: tuple[float, ...]  # empty where they do not explain the value


def word_is_low(word: Word) -> bool:
    return word.confidence is not None and word.confidence < LOW_WORD


def numbered(result: CallResult) -> tuple[Shown, ...]:
    """Findings in order of time; what concerns the whole call comes first."""
    ordered = sorted(result.findings, key=lambda f: f.evidence.span.start_ms if f.evidence else -1)
    return tuple(Shown(number, finding) for number, finding in enumerate(ordered, 1))


def groups(shown: Sequence[Shown]) -> tuple[tuple[str, tuple[Shown, ...]], ...]:
    return tuple(
        (outcome.value, tuple(item for item in shown if item.finding.outcome is outcome))
        for outcome in _GROUPS
    )


def lines(result: CallResult, shown: Sequence[Shown]) -> tuple[Line, ...]:
    """The transcript in order of time with long silences between."""
    marks: dict[int, list[Shown]] = {}
    for item in shown:
        if item.finding.outcome in (Outcome.VIOLATION, Outcome.UNCERTAIN):
            place = _utterance_of(item.finding, result.call.utterances)
            if place is not None:
                marks.setdefault(place, []).append(item)
    spoken = [
        Line(utterance, None, tuple(marks.get(utterance.index, ())))
        for utterance in result.call.utterances
    ]
    quiet = [
        Line(None, silence)
        for silence in result.measures.silences
        if silence.span.duration_ms >= _LONG_SILENCE_MS
    ]
    return tuple(sorted([*spoken, *quiet], key=lambda line: line.start_ms))


def _utterance_of(finding: Finding, utterances: Sequence[Utterance]) -> int | None:
    place = finding.evidence
    if place is None:
        return None
    if place.utterance is not None:
        return place.utterance
    if not place.quote:  # a silence, say: it belongs to nobody's words
        return None
    near = [
        (place.span.overlap_ms(u.span), -u.index)
        for u in utterances
        if place.speaker in (None, u.role)
    ]
    best = max(near, default=(0, 0))
    return -best[1] if best[0] > 0 else None


def breakdown(result: CallResult, shown: Sequence[Shown]) -> Breakdown:
    deductions = tuple(item for item in shown if item.finding.points != 0)
    raw = round(100 + sum(item.finding.points for item in deductions), 4)
    total = result.score.total
    return Breakdown(deductions, raw, round(total - raw, 4), total)


def dimensions(result: CallResult) -> tuple[Dimension, ...]:
    """The five dimensions of the rule documents, then any others the rulebook has."""
    values = dict(result.score.dimensions)
    names = [*DIMENSIONS, *(name for name in values if name not in DIMENSIONS)]
    return tuple(_dimension(result, name, values.get(name)) for name in names)


def _dimension(result: CallResult, name: str, value: float | None) -> Dimension:
    points = tuple(f.points for f in result.findings if f.dimension == name and f.points != 0)
    explained = value is not None and abs(100 + sum(points) - value) < 0.01
    return Dimension(name, value, points if explained else ())


def low_turns(result: CallResult) -> tuple[int, int]:
    """(turns heard badly, all turns)."""
    utterances = result.call.utterances
    return sum(u.confidence < LOW_TURN for u in utterances), len(utterances)


def floor_rows(result: CallResult) -> tuple[tuple[str, tuple[float | None, ...]], ...]:
    """Turn-taking by party, in the order of the measured parties; times in seconds. Empty where an
    older version measured."""
    floor = result.measures.floor
    if floor is None:
        return ()
    rows: tuple[tuple[str, Callable[[PartyFloor], float | None]], ...] = (
        ("interruptions", lambda own: own.interruptions),
        ("interruptions_rate", lambda own: own.interruptions_per_minute),
        ("backchannels_given", lambda own: own.backchannels),
        ("longest_talk", lambda own: own.longest_ms / 1000),
        ("response", lambda own: _seconds(own.response.median_ms)),
        ("response_p90", lambda own: _seconds(own.response.p90_ms)),
    )
    parties = [floor.party(party.role) for party in result.measures.parties]
    return tuple((key, tuple(None if p is None else of(p) for p in parties)) for key, of in rows)


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000


def line_quality(snr_db: float | None) -> str | None:
    """The key of the words for a signal-to-noise ratio; None: not measured."""
    if snr_db is None:
        return None
    return "line_good" if snr_db >= 25 else "line_fair" if snr_db >= 15 else "line_poor"


def timeline(result: CallResult, shown: Sequence[Shown]) -> dict[str, Any]:
    """What the script draws, in whole milliseconds. Holds no spoken words."""
    call, measures = result.call, result.measures
    turns = [(t.span, call.roles.of(t.speaker)) for t in call.turns]
    if not turns:
        turns = [(u.span, u.role) for u in call.utterances]
    return {
        "duration": call.recording.duration_ms,
        "turns": [[span.start_ms, span.end_ms, role.value] for span, role in turns],
        "silences": [[s.span.start_ms, s.span.end_ms] for s in measures.silences],
        "overlaps": [
            [o.span.start_ms, o.span.end_ms, o.kind, *label("overlaps", o.kind)]
            for o in measures.overlaps
        ],
        "marks": [
            [
                item.start_ms,
                item.finding.outcome.value,
                item.number,
                *label("checks", item.finding.check),
            ]
            for item in shown
            if item.start_ms is not None and item.finding.outcome is not Outcome.NOT_APPLICABLE
        ],
        "roles": {role.value: list(label("roles", role.value)) for role in Role},
    }
