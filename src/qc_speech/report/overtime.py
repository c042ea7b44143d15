"""The call over time: both parties' speech, loudness and pace as a picture and as a table.

Everything is worked out here, so that the page shows it without a script and on paper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from qc_speech.model import CallResult, Role, Span, Track

WIDTH = 1000.0  # of the picture, in its own units; it is stretched to the page
_PARTIES = (Role.AGENT, Role.CUSTOMER)
_ROWS_MS = tuple(1000 * s for s in (5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600))
_MOST_ROWS = 12
_TICKS = 6
_LEAST_MS = 500  # speech in a stretch that has a loudness and a pace


@dataclass(frozen=True)
class Band:
    """A stretch as the picture has it: x and width in its units."""

    css: str
    x: float
    width: float
    title: str


@dataclass(frozen=True)
class Curve:
    """One quantity of one party: polylines (y downwards, 0..100), broken where it says nothing."""

    role: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Lane:
    """A quantity with its curves and the values at its upper and lower edge."""

    name: str
    low: float
    high: float
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Row:
    """One stretch of the table. None: nothing to measure there."""

    start_ms: int
    end_ms: int
    speech_ms: tuple[int, int]  # agent, customer
    overlaps: int
    silence_ms: int
    loudness: tuple[float | None, float | None]
    pace: tuple[float | None, float | None]


@dataclass(frozen=True)
class OverTime:
    speech: tuple[tuple[str, tuple[Band, ...]], ...]  # by role
    across: tuple[Band, ...]  # silences and overlaps, over both parties
    lanes: tuple[Lane, ...]
    ticks: tuple[int, ...]  # ms, evenly from the start to the end
    rows: tuple[Row, ...]


def over_time(result: CallResult) -> OverTime | None:
    """None for a call in which nobody speaks."""
    duration = result.call.recording.duration_ms
    spans = {role: [t.span for t in result.call.role_turns(role)] for role in _PARTIES}
    if duration <= 0 or not any(spans.values()):
        return None
    measures = result.measures
    across = [_band("silence", s.span, duration) for s in measures.silences]
    across += [_band(f"overlap k-{o.kind}", o.span, duration) for o in measures.overlaps]
    lanes = [
        _lane("loudness_lufs", measures.tracks, lambda track: track.loudness_lufs, duration),
        _lane("pace", measures.tracks, lambda track: track.characters_per_minute, duration),
    ]
    return OverTime(
        tuple(
            (role.value, tuple(_band(f"speech r-{role.value}", s, duration) for s in own))
            for role, own in spans.items()
        ),
        tuple(across),
        tuple(lane for lane in lanes if lane is not None),
        tuple(round(duration * i / _TICKS) for i in range(_TICKS + 1)),
        _rows(result, spans, duration),
    )


def _band(css: str, span: Span, duration: int) -> Band:
    start, end = min(span.start_ms, duration), min(span.end_ms, duration)
    width = max((end - start) * WIDTH / duration, 0.5)
    length = f"{span.duration_ms / 1000:.1f} s"
    return Band(css, round(start * WIDTH / duration, 2), round(width, 2), length)


def _lane(
    name: str,
    tracks: Sequence[Track],
    values: Callable[[Track], tuple[float | None, ...]],
    duration: int,
) -> Lane | None:
    known = [value for track in tracks for value in values(track) if value is not None]
    if not known:
        return None
    low, high = min(known), max(known)
    if high - low < 1:
        low, high = low - 1, high + 1
    curves = tuple(
        Curve(track.role.value, _lines(values(track), track.step_ms, duration, low, high))
        for track in tracks
    )
    return Lane(name, round(low), round(high), curves)


def _lines(
    values: Sequence[float | None], step_ms: int, duration: int, low: float, high: float
) -> tuple[str, ...]:
    """Points "x,y" of each unbroken run; a lone value is a short dash."""
    found: list[str] = []
    run: list[tuple[float, float]] = []
    for i, value in enumerate([*values, None]):
        if value is not None:
            x = min((i + 0.5) * step_ms * WIDTH / duration, WIDTH)
            run.append((x, 100 - 100 * (value - low) / (high - low)))
        elif run:
            if len(run) == 1:
                run = [(run[0][0] - 1.5, run[0][1]), (run[0][0] + 1.5, run[0][1])]
            found.append(" ".join(f"{x:.1f},{y:.1f}" for x, y in run))
            run = []
    return tuple(found)


def _rows(result: CallResult, spans: dict[Role, list[Span]], duration: int) -> tuple[Row, ...]:
    step = next((s for s in _ROWS_MS if s * _MOST_ROWS >= duration), _ROWS_MS[-1])
    tracks = {track.role: track for track in result.measures.tracks}
    rows = []
    for start in range(0, duration, step):
        window = Span(start, min(start + step, duration))
        agent, customer = (
            sum(window.overlap_ms(span) for span in spans[role]) for role in _PARTIES
        )
        shown = [
            tracks.get(role) if spoken >= _LEAST_MS else None
            for role, spoken in zip(_PARTIES, (agent, customer))
        ]
        loud = [_middle(track, window, lambda t: t.loudness_lufs) for track in shown]
        pace = [_middle(track, window, lambda t: t.characters_per_minute) for track in shown]
        rows.append(
            Row(
                window.start_ms,
                window.end_ms,
                (agent, customer),
                sum(
                    window.start_ms <= o.span.start_ms < window.end_ms
                    for o in result.measures.overlaps
                ),
                sum(window.overlap_ms(s.span) for s in result.measures.silences),
                (loud[0], loud[1]),
                (pace[0], pace[1]),
            )
        )
    return tuple(rows)


def _middle(
    track: Track | None, window: Span, values: Callable[[Track], tuple[float | None, ...]]
) -> float | None:
    """The median of a track's values whose steps begin in a window."""
    if track is None:
        return None
    first = -(-window.start_ms // track.step_ms)
    last = -(-window.end_ms // track.step_ms)
    known = [value for value in values(track)[first:last] if value is not None]
    return round(median(known), 1) if known else None
