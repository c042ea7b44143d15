"""Who speaks when in a two-channel recording: each channel is a party; only speech is looked for.

Silero VAD (inside faster-whisper) says where speech is. On telephone sound it is late by 0.1 s at
soft onsets, sometimes by 0.4 s; so the edges are set by the level of the channel: from the core
that the VAD found outwards as long as the sound lasts. What the other channel's speaker leaves on
this one (cross-talk) is no sound of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import numpy.typing as npt

from qc_speech.engines.options import SpeechOptions
from qc_speech.engines.speech import FRAME_MS, PER_FRAME, near, stretches
from qc_speech.engines.timeline import Bools, talk
from qc_speech.model import Diarization, Span, Stamp, Turn
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

Levels = npt.NDArray[np.floating]

_QUIETEST = -100.0  # dBFS


@dataclass(frozen=True)
class ChannelOptions:
    """Defaults: what was measured best on telephone calls. Levels in dB."""

    speech: SpeechOptions = field(default_factory=SpeechOptions)
    reach_ms: int = 500  # how far an edge may move away from what the VAD found
    hole_ms: int = 120  # silence inside a word (stops) that does not end the sound
    above_floor_db: float = 4.5  # sound: so far above the channel's noise,
    below_speech_db: float = 28.0  # and no further than this below its speech
    crosstalk_db: float = 15.0  # weaker than the other channel by this,
    below_own_db: float = 12.0  # and than the channel's own speech by this: cross-talk
    fill_ms: int = 1600  # a pause in a turn, the other party silent
    fill_beside_ms: int = 500  # the same, the other party talking
    least_ms: int = 120  # of a turn


def channel_turns(
    samples: Samples, recording_id: str, options: ChannelOptions | None = None
) -> Diarization:
    """Turns of speakers ch0, ch1 in float32 sound of shape (channels, n) at 16 kHz.

    `exclusive` equals `turns`: a channel's words are its own, also where both talk.
    """
    from importlib.metadata import version

    options = options or ChannelOptions()
    turns = sorted(
        (span, f"ch{channel}")
        for channel, mine in enumerate(_speech(samples, options))
        for span in _spans(
            talk(
                mine[0],
                mine[1],
                options.fill_ms // FRAME_MS,
                options.fill_beside_ms // FRAME_MS,
                options.least_ms // FRAME_MS,
            ),
            samples.shape[1],
        )
    )
    found = tuple(Turn(span, speaker) for span, speaker in turns)
    shown = json.dumps(asdict(options), sort_keys=True)
    stamp = Stamp("silero-vad", version("faster-whisper"), "by-channel", shown)
    return Diarization(recording_id, found, found, stamp)


def speech_spans(
    samples: Samples,
    pad_ms: int = 200,
    join_ms: int = 500,
    options: ChannelOptions | None = None,
) -> tuple[Span, ...]:
    """Where speech is in one channel (1-D, 16 kHz), with room around it, for the recognizer.

    Spans closer than `join_ms` are one; none overlap.
    """
    ((mine, _),) = _speech(samples[None], options or ChannelOptions())
    joined = talk(mine, np.zeros_like(mine), join_ms // FRAME_MS, 0, 1)
    length_ms = len(samples) * 1000 // SAMPLE_RATE_HZ
    found: list[Span] = []
    for span in _spans(joined, len(samples)):
        start, end = max(0, span.start_ms - pad_ms), min(length_ms, span.end_ms + pad_ms)
        if found and start < found[-1].end_ms:
            middle = (start + found[-1].end_ms) // 2
            found[-1], start = Span(found[-1].start_ms, middle), middle
        found.append(Span(start, end))
    return tuple(found)


def _speech(samples: Samples, options: ChannelOptions) -> list[tuple[Bools, Bools]]:
    """Per channel and 10 ms frame: this channel speaks, another one does."""
    levels = [level(channel) for channel in samples]
    cores = [stretches(channel, options.speech) for channel in samples]
    spoken = []
    for number, (own, core) in enumerate(zip(levels, cores)):
        others = [other for place, other in enumerate(levels) if place != number]
        loudest = np.max(others, axis=0) if others else np.full(len(own), -np.inf)
        spoken.append(_own_speech(own, loudest, core, options))
    return [
        (mine, np.any([o for p, o in enumerate(spoken) if p != n] or [np.zeros_like(mine)], axis=0))
        for n, mine in enumerate(spoken)
    ]


def level(channel: Samples) -> Levels:
    """dBFS of every 10 ms, over 20 ms."""
    whole = len(channel) // PER_FRAME
    frames, rest = channel[: whole * PER_FRAME], channel[whole * PER_FRAME :]
    frames = frames.reshape(whole, PER_FRAME)
    power = np.einsum("ij,ij->i", frames, frames) / PER_FRAME
    if len(rest):
        power = np.append(power, np.dot(rest, rest) / PER_FRAME)
    smooth = (power + np.concatenate([power[1:], power[-1:]])) / 2
    return np.asarray(10 * np.log10(np.maximum(smooth, 10 ** (_QUIETEST / 10))))


def _own_speech(
    own: Levels, other: Levels, cores: tuple[tuple[int, int], ...], options: ChannelOptions
) -> Bools:
    core = near(cores, len(own), 0)
    sure = core & (own > other - options.crosstalk_db)
    if not sure.any():
        return sure
    normal = float(np.median(own[sure]))
    crosstalk = (own < other - options.crosstalk_db) & (own < normal - options.below_own_db)
    floor = float(np.percentile(own[~core], 30)) if not core.all() else _QUIETEST
    least = max(floor + options.above_floor_db, normal - options.below_speech_db)
    least = min(least, normal - 6)
    sound = (own > least) & ~crosstalk
    reach, hole = options.reach_ms // FRAME_MS, options.hole_ms // FRAME_MS
    around = near(cores, len(own), reach)
    spoken = np.zeros(len(own), bool)
    for start, stop in talk(sound & around, core, hole, hole, 1):
        if core[start:stop].any():
            spoken[start:stop] = True
    return spoken


def _spans(found: Sequence[tuple[int, int]], length: int) -> list[Span]:
    end = length * 1000 // SAMPLE_RATE_HZ
    return [Span(a * FRAME_MS, min(b * FRAME_MS, end)) for a, b in found if a * FRAME_MS < end]
