"""Both parties over time, in equal steps: what the call page draws and rolling windows rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qc_speech.measures.frames import BLOCK_MS, Floats, Sound, speech_mask
from qc_speech.measures.loudness import loudness_lufs
from qc_speech.measures.pace import Pace
from qc_speech.measures.syllables import characters
from qc_speech.model import Call, Role, Span, Track, Turn

_STEP_MS = 1000
_MOST_STEPS = 600  # a long call gets longer steps: a picture has so many points at most
_LOUD_MS = 3000  # the short-term window of EBU Tech 3341
_PACE_MS = 10_000
_LEAST_SPEECH_MS = 4_000  # of a pace window


def tracks(
    call: Call, turns: Sequence[Turn], paces: Mapping[int, Pace], sound: Sound | None
) -> tuple[Track, ...]:
    """One track for the agent and one for the customer, where they speak at all."""
    duration = call.recording.duration_ms
    step = max(_STEP_MS, -(-duration // _MOST_STEPS))
    marks = range(0, duration, step)
    found = []
    for role in (Role.AGENT, Role.CUSTOMER):
        own = [turn for turn in turns if call.roles.of(turn.speaker) is role]
        if not own:
            continue
        windows = _Windows(call, role, own, paces)
        found.append(
            Track(
                role,
                step,
                tuple(windows.loudness(mark + step // 2, sound) for mark in marks),
                tuple(windows.pace(mark + step // 2) for mark in marks),
            )
        )
    return tuple(found)


def pace_range(track: Track | None) -> tuple[float | None, float | None]:
    """(slowest, fastest) rolling window of a track."""
    known = [value for value in track.characters_per_minute if value is not None] if track else []
    return (min(known), max(known)) if known else (None, None)


class _Windows:
    """One party's talk, summed up so that any window is one subtraction."""

    def __init__(
        self, call: Call, role: Role, turns: Sequence[Turn], paces: Mapping[int, Pace]
    ) -> None:
        self._turns = turns
        blocks = call.recording.duration_ms // BLOCK_MS + 1
        others = [turn for turn in call.turns if call.roles.of(turn.speaker) is not role]
        self._alone = speech_mask(turns, blocks) & ~speech_mask(others, blocks, margin_ms=80)
        spoken, said = np.zeros(blocks), np.zeros(blocks)
        for utterance in call.by_role(role):
            rate = paces[utterance.index]
            if rate.speaking is None:  # too short, or its text is not to be trusted
                continue
            first, last = _blocks(utterance.span, blocks)
            spoken[first:last] += rate.speech_ms / (last - first)
            for word in utterance.words:
                first, last = _blocks(word.span, blocks)
                said[first:last] += characters(word.text) / (last - first)
        self._spoken, self._said = _running(spoken), _running(said)

    def pace(self, centre_ms: int) -> float | None:
        """Characters per minute of speech in the window around a time."""
        first, last = self._window(centre_ms, _PACE_MS)
        spoken_ms = self._spoken[last] - self._spoken[first]
        if spoken_ms < _LEAST_SPEECH_MS:
            return None
        return round(float(60_000 * (self._said[last] - self._said[first]) / spoken_ms), 1)

    def loudness(self, centre_ms: int, sound: Sound | None) -> float | None:
        """Short-term loudness in LUFS of what this party says alone."""
        if sound is None:
            return None
        row = sound.row(self._turns[0].speaker)
        first, last = self._window(centre_ms, _LOUD_MS)
        mine = self._alone[first:last]
        weighted = sound.weighted[row, first : first + len(mine)]
        return loudness_lufs(weighted[mine[: len(weighted)]])

    def _window(self, centre_ms: int, width_ms: int) -> tuple[int, int]:
        half, centre, last = width_ms // 2 // BLOCK_MS, centre_ms // BLOCK_MS, len(self._alone)
        return min(max(0, centre - half), last), min(centre + half, last)


def _running(values: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(values)))


def _blocks(span: Span, most: int) -> tuple[int, int]:
    first = min(span.start_ms // BLOCK_MS, most - 1)
    return first, min(max(first + 1, -(-span.end_ms // BLOCK_MS)), most)
