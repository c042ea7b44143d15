"""pyannote.audio behind the Diarizer port: who speaks when in a mixed channel, on this machine.

pyannote's own pipeline gives each (window, local speaker) one embedding. Where two similar voices
follow each other its segmentation hears one local speaker, and the embedding is of both. Here the
windows only say where speech is, where two speak at once and where the voice changes; the voices
are told apart by embeddings of short pieces (voices.py).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from qc_speech.engines import speech, timeline
from qc_speech.engines.options import DiarizerOptions
from qc_speech.engines.timeline import Bools, Floats, Frames, Labels, Piece, Windows
from qc_speech.engines.voices import Limits, tell_apart
from qc_speech.errors import ModelError
from qc_speech.model import Diarization, Span, Stamp, Turn
from qc_speech.ports import SAMPLE_RATE_HZ, Hook, Samples, silent_hook

# pyannote.audio reports its use to its makers unless told not to before it is imported.
os.environ["PYANNOTE_METRICS_ENABLED"] = "0"

WINDOW_SECONDS = 10.0
_FRAME = 270 / SAMPLE_RATE_HZ  # seconds between two frames of segmentation-3.0
_START = 0.0225  # seconds: where its first frame begins (half a receptive field less half a frame)
_BLOCK = 64  # windows
_LEAST_SAMPLES = SAMPLE_RATE_HZ // 4
_SILENT = 10 ** (-65 / 20)


class PyannoteDiarizer:
    """segmentation-3.0 and CAM++ from local files. Not safe for two threads at once.

    threads: of torch in this process (0: its choice); more than one gain little and cost much
    where cores are shared: rather run more processes.
    """

    def __init__(
        self,
        segmentation: Path,
        embedding: Path,
        *,
        device: str = "cpu",
        threads: int = 1,
        options: DiarizerOptions | None = None,
    ) -> None:
        for path in (segmentation, embedding):
            if not path.is_file():
                raise ModelError(f"{path}: no such file; run 'qc-speech models fetch'")
        self._options = options or DiarizerOptions()
        with quiet():
            import pyannote.audio
            import torch

            from qc_speech.engines import campplus

            if threads:
                torch.set_num_threads(threads)
            self._device = torch.device(device)
            self._network = campplus.load(embedding).to(self._device)
            self._inference = _inference(segmentation, self._device, self._options)
        self._stamp = Stamp(
            "pyannote.audio",
            pyannote.audio.__version__,
            f"{segmentation.parent.name}+{embedding.parent.name}",
            _canonical(self._options, self._options.speakers),
        )

    @classmethod
    def from_pipeline(
        cls, folder: Path, *, device: str = "cpu", threads: int = 1, speakers: int = 2
    ) -> PipelineDiarizer:
        """A whole pipeline in a local folder, e.g. pyannote/speaker-diarization-community-1."""
        if not (folder / "config.yaml").is_file():
            raise ModelError(f"{folder}: holds no config.yaml; fetch the pipeline's files again")
        with quiet():
            import torch
            from pyannote.audio import Pipeline

            if threads:
                torch.set_num_threads(threads)
            try:
                pipeline: Any = Pipeline.from_pretrained(folder)
            except Exception as error:
                kind = type(error).__name__
                raise ModelError(
                    f"{folder}: pyannote cannot load it ({kind}); fetch it again"
                ) from error
            pipeline.to(torch.device(device))
        return PipelineDiarizer(pipeline, folder.name, speakers=speakers)

    @property
    def stamp(self) -> Stamp:
        return self._stamp

    def diarize(self, samples: Samples, recording_id: str, hook: Hook = silent_hook) -> Diarization:
        if is_silent(samples):
            return Diarization(recording_id, (), (), self._stamp)
        options = self._options
        windows = self._windows(samples, hook)
        count = int(np.ceil(len(samples) / SAMPLE_RATE_HZ / _FRAME))
        frames = timeline.frames_of(windows, count, options.onset, options.offset, options.overlap)
        heard = _heard(samples, count, options)
        frames = replace(frames, speech=frames.speech & heard, double=frames.double & heard)
        pieces = timeline.pieces_of(windows, frames, _frame_count(options.piece_ms))
        embeddings = self._embeddings(samples, pieces, hook)
        labels = self._labels(windows, frames, pieces, embeddings)
        if not len(labels):
            return Diarization(recording_id, (), (), self._stamp)
        voices = int(labels.max()) + 1
        main, other = timeline.label_frames(windows, frames, pieces, labels, voices)
        hook("diarize", 1.0, 1.0)
        length_ms = len(samples) * 1000 // SAMPLE_RATE_HZ
        alone = [main == voice for voice in range(voices)]
        active = [mine | (other == voice) for voice, mine in enumerate(alone)]
        return diarization(
            recording_id,
            _turns(active, (options.fill_ms, options.fill_beside_ms), options, length_ms),
            _turns(alone, (options.fill_heard_ms, 0), options, length_ms),
            self._stamp,
        )

    def _windows(self, samples: Samples, hook: Hook) -> Windows:
        """In blocks, so that a long recording is not held several times over."""
        import torch

        step = round(self._options.step * WINDOW_SECONDS * SAMPLE_RATE_HZ)
        length = round(WINDOW_SECONDS * SAMPLE_RATE_HZ)
        count = 1 + max(0, -(-(len(samples) - length) // step))
        blocks = []
        for first in range(0, count, _BLOCK):
            last = min(count, first + _BLOCK) - 1
            part = samples[first * step : last * step + length]
            sound = torch.from_numpy(np.ascontiguousarray(part, np.float32))[None]
            with quiet():
                found = self._inference({"waveform": sound, "sample_rate": SAMPLE_RATE_HZ})
            blocks.append(np.exp(found.data))
            hook("diarize", 0.5 * (last + 1) / count, 1.0)
        starts = np.arange(count) * step / SAMPLE_RATE_HZ / _FRAME
        return Windows(np.concatenate(blocks), starts.round().astype(np.int64))

    def _embeddings(self, samples: Samples, pieces: tuple[Piece, ...], hook: Hook) -> Floats:
        """(pieces, 192); zeros where a piece is too short."""
        import torch

        from qc_speech.engines import campplus

        found = np.zeros((len(pieces), campplus.SIZE), np.float32)
        least = _frame_count(self._options.least_piece_ms)
        for row, piece in enumerate(pieces):
            sound = samples[_sample(piece.start) : _sample(piece.stop)]
            if piece.length < least or len(sound) < SAMPLE_RATE_HZ // 10:
                continue
            with torch.inference_mode():
                features = campplus.filterbank(torch.from_numpy(np.ascontiguousarray(sound)))
                features = (features - features.mean(dim=0))[None].to(self._device)
                found[row] = self._network(features)[0].cpu().numpy()
            hook("diarize", 0.5 + 0.5 * row / len(pieces), 1.0)
        return found

    def _labels(
        self, windows: Windows, frames: Frames, pieces: tuple[Piece, ...], embeddings: Floats
    ) -> Labels:
        seconds = np.array([piece.length * _FRAME for piece in pieces])
        change = np.array(
            [self._change(windows, frames, *pair) for pair in itertools.pairwise(pieces)]
        )
        options = self._options
        limits = Limits(
            options.speakers, options.one_voice, options.third_voice, options.third_ms / 1000
        )
        return tell_apart(embeddings, seconds, change, limits)

    def _change(self, windows: Windows, frames: Frames, left: Piece, right: Piece) -> float:
        """Log-odds that the voice changes between two neighbours."""
        near = _frame_count(1000)
        before = (max(left.start, left.stop - near), left.stop)
        after = (right.start, min(right.stop, right.start + near))
        same = timeline.same_voice(windows, frames, before, after)
        if same is None:
            return 0.0
        if not same:
            return self._options.change
        paused = right.start - left.stop >= _frame_count(self._options.pause_ms)
        return -(self._options.stay_pause if paused else self._options.stay)


class PipelineDiarizer:
    """Any object that works like a pyannote.audio 4 pipeline, behind the port."""

    def __init__(
        self,
        pipeline: Any,
        model: str,
        *,
        speakers: int = 2,
        options: DiarizerOptions | None = None,
    ) -> None:
        from importlib.metadata import version

        self._pipeline, self._speakers = pipeline, speakers
        self._options = options or DiarizerOptions()
        shown = _canonical(self._options, speakers)
        self._stamp = Stamp("pyannote.audio", version("pyannote.audio"), model, shown)

    @property
    def stamp(self) -> Stamp:
        return self._stamp

    def diarize(self, samples: Samples, recording_id: str, hook: Hook = silent_hook) -> Diarization:
        if is_silent(samples):
            return Diarization(recording_id, (), (), self._stamp)
        import torch

        sound = torch.from_numpy(np.ascontiguousarray(samples, np.float32))[None]

        def progress(name: str, _: Any, **counts: Any) -> None:
            total = counts.get("total") or 1
            hook("diarize", min(1.0, (counts.get("completed") or 0) / total), 1.0)

        with quiet():
            output = self._pipeline(
                {"waveform": sound, "sample_rate": SAMPLE_RATE_HZ},
                max_speakers=self._speakers,
                hook=progress,
            )
        length_ms = len(samples) * 1000 // SAMPLE_RATE_HZ
        count = _frame_count(length_ms) + 1
        talk = getattr(output, "speaker_diarization", output)
        alone = getattr(output, "exclusive_speaker_diarization", talk)
        names = list(talk.labels())
        options = self._options
        heard = _heard(samples, count, options)
        both = [mine & heard for mine in _active(talk, names, count)]
        single = [mine & heard for mine in _one_at_a_time(_active(alone, names, count))]
        return diarization(
            recording_id,
            _turns(both, (options.fill_ms, options.fill_beside_ms), options, length_ms),
            _turns(single, (options.fill_heard_ms, 0), options, length_ms),
            self._stamp,
        )


def diarization(
    recording_id: str,
    turns: list[tuple[Span, int]],
    exclusive: list[tuple[Span, int]],
    stamp: Stamp,
) -> Diarization:
    """Speakers named S0, S1 in order of their first speech."""
    order = list(dict.fromkeys(voice for _, voice in sorted(turns)))
    names = {voice: f"S{place}" for place, voice in enumerate(order)}
    return Diarization(
        recording_id,
        tuple(Turn(span, names[voice]) for span, voice in sorted(turns)),
        tuple(Turn(span, names[voice]) for span, voice in sorted(exclusive) if voice in names),
        stamp,
    )


def is_silent(samples: Samples) -> bool:
    """Nothing to hear: under a quarter of a second, or all below -65 dBFS."""
    return len(samples) < _LEAST_SAMPLES or max(samples.max(), -samples.min()) < _SILENT


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what pyannote, torchcodec and lightning print about themselves off the terminal."""
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "pyannote")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


