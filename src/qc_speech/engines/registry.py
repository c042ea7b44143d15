"""Which engines there are, made from settings; nothing heavy until one is needed."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from qc_speech.model import Diarization, Span
from qc_speech.models import require
from qc_speech.ports import Diarizer, Samples, Transcriber, VoiceEncoder
from qc_speech.settings import Settings

if TYPE_CHECKING:
    from qc_speech.engines.room import Batched


def required_models(settings: Settings) -> tuple[str, ...]:
    """Ids of the models a run with these settings needs."""
    if settings.diarization_model == "pyannote-community-1":
        return (settings.asr_model, settings.diarization_model)
    return (settings.asr_model, settings.diarization_model, "campplus-zh-en")


def require_models(settings: Settings) -> None:
    """Raises ModelError with the command that fetches what is missing."""
    for model in required_models(settings):
        _folder(model)


def _folder(model: str) -> Path:
    """A model by id, or a local folder given as the id."""
    if os.sep in model and Path(model).is_dir():
        return Path(model)
    return require(model)


def stamps(settings: Settings) -> tuple[str, str]:
    """What recognizer and diarizer results depend on, known without loading either."""
    from qc_speech.engines.options import DiarizerOptions

    turns = json.dumps(asdict(DiarizerOptions()), sort_keys=True)
    chosen = {
        name: getattr(settings, name)
        for name in ("asr_model", "compute_type", "beam", "n_best", "hotwords")
    }
    asr = json.dumps({**chosen, "device": device_of(settings)}, sort_keys=True)
    whisper = f"faster-whisper {_version('faster-whisper')}"  # Silero VAD comes with it
    pyannote = f"pyannote.audio {_version('pyannote.audio')}"
    return (
        f"{whisper} {asr} whisper/5",
        f"{pyannote} {whisper} {settings.diarization_model} {turns} turns/3",
    )


def channels_stamp() -> str:
    """What the turns of a stereo recording depend on."""
    from qc_speech.engines.channels import ChannelOptions

    options = json.dumps(asdict(ChannelOptions()), sort_keys=True)
    return f"channels/3 faster-whisper {_version('faster-whisper')} {options}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


@functools.lru_cache(maxsize=1)
def _cuda_devices() -> int:
    import ctranslate2

    return int(ctranslate2.get_cuda_device_count())


def gpus(settings: Settings) -> int:
    """GPUs that a batch would hear on; 0 on a CPU."""
    return _cuda_devices() if device_of(settings) == "cuda" else 0


def recognizer_bytes(settings: Settings) -> float:
    """Size of the recognizer's files. Raises ModelError when they are not there."""
    from qc_speech.engines.room import model_bytes

    return model_bytes(_folder(settings.asr_model))


def device_of(settings: Settings) -> str:
    """cpu or cuda; auto takes a GPU where there is one."""
    if settings.device != "auto":
        return settings.device
    return "cuda" if _cuda_devices() else "cpu"


def recordings_ahead(settings: Settings) -> int:
    """How many recordings are made ready while the recognizer hears (0: none)."""
    if settings.ahead >= 0:
        return settings.ahead
    return 8 if device_of(settings) == "cuda" else 0


def transcriber(settings: Settings, workers: int = 1) -> Callable[[], Transcriber]:
    """A maker of the recognizer; the model is loaded at the first call and then kept."""

    @functools.lru_cache(maxsize=1)
    def make() -> Transcriber:
        from qc_speech.engines.sherpa import SherpaOnnx, is_sherpa_folder
        from qc_speech.engines.whisper import FasterWhisper, WhisperOptions

        device = device_of(settings)
        on_gpu = device == "cuda"
        batch = settings.batch or (16 if on_gpu else 8)
        folder = _folder(settings.asr_model)
        if is_sherpa_folder(folder):
            threads = _threads(settings, workers)
            sherpa = SherpaOnnx(folder, device=device, threads=threads, batch=batch)
            return _in_room(sherpa, folder, settings) if on_gpu else sherpa
        compute = settings.compute_type
        if compute == "auto":
            compute = "float16" if on_gpu else "int8"
        whisper: Batched = FasterWhisper(
            folder,
            device=device,
            compute_type=compute,
            threads=_threads(settings, workers),
            options=WhisperOptions(
                beam=settings.beam,
                n_best=settings.n_best,
                batch=batch,
                hotwords=settings.hotwords,
            ),
        )
        return _in_room(whisper, folder, settings) if on_gpu else whisper

    return make


def _in_room(engine: Batched, folder: Path, settings: Settings) -> Transcriber:
    """On a GPU: a batch for the memory that is free once the model is there, if none was set."""
    from qc_speech.engines.room import batch_for, free_gpu_bytes, in_room, model_bytes

    free = free_gpu_bytes()
    if not settings.batch and free is not None:
        engine.batch = batch_for(free, model_bytes(folder))
    return in_room(engine)


def diarizer(settings: Settings, workers: int = 1) -> Callable[[], Diarizer]:
    """A maker of the diarizer for mixed channels."""

    @functools.lru_cache(maxsize=1)
    def make() -> Diarizer:
        from qc_speech.engines.pyannote import PyannoteDiarizer

        # Two torch threads gain nothing here and lose much where other jobs hold the cores.
        device, threads = device_of(settings), settings.threads or 1
        if settings.diarization_model == "pyannote-community-1":
            return PyannoteDiarizer.from_pipeline(
                _folder(settings.diarization_model), device=device, threads=threads
            )
        return PyannoteDiarizer(
            _folder(settings.diarization_model) / "pytorch_model.bin",
            _folder("campplus-zh-en") / "campplus_cn_en_common.pt",
            device=device,
            threads=threads,
        )

    return make


VOICES_MODEL = "campplus-zh-en"


def voice_encoder(settings: Settings) -> Callable[[], VoiceEncoder]:
    """A maker of the encoder that voiceprints are made and compared with."""

    @functools.lru_cache(maxsize=1)
    def make() -> VoiceEncoder:
        from qc_speech.engines.encoder import CamPlusPlusEncoder

        return CamPlusPlusEncoder(
            _folder(VOICES_MODEL) / "campplus_cn_en_common.pt",
            device=device_of(settings),
            threads=settings.threads or 1,
        )

    return make


def _threads(settings: Settings, workers: int) -> int:
    return settings.threads or max(1, (os.cpu_count() or 1) // max(1, workers))


def channel_turns(samples: Samples, recording_id: str) -> Diarization:
    """Turns of a stereo recording: the channel is the speaker."""
    from qc_speech.engines import channels

    return channels.channel_turns(samples, recording_id)


def speech_spans(samples: Samples) -> tuple[Span, ...]:
    """Where one channel has speech, with a little air for the recognizer."""
    from qc_speech.engines import channels

    return channels.speech_spans(samples)
