"""What sounds on a telephone line and is nobody's speech: made here, 8 kHz band, at 16 kHz."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RATE = 16_000
Sound = npt.NDArray[np.float32]
Wave = npt.NDArray[np.float64]

TUNE = (76, 75, 76, 75, 76, 71, 74, 72, 69, 60, 64, 69, 71, 64, 68, 71, 72)  # MIDI notes
CHORDS = ((60, 64, 67), (57, 60, 64), (65, 69, 72), (55, 59, 62, 65))


def time(seconds: float) -> Wave:
    return np.arange(int(seconds * RATE)) / RATE


def tone(hertz: float, seconds: float) -> Wave:
    return np.sin(2 * np.pi * hertz * time(seconds))


def pause(seconds: float) -> Wave:
    return np.zeros(int(seconds * RATE))


def ring_tone(times: int = 4) -> Wave:
    """GB/T 3380: 450 Hz, 1 s on, 4 s off."""
    return np.concatenate([tone(450, 1), pause(4)] * times)


def busy_tone(times: int = 20) -> Wave:
    return np.concatenate([tone(450, 0.35), pause(0.35)] * times)


def keys(on: float = 0.12, off: float = 0.12, presses: int = 60) -> Wave:
    """DTMF (ITU-T Q.23) of random keys."""
    low, high = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    pressed = np.random.default_rng(0).integers(0, 4, (presses, 2))
    return np.concatenate(
        [np.concatenate([tone(low[a], on) + tone(high[b], on), pause(off)]) for a, b in pressed]
    )


def note(midi: float, seconds: float, overtones: Sequence[float], vibrato: float) -> Wave:
    hertz = 440 * 2 ** ((midi - 69) / 12)
    phase = 2 * np.pi * hertz * time(seconds) + vibrato * np.sin(2 * np.pi * 5.5 * time(seconds))
    wave = sum(
        size * np.sin(number * phase)
        for number, size in enumerate(overtones, 1)
        if number * hertz < 3800
    )
    shape = np.minimum(1, np.minimum(time(seconds), seconds - time(seconds)) / 0.02)
    return np.asarray(wave * shape)


def melody(
    overtones: Sequence[float] = (1, 0.5, 0.3, 0.2, 0.1), vibrato: float = 0.0, step: float = 0.28
) -> Wave:
    return np.concatenate([note(midi, step, overtones, vibrato) for midi in TUNE * 4])


def chords(step: float = 1.0, decay: float = 0.5) -> Wave:
    fading = np.exp(-decay * time(step))
    return np.concatenate(
        [
            fading * sum(note(midi, step, (1, 0.5, 0.3, 0.2), 0.0) for midi in chord)
            for chord in CHORDS * 5
        ]
    )


def band() -> Wave:
    """Melody, chords and a drum together."""
    tune, harmony = melody(vibrato=0.3), chords()
    count = min(len(tune), len(harmony))
    beat = np.exp(-(np.arange(count) % (RATE // 2)) / 600) * np.sin(
        2 * np.pi * 90 * np.arange(count) / RATE
    )
    return tune[:count] + 0.5 * harmony[:count] + beat


def white(seconds: float = 16, seed: int = 0) -> Wave:
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE))


def pink(seconds: float = 16) -> Wave:
    spectrum = np.fft.rfft(white(seconds, 1))
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)))


def hum() -> Wave:
    return np.asarray(sum(tone(50 * k, 16) / k for k in range(1, 11)) + 0.02 * white(16))


def pulsing_noise() -> Wave:
    """Noise in the rhythm of syllables."""
    return white(16) * (1 + tone(4, 16)) / 2


def siren() -> Wave:
    return np.sin(2 * np.pi * np.cumsum(800 + 400 * tone(0.5, 16)) / RATE)


SOUNDS: dict[str, Wave] = {
    "ring tone": ring_tone(),
    "busy tone": busy_tone(),
    "keys": keys(),
    "slow keys": keys(0.4, 0.8, 14),
    "white noise": white(),
    "pink noise": pink(),
    "hum": hum(),
    "pulsing noise": pulsing_noise(),
    "siren": siren(),
    "whistled tune": melody((1,)),
    "tune": melody(),
    "tune with vibrato": melody(vibrato=0.4),
    "strings": melody((1, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2), vibrato=0.8, step=0.45),
    "chords": chords(),
    "plucked chords": chords(0.5, 4.0),
    "band": band(),
}


def on_the_line(wave: Wave, dbfs: float = -23.0, noise_db: float = 30.0) -> Sound:
    """The telephone band of it at a level (RMS), with line noise so far below."""
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    telephone = np.fft.irfft(spectrum, len(wave))
    telephone *= 10 ** (dbfs / 20) / max(float(np.sqrt(np.mean(telephone**2))), 1e-9)
    line = white(len(wave) / RATE + 1, 9)[: len(wave)] * 10 ** ((dbfs - noise_db) / 20)
    return np.asarray(np.clip(telephone + line, -1, 1), np.float32)