def _inference(path: Path, device: Any, options: DiarizerOptions) -> Any:
    from pyannote.audio import Inference, Model

    try:
        model: Any = Model.from_pretrained(path, map_location="cpu")
    except Exception as error:
        kind = type(error).__name__
        raise ModelError(
            f"{path}: pyannote cannot load it ({kind}); run 'qc-speech models fetch'"
        ) from error
    return Inference(
        model.eval(),
        duration=WINDOW_SECONDS,
        step=options.step * WINDOW_SECONDS,
        skip_aggregation=True,
        skip_conversion=True,
        device=device,
        batch_size=options.batch,
    )


def _heard(samples: Samples, count: int, options: DiarizerOptions) -> Bools:
    """Frames in which there may be speech. Segmentation networks take wind instruments, choirs and
    ring tones for voices; Silero VAD hardly ever does, but is late at soft onsets: so what counts
    is speech for both, with some reach."""
    spans = speech.stretches(samples, options.speech)
    reach = options.reach_ms // speech.FRAME_MS
    near = speech.near(spans, -(-len(samples) // speech.PER_FRAME), reach)
    middles = (_START + (np.arange(count) + 0.5) * _FRAME) * 1000 / speech.FRAME_MS
    return np.asarray(near[np.minimum(middles.astype(int), len(near) - 1)])


def _turns(
    active: list[Bools], fill_ms: tuple[int, int], options: DiarizerOptions, length_ms: int
) -> list[tuple[Span, int]]:
    """(span, voice); fill_ms: pauses that end no turn, nobody or somebody else in them."""
    found = []
    for voice, mine in enumerate(active):
        others = np.zeros_like(mine)
        for number, heard in enumerate(active):
            others |= heard if number != voice else False
        for start, stop in timeline.talk(
            mine,
            others,
            _frame_count(fill_ms[0]),
            _frame_count(fill_ms[1]),
            _frame_count(options.least_ms),
        ):
            begin, end = min(_ms(start), length_ms), min(_ms(stop), length_ms)
            if begin < end:
                found.append((Span(begin, end), voice))
    return found


def _active(annotation: Any, names: list[Any], count: int) -> list[Bools]:
    active = [np.zeros(count, bool) for _ in names]
    for segment, _, name in annotation.itertracks(yield_label=True):
        start, stop = (max(0, round((time - _START) / _FRAME)) for time in segment)
        if name in names:
            active[names.index(name)][start:stop] = True
    return active


def _one_at_a_time(active: list[Bools]) -> list[Bools]:
    """The first named keeps a frame that rounding gave to two."""
    taken: Bools | None = None
    kept = []
    for mine in active:
        free = mine if taken is None else mine & ~taken
        taken = free if taken is None else taken | free
        kept.append(free)
    return kept


def _frame_count(ms: int) -> int:
    return round(ms / 1000 / _FRAME)


def _sample(frame: int) -> int:
    return max(0, round((_START + frame * _FRAME) * SAMPLE_RATE_HZ))


def _ms(frame: int) -> int:
    return 0 if frame <= 0 else round(1000 * (_START + frame * _FRAME))


def _canonical(options: DiarizerOptions, speakers: int) -> str:
    return json.dumps({**asdict(options), "speakers": speakers}, sort_keys=True)
