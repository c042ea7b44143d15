"""`--help` answers at once, shows an example, and nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment, run_it

HEAVY = (
    "torch", "torchaudio", "faster_whisper", "ctranslate2", "pyannote", "sqlalchemy", "alembic",
    "av", "soundfile", "jieba", "jinja2", "jiwer", "pandas", "scipy", "transformers", "numpy",
)  # fmt: skip
COMMANDS = (
    ("run",), ("score",), ("eval",), ("export",), ("doctor",), ("models", "list"),
    ("models", "fetch"), ("models", "verify"),
)  # fmt: skip


def imported(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_the_package_imports_nothing_heavy() -> None:
    loaded = imported("import qc_speech\nassert qc_speech.__version__")
    assert not loaded & {*HEAVY, "typer", "rich", "pydantic"}


def test_help_imports_nothing_heavy() -> None:
    loaded = imported(
        "import sys\nsys.argv = ['qc-speech', '--help']\nfrom qc_speech.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    )
    assert not loaded & set(HEAVY)


def test_help_lists_every_command() -> None:
    ran = run_it("--help")
    assert (ran.code, ran.err) == (0, "")
    for name in {command[0] for command in COMMANDS}:
        assert name in ran.out
    assert "Exit codes" in ran.out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example(command: tuple[str, ...]) -> None:
    ran = run_it(*command, "--help")
    assert ran.code == 0
    assert "Example" in ran.out
    assert f"qc-speech {' '.join(command)}" in " ".join(ran.out.split())


@pytest.mark.parametrize(
    "args", [("run",), ("run", "x"), ("nothing",), ("run", "x", "--out", "y", "--workers", "0")]
)
def test_wrong_usage_is_two(args: tuple[str, ...], tmp_path: Path) -> None:
    ran = run_it(*args, cwd=tmp_path)
    assert ran.code == 2
    assert ran.err
    assert list(tmp_path.iterdir()) == []
