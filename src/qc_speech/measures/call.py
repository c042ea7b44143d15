"""All measures of one call. Pure: the same call and sound give the same measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qc_speech.measures import crosstalk, frames, language, loudness, pitch, silences, trend
from qc_speech.measures.floor import floor_measures
from qc_speech.measures.lexicon import SpeechLexicons
from qc_speech.measures.overlaps import overlaps
from qc_speech.measures.pace import Pace, pace, party_rates
from qc_speech.measures.picture import pace_range, tracks
from qc_speech.measures.syllables import digit_share
from qc_speech.model import (
    Call,
    Measures,
    PartyMeasures,
    Role,
    Track,
    Turn,
    Utterance,
    UtteranceMeasures,
)
from qc_speech.ports import Audio

_VOICES_OF = (Role.AGENT, Role.CUSTOMER)


@dataclass(frozen=True)
class _Heard:
    """What was measured of each utterance, by its index. A sound measure is None where there is
    no sound or too little of it."""

    paces: Mapping[int, Pace]
    dbfs: Mapping[int, float | None]
    lufs: Mapping[int, float | None]
    above: Mapping[int, float | None]  # dB over the party's own normal loudness
    voices: Mapping[int, frames.Floats]  # Hz of the voiced frames listened to
    weighted: Mapping[int, frames.Floats]  # K-weighted power of the blocks
    speeches: Mapping[int, language.Speech]

    def pitch_hz(self, index: int) -> float | None:
        voice = self.voices.get(index)
        return None if voice is None or not voice.size else round(float(np.median(voice)), 1)


def measure(call: Call, audio: Audio | None, lexicons: SpeechLexicons) -> Measures:
    """Measure a call. Without audio: no loudness, pitch or SNR, and rates rest on the text."""
    sound = None
    if audio is not None and audio.samples.size:
        sound = frames.listen(call, audio)
    turns = frames.sharpen(call, sound) if sound else call.turns
    heard = _heard(call, sound, lexicons)
    duration = call.recording.duration_ms
    end = silences.last_speech_end(turns, sound, duration)
    pictures = tracks(call, turns, heard.paces, sound)
    parties = tuple(
        _party(role, call, turns, heard, sound, pictures)
        for role in (Role.AGENT, Role.CUSTOMER, Role.OTHER, Role.UNKNOWN)
        if any(call.roles.of(turn.speaker) is role for turn in call.turns) or call.by_role(role)
    )
    talk, skew = crosstalk.aligned(call, turns, sound)  # turn-taking is on one clock
    clashes = overlaps(talk, lexicons.backchannels, lexicons.floor, sound)
    pauses = silences.silences(talk, lexicons.floor, sound)
    floor = floor_measures(talk, clashes, pauses, lexicons, sound, end)
    ratios = [party.snr_db for party in parties if party.snr_db is not None]
    clipped = [party.clipped_share for party in parties if party.clipped_share is not None]
    return Measures(
        parties=parties,
        utterances=tuple(_utterance(utterance, heard) for utterance in call.utterances),
        silences=pauses,
        overlaps=clashes,
        last_speech_end_ms=end,
        tail_ms=None if end is None else duration - end,
        snr_db=min(ratios, default=None),
        clipped_share=max(clipped, default=None),
        tracks=pictures,
        strains=trend.strains(call, heard.above),
        floor=replace(floor, channel_skew_ms=skew),
    )


def _heard(call: Call, sound: frames.Sound | None, lexicons: SpeechLexicons) -> _Heard:
    dbfs: dict[int, float | None] = {}
    lufs: dict[int, float | None] = {}
    weighted: dict[int, frames.Floats] = {}
    if sound is not None:
        clear = loudness.clear_of_others(call.turns, sound.power.shape[1])
        for utterance in call.utterances:
            power, own = loudness.own_blocks(utterance, clear, sound)
            weighted[utterance.index] = own
            row = sound.row(utterance.speaker)
            dbfs[utterance.index] = loudness.level_dbfs(power, sound.floor_db[row])
            lufs[utterance.index] = loudness.loudness_lufs(own)
    normal = {role: loudness.normal_level(call.by_role(role), lufs) for role in Role}
    above: dict[int, float | None] = {}
    for utterance in call.utterances:
        level, usual = lufs.get(utterance.index), normal[utterance.role]
        above[utterance.index] = None if level is None or usual is None else round(level - usual, 1)
    return _Heard(
        paces={u.index: pace(u, sound) for u in call.utterances},
        dbfs=dbfs,
        lufs=lufs,
        above=above,
        voices=_voices(call, sound) if sound else {},
        weighted=weighted,
        speeches=language.speeches(call.utterances, lexicons),
    )


def _voices(call: Call, sound: frames.Sound) -> dict[int, frames.Floats]:
    """Pitch in Hz of the voiced frames of both parties' utterances, as far as listened to."""
    found: dict[int, frames.Floats] = {}
    for role in _VOICES_OF:
        own = call.by_role(role)
        row = {u.index: sound.row(u.speaker) for u in own}
        for index, span in pitch.sampled(own, call.recording.duration_ms).items():
            found[index] = pitch.contour(sound.cut(span, row[index]))
    return found


