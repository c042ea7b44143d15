"""Turn-taking over a whole call: who talks, who interrupts how often, who answers how fast.

Response latency is the floor transfer offset of the field: the gap (positive) or overlap (negative)
between one party's last word and the other's next turn (Heldner & Edlund 2010; Levinson & Torreira
2015: about 200 ms in conversation). A listener's signals are no turns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qc_speech.measures.frames import Sound
from qc_speech.measures.hangup import hang_up
from qc_speech.measures.lexicon import SpeechLexicons
from qc_speech.measures.silent import silent_interruptions
from qc_speech.measures.talk import Sides, Talk, sides
from qc_speech.measures.tones import ring_back
from qc_speech.model import (
    Call,
    FloorMeasures,
    Latency,
    Overlap,
    PartyFloor,
    Role,
    Silence,
)

_LEAST_TALK_MS = 30_000  # less talk than this gives no rate
_PARTIES = (Role.AGENT, Role.CUSTOMER)


def floor_measures(
    call: Call,
    overlaps: Sequence[Overlap],
    silences: Sequence[Silence],
    lexicons: SpeechLexicons,
    sound: Sound | None,
    end_ms: int | None,
) -> FloorMeasures:
    """`call` has the turns that overlaps and silences were found in; `end_ms`: end of speech."""
    both = sides(call, call.turns)
    duration = max(1, call.recording.duration_ms)
    talk = {role: _union_ms(both.of(role)) for role in _PARTIES}
    together = sum(overlap.span.duration_ms for overlap in overlaps)
    inner = [s.span.duration_ms for s in silences if s.after is not None and s.before is not None]
    silence = sum(s.span.duration_ms for s in silences)
    rings = ring_back(sound.samples) if sound is not None else None
    whole = sum(talk.values())
    return FloorMeasures(
        parties=tuple(
            _party(role, both, overlaps, whole - together) for role in _PARTIES if both.of(role)
        ),
        agent_share=round(talk[Role.AGENT] / whole, 3) if whole else None,
        silence_share=round(min(1.0, silence / duration), 3),
        overlap_share=round(min(1.0, together / duration), 3),
        longest_silence_ms=max(inner, default=0),
        silent=silent_interruptions(both, overlaps, lexicons.backchannels, lexicons.floor),
        hang_up=hang_up(call, end_ms, lexicons.floor, sound),
        rings=None if rings is None else len(rings),
        ring_ms=rings[-1].end_ms - rings[0].start_ms if rings else None,
    )


def _party(
    role: Role,
    both: Sides,
    overlaps: Sequence[Overlap],
    talk_ms: int,
) -> PartyFloor:
    made = [o for o in overlaps if o.second is role and o.kind == "interruption"]
    listening = [o for o in overlaps if o.second is role and o.kind == "backchannel"]
    turns = _turns(role, both, overlaps)
    rate = len(made) * 60_000 / talk_ms if talk_ms >= _LEAST_TALK_MS else None
    return PartyFloor(
        role=role,
        talk_ms=_union_ms(both.of(role)),
        turns=len(turns),
        longest_ms=max((talk.span.duration_ms for talk in both.of(role)), default=0),
        interruptions=len(made),
        successful=sum(overlap.yielded for overlap in made),
        interruptions_per_minute=None if rate is None else round(rate, 2),
        backchannels=len(listening),
        response=_latency(_offsets(turns, _turns(_other(role), both, overlaps))),
    )


def _other(role: Role) -> Role:
    return Role.CUSTOMER if role is Role.AGENT else Role.AGENT


def _turns(role: Role, both: Sides, overlaps: Sequence[Overlap]) -> tuple[Talk, ...]:
    """A party's talk without its listener's signals inside the other's turns."""
    listening = [
        overlap.span
        for overlap in overlaps
        if overlap.second is role and overlap.kind == "backchannel" and overlap.form != "opening"
    ]
    return tuple(
        talk for talk in both.of(role) if not any(span.overlap_ms(talk.span) for span in listening)
    )


def _offsets(mine: Sequence[Talk], theirs: Sequence[Talk]) -> list[int]:
    """Gap before each turn that follows a turn of the other party."""
    found, last_own = [], -1
    for talk in mine:
        start = talk.span.start_ms
        before = [t.span.end_ms for t in theirs if last_own <= t.span.start_ms < start]
        if before:
            found.append(start - before[-1])
        last_own = start
    return found


def _latency(offsets: Sequence[int]) -> Latency:
    if not offsets:
        return Latency(0)
    middle, high = np.percentile(offsets, (50, 90))
    return Latency(len(offsets), round(float(middle)), round(float(high)), max(offsets))


def _union_ms(talks: Sequence[Talk]) -> int:
    return sum(talk.span.duration_ms for talk in talks)
