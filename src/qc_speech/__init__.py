"""qc-speech: recordings of Mandarin service calls in, fair QA scorecards out.

from qc_speech import inspect
result = inspect("call.wav")      # -> CallResult; prints nothing, loads models when called
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["CallResult", "__version__", "inspect"]

if TYPE_CHECKING:
    from qc_speech.api import inspect
    from qc_speech.model import CallResult


def __getattr__(name: str) -> Any:
    # Lazy, so that `qc-speech --help` and `import qc_speech` answer at once.
    if name == "inspect":
        from qc_speech.api import inspect

        return inspect
    if name == "CallResult":
        from qc_speech.model import CallResult

        return CallResult
    raise AttributeError(f"module 'qc_speech' has no attribute {name!r}")
