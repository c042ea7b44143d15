"""The command line. Thin: reads arguments, builds what is needed and prints; lazy imports."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Entry point of `qc-speech`."""
    # Threads of two OpenMP runtimes (torch's and CTranslate2's) must not spin against each other
    # or against other jobs of the machine: diarization took ten times as long when they did.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    from qc_speech.cli.app import app

    try:
        app()
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
