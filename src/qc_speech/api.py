"""The Python API: one recording in, one result out. Prints nothing."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from qc_speech.model import CallResult, Metadata, Settled
from qc_speech.pipeline import Inspector
from qc_speech.settings import Settings, load_settings
from qc_speech.setup import load_rules, make_engines, usual_channel
from qc_speech.store_memory import MemoryStore


def inspect(
    path: str | Path,
    metadata: Metadata | None = None,
    *,
    rulebook: str | None = None,
    settings: Settings | None = None,
) -> CallResult:
    """Inspect one recording.

    `metadata` defaults to what the file name gives (its stem as call_id); `rulebook` to the one of
    the call's scenario. Models are loaded at the first call and kept. Raises QcError's children.
    """
    path = Path(path)
    inspector = _inspector(settings or load_settings(), rulebook)
    return inspector.inspect(path, metadata or Metadata(call_id=path.stem))


@functools.lru_cache(maxsize=4)
def _inspector(settings: Settings, rulebook: str | None) -> Inspector:
    return Inspector(
        make_engines(settings),
        load_rules(),
        _Forgetful(),
        rulebook=rulebook,
        usual_channel=usual_channel(settings),
    )


class _Forgetful(MemoryStore):
    """The API keeps no calls: a long-lived process must not gather personal data."""

    def put_result(self, result: CallResult, settled: Settled | None = None) -> None:
        return None

    def put_stage(self, recording_id: str, stage: str, key: str, payload: Any) -> None:
        return None
