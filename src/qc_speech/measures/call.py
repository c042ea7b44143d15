"""All measures of one call. Pure: the same call and sound give the same measures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qc_speech.measures import frames, language, loudness, silences
from qc_speech.measures.lexicon import SpeechLexicons
from qc_speech.measures.overlaps import overlaps
from qc_speech.measures.pace import Pace, pace, party_rates
from qc_speech.measures.pitch import pitches, spread_semitones
from qc_speech.measures.syllables import digit_share
from qc_speech.model import (
    Call,
    Measures,
    PartyMeasures,
    Role,
    Turn,
    Utterance,
    UtteranceMeasures,
)
from qc_speech.ports import Audio

_LISTENED_MS = 45_000  # of one party, for pitch: enough and cheap


def measure(call: Call, audio: Audio | None, lexicons: SpeechLexicons) -> Measures:
    """Measure a call. Without audio: no loudness, pitch or SNR, and rates rest on the text."""
    sound = None
    if audio is not None and audio.samples.size:
        sound = frames.listen(call, audio)
    turns = frames.sharpen(call, sound) if sound else call.turns
    paces = {u.index: pace(u, sound) for u in call.utterances}
    levels = {
        u.index: loudness.utterance_db(u, call.turns, sound) if sound else None
        for u in call.utterances
    }
    voices = _voices(call, sound) if sound else {}
    speeches = _speeches(call.utterances, lexicons)
    duration = call.recording.duration_ms
    end = silences.last_speech_end(turns, sound, duration)
    return Measures(
        parties=tuple(
            _party(role, call, turns, paces, levels, voices, speeches)
            for role in (Role.AGENT, Role.CUSTOMER, Role.OTHER, Role.UNKNOWN)
            if any(call.roles.of(turn.speaker) is role for turn in call.turns) or call.by_role(role)
        ),
        utterances=_utterances(call, paces, levels, voices, speeches),
        silences=silences.silences(turns, call.roles, duration, sound),
        overlaps=overlaps(call, turns, lexicons, sound),
        last_speech_end_ms=end,
        tail_ms=None if end is None else duration - end,
        snr_db=frames.snr_db(call, sound) if sound else None,
        clipped_share=frames.clipped_share(sound) if sound else None,
    )


def _speeches(
    utterances: Sequence[Utterance], lexicons: SpeechLexicons
) -> dict[int, language.Speech]:
    """Language of each utterance, knowing what the other party said shortly before it."""
    found: dict[int, language.Speech] = {}
    for position, utterance in enumerate(utterances):
        before = "|".join(
            u.text for u in utterances[max(0, position - 4) : position] if u.role != utterance.role
        )
        found[utterance.index] = language.speech(utterance, lexicons, before)
    return found


def _voices(call: Call, sound: frames.Sound) -> dict[int, frames.Floats]:
    """Pitch in Hz of the voiced frames of the agent's utterances."""
    found: dict[int, frames.Floats] = {}
    listened = 0
    for utterance in call.by_role(Role.AGENT):
        if utterance.span.duration_ms < 500 or listened > _LISTENED_MS:
            continue
        listened += utterance.span.duration_ms
        found[utterance.index] = pitches(sound.cut(utterance.span, sound.row(utterance.speaker)))
    return found


def _utterances(
    call: Call,
    paces: dict[int, Pace],
    levels: dict[int, float | None],
    voices: dict[int, frames.Floats],
    speeches: dict[int, language.Speech],
) -> tuple[UtteranceMeasures, ...]:
    normal = {role: loudness.normal_db(call.by_role(role), levels) for role in Role}
    found = []
    for utterance in call.utterances:
        rate, said = paces[utterance.index], speeches[utterance.index]
        level, own = levels[utterance.index], normal[utterance.role]
        voice = voices.get(utterance.index)
        found.append(
            UtteranceMeasures(
                utterance.index,
                rate.characters,
                rate.speech_ms,
                rate.speaking,
                level,
                said.foreign_share,
                round(float(np.median(voice)), 1) if voice is not None and voice.size else None,
                rate.articulation,
                rate.nuclei,
                round(digit_share(utterance.text), 3),
                None if level is None or own is None else round(level - own, 1),
                said.dialect,
                said.weak,
                said.doubtful,
            )
        )
    return tuple(found)


def _party(
    role: Role,
    call: Call,
    turns: tuple[Turn, ...],
    paces: dict[int, Pace],
    levels: dict[int, float | None],
    voices: dict[int, frames.Floats],
    speeches: dict[int, language.Speech],
) -> PartyMeasures:
    own = call.by_role(role)
    speaking, articulation = party_rates([paces[u.index] for u in own])
    return PartyMeasures(
        role,
        _union_ms([turn for turn in turns if call.roles.of(turn.speaker) is role]),
        sum(paces[u.index].characters for u in own),
        speaking,
        language.mandarin_share(
            tuple((u, speeches[u.index], paces[u.index].characters) for u in own)
        ),
        loudness.party_db(role, own, levels),
        articulation,
        spread_semitones([voices[u.index] for u in own if u.index in voices]),
    )


def _union_ms(turns: Sequence[Turn]) -> int:
    total, reached = 0, 0
    for turn in sorted(turns, key=lambda turn: turn.span):
        total += max(0, turn.span.end_ms - max(turn.span.start_ms, reached))
        reached = max(reached, turn.span.end_ms)
    return total
