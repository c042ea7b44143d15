"""CAM++ behind the VoiceEncoder port: a vector for each stretch of one voice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qc_speech.errors import ModelError
from qc_speech.model import Span, Stamp
from qc_speech.ports import SAMPLE_RATE_HZ, Samples

_LEAST_SAMPLES = SAMPLE_RATE_HZ // 10


class CamPlusPlusEncoder:
    """CAM++ from a local file. threads: of torch in this process (0: its choice)."""

    def __init__(self, weights: Path, *, device: str = "cpu", threads: int = 1) -> None:
        if not weights.is_file():
            raise ModelError(f"{weights}: no such file; run 'qc-speech models fetch'")
        import torch

        from qc_speech.engines import campplus

        if threads:
            torch.set_num_threads(threads)
        self._device = torch.device(device)
        self._network = campplus.load(weights).to(self._device)
        self._stamp = Stamp("campplus", torch.__version__, weights.parent.name)

    @property
    def stamp(self) -> Stamp:
        return self._stamp

    def embed(self, samples: Samples, spans: Sequence[Span]) -> npt.NDArray[np.float32]:
        """(spans, 192); zeros where a stretch is too short."""
        import torch

        from qc_speech.engines import campplus

        found = np.zeros((len(spans), campplus.SIZE), np.float32)
        scale = SAMPLE_RATE_HZ // 1000
        for row, span in enumerate(spans):
            sound = samples[span.start_ms * scale : span.end_ms * scale]
            if len(sound) < _LEAST_SAMPLES or not np.any(sound):
                continue
            with torch.inference_mode():
                features = campplus.filterbank(torch.from_numpy(np.ascontiguousarray(sound)))
                features = (features - features.mean(dim=0))[None].to(self._device)
                found[row] = self._network(features)[0].cpu().numpy()
        return found