def _utterance(utterance: Utterance, heard: _Heard) -> UtteranceMeasures:
    index = utterance.index
    rate, said = heard.paces[index], heard.speeches[index]
    return UtteranceMeasures(
        index=index,
        characters=rate.characters,
        speech_ms=rate.speech_ms,
        characters_per_minute=rate.speaking,
        loudness_dbfs=heard.dbfs.get(index),
        foreign_share=said.foreign_share,
        pitch_hz=heard.pitch_hz(index),
        articulation_per_minute=rate.articulation,
        nuclei_per_minute=rate.nuclei,
        digit_share=round(digit_share(utterance.text), 3),
        above_normal_db=heard.above[index],
        dialect=said.dialect,
        dialect_weak=said.weak,
        dialect_doubtful=said.doubtful,
        loudness_lufs=heard.lufs.get(index),
        dialect_evidence=said.evidence,
        dialect_region=said.region,
    )


def _party(
    role: Role,
    call: Call,
    turns: tuple[Turn, ...],
    heard: _Heard,
    sound: frames.Sound | None,
    pictures: tuple[Track, ...],
) -> PartyMeasures:
    own = call.by_role(role)
    speaking, articulation = party_rates([heard.paces[u.index] for u in own])
    voices = [heard.voices[u.index] for u in own if u.index in heard.voices]
    slowest, fastest = pace_range(next((t for t in pictures if t.role is role), None))
    weighted = [heard.weighted[u.index] for u in own if u.index in heard.weighted]
    snr, clipped, cut_outs = _line(role, call, sound)
    level = pitch.level_hz(voices)
    return PartyMeasures(
        role=role,
        speech_ms=_union_ms([turn for turn in turns if call.roles.of(turn.speaker) is role]),
        characters=sum(heard.paces[u.index].characters for u in own),
        characters_per_minute=speaking,
        mandarin_share=language.mandarin_share(
            tuple((u, heard.speeches[u.index], heard.paces[u.index].characters) for u in own)
        ),
        loudness_dbfs=loudness.party_db(role, own, heard.dbfs),
        articulation_per_minute=articulation,
        pitch_spread_semitones=pitch.spread_semitones(voices),
        loudness_lufs=loudness.loudness_lufs(np.concatenate(weighted)) if weighted else None,
        pitch_hz=level,
        pitch_range_semitones=pitch.range_semitones(voices),
        loudness_rise_db=trend.rise(own, heard.lufs),
        pitch_rise_semitones=trend.rise(own, _semitones(own, heard, level)),
        fastest_per_minute=fastest,
        slowest_per_minute=slowest,
        snr_db=snr,
        clipped_share=clipped,
        cut_outs=cut_outs,
    )


def _semitones(
    utterances: Sequence[Utterance], heard: _Heard, level_hz: float | None
) -> dict[int, float | None]:
    """Each utterance's pitch in semitones from the party's own level."""
    found: dict[int, float | None] = {}
    for utterance in utterances:
        hertz = heard.pitch_hz(utterance.index)
        if hertz is not None and level_hz is not None:
            found[utterance.index] = pitch.semitones_above(hertz, level_hz)
    return found


def _line(
    role: Role, call: Call, sound: frames.Sound | None
) -> tuple[float | None, float | None, int | None]:
    """SNR in dB, share of clipped samples and number of cut-outs of one party's line."""
    own = call.role_turns(role)
    if sound is None or not own:
        return None, None, None
    row = sound.row(own[0].speaker)
    return (
        frames.snr_db(own, sound, row),
        frames.clipped_share(own, sound, row),
        frames.cut_outs(own, sound, row),
    )


def _union_ms(turns: Sequence[Turn]) -> int:
    total, reached = 0, 0
    for turn in sorted(turns, key=lambda turn: turn.span):
        total += max(0, turn.span.end_ms - max(turn.span.start_ms, reached))
        reached = max(reached, turn.span.end_ms)
    return total
