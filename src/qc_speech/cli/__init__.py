"""The command line. Thin: reads arguments, builds what is needed and prints; lazy imports."""

from __future__ import annotations

import os
import sys

_STOPPED = 130


def main() -> None:
    """Entry point of `qc-speech`."""
    # Threads of two OpenMP runtimes (torch's and CTranslate2's) must not spin against each other
    # or against other jobs of the machine: diarization took ten times as long when they did.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    try:
        from qc_speech.cli.app import app

        app()
    except KeyboardInterrupt:
        _say_stopped()
        sys.exit(_STOPPED)
    except SystemExit as end:
        if end.code == _STOPPED:  # typer turns Ctrl-C into this, without a word
            _say_stopped()
        raise


def _say_stopped() -> None:
    print("\nstopped; run the same command again to go on", file=sys.stderr)
