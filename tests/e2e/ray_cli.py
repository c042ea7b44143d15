"""`qc-speech` with scripted engines in the actors of a Ray cluster, too (see scripted_cli.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def set_up_worker() -> None:
    """Ray calls this in each worker process before anything else."""
    sys.path[:0] = [str(_HERE), str(_HERE.parent / "unit")]
    import scripted_cli  # noqa: F401 - puts the scripted engines in place


def main() -> None:
    set_up_worker()
    import ray

    from qc_speech.cli import main as run

    env = {name: value for name, value in os.environ.items() if name.startswith("SCRIPTED_")}
    ray.init(
        address=os.environ["TEST_RAY"],
        namespace="qc-speech",
        log_to_driver=False,
        runtime_env={
            "env_vars": {**env, "PYTHONPATH": os.pathsep.join((str(_HERE), *sys.path))},
            "worker_process_setup_hook": "ray_cli.set_up_worker",
        },
    )
    run()


if __name__ == "__main__":
    main()
